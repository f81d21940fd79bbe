"""The event: one thing that a user did, decoded from a raw request. And the rejection: why a raw request is none."""

from typing import Any

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.agent import Headers, UserAgent
from watchbell.domain.events.mincode import decode_mincode
from watchbell.domain.events.place import Place
from watchbell.domain.events.raw import RawEvent, RawKind


class Event(msgspec.Struct, kw_only=True):
    """A decoded event. What the request did not say is None.

    Not frozen: it lives inside one mapping step, and the duplicate flag is known only after the others. Times are
    milliseconds since 1970 UTC. Sizes are CSS pixels.
    """

    source: str
    kind: RawKind
    party_id: str
    session_id: str
    event_id: str
    page_view_id: str | None = None
    received_ms: int
    client_ms: int
    new_party: bool
    first_in_session: bool
    corrupt: bool = False
    duplicate: bool = False
    event_type: str | None = None
    location: str | None = None
    referer: str | None = None
    screen_width: int | None = None
    screen_height: int | None = None
    viewport_width: int | None = None
    viewport_height: int | None = None
    pixel_ratio: float | None = None
    raw_parameters: str | bytes | None = None
    """Custom parameters, not decoded: Mincode (str) or JSON (bytes)."""
    remote: str
    user_agent: str | None = None
    headers: Headers = ()
    """Request headers that were kept."""
    agent: UserAgent | None = None
    """What `user_agent` and the client hints say; None when there is no `User-Agent`."""
    place: Place | None = None
    """Where `remote` is; None when that is not known, or nobody asks."""
    raw: RawEvent | None = None
    """The request that the event was decoded from, for those who keep it."""

    def parameters(self) -> Any:
        """The custom parameters as JSON-compatible data; None when absent or malformed. Decoded on each call."""
        raw = self.raw_parameters
        if raw is None:
            return None
        try:
            return decode_mincode(raw) if isinstance(raw, str) else msgspec.json.decode(raw)
        except (Invalid, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


class Rejection(msgspec.Struct, frozen=True):
    """A raw request that is not an event: `reason` is a stable word for counting, `detail` names what was wrong."""

    reason: str
    detail: str
    raw: RawEvent
    mapping: str = ""
    """The mapping that has no record for it; empty: it is no event, or a sink did not take its record."""
