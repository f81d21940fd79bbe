"""Events as people write them: for trying a mapping, and for its unit tests.

The keys are those of `value` in a mapping, and moreover `headers` (name → value or list of values), `agent` and `place`
(field → value), and `query`, the query string of a request of the tag, which is then decoded as a collector would.
`received_at` and `remote` are understood as the Events page shows them. What is not given is as small as can be.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Optional, cast

import msgspec

from watchbell.domain.errors import Fault, Faulty
from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.browser import decode_browser
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.mapping.model import VALUES
from watchbell.domain.events.mapping.scalars import INT32, parse_instant
from watchbell.domain.events.place import Place
from watchbell.domain.events.raw import RawEvent, RawKind

RECEIVED_MS: Final = 1_767_225_600_000
"""When an event was received that does not say it: 2026-01-01T00:00:00Z."""

_NAMES: Final = {
    "timestamp": "received_ms",
    "received_at": "received_ms",
    "client_timestamp": "client_ms",
    "remote_host": "remote",
    "parameters": "raw_parameters",
}
_SAME: Final = frozenset(VALUES) - {*_NAMES, "kind", "whole_pixel_ratio"} | {"remote"}
_MANDATORY: Final = frozenset({"party_id", "session_id", "event_id", "source", "remote", "remote_host"})
_TYPES: Final[dict[str, Any]] = {
    "text": str | None,
    "boolean": bool,
    "int": Optional[Annotated[int, msgspec.Meta(ge=INT32[0], le=INT32[-1])]],  # noqa: UP045 - | takes no Annotated
    "double": float | None,
}
_OTHERS: Final = frozenset({"kind", "headers", "agent", "place", "query"})
KEYS: Final = tuple(sorted({*_NAMES, *_SAME, *_OTHERS}))
"""What an event may say."""

_KINDS: Final = {kind.name.lower(): kind for kind in RawKind}
_SMALLEST: Final[dict[str, Any]] = {
    "source": "browser",
    "kind": RawKind.BROWSER,
    "party_id": "0:0:party",
    "session_id": "0:0:session",
    "event_id": "event",
    "received_ms": RECEIVED_MS,
    "client_ms": RECEIVED_MS,
    "new_party": False,
    "first_in_session": False,
    "remote": "192.0.2.1",
}


def event_of(data: Any, place: str = "event") -> Event:
    """The event that `data` describes.

    Raises:
        Faulty: with the key and the reason of everything that is wrong.
    """
    if not isinstance(data, Mapping):
        raise Faulty([Fault(field=place, reason="must be an object")])
    given = cast("Mapping[str, Any]", data)
    faults = [
        Fault(field=f"{place}.{name}", reason=f"an event has no {name!r}", fix=f"there are {', '.join(KEYS)}")
        for name in given
        if name not in KEYS
    ]
    fields: dict[str, Any] = {}
    for name, value in given.items():
        if name not in KEYS or name == "query":
            continue
        try:
            fields[_NAMES.get(name, name)] = _READERS[name](value) if name in _READERS else _typed(name, value)
        except (ValueError, TypeError, KeyError) as error:
            faults.append(Fault(field=f"{place}.{name}", reason=_reason(error)))
    if faults:
        raise Faulty(faults)
    if given.get("query") is None:
        return Event(**{**_SMALLEST, **fields})
    return msgspec.structs.replace(_decoded(given["query"], fields), **fields)


def _decoded(query: Any, fields: dict[str, Any]) -> Event:
    received = fields.get("received_ms", RECEIVED_MS)
    raw = RawEvent(
        RawKind.BROWSER, "browser", received, "192.0.2.1:0", fields.get("user_agent"), str(query).lstrip("?")
    )
    found = decode_browser(raw)
    if isinstance(found, Rejection):
        raise Faulty([Fault(field="event.query", reason=found.detail)])
    return found


def _reason(error: Exception) -> str:
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)


def _typed(name: str, value: Any) -> Any:
    if name in _MANDATORY:
        return msgspec.convert(value, str)
    return msgspec.convert(value, _TYPES[VALUES[name][0]])


def _moment(value: Any) -> int:
    found = parse_instant(value) if isinstance(value, str) else value
    if not isinstance(found, int) or isinstance(found, bool):
        raise TypeError("must be milliseconds since 1970, or ISO 8601")
    return found


def _parameters(value: Any) -> bytes | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            msgspec.json.decode(value)
        except msgspec.DecodeError:
            return msgspec.json.encode(value)
        return value.encode()
    return msgspec.json.encode(value)


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise TypeError("must be an object: name → value")
    found: list[tuple[str, str]] = []
    for name, lines in cast("Mapping[str, Any]", value).items():
        given = cast("list[Any]", lines) if isinstance(lines, list) else [lines]
        found += [(str(name).lower(), str(line)) for line in given]
    return tuple(found)


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "timestamp": _moment,
    "received_at": _moment,
    "client_timestamp": _moment,
    "parameters": _parameters,
    "headers": _headers,
    "kind": lambda value: _KINDS[value],
    "agent": lambda value: msgspec.convert(value, UserAgent),
    "place": lambda value: msgspec.convert(value, Place),
}
