"""Operators that take something from the event: value, cookie, header, parameter, path, agent, place."""

import operator
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from watchbell.domain.effort import Effort, TooMuch
from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.errors import Unmappable
from watchbell.domain.events.mapping.headers import cookie_of, header_values
from watchbell.domain.events.mapping.jsonpath import JsonPath
from watchbell.domain.events.mapping.model import AGENT_FIELDS, PATTERN_MAX, PLACE_FIELDS, VALUES
from watchbell.domain.events.mapping.reading import Get, Memo, Operator, Reader, Typed, key_of
from watchbell.domain.events.mapping.scalars import INT32, Written, text_of
from watchbell.domain.events.mincode import decode_mincode

_NO_HEADERS: Final[list[str]] = []
_decoder = msgspec.json.Decoder(float_hook=Written)


def parameters_of(event: Event) -> Any:
    """The custom parameters, numbers as they were written; None when there are none or they cannot be read."""
    raw = event.raw_parameters
    if raw is None:
        return None
    try:
        return decode_mincode(raw) if isinstance(raw, str) else _decoder.decode(raw)
    except (Invalid, ValueError, RecursionError):
        return None


def _parameters(event: Event, _memo: Memo) -> Any:
    return parameters_of(event)


def _whole_ratio(event: Event, _memo: Memo) -> int | None:
    ratio = event.pixel_ratio
    return int(ratio) if ratio is not None and ratio % 1 == 0 and abs(ratio) <= INT32[-1] else None


def _kind(event: Event, _memo: Memo) -> str:
    return event.kind.name.lower()


_ATTRIBUTES: Final = {
    "timestamp": "received_ms",
    "client_timestamp": "client_ms",
    "remote_host": "remote",
}
_COMPUTED: Final[dict[str, Get]] = {"whole_pixel_ratio": _whole_ratio, "kind": _kind}


def _attribute(name: str) -> Get:
    take = operator.attrgetter(name)
    return lambda event, _memo: take(event)


def _value(reader: Reader, data: dict[str, Any], place: str, _depth: int) -> Typed | None:
    name = reader.choice(data["value"], f"{place}.value", dict.fromkeys(VALUES))
    if name is None:
        return None
    key = key_of("value", name)
    if name == "parameters":
        return Typed("json", reader.shared(key, _parameters), key)
    get = _COMPUTED.get(name) or _attribute(_ATTRIBUTES.get(name, name))
    return Typed(VALUES[name][0], get, key)


def _lines(event: Event, name: str) -> list[str]:
    headers = event.headers
    return [value for found, value in headers if found == name] if headers else _NO_HEADERS


def _cookie(reader: Reader, data: dict[str, Any], place: str, _depth: int) -> Typed | None:
    name = reader.name(data["cookie"], f"{place}.cookie")
    if name is None:
        return None
    reader.headers.add("cookie")
    key = key_of("cookie", name)

    def get(event: Event, _memo: Memo) -> str | None:
        return cookie_of(_lines(event, "cookie"), name)

    return Typed("text", reader.shared(key, get), key)


def _header(reader: Reader, data: dict[str, Any], place: str, _depth: int) -> Typed | None:
    name = reader.name(data["header"], f"{place}.header")
    take = data.get("take", "all")
    # What is no text need not be one that a set can look for.
    named = isinstance(take, str) and take in {"all", "first", "last", "comma_separated"}
    if isinstance(take, bool) or not (named or isinstance(take, int)):
        return reader.wrong(f"{place}.take", "must be all, first, last, comma_separated or a number")
    if name is None:
        return None
    lower = name.lower()
    reader.headers.add(lower)
    all_key = key_of("header", lower)

    def values(event: Event, _memo: Memo) -> list[str] | None:
        return header_values(_lines(event, lower)) or None

    get = reader.shared(all_key, values)
    if take == "all":
        return Typed("list of text", get, all_key)
    key = key_of("header", lower, take)
    if take == "comma_separated":
        return Typed("text", _joined(get), key)
    return Typed("text", _indexed(get, {"first": 0, "last": -1}.get(cast("Any", take), cast("int", take))), key)


