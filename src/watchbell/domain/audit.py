"""The audit log: who did what to what, from where, and what it was before and after. It only ever grows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from watchbell.domain.plan import FieldChange, differences

Category = Literal["admin", "write", "auth"]
"""Of people and configuration; of alerts; of logging in."""
LONGEST = 2_000
"""Characters that are kept of one value."""


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did; never holds a secret.

    `who` is the login, `user_id` the user behind it, `key` the beginning of the API key that was used, `customers` what
    the caller was confined to (empty: to nothing). `subject` names what it was done to, `subject_id` is its id.
    """

    id: str
    at: datetime
    who: str
    action: str
    kind: str
    subject: str
    text: str = ""
    category: Category = "admin"
    user_id: str = ""
    key: str = ""
    customers: tuple[str, ...] = ()
    subject_id: str = ""
    changes: tuple[FieldChange, ...] = ()
    address: str = ""
    request_id: str = ""
    user_agent: str = ""

    @property
    def event(self) -> str:
        """What happened, in one word: `user-update`, `session-login-failed`."""
        return f"{self.kind}-{self.action}"


class AuditQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries: empty texts stand for all; from `since` on, before `before`."""

    who: str = ""
    action: str = ""
    kind: str = ""
    subject: str = ""
    category: str = ""
    since: datetime | None = None
    before: datetime | None = None


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """Where two bodies differ, as they are kept; long texts are cut."""
    one, other = msgspec.to_builtins(dict(before)), msgspec.to_builtins(dict(after))
    return tuple(
        FieldChange(field=change.field, before=_cut(change.before), after=_cut(change.after))
        for change in differences(one, other)
    )


def _cut(value: Any) -> Any:
    return f"{value[:LONGEST]}…" if isinstance(value, str) and len(value) > LONGEST else value
