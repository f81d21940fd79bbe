"""An event of the tag, as Divolte's own tests of mappings have it."""

from typing import Any

from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawKind


def tag_event(**given: Any) -> Event:
    """What is not given is as small as can be."""
    fields: dict[str, Any] = {
        "source": "browser",
        "kind": RawKind.BROWSER,
        "party_id": "0:1:party",
        "session_id": "0:1:session",
        "event_id": "page0",
        "received_ms": 1_700_000_000_123,
        "client_ms": 1_700_000_000_000,
        "new_party": False,
        "first_in_session": False,
        "location": "http://www.example.com",
        "remote": "192.0.2.1",
    }
    return Event(**{**fields, **given})
