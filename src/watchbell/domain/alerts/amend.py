"""What a plug-in changes about an alert, told as a difference, so that it fits whatever the alert has become meanwhile.

Plug-ins are asked outside of any transaction. Tags and attributes that they add or take away are added to, and taken
from, what stands when it is written; a status is theirs only if the change is the one that they were asked about.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.phase import UNDER_BLACKOUT
from watchbell.domain.alerts.receive import Received, merged_attributes, merged_tags, status_fields
from watchbell.domain.errors import Retryable

Change = TypeVar("Change", Received, Acted)

_OF_STATUS = (
    "status",
    "previous_status",
    "status_before_ack",
    "status_before_shelve",
    "reverts_at",
    "ack_reverts_at",
    "update_time",
    "opened_at",
)


class Unforeseen(Retryable):
    """The alert changed while plug-ins were asked about it; try again."""


class Amendment(msgspec.Struct, frozen=True, kw_only=True):
    """Tags and attributes that were added, changed or taken away; an attribute that is None goes."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.attributes)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What plug-ins say of a change of status from `was` to `asked`: the status and the text that it is to have.

    `text` is None when they leave it as it is.
    """

    was: str
    asked: str
    status: str
    text: str | None = None
    amendment: Amendment = Amendment()


def amendment_of(before: Alert, after: Alert) -> Amendment:
    """What is different in `after`."""
    changed = {
        name: value
        for name, value in after.attributes.items()
        if name not in before.attributes or before.attributes[name] != value
    }
    gone = dict.fromkeys(
        before.attributes.keys() - {name for name, value in after.attributes.items() if value is not None}
    )
    return Amendment(
        added=tuple(dict.fromkeys(tag for tag in after.tags if tag not in before.tags)),
        removed=tuple(tag for tag in before.tags if tag not in after.tags),
        attributes={**changed, **gone},
    )


def amended(alert: Alert, amendment: Amendment) -> Alert:
    """The alert with it; the version stays."""
    if not amendment:
        return alert
    kept = tuple(tag for tag in alert.tags if tag not in amendment.removed)
    attributes = merged_attributes(alert.attributes, amendment.attributes)
    return msgspec.structs.replace(
        alert,
        tags=merged_tags(kept, amendment.added),
        attributes={name: value for name, value in attributes.items() if value is not None},
    )


def changed_quietly(alert: Alert, amendment: Amendment) -> Acted:
    """The amendment as a change of its own, of which no history tells."""
    after = amended(alert, amendment)
    return Acted(alert=msgspec.structs.replace(after, version=alert.version + 1))


def weighed(acted: Acted, before: Alert, severity: str) -> Acted:
    """The action with another severity for the alert, which the history tells."""
    previous = before.severity if severity != before.severity else before.previous_severity
    alert = msgspec.structs.replace(acted.alert, severity=severity, previous_severity=previous)
    entries = tuple(msgspec.structs.replace(entry, severity=severity) for entry in acted.entries)
    changed = severity != before.severity
    return msgspec.structs.replace(acted, alert=alert, entries=entries, severity_changed=changed)


def asks_about(before: Alert | None, after: Alert) -> bool:
    """Whether plug-ins are asked about the status of `after`: not when the alert is new or under a blackout."""
    return before is not None and before.status not in {after.status, *UNDER_BLACKOUT}


def settled(change: Change, before: Alert | None, verdict: Verdict | None, now: datetime) -> Change:
    """The change as plug-ins want it; `verdict` is None when they were not asked.

    Raises:
        Unforeseen: it is not the change that they were asked about.
    """
    after = change.alert
    if verdict is None:
        if asks_about(before, after):
            raise Unforeseen
        return change
    if before is None or (before.status, after.status) != (verdict.was, verdict.asked):
        raise Unforeseen
    return judged(change, before, verdict, now)


def judged(change: Change, before: Alert, verdict: Verdict, now: datetime) -> Change:
    """The change with the status, the text, tags and attributes of the verdict."""
    alert = amended(change.alert, verdict.amendment)
    if verdict.status != alert.status:
        alert = msgspec.structs.replace(alert, **{name: getattr(before, name) for name in _OF_STATUS})
        alert = msgspec.structs.replace(alert, **status_fields(alert, verdict.status, now))
    entries = tuple(
        msgspec.structs.replace(entry, status=alert.status, text=entry.text if verdict.text is None else verdict.text)
        for entry in change.entries
    )
    return msgspec.structs.replace(change, alert=alert, entries=entries, status_changed=alert.status != before.status)
