"""Riemann: an event as JSON, with its state as the severity.

Riemann's `ok`, `warning` and `critical` are severities here; any other state stands for one that is as bad. `expired`
says that no event came within the time to live of the last one: nobody knows how things are, which is major, as the
silence of a heartbeat is, until the next event says better.
"""

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import decode, text_of

EXPIRED = "expired"
SILENCE = "No event came within the time to live of the last one."
"""Riemann itself makes these events, of the host and the service alone."""


class Message(msgspec.Struct, frozen=True):
    """One event."""

    host: str
    service: str
    state: str = "unknown"
    description: str | None = None
    metric: int | float | str | None = None
    ttl: float | None = None
    tags: list[str] | None = None
    event: str | None = None
    group: str | None = None
    environment: str | None = None


class Riemann:
    """Events of Riemann."""

    name = "riemann"
    title = "Riemann"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        message = decode(Message, call.body)
        return [
            Signal(
                id=new_id(),
                environment=message.environment or call.query.get("environment", "Production"),
                resource=f"{message.host}-{message.service}",
                event=message.event or message.service,
                severity=message.state or "unknown",
                service=(message.service,),
                group=message.group or "Performance",
                value=text_of(message.metric) or None,
                text=message.description or (SILENCE if message.state == EXPIRED else ""),
                tags=tuple(message.tags or ()),
                origin="Riemann",
                type="riemannAlert",
                create_time=call.received,
                raw_data=call.body.decode(errors="replace"),
            )
        ]
