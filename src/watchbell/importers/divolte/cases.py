"""Events as Divolte's `mapping-test-server` takes them, as the events that `watchbell mapping try` and `test` take.

So the requests that people kept for it try our mappings, too.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from watchbell.domain.errors import Fault, Faulty

OUR_NAMES: Final[Mapping[str, str]] = {
    "party_id": "party_id",
    "session_id": "session_id",
    "event_id": "event_id",
    "page_view_id": "page_view_id",
    "location": "location",
    "referer": "referer",
    "viewport_pixel_width": "viewport_width",
    "viewport_pixel_height": "viewport_height",
    "screen_pixel_width": "screen_width",
    "screen_pixel_height": "screen_height",
    "device_pixel_ratio": "pixel_ratio",
    "corrupt": "corrupt",
    "duplicate": "duplicate",
    "new_party_id": "new_party",
    "first_in_session": "first_in_session",
    "event_type": "event_type",
    "parameters": "parameters",
    "remote_host": "remote_host",
}


def example_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The event that a request to the test server describes, as `domain.events.mapping.examples` reads it.

    Raises:
        Faulty: fields that the test server does not know, all of them.
    """
    unknown = [name for name in request if name not in OUR_NAMES]
    if unknown:
        raise Faulty(
            Fault(field=name, reason=f"unknown; the test server knows {', '.join(OUR_NAMES)}") for name in unknown
        )
    found = {OUR_NAMES[name]: value for name, value in request.items() if value is not None}
    if isinstance(found.get("parameters"), str):
        # A text is a JSON value of its own there; ours would take it for JSON that is written in a text.
        found["parameters"] = msgspec.json.encode(found["parameters"]).decode()
    return found
