"""Events that come as JSON: one per request to a JSON source (strict), or many in a batch (lenient).

A strict body refuses unknown properties; both refuse a missing or malformed mandatory one. The reason names the
property.
"""

from datetime import UTC, datetime

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.identifiers import parse_identifier
from watchbell.domain.events.query import parse_query
from watchbell.domain.events.raw import RawEvent, peer_address

_NOTHING = msgspec.Raw(b"")


class JsonEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request to a JSON source."""

    session_id: str
    event_id: str
    is_new_party: bool
    is_new_session: bool
    client_timestamp_iso: str
    event_type: str | None = None
    parameters: msgspec.Raw = _NOTHING


class BatchEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a batch: as a JSON source has it, with the party in the body and what only browsers know.

    Unknown properties are ignored.
    """

    party_id: str | None = None
    """Made when it is missing, as are the next two."""
    session_id: str | None = None
    event_id: str | None = None
    event_type: str | None = None
    page_view_id: str | None = None
    is_new_party: bool = False
    is_new_session: bool = False
    client_timestamp_iso: str | None = None
    client_timestamp_ms: int | None = None
    location: str | None = None
    referer: str | None = None
    screen_width: int | None = None
    screen_height: int | None = None
    viewport_width: int | None = None
    viewport_height: int | None = None
    pixel_ratio: float | None = None
    parameters: msgspec.Raw = _NOTHING


_strict = msgspec.json.Decoder(JsonEvent)
_lenient = msgspec.json.Decoder(BatchEvent)

_INT32 = range(-(1 << 31), 1 << 31)
_INT64 = range(-(1 << 63), 1 << 63)


def check_utf8(payload: bytes) -> None:
    """JSON is UTF-8, also in the parts that nobody has decoded yet.

    Raises:
        Invalid: with the place.
    """
    if not payload.isascii():
        try:
            payload.decode()
        except UnicodeDecodeError as error:
            raise Invalid(f"the JSON is not UTF-8 (byte {error.start}: {error.reason})") from error


def parse_timestamp_ms(text: str) -> int:
    """An ISO 8601 moment (extended format; without an offset it is UTC) in milliseconds since 1970.

    Raises:
        Invalid: when it is none.
    """
    try:
        moment = datetime.fromisoformat(text) if text[10:11] == "T" else None
    except ValueError:
        moment = None
    if moment is None:
        raise Invalid("is not an ISO 8601 date and time", "client_timestamp_iso")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return delta.days * 86_400_000 + delta.seconds * 1000 + delta.microseconds // 1000


def decode_json(raw: RawEvent) -> Event | Rejection:
    """The event in the body of a request to a JSON source, or why there is none."""
    party_id = parse_identifier(parse_query(raw.query)[0].get("p"))
    try:
        check_utf8(raw.body)
        body = _strict.decode(raw.body)
        session_id = parse_identifier(body.session_id)
        client_ms = parse_timestamp_ms(body.client_timestamp_iso)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Invalid) as error:
        return Rejection("invalid_json_event", str(error), raw)
    if party_id is None or session_id is None:
        name = "p (party id)" if party_id is None else "session_id"
        return Rejection("invalid_identifier", f"{name} is not 0:<time>:<text>", raw)
    return Event(
        source=raw.source,
        kind=raw.kind,
        party_id=party_id,
        session_id=session_id,
        event_id=body.event_id,
        received_ms=raw.received_ms,
        client_ms=client_ms,
        new_party=body.is_new_party,
        first_in_session=body.is_new_session,
        event_type=body.event_type,
        raw_parameters=bytes(body.parameters) or None,
        remote=peer_address(raw.remote),
        user_agent=raw.user_agent,
    )


def decode_batch_event(raw: RawEvent) -> Event | Rejection:
    """The event in one element of a batch, or why there is none."""
    try:
        body = check_batch_event(raw.body)
        client_ms = _client_ms(body, raw.received_ms)
    except Invalid as error:
        return Rejection("invalid_batch_event", error.message, raw)
    party_id, session_id = parse_identifier(body.party_id), parse_identifier(body.session_id)
    if party_id is None or session_id is None or body.event_id is None:
        # They were made when the batch was accepted; what else is in a journal is not ours.
        return Rejection("invalid_identifier", "party_id, session_id or event_id is missing", raw)
    return Event(
        source=raw.source,
        kind=raw.kind,
        party_id=party_id,
        session_id=session_id,
        event_id=body.event_id,
        page_view_id=body.page_view_id,
        received_ms=raw.received_ms,
        client_ms=client_ms,
        new_party=body.is_new_party,
        first_in_session=body.is_new_session,
        event_type=body.event_type,
        location=body.location,
        referer=body.referer,
        screen_width=body.screen_width,
        screen_height=body.screen_height,
        viewport_width=body.viewport_width,
        viewport_height=body.viewport_height,
        pixel_ratio=body.pixel_ratio,
        raw_parameters=bytes(body.parameters) or None,
        remote=peer_address(raw.remote),
        user_agent=raw.user_agent,
    )


def check_batch_event(payload: bytes) -> BatchEvent:
    """One element of a batch, checked whole.

    Raises:
        Invalid: with the property and the reason.
    """
    check_utf8(payload)
    try:
        body = _lenient.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason, _, where = str(error).partition(" - at `$.")
        raise Invalid(reason, where.removesuffix("`")) from error
    for name, text in (("party_id", body.party_id), ("session_id", body.session_id)):
        if text is not None and parse_identifier(text) is None:
            raise Invalid("is not an identifier (0:<time in base 36>:<text>)", name)
    for name in ("screen_width", "screen_height", "viewport_width", "viewport_height"):
        size = getattr(body, name)
        if size is not None and size not in _INT32:
            raise Invalid("is not a 32-bit integer", name)
    _client_ms(body, 0)
    return body


def _client_ms(body: BatchEvent, received_ms: int) -> int:
    if body.client_timestamp_iso is not None:
        return parse_timestamp_ms(body.client_timestamp_iso)
    if body.client_timestamp_ms is None:
        return received_ms
    if body.client_timestamp_ms not in _INT64:
        raise Invalid("is not a 64-bit integer", "client_timestamp_ms")
    return body.client_timestamp_ms
