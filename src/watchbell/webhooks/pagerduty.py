"""PagerDuty, version 2 of its webhooks: what people do to an incident there happens to its alert here.

The incident's key must be the id of an alert: send that as `incident_key` when you trigger one. `trigger`,
`unacknowledge`, `escalate` and `delegate` open the alert, `acknowledge` acknowledges, `resolve` closes, `assign`
assigns it; any other makes its status unknown. All messages of a call are carried out, or none. With a secret in
`webhooks.secrets`, a call must carry PagerDuty's `X-PagerDuty-Signature`.
"""

from typing import Any

import msgspec

from watchbell.domain.alerts.deed import Deed
from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call, Reading, Reply
from watchbell.toolkit.incoming import decode
from watchbell.toolkit.verifying import hex_digest, must_match

STATUSES = {
    "trigger": "open",
    "unacknowledge": "open",
    "escalate": "open",
    "delegate": "open",
    "acknowledge": "ack",
    "resolve": "closed",
    "assign": "assign",
}


class Incident(msgspec.Struct, frozen=True):
    """The incident that a message is about."""

    incident_key: str | None = None
    incident_number: int | str | None = None
    html_url: str = ""


class Message(msgspec.Struct, frozen=True):
    """One thing that happened."""

    event: str = ""
    """`incident.acknowledge` and the like."""
    incident: Incident | None = None
    log_entries: list[dict[str, Any]] = []


class Body(msgspec.Struct, frozen=True):
    """What PagerDuty sends."""

    messages: list[Message] | None = None


class PagerDuty:
    """Incidents of PagerDuty."""

    name = "pagerduty"
    title = "PagerDuty"

    def read(self, call: Call) -> Reading:
        """A status for each message."""
        messages = decode(Body, call.body).messages
        if not messages:
            raise Invalid("no messages in PagerDuty data payload")
        return Reading(deeds=[_deed(each) for each in messages], reply=lambda _: Reply(body={"status": "ok"}))

    def verify(self, call: Call, secret: str) -> None:
        """PagerDuty signs the body; several signatures mean that the secret is being changed."""
        given = call.headers.get("x-pagerduty-signature", "").split(",")[:10]
        expected = f"v1={hex_digest(secret, call.body)}"
        must_match(*[each.strip() for each in given], expected=expected)


def _deed(message: Message) -> Deed:
    incident = message.incident
    if incident is None or not incident.incident_key:
        raise Invalid("no incident key in PagerDuty data payload")
    kind = message.event.rpartition(".")[2]
    number = "" if incident.incident_number is None else f" {incident.incident_number}"
    summary = next((str(entry["summary"]) for entry in message.log_entries if entry.get("summary")), "")
    text = summary or f"{kind or 'changed'} by PagerDuty incident{number}"
    return Deed(alert=incident.incident_key, verb="status", word=STATUSES.get(kind, "unknown"), text=text)
