"""The words of a message: one line, a text of several, and the facts as data.

Plain text: a channel escapes for its format.

Whatever came from outside is stripped of control characters and cut, so that a message is never larger than
`TEXT_LIMIT`.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.oncall.incident import Incident, Purpose

TITLE_LIMIT = 200
TEXT_LIMIT = 8000
SHOWN_ALERTS = 10
_FIELD_LIMIT = 500
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A message without an addressee."""

    title: str
    text: str
    link: str
    data: dict[str, Any]


def clean(text: str, limit: int = _FIELD_LIMIT) -> str:
    """One line without control characters, at most `limit` long."""
    line = " ".join(_CONTROL.sub(" ", text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def name_of(alert: Alert) -> str:
    """An alert in a sentence."""
    return f"{clean(alert.event, 100)} on {clean(alert.resource, 100)} ({clean(alert.severity, 40)})"


def title_of(service: str, alert: Alert) -> str:
    """The title of an incident that this alert opens."""
    return clean(f"{service}: {alert.event} on {alert.resource}", TITLE_LIMIT)


def words(
    incident: Incident, alerts: Sequence[Alert], purpose: Purpose, lead: str, base_url: str, runbook: str, now: datetime
) -> Words:
    """Say what `purpose` calls for. `lead` is the first line: why this message is sent."""
    link = f"{base_url}/incidents/{incident.id}" if base_url else ""
    shown = list(alerts)[:SHOWN_ALERTS]
    lines = [clean(lead), "", *_facts(incident, now), *_alert_lines(incident, shown)]
    if runbook:
        lines += ["", f"What to do: {clean(runbook, 2000)}"]
    if link:
        lines += ["", link]
    return Words(
        title=clean(f"[{_mark(incident, purpose)}] {incident.title}", TITLE_LIMIT),
        text="\n".join(lines)[:TEXT_LIMIT],
        link=link,
        data=_data(incident, shown, runbook),
    )


def _mark(incident: Incident, purpose: Purpose) -> str:
    match purpose:
        case Purpose.RECOVERY:
            return "RESOLVED"
        case Purpose.ACKNOWLEDGEMENT:
            return "ACKNOWLEDGED"
        case Purpose.TEST:
            return "TEST"
        case _:
            return incident.severity.upper()


def _facts(incident: Incident, now: datetime) -> list[str]:
    lines = [
        f"Service: {clean(incident.service)}",
        f"Environment: {clean(incident.environment)}",
        f"Severity: {clean(incident.severity)}",
        f"Since: {incident.opened_at:%Y-%m-%d %H:%M:%S} UTC",
    ]
    if incident.acknowledged_by:
        lines.append(f"Acknowledged by: {clean(incident.acknowledged_by)}")
    if incident.resolved_at is not None:
        lines.append(f"Lasted: {spell((now - incident.opened_at).total_seconds())}")
    return lines


def _alert_lines(incident: Incident, shown: Sequence[Alert]) -> list[str]:
    if not shown:
        return []
    lines = ["", "Alerts:"]
    for alert in shown:
        where = f"{clean(alert.event, 200)} on {clean(alert.resource, 200)}"
        status = f"{clean(alert.status, 40)}{', flapping' if alert.flapping else ''}"
        lines.append(f"- {clean(alert.severity, 40)}: {where} ({status})")
        if alert.text:
            lines.append(f"  {clean(alert.text)}")
    more = len(incident.alerts) - len(shown)
    return [*lines, f"- and {more} more"] if more > 0 else lines


def _data(incident: Incident, shown: Sequence[Alert], runbook: str) -> dict[str, Any]:
    return {
        "status": incident.status.value,
        "environment": incident.environment,
        "openedAt": incident.opened_at.isoformat(),
        "resolvedAt": incident.resolved_at.isoformat() if incident.resolved_at else None,
        "acknowledgedBy": incident.acknowledged_by or None,
        "runbook": runbook,
        "incidentTitle": incident.title,
        "service": incident.service,
        "alertCount": len(incident.alerts),
        "alerts": [
            {
                "id": alert.id,
                "environment": alert.environment,
                "resource": clean(alert.resource),
                "event": clean(alert.event),
                "severity": alert.severity,
                "status": alert.status,
                "flapping": alert.flapping,
                "value": clean(str(alert.value)) if alert.value is not None else None,
                "text": clean(alert.text),
            }
            for alert in shown
        ],
    }


def spell(seconds: float) -> str:
    """A duration as people say it: `45 s`, `1 min 40 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    units = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    parts: list[str] = []
    for size, unit in units:
        if whole >= size:
            parts.append(f"{whole // size} {unit}")
            whole %= size
    return " ".join(parts[:2])
