"""Rules over the event stream: how many events of a kind came in a window, and whether that is too many or too few.

Windows are aligned to 1970 and follow one another without overlap. Every collector counts its own part; the parts add
up, and a part that is reported again replaces what was reported before.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event
from watchbell.domain.managed import Managed

PARAMETER_PREFIX = "parameters."

FILTER_FIELDS = frozenset(
    name for name in Event.__struct_fields__ if name not in {"raw_parameters", "kind", "received_ms", "client_ms"}
)
"""The fields of an event that a filter may compare; besides these, `parameters.<name>`."""

Term = str | int | float | bool | None


class Bound(StrEnum):
    """Which side of the threshold is wrong."""

    ABOVE = "above"
    BELOW = "below"


class Rule(Managed, frozen=True, kw_only=True):
    """Count in a window: a signal when it holds more (`above`) or fewer (`below`) events than `threshold`."""

    filter: dict[str, Term] = {}
    """Field of the event → the value that it must have; all must hold. Empty: every event."""
    window_s: int = 60
    """Length of a window in seconds, 1 to 86,400."""
    bound: Bound = Bound.BELOW
    threshold: float = 1
    enabled: bool = True
    environment: str = "Production"
    resource: str = ""
    """Resource of the signal; empty: `events`."""
    event: str = ""
    """Event of the signal; empty: the rule's name."""
    severity: str = "major"
    service: tuple[str, ...] = ()
    text: str = ""
    """Text of the signal; empty: what was counted."""


class WindowCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many events one node counted for one rule in one window.

    Unique by (rule_id, node, window_start); the latest holds.
    """

    rule_id: str
    node: str
    window_start: datetime
    window_s: int
    count: int
    complete: bool
    """No event that this node accepted before the end of the window is left to count."""
    partial: bool = False
    """The node did not watch for the whole window (it, or the rule, began in the middle)."""


class Outcome(StrEnum):
    """What a window says."""

    OK = "ok"
    BREACH = "breach"
    UNKNOWN = "unknown"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement over one window, with the reason that a person reads."""

    outcome: Outcome
    count: int
    reason: str


def check_rule(rule: Rule) -> Rule:
    """The rule, when it can be counted.

    Raises:
        Invalid: with the field and the reason.
    """
    if not rule.name.strip() or len(rule.name) > 200:
        raise Invalid("must be 1 to 200 characters", "name")
    if not 1 <= rule.window_s <= 86_400:
        raise Invalid("must be 1 to 86400 seconds", "window_s")
    if rule.threshold < 0:
        raise Invalid("must not be negative", "threshold")
    if rule.bound is Bound.BELOW and rule.threshold == 0:
        raise Invalid("no count is below 0", "threshold")
    for field in rule.filter:
        if field not in FILTER_FIELDS and not (
            field.startswith(PARAMETER_PREFIX) and len(field) > len(PARAMETER_PREFIX)
        ):
            known = ", ".join(sorted(FILTER_FIELDS))
            raise Invalid(
                f"is not a field of an event; there are {known} and {PARAMETER_PREFIX}<name>", f"filter.{field}"
            )
    return rule


def window_start_ms(moment_ms: int, window_s: int) -> int:
    """The start of the window that `moment_ms` (milliseconds since 1970) lies in."""
    return moment_ms - moment_ms % (window_s * 1000)


_Test = Callable[[Event], bool]


def _value_of(event: Event, field: str) -> Any:
    if field.startswith(PARAMETER_PREFIX):
        parameters = event.parameters()
        if not isinstance(parameters, dict):
            return None
        value: Any = parameters.get(field[len(PARAMETER_PREFIX) :])  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        return value  # pyright: ignore[reportUnknownVariableType]
    return getattr(event, field)


def _test_of(field: str, expected: Term) -> _Test:
    def holds(event: Event) -> bool:
        found = _value_of(event, field)
        # In Python True equals 1; for whoever wrote the filter it does not.
        return found == expected and isinstance(found, bool) == isinstance(expected, bool)

    return holds


class _Counted(msgspec.Struct, frozen=True):
    """A rule made ready for counting."""

    rule_id: str
    window_ms: int
    duplicates: bool
    """The filter speaks of duplicates; otherwise they do not count."""
    tests: tuple[_Test, ...]


class RuleIndex:
    """Rules made ready for counting, found by a term of their filters: cost follows matches, not rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._always: list[_Counted] = []
        self._by_field: dict[str, dict[Any, list[_Counted]]] = {}
        for rule in rules:
            if rule.enabled:
                self._add(rule)
        self._fields = list(self._by_field.items())

    def _add(self, rule: Rule) -> None:
        # A parameter is dear to read and a number is no use as a key (True equals 1): both are only tested.
        key = next(
            (
                field
                for field, value in rule.filter.items()
                if not field.startswith(PARAMETER_PREFIX) and (value is None or isinstance(value, str))
            ),
            None,
        )
        tests = tuple(_test_of(field, value) for field, value in rule.filter.items() if field != key)
        counted = _Counted(rule.id, rule.window_s * 1000, "duplicate" in rule.filter, tests)
        if key is None:
            self._always.append(counted)
        else:
            self._by_field.setdefault(key, {}).setdefault(rule.filter[key], []).append(counted)

    def count(self, events: Iterable[Event], into: dict[tuple[str, int], int]) -> None:
        """Adds to `into` how many of `events` fall to (rule id, window start in milliseconds)."""
        for event in events:
            for counted in self._always:
                self._count_one(counted, event, into)
            for field, table in self._fields:
                found = table.get(getattr(event, field))
                if found is not None:
                    for counted in found:
                        self._count_one(counted, event, into)

    @staticmethod
    def _count_one(counted: _Counted, event: Event, into: dict[tuple[str, int], int]) -> None:
        if event.duplicate and not counted.duplicates:
            return
        for test in counted.tests:
            if not test(event):
                return
        moment = event.received_ms
        key = (counted.rule_id, moment - moment % counted.window_ms)
        into[key] = into.get(key, 0) + 1


def tally(rules: Sequence[Rule], events: Iterable[Event]) -> dict[tuple[str, int], int]:
    """(rule id, window start in milliseconds since 1970) → how many of `events` match.

    Windows without a match are not listed.
    """
    counts: dict[tuple[str, int], int] = {}
    RuleIndex(rules).count(events, counts)
    return counts


def judge_window(rule: Rule, count: int, reporters: int, *, partial: bool = False) -> Verdict:
    """What `count` events in one window mean for `rule`.

    `reporters` is how many nodes reported the window as complete; `partial`, that one of them watched only a part of
    it. Without a reporter nothing is known: a collector that is away must not look like users who are. Too many is too
    many at once; too few is certain only when everyone watched the whole window.
    """
    events = "1 event" if count == 1 else f"{count} events"
    where = f"in {_spell(rule.window_s)}"
    if reporters <= 0:
        return Verdict(outcome=Outcome.UNKNOWN, count=count, reason=f"no collector reported the window ({where})")
    if rule.bound is Bound.ABOVE:
        breached = count > rule.threshold
        relation = "above" if breached else "not above"
    else:
        breached = count < rule.threshold
        relation = "below" if breached else "not below"
        if breached and partial:
            return Verdict(
                outcome=Outcome.UNKNOWN, count=count, reason=f"the window was watched only in part ({events} {where})"
            )
    outcome = Outcome.BREACH if breached else Outcome.OK
    return Verdict(outcome=outcome, count=count, reason=f"{events} {where}, {relation} {rule.threshold:g}")


def _spell(seconds: int) -> str:
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"


def moment_of(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware datetime."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
