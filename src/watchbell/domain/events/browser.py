"""A request of the tag (`/csc-event?…`) read as an event.

Mandatory parameters that are missing or malformed reject the event; optional ones that are malformed are absent. The
checksum only sets the `corrupt` flag.
"""

from functools import lru_cache

from watchbell.domain.events.checksum import is_intact
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.identifiers import parse_identifier
from watchbell.domain.events.numbers import INT32, parse_base36, parse_ratio
from watchbell.domain.events.query import Query, parse_query
from watchbell.domain.events.raw import RawEvent, peer_address

# Sizes repeat; longer texts than this are not sizes and are not remembered.
_KEPT_TEXT = 16

_MANDATORY = {
    "p": "party id",
    "s": "session id",
    "v": "page view id",
    "e": "event id",
    "c": "client time",
    "n": "new party",
    "f": "first in session",
}


def decode_browser(raw: RawEvent) -> Event | Rejection:
    """The event in `raw.query`, or why there is none."""
    query, repeated = parse_query(raw.query)
    get = query.get
    party_id = parse_identifier(get("p"))
    session_id = parse_identifier(get("s"))
    client_ms = parse_base36(get("c", ""))
    page_view_id, event_id, new_party, first = get("v"), get("e"), get("n"), get("f")
    if party_id is None or session_id is None or client_ms is None:
        return _rejection(raw, query)
    if page_view_id is None or event_id is None or new_party is None or first is None:
        return _rejection(raw, query)
    return Event(
        source=raw.source,
        kind=raw.kind,
        party_id=party_id,
        session_id=session_id,
        event_id=event_id,
        page_view_id=page_view_id,
        received_ms=raw.received_ms,
        client_ms=client_ms,
        new_party=new_party == "t",
        first_in_session=first == "t",
        corrupt=not is_intact(query, repeated),
        event_type=get("t"),
        location=get("l"),
        referer=get("r"),
        screen_width=_pixels(get("i")),
        screen_height=_pixels(get("j")),
        viewport_width=_pixels(get("w")),
        viewport_height=_pixels(get("h")),
        pixel_ratio=_ratio(get("k")),
        raw_parameters=get("u"),
        remote=peer_address(raw.remote),
        user_agent=raw.user_agent,
    )


def _pixels(text: str | None) -> int | None:
    if text is None:
        return None
    return _kept_pixels(text) if len(text) <= _KEPT_TEXT else parse_base36(text, INT32)


def _ratio(text: str | None) -> float | None:
    if text is None:
        return None
    return _kept_ratio(text) if len(text) <= _KEPT_TEXT else parse_ratio(text)


@lru_cache(maxsize=4096)
def _kept_pixels(text: str) -> int | None:
    return parse_base36(text, INT32)


@lru_cache(maxsize=1024)
def _kept_ratio(text: str) -> float | None:
    return parse_ratio(text)


def _rejection(raw: RawEvent, query: Query) -> Rejection:
    missing = [f"{name} ({meaning})" for name, meaning in _MANDATORY.items() if name not in query]
    if missing:
        return Rejection("missing_parameter", f"missing: {', '.join(missing)}", raw)
    for name in ("p", "s"):
        if parse_identifier(query[name]) is None:
            return Rejection("invalid_identifier", f"{name} ({_MANDATORY[name]}) is not 0:<time>:<text>", raw)
    return Rejection("invalid_client_time", "c (client time) is not a 64-bit integer in base 36", raw)
