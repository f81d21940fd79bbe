"""Events as a collector spools them, and an archive of them."""

from pathlib import Path
from typing import Any

from watchbell.adapters.archive.convert import Converter
from watchbell.adapters.archive.layout import Place
from watchbell.adapters.archive.spool import EventSpool
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, RawKind

HOUR = 3_600_000
NOON = 1_767_268_800_000
"""2026-01-01T12:00:00Z"""


class SetMillis:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = NOON) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def event(number: int = 0, **fields: Any) -> Event:
    given: dict[str, Any] = {
        "source": "browser",
        "kind": RawKind.BROWSER,
        "party_id": f"0:p:{number % 10}",
        "session_id": f"0:s:{number % 10}",
        "event_id": f"e{number}",
        "received_ms": NOON + number * 1000,
        "client_ms": NOON + number * 1000,
        "new_party": False,
        "first_in_session": False,
        "event_type": "pageView",
        "remote": "192.0.2.1",
        **fields,
    }
    made = Event(**given)
    made.raw = RawEvent(made.kind, made.source, made.received_ms, "192.0.2.1:1", made.user_agent, f"e=e{number}")
    return made


def archived(folder: Path, events: list[Event], *, files: int = 1) -> Place:
    """An archive of these events, made of so many spool files."""
    clock = SetMillis(max((one.received_ms for one in events), default=NOON) + 1000)
    spool = EventSpool(folder / "spool", roll_every_s=0, now_ms=clock)
    spool.open()
    size = max(1, -(-len(events) // files))
    for start in range(0, len(events), size):
        part = events[start : start + size]
        spool.write([{}] * len(part), {"a": start + len(part)}, part)
        spool.sync()
        spool.tend()
    spool.close()
    place = Place(folder / "archive")
    Converter(folder / "spool", place, node="one", keep_ms=0, now_ms=clock).turn()
    return place
