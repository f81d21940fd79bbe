"""Lines of an alert's history about what people or time did to it; what a message did is told by `receive`."""

from datetime import datetime

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.ids import new_id


def entry_of(
    alert: Alert,
    kind: str,
    now: datetime,
    *,
    user: str | None = None,
    text: str,
    timeout: int = 0,
    reason: str = "",
    config_version: int = 0,
) -> HistoryEntry:
    """A line about the alert as it is now. `timeout` in seconds."""
    return HistoryEntry(
        id=new_id(),
        alert_id=alert.id,
        at=now,
        sent_at=now,
        event=alert.event,
        severity=alert.severity,
        status=alert.status,
        value=alert.value,
        text=text,
        type=kind,
        user=user,
        timeout=timeout,
        reason=reason,
        config_version=config_version,
    )
