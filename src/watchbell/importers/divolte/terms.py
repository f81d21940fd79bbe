"""Words of Divolte's mapping language, and what each is in ours: producers, their methods, and what has no counterpart.

A `Term` is what an expression of a script stands for while it is converted: data in the language of
`domain.events.mapping.model`, and a family that tells which methods there are. Nothing is evaluated.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from watchbell.domain.events.mapping.model import AGENT_FIELDS, PLACE_FIELDS

MAX_SIZE: Final = 1000  # parts of one expression


class Unconvertible(Exception):
    """Something of a script cannot be said in our language; `line` counts from 1, `reason` is for people."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class Term(msgspec.Struct, frozen=True, kw_only=True):
    """An expression in our language. `family` says what it is, such as text, boolean, uri, matcher, digest."""

    data: Any
    family: str = "value"


class Word(NamedTuple):
    """A value of the event: its name in our language, and its family."""

    name: str
    family: str = "value"


VALUES: Final[Mapping[str, Word]] = MappingProxyType(
    {
        "location": Word("location"),
        "referer": Word("referer"),
        "eventType": Word("event_type"),
        "firstInSession": Word("first_in_session", "boolean"),
        "corrupt": Word("corrupt", "boolean"),
        "duplicate": Word("duplicate", "boolean"),
        "timestamp": Word("timestamp"),
        "clientTimestamp": Word("client_timestamp"),
        "remoteHost": Word("remote_host"),
        "viewportPixelWidth": Word("viewport_width"),
        "viewportPixelHeight": Word("viewport_height"),
        "screenPixelWidth": Word("screen_width"),
        "screenPixelHeight": Word("screen_height"),
        "devicePixelRatio": Word("whole_pixel_ratio"),
        "partyId": Word("party_id"),
        "sessionId": Word("session_id"),
        "pageViewId": Word("page_view_id"),
        "eventId": Word("event_id"),
        "userAgentString": Word("user_agent"),
        "eventParameters": Word("parameters", "json"),
    }
)

URI_PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "path": "path",
        "rawPath": "raw_path",
        "scheme": "scheme",
        "host": "host",
        "port": "port",
        "decodedQueryString": "query",
        "rawQueryString": "raw_query",
        "decodedFragment": "fragment",
        "rawFragment": "raw_fragment",
    }
)

PARSED: Final = frozenset({"int32", "int64", "fp32", "fp64", "bool"})
ENCODED: Final[Mapping[str, str]] = MappingProxyType(
    {"toHexLower": "hex", "toHexUpper": "hex_upper", "toBase64": "base64"}
)
ALGORITHMS: Final = frozenset({"md5", "sha-1", "sha-224", "sha-256", "sha-384", "sha-512", "sha3-256", "sha3-512"})


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_AGENT: Final = {_camel(name): name for name in AGENT_FIELDS if name != "bot"}
_PLACE: Final = {_camel(name): name for name in PLACE_FIELDS}


def part_of(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    """What a method of a term stands for.

    Raises:
        Unconvertible: there is no such method, or its arguments are not what it takes.
    """
    method = METHODS.get(term.family, {}).get(name) or METHODS["any"].get(name)
    if method is None:
        known = sorted({*METHODS.get(term.family, {}), *METHODS["any"]})
        raise Unconvertible(line, f"`.{name}()` is not known here; known are {', '.join(known)}")
    found = method(term, name, arguments, line)
    if size_of(found.data) > MAX_SIZE:
        raise Unconvertible(line, f"the expression has more than {MAX_SIZE} parts")
    return found


def size_of(data: Any) -> int:
    """How many parts an expression has; counting stops beyond `MAX_SIZE`."""
    count, waiting = 0, [data]
    while waiting and count <= MAX_SIZE:
        current = waiting.pop()
        count += 1
        if isinstance(current, dict):
            waiting.extend(current.values())  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(current, list | tuple):
            waiting.extend(current)  # pyright: ignore[reportUnknownArgumentType]
    return count


def as_value(argument: Any, line: int) -> Any:
    """A term or a literal as an expression of our language."""
    if isinstance(argument, Term):
        if argument.family in WITHOUT_VALUE:
            raise Unconvertible(line, f"{WITHOUT_VALUE[argument.family]} is no value by itself")
        return argument.data
    if isinstance(argument, str | int | float | bool):
        return argument
    raise Unconvertible(line, "a value of the event, a text, a number or a truth value was expected here")


def as_condition(argument: Any, line: int) -> Any:
    """A truth value as an expression of our language."""
    if isinstance(argument, bool) or (isinstance(argument, Term) and argument.family == "boolean"):
        return as_value(argument, line)
    raise Unconvertible(line, "a condition was expected here, such as `x.isPresent()` or `x.equalTo('y')`")


def as_text(arguments: list[Any], line: int, what: str) -> str:
    """The only argument, a text."""
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise Unconvertible(line, f"{what} must be one text")
    return arguments[0]


WITHOUT_VALUE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "uri": "a URI (say which part: `.path()`, `.host()` …)",
        "matcher": "a match (say `.matches()` or `.group(…)`)",
        "agent": "the user agent (say which field: `.name()`, `.family()` …)",
        "place": "a place (say which field: `.countryCode()` …)",
        "digest": "a digest without `.result()`",
    }
)

