"""Notes: what people write about an alert, kept beside it until the alert or the note is deleted."""

from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """One note. `attributes` tell how the alert stood when the note was written, and what clients add."""

    id: str
    alert_id: str
    text: str
    user: str | None = None
    attributes: dict[str, Any] = {}
    type: str = "alert"
    create_time: datetime
    update_time: datetime
    customer: str | None = None


def note_on(alert: Alert, note_id: str, text: str, user: str | None, now: datetime) -> Note:
    """A new note on an alert."""
    standing = {name: getattr(alert, name) for name in ("resource", "event", "environment", "severity", "status")}
    return Note(
        id=note_id,
        alert_id=alert.id,
        text=text,
        user=user,
        attributes=standing,
        create_time=now,
        update_time=now,
        customer=alert.customer,
    )
