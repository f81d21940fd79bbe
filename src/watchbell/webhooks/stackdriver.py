"""Google Cloud Monitoring (Stackdriver): incidents, with JSON in the documentation merged into the alert.

The documentation's content may be a JSON object with `environment`, `resource`, `event`, `severity`, `service`, `group`
and others, which win over what the incident says. `acknowledged` acknowledges, `closed` is ok. Of Google's severities
`Error` is major, `Warning` a warning; `Critical` and `No severity` are critical.
"""

from typing import Any, cast

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, epoch, text_of, words

STATES = {"open": "open", "acknowledged": "ack", "closed": "closed"}
SEVERITIES = {"error": "major", "warning": "warning"}
WORST = "critical"
"""What an incident is when Google says nothing of its severity."""


class Incident(msgspec.Struct, frozen=True):
    """The incident."""

    state: str
    incident_id: str = ""
    policy_name: str = ""
    condition_name: str = ""
    resource_name: str = ""
    resource_id: str = ""
    summary: str = ""
    url: str = ""
    severity: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    scoping_project_id: str = ""
    documentation: dict[str, Any] | str | None = None


class Message(msgspec.Struct, frozen=True):
    """What is sent."""

    incident: Incident
    version: str | float = ""


class Stackdriver:
    """Incidents of Google Cloud Monitoring."""

    name = "stackdriver"
    title = "Google Cloud Monitoring"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        incident = decode(Message, call.body).incident
        if incident.state not in STATES:
            raise Invalid(f"is {incident.state!r}, none of {', '.join(STATES)}", "incident.state")
        given = {**call.query, **_documented(incident)}
        closed = incident.state == "closed"
        severity = given.get("severity") or SEVERITIES.get(incident.severity.lower(), WORST)
        return [
            Signal(
                id=new_id(),
                environment=given.get("environment", "Production"),
                resource=given.get("resource") or incident.resource_name or incident.resource_id or "google",
                event=given.get("event") or incident.condition_name or incident.policy_name or "Incident",
                severity="ok" if closed else severity,
                status=STATES[incident.state],
                service=words(given.get("service", "")) or (incident.policy_name or "Google",),
                group=given.get("group", "Cloud"),
                text=given.get("text") or incident.summary,
                attributes=attributes({"incidentId": incident.incident_id, "moreInfo": incident.url}),
                origin=given.get("origin", "Stackdriver"),
                type="stackdriverAlert",
                customer=given.get("customer") or None,
                create_time=epoch(incident.ended_at if closed else incident.started_at, call.received),
                raw_data=call.body.decode(errors="replace"),
            )
        ]


def _documented(incident: Incident) -> dict[str, str]:
    said = incident.documentation or {}
    content = said if isinstance(said, str) else said.get("content")
    try:
        found: object = msgspec.json.decode(content) if isinstance(content, str) else None
    except msgspec.DecodeError:
        return {}  # prose, as documentation usually is
    if not isinstance(found, dict):
        return {}
    given = cast("dict[str, Any]", found)
    return {
        name: ",".join(map(text_of, cast("list[Any]", value))) if isinstance(value, list) else text_of(value)
        for name, value in given.items()
    }
