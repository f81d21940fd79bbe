"""Server Density: a fixed alert is ok, every other is critical."""

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, text_of, words


class Message(msgspec.Struct, frozen=True):
    """What Server Density sends."""

    fixed: bool
    item_name: str
    alert_type: str
    item_type: str = ""
    alert_section: str = ""
    configured_trigger_value: str | int | float | None = None
    item_cloud: str | None = None
    item_tags: str | list[str] | None = None
    alert_id: str | int | None = None
    item_id: str | int | None = None


class ServerDensity:
    """Alerts of Server Density."""

    name = "serverdensity"
    title = "Server Density"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        message = decode(Message, call.body)
        tags = words(message.item_tags) if isinstance(message.item_tags, str) else tuple(message.item_tags or ())
        return [
            Signal(
                id=new_id(),
                environment=call.query.get("environment", "Production"),
                resource=message.item_name,
                event=message.alert_type,
                severity="ok" if message.fixed else "critical",
                service=(message.item_type or "Server Density",),
                group=message.alert_section or "Performance",
                value=text_of(message.configured_trigger_value) or None,
                text=f"Alert created for {message.item_type}:{message.item_name}",
                tags=tags,
                attributes=attributes(
                    {
                        "alertId": text_of(message.alert_id),
                        "itemId": text_of(message.item_id),
                        "cloud": message.item_cloud,
                    }
                ),
                origin="ServerDensity",
                type="serverDensityAlert",
                create_time=call.received,
                raw_data=call.body.decode(errors="replace"),
            )
        ]