def _joined(get: Get) -> Get:
    def joined(event: Event, memo: Memo) -> str | None:
        values = get(event, memo)
        return None if values is None else ",".join(values)

    return joined


def _indexed(get: Get, index: int) -> Get:
    def indexed(event: Event, memo: Memo) -> str | None:
        values = get(event, memo)
        return values[index] if values is not None and -len(values) <= index < len(values) else None

    return indexed


def _parameter(reader: Reader, data: dict[str, Any], place: str, _depth: int) -> Typed | None:
    name = reader.name(data["parameter"], f"{place}.parameter")
    empty = reader.flag(data, "empty", place)
    if name is None or empty is None:
        return None
    whole = reader.shared(key_of("value", "parameters"), _parameters)
    otherwise = "" if empty else None

    def get(event: Event, memo: Memo) -> str | None:
        found = whole(event, memo)
        if found is None:
            return None
        text = text_of(cast("dict[str, Any]", found).get(name)) if isinstance(found, dict) else None
        return otherwise if text is None else text

    return Typed("text", get, key_of("parameter", name, empty))


def _effort(_event: Event, _memo: Memo) -> Effort:
    """What all paths of a mapping may cost for one event."""
    return Effort()


def _path(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    text = reader.name(data["path"], f"{place}.path")
    of = reader.of(data.get("of", {"value": "parameters"}), f"{place}.of", depth, frozenset({"json"}), "JSON")
    if text is None or of is None:
        return None
    if len(text) > PATTERN_MAX:
        return reader.wrong(f"{place}.path", f"must have at most {PATTERN_MAX} characters")
    try:
        path = JsonPath(text)
    except Invalid as error:
        return reader.wrong(f"{place}.path", error.reason)
    inner, effort = of.get, reader.shared(key_of("effort"), _effort)

    def get(event: Event, memo: Memo) -> Any:
        found = inner(event, memo)
        try:
            return None if found is None else path.find(found, effort(event, memo))
        except TooMuch as error:
            raise Unmappable("paths_too_long", f"finding {text[:80]!r} {error.message}") from None

    key = key_of("path", text, of.key)
    return Typed("json", reader.shared(key, get), key)


def _agent(reader: Reader, data: dict[str, Any], place: str, _depth: int) -> Typed | None:
    name = reader.choice(data["agent"], f"{place}.agent", AGENT_FIELDS)
    if name is None:
        return None
    take = operator.attrgetter(name)

    def get(event: Event, _memo: Memo) -> Any:
        agent = event.agent
        return None if agent is None else take(agent)

    return Typed(AGENT_FIELDS[name], get, key_of("agent", name))


_LISTS: Final = {"texts": "list of text", "ints": "list of int"}


def _place(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    name = reader.choice(data["place"], f"{place}.place", PLACE_FIELDS)
    of = reader.text(data["of"], f"{place}.of", depth) if "of" in data else None
    if name is None or (of is None and "of" in data):
        return None
    reader.places = True
    take = operator.attrgetter(name)
    found = _own_place if of is None else reader.shared(key_of("place", of.key), _place_of(reader, of.get))

    def get(event: Event, memo: Memo) -> Any:
        there = found(event, memo)
        if there is None:
            return None
        value = take(there)
        return list(cast("tuple[Any, ...]", value)) if isinstance(value, tuple) else value

    kind = PLACE_FIELDS[name]
    return Typed(_LISTS.get(kind, kind), get, key_of("place", name, of.key if of else ""))


def _own_place(event: Event, _memo: Memo) -> Any:
    return event.place


def _place_of(reader: Reader, get: Get) -> Get:
    locate: Callable[[str], Any] = reader.lookups.place_of

    def locate_it(event: Event, memo: Memo) -> Any:
        text = get(event, memo)
        return None if text is None else locate(text)

    return locate_it


def _operator(read: Any, *may: str) -> Operator:
    return Operator(frozenset(), frozenset(may), read)


OPERATORS: Final = {
    "value": _operator(_value),
    "cookie": _operator(_cookie),
    "header": _operator(_header, "take"),
    "parameter": _operator(_parameter, "empty"),
    "path": _operator(_path, "of"),
    "agent": _operator(_agent),
    "place": _operator(_place, "of"),
}
