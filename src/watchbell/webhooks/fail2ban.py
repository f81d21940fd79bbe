"""Fail2ban: an action that posts JSON when it bans.

    {"resource": "<ip>", "event": "The IP <ip> has just been banned", "message": "…", "hostname": "<fq-hostname>"}

`environment` (Production), `severity` (security), `group` (Fail2Ban), `tags` and `attributes` may be given, too; the
host's name is the origin.
"""

from typing import Any

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode


class Message(msgspec.Struct, frozen=True):
    """What the action posts."""

    resource: str
    event: str
    environment: str = ""
    severity: str = "security"
    group: str = "Fail2Ban"
    message: str = ""
    hostname: str = ""
    tags: list[str] = []
    attributes: dict[str, Any] = {}


class Fail2Ban:
    """Bans of Fail2ban."""

    name = "fail2ban"
    title = "Fail2ban"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        message = decode(Message, call.body)
        return [
            Signal(
                id=new_id(),
                environment=message.environment or call.query.get("environment", "Production"),
                resource=message.resource,
                event=message.event,
                severity=message.severity,
                service=("fail2ban",),
                group=message.group,
                value="BAN",
                text=message.message,
                tags=tuple(message.tags),
                attributes=attributes(message.attributes),
                origin=message.hostname,
                create_time=call.received,
                raw_data=call.body.decode(errors="replace"),
            )
        ]