Method = Callable[[Term, str, list[Any], int], Term]


def _none(arguments: list[Any], name: str, line: int) -> None:
    if arguments:
        raise Unconvertible(line, f"`{name}` takes no arguments")


# ── Any value ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _presence(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    _none(arguments, name, line)
    whole = {
        "uri": lambda: {"uri": "text", **term.data},
        "agent": lambda: {"agent": "name"},
        "matcher": lambda: term.data["of"],
    }.get(term.family)
    data = whole() if whole else as_value(term, line)
    return Term(data={"present" if name == "isPresent" else "absent": data}, family="boolean")


def _equal(term: Term, _name: str, arguments: list[Any], line: int) -> Term:
    if len(arguments) != 1:
        raise Unconvertible(line, "`equalTo` takes one value")
    return Term(data={"equal": [as_value(term, line), as_value(arguments[0], line)]}, family="boolean")


def _both(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    if len(arguments) != 1:
        raise Unconvertible(line, f"`{name}` takes one condition")
    return Term(data={name: [term.data, as_condition(arguments[0], line)]}, family="boolean")


# ── Headers, user agents, places ─────────────────────────────────────────────────────────────────────────────────────


def _taken(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    take: Any = {"commaSeparated": "comma_separated"}.get(name, name)
    if name == "get":
        if len(arguments) != 1 or isinstance(arguments[0], bool) or not isinstance(arguments[0], int):
            raise Unconvertible(line, "`get` takes one whole number")
        take = arguments[0]
    else:
        _none(arguments, name, line)
    return Term(data={**term.data, "take": take})


def _field(operator: str, names: Mapping[str, str]) -> Method:
    def method(term: Term, name: str, arguments: list[Any], line: int) -> Term:
        _none(arguments, name, line)
        return Term(data={operator: names[name], **term.data}, family="boolean" if name in _BOOLEAN else "value")

    return method


_BOOLEAN: Final = frozenset({"anonymousProxy", "satelliteProvider"})

# ── URIs and matches ─────────────────────────────────────────────────────────────────────────────────────────────────


def _uri_part(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    _none(arguments, name, line)
    return Term(data={"uri": URI_PARTS[name], **term.data})


def _query(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    _none(arguments, name, line)
    data = {"query_map": term.data["of"], **{key: value for key, value in term.data.items() if key != "of"}}
    return Term(data=data, family="query")


def _query_value(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    found = {"query": as_text(arguments, line, "the name of a query parameter"), "of": term.data["query_map"]}
    found |= {"take": "all"} if name == "valueList" else {}
    return Term(data=found | {key: value for key, value in term.data.items() if key != "query_map"})


def _matches(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    _none(arguments, name, line)
    return Term(data=term.data, family="boolean")


def _group(term: Term, _name: str, arguments: list[Any], line: int) -> Term:
    if len(arguments) != 1 or isinstance(arguments[0], bool) or not isinstance(arguments[0], int | str):
        raise Unconvertible(line, "`group` takes a number or a name")
    return Term(data={**term.data, "group": arguments[0]})


# ── Event parameters ─────────────────────────────────────────────────────────────────────────────────────────────────


def _parameter(term: Term, _name: str, arguments: list[Any], line: int) -> Term:
    name = as_text(arguments, line, "the name of an event parameter")
    if term.data != {"value": "parameters"}:
        raise Unconvertible(line, "`value` is known of `eventParameters()` only")
    return Term(data={"parameter": name, "empty": True})


def _json_path(term: Term, _name: str, arguments: list[Any], line: int) -> Term:
    path = as_text(arguments, line, "a JSONPath")
    of = {} if term.data == {"value": "parameters"} else {"of": term.data}
    return Term(data={"path": path, **of}, family="json")


# ── Digests ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _add(term: Term, _name: str, arguments: list[Any], line: int) -> Term:
    if len(arguments) != 1:
        raise Unconvertible(line, "`add` takes one value")
    pieces = [*term.data["pieces"], as_value(arguments[0], line)]
    return Term(data={**term.data, "pieces": pieces}, family="digest")


def _result(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    _none(arguments, name, line)
    return Term(data=term.data, family="bytes")


def _encoded(term: Term, name: str, arguments: list[Any], line: int) -> Term:
    _none(arguments, name, line)
    return Term(data={"encode": ENCODED[name], "of": term.data})


METHODS: Final[Mapping[str, Mapping[str, Method]]] = MappingProxyType(
    {
        "any": {"isPresent": _presence, "isAbsent": _presence, "equalTo": _equal},
        "boolean": {"and": _both, "or": _both},
        "header": {"first": _taken, "last": _taken, "get": _taken, "commaSeparated": _taken},
        "agent": dict.fromkeys(_AGENT, _field("agent", _AGENT)),
        "place": dict.fromkeys(_PLACE, _field("place", _PLACE)),
        "uri": {**dict.fromkeys(URI_PARTS, _uri_part), "query": _query},
        "query": {"value": _query_value, "valueList": _query_value},
        "matcher": {"matches": _matches, "group": _group},
        "json": {"value": _parameter, "path": _json_path},
        "digest": {"add": _add, "result": _result},
        "bytes": dict.fromkeys(ENCODED, _encoded),
    }
)
