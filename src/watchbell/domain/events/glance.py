"""A glance at the stream: the newest events, and how many of each type came in each minute of the last hour.

Bounded: so many events, so many types; types beyond that are counted together as `other`.
"""

import json
import re
from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec

from watchbell.domain.events.event import Event
from watchbell.domain.events.rules.part import moment_of

KEPT_EVENTS = 200
KEPT_MINUTES = 61
MAX_TYPES = 100
OTHER = "other"
UNKNOWN = "unknown"

_MINUTE_MS = 60_000
_TEXT = 500
_PARAMETERS = 2000
_ODD = re.compile("[\x00\ud800-\udfff]")
"""What no database takes, and no file: a zero, half of a surrogate pair."""


class KeptGlance(msgspec.Struct, array_like=True):
    """The state as it is kept with a checkpoint: (minute in milliseconds, event type, count)."""

    minutes: list[tuple[int, str, int]] = []


class Glance:
    """The newest events that were not shown yet, and the counts."""

    def __init__(self, kept: KeptGlance | None = None) -> None:
        self._newest: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._added = 0
        self._minutes: dict[tuple[int, str], int] = {(m, t): c for m, t, c in (kept or KeptGlance()).minutes}
        self._types: set[str] = {event_type for _, event_type in self._minutes}
        self._changed: set[tuple[int, str]] = set()

    def add(self, events: list[Event]) -> None:
        """Looks at `events`."""
        self._newest.extend(events[-KEPT_EVENTS:])
        self._added += len(events)
        minutes = self._minutes
        for event in events:
            moment = event.received_ms
            key = (moment - moment % _MINUTE_MS, event.event_type or UNKNOWN)
            if key in minutes:
                minutes[key] += 1
            else:
                key = (key[0], self._known(key[1]))
                minutes[key] = minutes.get(key, 0) + 1
            self._changed.add(key)

    def _known(self, event_type: str) -> str:
        event_type = _text(event_type)
        if event_type not in self._types:
            if len(self._types) >= MAX_TYPES:
                return OTHER
            self._types.add(event_type)
        return event_type

    def take(self, limit: int) -> tuple[list[dict[str, Any]], int, list[tuple[int, str, int]]]:
        """What is new since the last call: at most `limit` events, oldest first; how many more; the changed minutes."""
        shown = list(self._newest)[-limit:] if limit > 0 else []
        skipped = self._added - len(shown)
        changed = [
            (minute, event_type, self._minutes[minute, event_type]) for minute, event_type in sorted(self._changed)
        ]
        self._newest.clear()
        self._added = 0
        self._changed.clear()
        self._prune()
        return [shown_event(event) for event in shown], skipped, changed

    def again(self, minutes: Iterable[tuple[int, str, int]]) -> None:
        """These minutes could not be delivered: they come with the next `take`."""
        self._changed.update(
            (minute, event_type) for minute, event_type, _ in minutes if (minute, event_type) in self._minutes
        )

    def _prune(self) -> None:
        if self._minutes:
            oldest = max(minute for minute, _ in self._minutes) - (KEPT_MINUTES - 1) * _MINUTE_MS
            if any(minute < oldest for minute, _ in self._minutes):
                self._minutes = {key: count for key, count in self._minutes.items() if key[0] >= oldest}
                self._types = {event_type for _, event_type in self._minutes}

    def state(self) -> KeptGlance:
        """What must be kept so that the minutes go on after a restart."""
        return KeptGlance([(minute, event_type, count) for (minute, event_type), count in self._minutes.items()])


def _text(value: str | None) -> str:
    return _ODD.sub("\ufffd", (value or "")[:_TEXT])


def _parameters(event: Event) -> str:
    """As text: numbers of any size are legal there. Empty when there are none, or too many."""
    raw = event.raw_parameters
    parameters = event.parameters() if raw is not None and len(raw) <= _PARAMETERS else None
    if parameters is None:
        return ""
    try:
        return _ODD.sub("\ufffd", json.dumps(parameters, ensure_ascii=False))
    except (RecursionError, ValueError):
        return ""


def shown_event(event: Event) -> dict[str, Any]:
    """What a page shows of an event; long texts are cut, large parameters left out."""
    return {
        "received_at": moment_of(event.received_ms).isoformat(timespec="milliseconds"),
        "event_type": _text(event.event_type or UNKNOWN),
        "location": _text(event.location),
        "party_id": _text(event.party_id),
        "session_id": _text(event.session_id),
        "event_id": _text(event.event_id),
        "source": event.source,
        "remote": event.remote,
        "user_agent": _text(event.user_agent),
        "parameters": _parameters(event),
        "corrupt": event.corrupt,
        "duplicate": event.duplicate,
    }
