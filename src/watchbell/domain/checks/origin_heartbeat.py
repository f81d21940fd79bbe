"""Heartbeats as Alerta has them: whoever sends one is watched from then on, under the origin that it names.

Nobody defines them, so they are no managed objects. Silence for longer than the time-out (`HeartbeatFail`) or a
heartbeat that was long on its way (`HeartbeatSlow`) raises an alert; the next one in time (`HeartbeatOK`) ends it.
The alerts are those that `alerta heartbeats --alert` makes, so that command and Watchbell never raise two.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from watchbell.domain.alerts.severity import DEFAULT, Severities
from watchbell.domain.signal import Signal

_NAMESPACE = uuid.UUID("7ad3a3b2-5a0e-5d51-9f0e-2a3f51f6c9d4")
EVENTS = ("HeartbeatFail", "HeartbeatSlow", "HeartbeatOK")
OK, SLOW, EXPIRED = "ok", "slow", "expired"
TIMEOUT = 86_400
"""Seconds of silence that are no alert, unless the sender says."""
USUAL_FAILURE = "major"
"""How bad silence is unless the heartbeat says; installations with severities of their own have a meaning for it."""
MAX_LATENCY = 2_000
"""Milliseconds that a heartbeat may be on its way."""


class OriginHeartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The newest heartbeat of one origin (and customer).

    `timeout` is in seconds, 0 is for ever; `max_latency` in milliseconds. `alerted` is the status that an alert stands
    for; empty when none does.
    """

    id: str
    origin: str
    customer: str | None = None
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    type: str = "Heartbeat"
    create_time: datetime
    receive_time: datetime
    timeout: int = TIMEOUT
    max_latency: int = MAX_LATENCY
    alerted: str = ""
    version: int = 0

    @property
    def latency(self) -> int:
        """Milliseconds from the sender's clock to ours."""
        return int((self.receive_time - self.create_time).total_seconds() * 1000)

    @property
    def due(self) -> datetime | None:
        """When silence becomes an alert; None when never."""
        return self.receive_time + timedelta(seconds=self.timeout) if self.timeout else None

    def since(self, now: datetime) -> int:
        """Whole seconds since it was received."""
        return max(0, int((now - self.receive_time).total_seconds()))

    def status(self, now: datetime) -> str:
        """`ok`, `slow` or `expired`."""
        if self.due is not None and now > self.due:
            return EXPIRED
        return SLOW if self.latency > self.max_latency else OK


class Wording(msgspec.Struct, frozen=True):
    """What an alert says when the heartbeat does not: the severities, and the environment."""

    severities: Severities = DEFAULT
    environment: str = "Production"

    def failure(self, said: Any) -> str:
        """The severity of a failure: what was said, unless it means that all is well, or less. Silence never does."""
        word, known = str(said or USUAL_FAILURE), self.severities.known
        return USUAL_FAILURE if word in known and known[word] >= known[self.severities.normal] else word


USUAL = Wording()


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a look came to: the heartbeat as it is to be kept, the signal if one is due, when to look again."""

    heartbeat: OriginHeartbeat
    signal: Signal | None = None
    due: datetime | None = None


def received(former: OriginHeartbeat | None, new: OriginHeartbeat, now: datetime, wording: Wording = USUAL) -> Looked:
    """Take a heartbeat; `former` is what is known of its origin."""
    if former is not None:
        new = msgspec.structs.replace(new, id=former.id, alerted=former.alerted, version=former.version + 1)
    return looked(new, now, wording)


def looked(heartbeat: OriginHeartbeat, now: datetime, wording: Wording = USUAL) -> Looked:
    """Compare how it stands with what was told."""
    status = heartbeat.status(now)
    due = heartbeat.due if status != EXPIRED else None
    told = "" if status == OK else status
    if told == heartbeat.alerted:
        return Looked(heartbeat=heartbeat, due=_after(due))
    after = msgspec.structs.replace(heartbeat, alerted=told, version=heartbeat.version + 1)
    return Looked(heartbeat=after, signal=signal_of(after, status, now, wording), due=_after(due))


def _after(due: datetime | None) -> datetime | None:
    """The first moment at which it is too late, not the last at which it is not."""
    return None if due is None else due + timedelta(milliseconds=1)


def signal_of(heartbeat: OriginHeartbeat, status: str, now: datetime, wording: Wording = USUAL) -> Signal:
    """The signal that tells how the heartbeat stands, as Alerta's command line would send it."""
    attributes = dict(heartbeat.attributes)
    severity = wording.failure(attributes.pop("severity", None))
    environment = str(attributes.pop("environment", None) or wording.environment)
    group = str(attributes.pop("group", None) or "System")
    service = _services(attributes.pop("service", None))
    said: Mapping[str, tuple[str, str, str]] = {
        EXPIRED: ("HeartbeatFail", str(heartbeat.since(now)), f"Heartbeat not received in {heartbeat.timeout} seconds"),
        SLOW: (
            "HeartbeatSlow",
            f"{heartbeat.latency}ms",
            f"Heartbeat took more than {heartbeat.max_latency}ms to be processed",
        ),
        OK: ("HeartbeatOK", "", "Heartbeat OK"),
    }
    event, value, text = said[status]
    return Signal(
        # It follows from the version, so that what is decided again is the same signal.
        id=str(uuid.uuid5(_NAMESPACE, f"{heartbeat.id}/{heartbeat.version}")),
        environment=environment,
        resource=heartbeat.origin,
        event=event,
        source=f"heartbeat/{heartbeat.origin}",
        severity=wording.severities.normal if status == OK else severity,
        correlate=EVENTS,
        service=service,
        group=group,
        value=value,
        text=text,
        tags=heartbeat.tags,
        attributes=attributes,
        origin="watchbell/heartbeat",
        type="heartbeatAlert",
        create_time=now,
        timeout=0,
        customer=heartbeat.customer,
    )


def _services(given: Any) -> tuple[str, ...]:
    if isinstance(given, str) and given:
        return (given,)
    if isinstance(given, list | tuple):
        names = tuple(str(each) for each in given if each)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return names or ("Alerta",)
    return ("Alerta",)
