"""New Relic: the legacy alert webhook.

`open` and `acknowledged` keep New Relic's severity, `closed` is ok; an acknowledged incident is acknowledged here too.
"""

from typing import Any

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, epoch, text_of

SEVERITIES = {"critical": "critical", "high": "major", "warning": "warning", "medium": "minor", "info": "informational"}
STATUSES = {"acknowledged": "ack", "closed": "closed"}


class Target(msgspec.Struct, frozen=True):
    """What the incident is about."""

    name: str = ""
    type: str = ""
    labels: dict[str, Any] = {}


class Message(msgspec.Struct, frozen=True):
    """What New Relic sends."""

    version: str | float
    current_state: str
    condition_name: str
    severity: str = ""
    account_name: str = ""
    details: str = ""
    incident_url: str = ""
    runbook_url: str | None = None
    policy_name: str = ""
    timestamp: float | None = None
    targets: list[Target] = []


class NewRelic:
    """Alerts of New Relic."""

    name = "newrelic"
    title = "New Relic"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        message = decode(Message, call.body)
        state = message.current_state.lower()
        if state not in {"open", "acknowledged", "closed"}:
            raise Invalid(f"is {message.current_state!r}, none of open, acknowledged, closed", "current_state")
        target = message.targets[0] if message.targets else Target()
        severity = "ok" if state == "closed" else SEVERITIES.get(message.severity.lower(), "unknown")
        return [
            Signal(
                id=new_id(),
                environment=call.query.get("environment", "Production"),
                resource=target.name or message.policy_name or "newrelic",
                event=message.condition_name,
                severity=severity,
                status=STATUSES.get(state, "open"),
                service=(message.account_name or "New Relic",),
                group=target.type or "New Relic",
                text=message.details,
                tags=tuple(f"{name}:{text_of(value)}" for name, value in sorted(target.labels.items())),
                attributes=attributes({"moreInfo": message.incident_url, "runBook": message.runbook_url}),
                origin=f"New Relic/v{text_of(message.version)}",
                type="newrelicAlert",
                create_time=epoch(message.timestamp, call.received),
                raw_data=call.body.decode(errors="replace"),
            )
        ]
