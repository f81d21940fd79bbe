"""The body of `POST /events`: a JSON array of events, or an object with such an array under `events`.

A lenient JSON source also takes one event alone.

All or nothing: one bad event refuses the batch, and the error names its index, the property and the reason.
"""

from collections.abc import Callable

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.json_source import check_batch_event, check_utf8
from watchbell.domain.events.numbers import to_base36

MAX_EVENTS = 1000


class _Envelope(msgspec.Struct):
    events: list[msgspec.Raw]


class _PerhapsEnvelope(msgspec.Struct):
    events: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


_perhaps = msgspec.json.Decoder(_PerhapsEnvelope)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_envelope = msgspec.json.Decoder(_Envelope)


def split_batch(
    body: bytes,
    new_text: Callable[[], str],
    now_ms: int,
    max_events: int = MAX_EVENTS,
    *,
    single: bool = False,
    party_id: str = "",
) -> list[bytes]:
    """The JSON of each event, all of them checked. `single`: an object without `events` is one event.

    Identifiers that are missing are made: one party (`party_id`, when it is given) and one session for the whole
    batch, an event identifier for each event. `new_text` gives a random text of 32 characters without a colon.

    Raises:
        Invalid: malformed JSON (with the place), another shape, too many events, or a bad event (`[index].property:
            reason`).
    """
    elements = _elements(body, single=single)
    if not elements:
        raise Invalid("holds no events", "events")
    if len(elements) > max_events:
        raise Invalid(f"holds {len(elements)} events; at most {max_events} are accepted", "events")
    made = {"party_id": party_id, "session_id": ""}
    events: list[bytes] = []
    for index, element in enumerate(elements):
        try:
            checked = check_batch_event(element)
        except Invalid as error:
            field = f"events[{index}].{error.field}" if error.field else f"events[{index}]"
            raise Invalid(error.reason, field) from error
        missing = [name for name in ("party_id", "session_id", "event_id") if getattr(checked, name) is None]
        for name in missing:
            made[name] = _made(name, made.get(name, ""), new_text, now_ms)
        events.append(_with(element, {name: made[name] for name in missing}) if missing else element)
    return events


def _elements(body: bytes, *, single: bool) -> list[bytes]:
    check_utf8(body)
    try:
        is_object = body.lstrip()[:1] == b"{"
        if is_object and single:
            found = _perhaps.decode(body).events
            return [body] if isinstance(found, msgspec.UnsetType) else [bytes(element) for element in found]
        elements = _envelope.decode(body).events if is_object else _array.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(str(error)) from error
    return [bytes(element) for element in elements]


def _made(name: str, before: str, new_text: Callable[[], str], now_ms: int) -> str:
    if name == "event_id":
        return new_text()
    return before or f"0:{to_base36(now_ms)}:{new_text()}"


def _with(element: bytes, names: dict[str, str]) -> bytes:
    """The JSON object with members added at its end, where they hold although the same name (with null) came before."""
    inside = element[:-1].rstrip()
    added = msgspec.json.encode(names)[1:]
    return inside + (b"" if inside == b"{" else b",") + added
