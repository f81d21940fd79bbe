"""Reads expressions: checks what is written and makes functions of it, in one go.

A value is asked for with the event and a memo, a list with a place for each thing that is dear and may be asked for
twice; None is absent. Reading goes on after a problem, so that all of them are found at once; what has a problem is
None, and so is what contains it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.avro import Problem
from watchbell.domain.events.mapping.model import DEPTH_MAX, EXPRESSIONS_MAX, PATTERN_MAX
from watchbell.domain.events.mapping.scalars import INT32, INT64, text_of
from watchbell.domain.pattern import Pattern

Memo = list[Any]
Get = Callable[[Event, Memo], Any]

_KEY_MAX: Final = 100

UNSET: Final = object()
"""What stands in a memo for what was not asked for yet."""

NUMBERS: Final = frozenset({"int", "long", "float", "double"})
TEXTUAL: Final = frozenset({"text", "json", "boolean", "instant"} | NUMBERS)
"""Kinds whose values can be written as text."""


class Typed(msgspec.Struct, frozen=True):
    """An expression that was read."""

    kind: str
    """boolean, int, long, float, double, text, bytes, instant, json, map of lists, or `list of <kind>`."""
    get: Get
    key: str
    """The same for expressions that are the same."""
    literal: Any = None
    """The value, of what stands for itself."""


class Operator(NamedTuple):
    """How an object with this operator is read: the keys that it must and may have besides, and the reader."""

    needs: frozenset[str]
    may: frozenset[str]
    read: Callable[["Reader", dict[str, Any], str, int], Typed | None]


class Lookups(NamedTuple):
    """What an expression may ask the surroundings. Must be quick for what was asked before."""

    place_of: Callable[[str], Any] = lambda _: None
    """Place of an address; None: unknown."""


class Reader:
    """Reads the expressions of one mapping."""

    def __init__(
        self, operators: Mapping[str, Operator], define: Mapping[str, Any], lookups: Lookups | None = None
    ) -> None:
        self.problems: list[Problem] = []
        self.lookups = lookups or Lookups()
        self.headers: set[str] = set()
        """Request headers that are asked for, in small letters."""
        self.seeds: set[tuple[str, str, str]] = set()
        """Of digests: algorithm, seed, key."""
        self.places = False
        """A place is asked for."""
        self._operators = operators
        self._define = define
        self._known: dict[str, Typed] = {}
        self._slots: dict[str, Get] = {}
        self._reading: list[str] = []
        self._used: dict[str, Typed | None] = {}
        self._sizes: dict[str, int] = {}  # of definitions, what they use included
        self._patterns: dict[str, Pattern] = {}
        self._count = 0
        self._full = False

    @property
    def memo_size(self) -> int:
        """How many places a memo has."""
        return len(self._slots)

    def wrong(self, place: str, reason: str) -> None:
        """Notes a problem."""
        self.problems.append((place, reason))

    def read(self, data: Any, place: str, depth: int = 0) -> Typed | None:
        """Any expression."""
        self._count += 1
        if depth > DEPTH_MAX:
            return self.wrong(place, f"is nested more than {DEPTH_MAX} deep")
        if self._count > EXPRESSIONS_MAX:
            if not self._full:
                self._full = True
                self.wrong(place, f"there are more than {EXPRESSIONS_MAX} expressions")
            return None
        if isinstance(data, dict):
            return self._operation(cast("dict[str, Any]", data), place, depth)
        return self._literal(data, place)

    def _literal(self, data: Any, place: str) -> Typed | None:
        kind = None
        if isinstance(data, bool):
            kind = "boolean"
        elif isinstance(data, int) and data in INT64:
            kind = "int" if data in INT32 else "long"
        elif isinstance(data, float):
            kind = "double"
        elif isinstance(data, str):
            kind = "text"
        if kind is None:
            shown = "null" if data is None else f"{data!r:.40}"
            return self.wrong(
                place, f"must be a text, a number, true, false or an object with an operator, not {shown}"
            )
        return Typed(kind, lambda _event, _memo: data, key_of(data), data)

    def _operation(self, data: dict[str, Any], place: str, depth: int) -> Typed | None:
        named = [key for key in data if key in self._operators]
        if len(named) != 1:
            operators = ", ".join(self._operators)
            given = (
                f"it has {' and '.join(named)}" if named else f"it has only {', '.join(map(str, data)) or 'nothing'}"
            )
            return self.wrong(place, f"needs exactly one operator; {given}. Operators are {operators}")
        name = named[0]
        operator = self._operators[name]
        missing = sorted(operator.needs - set(data))
        for key in missing:
            self.wrong(place, f"{name} needs `{key}`")
        unknown = sorted(set(data) - {name} - self._keys(name))
        for key in unknown:
            self.wrong(f"{place}.{key}", f"{name} has no `{key}`{_listed(self._keys(name))}")
        return None if missing or unknown else operator.read(self, data, place, depth)

    def _keys(self, name: str) -> frozenset[str]:
        return self._operators[name].needs | self._operators[name].may

    def use(self, name: Any, place: str) -> Typed | None:
        """An expression of `define`."""
        if not isinstance(name, str) or name not in self._define:
            return self.wrong(place, f"nothing is defined as {name!r}{_listed(self._define)}")
        if name in self._reading:
            return self.wrong(place, f"{' → '.join([*self._reading, name])}: it is defined by itself")
        if name not in self._used:
            before = self._count
            self._reading.append(name)
            self._used[name] = self.read(self._define[name], f"define.{name}", len(self._reading))
            self._reading.pop()
            self._sizes[name] = self._count - before
        else:
            self._count += self._sizes[name]
        found = self._used[name]
        return (
            None if found is None else msgspec.structs.replace(found, get=self.shared(key_of("use", name), found.get))
        )

    def check_definitions(self) -> None:
        """Reads what is defined and not used, for its problems."""
        for name in self._define:
            if name not in self._used:
                self.use(name, f"define.{name}")

    def of(self, data: Any, place: str, depth: int, kinds: frozenset[str], what: str) -> Typed | None:
        """An expression inside another that must be of one of these kinds."""
        found = self.read(data, place, depth + 1)
        if found is not None and found.kind not in kinds:
            return self.wrong(place, f"must be {what}, not {found.kind}")
        return found

    def text(
        self, data: Any, place: str, depth: int, kinds: frozenset[str] = frozenset({"text", "json"})
    ) -> Typed | None:
        """An expression whose value is, or can be written as, a text."""
        found = self.of(data, place, depth, kinds, "a text")
        if found is None or found.kind == "text":
            return found
        get = found.get

        def written(event: Event, memo: Memo) -> str | None:
            return text_of(get(event, memo))

        return Typed("text", written, f"text({found.key})")

    def condition(self, data: Any, place: str, depth: int) -> Typed | None:
        """An expression whose value is a truth value."""
        return self.of(data, place, depth, frozenset({"boolean"}), "a condition (true or false)")

    def list_of(self, data: Any, place: str) -> list[Any] | None:
        """A list that is written in the mapping itself."""
        if isinstance(data, list):
            return cast("list[Any]", data)
        return self.wrong(place, "must be a list")

    def name(self, data: Any, place: str) -> str | None:
        """A text that is written in the mapping itself, not empty."""
        if isinstance(data, str) and data:
            return data
        return self.wrong(place, "must be a text")

    def choice(self, data: Any, place: str, choices: Mapping[str, Any] | tuple[str, ...]) -> str | None:
        """One of some names."""
        if isinstance(data, str) and data in choices:
            return data
        return self.wrong(place, f"must be one of {', '.join(choices)}, not {data!r:.60}")

    def flag(self, data: dict[str, Any], key: str, place: str) -> bool | None:
        """A truth value that is written in the mapping itself; false unless given."""
        value = data.get(key, False)
        if isinstance(value, bool):
            return value
        return self.wrong(f"{place}.{key}", "must be true or false")

    def pattern(self, data: Any, place: str) -> Pattern | None:
        """A regular expression."""
        if not isinstance(data, str) or len(data) > PATTERN_MAX:
            return self.wrong(place, f"must be a regular expression of at most {PATTERN_MAX} characters")
        try:
            return self._patterns.setdefault(data, self._patterns.get(data) or Pattern(data))
        except Invalid as error:
            return self.wrong(place, error.reason)

    def shared(self, key: str, get: Get) -> Get:
        """A getter that asks `get` once for each event, however often it is asked. `key` tells values apart."""
        if key not in self._slots:
            slot = len(self._slots)

            def once(event: Event, memo: Memo) -> Any:
                value = memo[slot]
                if value is UNSET:
                    value = memo[slot] = get(event, memo)
                return value

            self._slots[key] = once
        return self._slots[key]


def key_of(*parts: Any) -> str:
    """A short text that is the same for the same parts."""
    text = json.dumps(parts)
    return text if len(text) <= _KEY_MAX else hashlib.sha256(text.encode()).hexdigest()


def _listed(names: Any) -> str:
    found = ", ".join(sorted(str(name) for name in names)[:30])
    return f"; there are {found}" if found else ""
