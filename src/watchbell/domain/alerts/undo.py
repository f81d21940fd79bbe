"""Taking back a closing: the alert is again what it was, as its history tells."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.history import entry_of
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import TAKEN
from watchbell.domain.alerts.receive import status_fields
from watchbell.domain.errors import Conflict

LOOKED_AT = 50
"""Lines of the history that are enough to tell what an alert was."""
GONE = "it is not there any more"
"""Why a closing is not taken back of which nothing is left."""
_BESIDE = frozenset({"note", "dismiss", "assign", "member"})
"""Lines that change neither status nor severity of the alert."""


def unclosed(
    alert: Alert, history: Sequence[HistoryEntry], model: AlarmModel, now: datetime, *, user: str | None = None
) -> Acted:
    """The alert with the status and severity that it had before somebody closed it; `history`, the oldest first.

    Who had acknowledged it has it again, until the acknowledgement would have run out. That it flapped is forgotten.

    Raises:
        Conflict: it was not closed by anybody, or has changed since.
    """
    lines = [line for line in history if line.type not in _BESIDE]
    closed = alert.status == model.closed and lines and lines[-1].type == "close" and lines[-1].at == alert.update_time
    # A sender that says that all is well leaves no line, and will not say so again.
    if not closed or alert.last_receive_time > alert.update_time:
        raise Conflict("it was not closed by anybody, or has changed since")
    before = lines[:-1]
    status, severity = alert.previous_status, before[-1].severity if before else alert.previous_severity
    never = model.severities.previous if before else alert.previous_severity
    fields: dict[str, Any] = {
        "update_time": now,
        **status_fields(alert, status, now),
        "severity": severity,
        "previous_severity": _other([line.severity for line in before], severity) or never,
        "previous_status": _other([line.status for line in before], status) or model.default_status,
    }
    after = msgspec.structs.replace(alert, version=alert.version + 1, **fields)
    holder = next((line.user for line in reversed(before) if line.type == "ack"), None) if status in TAKEN else None
    taken = f", acknowledged by {holder}" if holder else ""
    entry = entry_of(
        after,
        "status",
        now,
        user=user,
        text=f"closing undone: {status}{taken}",
        timeout=after.timeout,
        reason=f"closing undone by {user or 'an operator'}{taken}",
    )
    return Acted(alert=after, entries=(entry,), status_changed=True, severity_changed=after.severity != alert.severity)


def _other(values: Sequence[str], present: str) -> str:
    """The last of the values that is not the present one; '' when there is none."""
    return next((value for value in reversed(values) if value != present), "")
