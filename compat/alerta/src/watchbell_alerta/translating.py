"""Alerts of ours as plug-ins know them, and back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from alerta.models.alert import Alert
from alerta.models.history import History
from watchbell.domain.alerts.alert import Alert as Stored
from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.signal import Signal
from watchbell.ports.alert_plugin import AlertLookup

_SAME = (
    "environment",
    "severity",
    "status",
    "group",
    "value",
    "text",
    "origin",
    "timeout",
    "raw_data",
    "customer",
)
_LISTS = ("correlate", "service", "tags")
_RECEIVED = ("duplicate_count", "repeat", "previous_severity", "trend_indication", "last_receive_id")
_TIMES = ("receive_time", "last_receive_time", "update_time")


class StoreDesk:
    """Looks alerts up in Watchbell."""

    def __init__(self, lookup: AlertLookup) -> None:
        self._lookup = lookup

    def find(self, name: str) -> Alert | None:
        """By id or the beginning of it."""
        found = self._lookup.alert(name)
        return None if found is None else of_stored(found)

    def history(self, alert_id: str) -> list[History]:
        """The newest entries, oldest first."""
        return histories(self._lookup.history(alert_id))


def of_signal(signal: Signal) -> Alert:
    """The alert that a signal is about to become."""
    return _said(Alert(signal.resource, signal.event, **_shared(signal), history=[]), signal)


def of_stored(stored: Stored) -> Alert:
    """An alert of ours. Its history is looked up when it is asked for."""
    received = {name: getattr(stored, name) for name in _RECEIVED}
    times = {name: naive(getattr(stored, name)) for name in _TIMES}
    return _said(Alert(stored.resource, stored.event, **_shared(stored), **received, **times), stored)


def of_subject(subject: Signal | Stored) -> Alert:
    """Either."""
    return of_signal(subject) if isinstance(subject, Signal) else of_stored(subject)


def _said(alert: Alert, source: Signal | Stored) -> Alert:
    """The alert without what is made up when nothing is said."""
    alert.origin, alert.group = source.origin, source.group
    return alert


def _shared(source: Signal | Stored) -> dict[str, Any]:
    return {
        "id": source.id,
        "event_type": source.type,
        "create_time": naive(source.create_time),
        "attributes": dict(source.attributes),
        **{name: getattr(source, name) for name in _SAME},
        **{name: list(getattr(source, name)) for name in _LISTS},
    }


def to_signal(alert: Alert, former: Signal) -> Signal:
    """The signal as the alert has it now; who sent it, and by which way, stays."""
    return msgspec.structs.replace(
        former,
        resource=alert.resource,
        event=alert.event,
        type=alert.event_type,
        create_time=aware(alert.create_time),
        attributes={name: value for name, value in dict(alert.attributes).items() if value is not None},
        **{name: getattr(alert, name) for name in _SAME},
        **{name: _unique(getattr(alert, name)) for name in _LISTS},
    )


def new_signal(alert: Alert) -> Signal:
    """The signal of an alert that a webhook made."""
    blank = Signal(
        id=alert.id,
        environment="",
        resource=alert.resource,
        event=alert.event,
        severity=alert.severity,
        create_time=aware(alert.create_time),
    )
    return msgspec.convert(msgspec.to_builtins(to_signal(alert, blank)), Signal)


def to_stored(alert: Alert, former: Stored) -> Stored:
    """The alert with what plug-ins may change of one: tags and attributes."""
    return msgspec.structs.replace(former, tags=_unique(alert.tags), attributes=dict(alert.attributes))


def histories(entries: Sequence[HistoryEntry]) -> list[History]:
    """Entries of a history."""
    return [
        History(
            id=entry.id,
            event=entry.event,
            severity=entry.severity,
            status=entry.status,
            value=entry.value,
            text=entry.text,
            change_type=entry.type,
            update_time=naive(entry.at),
            user=entry.user,
            timeout=entry.timeout,
        )
        for entry in entries
    ]


def naive(moment: datetime) -> datetime:
    """In UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def aware(moment: datetime) -> datetime:
    """In UTC; a time without a zone is in UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _unique(texts: Any) -> tuple[Any, ...]:
    if isinstance(texts, str):
        raise TypeError(f"{texts!r} is no list")
    return tuple(dict.fromkeys(texts or ()))
