"""Uptime Kuma: its webhook notification. A monitor that is down is critical, one that is up is normal."""

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, text_of, words

SEVERITIES = {0: "critical", 1: "normal", 2: "warning", 3: "informational"}
"""Down, up, pending, in maintenance."""


class Beat(msgspec.Struct, frozen=True):
    """The result."""

    status: int
    msg: str = ""
    ping: float | None = None


class Monitor(msgspec.Struct, frozen=True):
    """What was watched."""

    name: str
    id: int | str = ""
    type: str = ""
    url: str | None = None
    hostname: str | None = None
    tags: list[dict[str, object]] = []


class Message(msgspec.Struct, frozen=True):
    """What Uptime Kuma sends; a test notification has neither."""

    msg: str = ""
    heartbeat: Beat | None = None
    monitor: Monitor | None = None


class UptimeKuma:
    """Monitors of Uptime Kuma."""

    name = "uptime_kuma"
    title = "Uptime Kuma"

    def read(self, call: Call) -> list[Signal]:
        """One signal; a test notification is an informational one."""
        message = decode(Message, call.body)
        beat, monitor = message.heartbeat, message.monitor
        given = call.query
        down = beat is not None and monitor is not None
        return [
            Signal(
                id=new_id(),
                environment=given.get("environment", "Production"),
                resource=monitor.name if monitor else "Uptime Kuma",
                event="MonitorDown" if down else "Test",
                severity=SEVERITIES.get(beat.status, "unknown") if beat and monitor else "informational",
                service=words(given.get("service", "")) or ("Uptime Kuma",),
                group=(monitor.type if monitor else "") or "Network",
                value=text_of(beat.ping) or None if beat else None,
                text=(beat.msg if beat else "") or message.msg,
                tags=tuple(_tag(tag) for tag in monitor.tags if tag.get("name")) if monitor else (),
                attributes=attributes({"url": monitor.url, "monitorId": text_of(monitor.id)}) if monitor else {},
                origin="Uptime Kuma",
                type="uptimeKumaAlert",
                create_time=call.received,
                raw_data=call.body.decode(errors="replace"),
            )
        ]


def _tag(tag: dict[str, object]) -> str:
    """`name=value`, or the name of one that has no value."""
    name, value = text_of(tag.get("name")), text_of(tag.get("value"))
    return f"{name}={value}" if value else name
