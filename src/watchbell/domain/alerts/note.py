"""Notes: what people write about an alert, kept beside it until the alert or the note is deleted."""

import re
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert

WATCH = "watch:"
"""What a tag begins with that says who watches an alert; Alerta's pages know it, too."""
MOST_MENTIONS = 20
# A login may hold an @, as an address does, but then it stands where a word begins.
_MENTION = re.compile(r"(?<!\S)[(\[]?@([^\s\x00-\x20\x7f:/\\<>\"'`,;()\[\]!?]{1,100})")


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


def mentions(text: str) -> list[str]:
    """What a text mentions as `@login`, as it is written there; a full stop behind it may not belong to it."""
    return list(dict.fromkeys(_MENTION.findall(text)))[:MOST_MENTIONS]
