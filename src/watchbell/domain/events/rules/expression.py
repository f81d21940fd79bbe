"""Expressions over one event, in CEL (`watchbell.domain.expressions`), and filters that need none.

An expression that fails on an event (a field that is not there, a text compared with a number) is not true of it.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.event import Event
from watchbell.domain.events.place import Place
from watchbell.domain.expressions import Contexts, Program, without_texts

if TYPE_CHECKING:
    import cel

PARAMETERS = "parameters"
_TIMES = frozenset({"received_ms", "client_ms"})
_NESTED: dict[str, tuple[str, ...]] = {"agent": UserAgent.__struct_fields__, "place": Place.__struct_fields__}
_HIDDEN = frozenset({"raw", "raw_parameters", "kind", "headers", *_NESTED}) | _TIMES

FIELDS = frozenset(name for name in Event.__struct_fields__ if name not in _HIDDEN)
"""The fields of an event that a filter may compare; besides these, `parameters.<name>`, `agent.…` and `place.…`."""

READABLE = FIELDS | _TIMES | {PARAMETERS, *_NESTED}
"""What an expression may read."""

_EQUALITY = re.compile(r"""\s*([a-z_]+)\s*==\s*("[^"\\\n]*"|'[^'\\\n]*')\s*(?:&&(.*))?""", re.DOTALL)


class Fields:
    """What expressions see of one event at a time.

    Values are fetched once an event, and only those that some expression reads. Not thread-safe.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._values: dict[str, Any] = {}
        self._contexts = Contexts()
        self._context: cel.Context | None = None
        self._event: Event | None = None

    def need(self, names: frozenset[str]) -> None:
        """These are read by an expression."""
        self._names = tuple(sorted({*self._names, *names}))

    def show(self, event: Event) -> None:
        """From now on expressions are about this event."""
        self._event = event
        self._context = None

    @property
    def shown(self) -> Event:
        """The event that is shown."""
        if self._event is None:
            raise Invalid("no event is shown")
        return self._event

    def context(self) -> "cel.Context":
        """What the engine is given."""
        if self._context is None:
            event = self.shown
            self._context = self._contexts.of({name: value_of(event, name) for name in self._names})
        return self._context


def value_of(event: Event, name: str) -> Any:
    """A field as expressions see it; `parameters`, `agent` and `place` are mappings always."""
    if name == PARAMETERS:
        parameters = event.parameters()
        return cast("Any", parameters) if isinstance(parameters, dict) else {}
    value = getattr(event, name, None)
    return msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else {} if name in _NESTED else value


class Expression:
    """A compiled expression. `test` asks whether it is true of an event, `value` what it yields."""

    def __init__(self, source: str, field: str = "where") -> None:
        """Compile.

        Raises:
            Invalid: with `field` and the reason.
        """
        self.source = source
        self._program = Program(source, field, READABLE, "an event")
        self.names = self._program.names
        """The fields that are read."""

    def test(self, fields: Fields) -> bool:
        """Whether it is true of the event shown; False when it fails or yields something else."""
        return self.value(fields) is True

    def value(self, fields: Fields) -> Any:
        """What it yields for the event shown; None when it fails."""
        return self._program.value(fields.context)


def equality(source: str) -> tuple[str, str] | None:
    """(field, text) when the expression can only be true of events whose field is that text; None when unsure.

    It finds the rule without running the expression: `event_type == "checkout" && …`.
    """
    found = _EQUALITY.fullmatch(source)
    if found is None or found[1] not in FIELDS:
        return None
    rest = without_texts(found[3] or "")
    # `a && b || c` and `a && b ? c : d` would hold without `a`.
    return None if "||" in rest or "?" in rest else (found[1], found[2][1:-1])


Test = Callable[[Event], bool]


def simple_tests(wanted: Mapping[str, Any]) -> list[Test]:
    """The tests of a filter without expression: field (or `parameters.<name>`) → the value that it must have."""
    return [_simple_test(name, value) for name, value in wanted.items()]


def _simple_test(name: str, expected: Any) -> Test:
    read = reader(name)

    def holds(event: Event) -> bool:
        found = read(event)
        # In Python True equals 1; for whoever wrote the filter it does not.
        return found == expected and isinstance(found, bool) == isinstance(expected, bool)

    return holds


def is_field(name: str) -> bool:
    """Whether a filter, a group or a value may be this field."""
    prefix, _, rest = name.partition(".")
    if prefix == PARAMETERS:
        return bool(rest)
    return rest in _NESTED[prefix] if prefix in _NESTED else name in FIELDS


def reader(name: str) -> Callable[[Event], Any]:
    """Reads a field, `parameters.<name>`, or a part of `agent` or `place`."""
    prefix, _, rest = name.partition(".")
    if prefix == PARAMETERS and rest:
        return lambda event: value_of(event, PARAMETERS).get(rest)
    if rest:
        return lambda event: getattr(getattr(event, prefix, None), rest, None)
    return lambda event: getattr(event, name)
