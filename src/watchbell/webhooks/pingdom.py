"""Pingdom: `UP` is normal; `DOWN` is critical when the check's importance is high, else a warning."""

from typing import Any

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, epoch, text_of


class Message(msgspec.Struct, frozen=True):
    """What Pingdom sends."""

    check_name: str
    current_state: str
    check_id: int | str | None = None
    check_type: str = ""
    importance_level: str = ""
    description: str = ""
    long_description: str = ""
    state_changed_timestamp: float | None = None
    tags: list[str] | str | None = None
    check_params: dict[str, Any] | None = None


class Pingdom:
    """State changes of Pingdom's checks."""

    name = "pingdom"
    title = "Pingdom"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        message = decode(Message, call.body)
        up = message.current_state == "UP"
        severity = "normal" if up else "critical" if message.importance_level.upper() == "HIGH" else "warning"
        tags = message.tags.split(",") if isinstance(message.tags, str) else message.tags or []
        return [
            Signal(
                id=new_id(),
                environment=call.query.get("environment", "Production"),
                resource=message.check_name,
                event=message.current_state,
                correlate=("UP", "DOWN"),
                severity=severity,
                service=(message.check_type or "Pingdom",),
                group="Network",
                value=message.description or None,
                text=f"{message.importance_level}: {message.long_description or message.description}".strip(": "),
                tags=tuple(tag.strip() for tag in tags if tag.strip()),
                attributes=attributes({"checkId": text_of(message.check_id)}),
                origin="Pingdom",
                type="pingdomAlert",
                create_time=epoch(message.state_changed_timestamp, call.received),
                raw_data=call.body.decode(errors="replace"),
            )
        ]
