"""The rule: what is counted, how a window is judged, and what the signal says."""

import re
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.rules.expression import FIELDS, Expression, is_field
from watchbell.domain.managed import Managed

Term = str | int | float | bool | None


class Measure(StrEnum):
    """What is made of the events of a window."""

    COUNT = "count"
    """How many."""
    RATE = "rate"
    """How many a second or a minute."""
    RATIO = "ratio"
    """How many of those that `of_filter` and `of_where` choose."""
    DISTINCT = "distinct"
    """How many different values of `field` (parties, when it is empty)."""
    PERCENTILE = "percentile"
    """The `percentile` of the number in `field`."""
    FUNNEL = "funnel"
    """Which share of the parties that took the first of `steps` took the last one within `within_s`."""
    ABSENCE = "absence"
    """No event for `window_s`."""


class Bound(StrEnum):
    """Which side of the bounds is wrong."""

    ABOVE = "above"
    BELOW = "below"
    BOTH = "both"


class Per(StrEnum):
    """The unit of a rate."""

    SECOND = "second"
    MINUTE = "minute"


class TimeOf(StrEnum):
    """Which time says in what window an event falls."""

    RECEIPT = "receipt"
    EVENT = "event"
    """The client's clock, if it is at most `late_s` behind the receipt and not ahead of it; else the receipt."""


class HolidayAs(StrEnum):
    """How the hours of a holiday are judged when bounds are learned."""

    SUNDAY = "sunday"
    SKIP = "skip"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a funnel: the events that `filter` and `where` choose."""

    filter: dict[str, Term] = {}
    """Field of the event → the value that it must have; all must hold."""
    where: str = ""
    """An expression in CEL that must be true of the event."""


class Rule(Managed, frozen=True, kw_only=True):
    """Watches a number made of the events of each window: a signal when it is out of bounds."""

    measure: Measure = Measure.COUNT
    filter: dict[str, Term] = {}
    """Field of the event → the value that it must have; all must hold. Empty: every event."""
    where: str = ""
    """An expression in CEL that must be true of the event as well, as `parameters.total > 100`. Empty: none."""
    window_s: int = 60
    """Length of a window in seconds, 1 to 86,400. Of an absence: for how long no event may come."""
    per: Per = Per.MINUTE
    """Unit of a rate."""
    field: str = ""
    """Whose different values are counted, or the number whose percentile it is: a field or `parameters.<name>`."""
    percentile: float = 95
    """Above 0, at most 100."""
    of_filter: dict[str, Term] = {}
    """Of a ratio: the events that are the whole, as `filter`."""
    of_where: str = ""
    """Of a ratio: the events that are the whole, as `where`."""
    steps: tuple[Step, ...] = ()
    """Of a funnel: its steps in order, 2 to 10."""
    within_s: int = 1800
    """Of a funnel: seconds from the first step to the last."""
    at_least: int = 0
    """A ratio, percentile or funnel of fewer events (or parties) than this says nothing."""
    group_by: str = ""
    """Watch each value of this apart: a field, `parameters.<name>` or an expression in CEL. Empty: all together."""
    max_groups: int = 50
    """So many groups a window; what is more counts as `(others)`. 1 to 500."""
    bound: Bound = Bound.BELOW
    threshold: float = 1
    """The bound; of `both` the lower one."""
    upper: float | None = None
    """Of `both`: the upper bound."""
    learn: bool = False
    """Learn what to expect from the same hour of former weeks, in place of `threshold` and `upper`."""
    tolerance: float = 4
    """How many times the usual spread a learned window may be off, 1 to 20."""
    timezone: str = "UTC"
    """Where hours of the day and holidays are counted."""
    holidays: tuple[str, ...] = ()
    """Days (`2026-12-25`, or `12-25` for every year) that are not like others of their weekday."""
    holiday_as: HolidayAs = HolidayAs.SUNDAY
    """How holidays are judged: as a Sunday, or not at all."""
    fire_after: int = 1
    """So many windows in a row must be out of bounds before the signal, 1 to 100."""
    recover_after: int = 1
    """So many windows in a row must be within bounds before it ends, 1 to 100."""
    late_s: int = 60
    """How long after the end of a window late events and reports still change it, up to 100 windows."""
    time: TimeOf = TimeOf.RECEIPT
    enabled: bool = True
    environment: str = "Production"
    resource: str = ""
    """Resource of the signal; empty: `events`. The group is added."""
    event: str = ""
    """Event of the signal; empty: the rule's name."""
    severity: str = "major"
    service: tuple[str, ...] = ()
    text: str = ""
    """Text of the signal; empty: what was counted."""

    @property
    def slice_s(self) -> int:
        """Length of the windows that are counted, in seconds: an absence is watched in tenths."""
        if self.measure is not Measure.ABSENCE:
            return self.window_s
        parts = next((n for n in range(10, 0, -1) if self.window_s % n == 0 and self.window_s // n >= 5), 1)
        return self.window_s // parts

    @property
    def to_fire(self) -> int:
        """How many windows in a row must be out of bounds."""
        return self.window_s // self.slice_s if self.measure is Measure.ABSENCE else self.fire_after

    @property
    def settle_s(self) -> int:
        """How long after its end a window cannot be whole: paths of a funnel are still under way."""
        return self.within_s if self.measure is Measure.FUNNEL else 0

    @property
    def counted(self) -> tuple[object, ...]:
        """What counting depends on; when it changes, counting starts anew."""
        return (
            *(self.measure, self.filter, self.where, self.window_s, self.field, self.of_filter, self.of_where),
            *(self.steps, self.within_s, self.group_by, self.max_groups, self.time, self.late_s),
        )


def check_rule(rule: Rule) -> Rule:
    """The rule, when it can be counted and judged.

    Raises:
        Invalid: with the field and the reason.
    """
    for problem in rule_problems(rule):
        raise Invalid(problem[1], problem[0])
    return rule


def rule_problems(rule: Rule) -> list[tuple[str, str]]:
    """Everything wrong with a rule, as (field, reason)."""
    found: list[tuple[str, str]] = []
    if not rule.name.strip() or len(rule.name) > 200:
        found.append(("name", "must be 1 to 200 characters"))
    found += _numbers(rule)
    found += _bounds(rule)
    found += _choices("", rule.filter, rule.where)
    found += _choices("of_", rule.of_filter, rule.of_where)
    if rule.group_by and not is_field(rule.group_by):
        found += _expression("group_by", rule.group_by)
    found += _of_measure(rule)
    found += _calendar(rule)
    return found


def _numbers(rule: Rule) -> list[tuple[str, str]]:
    ranges: list[tuple[str, float, float, float]] = [
        ("window_s", rule.window_s, 1, 86_400),
        ("at_least", rule.at_least, 0, 10**9),
        ("max_groups", rule.max_groups, 1, 500),
        ("tolerance", rule.tolerance, 1, 20),
        ("fire_after", rule.fire_after, 1, 100),
        ("recover_after", rule.recover_after, 1, 100),
        ("within_s", rule.within_s, 1, 86_400),
        ("late_s", rule.late_s, 0, 86_400),
    ]
    found: list[tuple[str, str]] = []
    for field, value, low, high in ranges:
        if not low <= value <= high:
            unit = " seconds" if field.endswith("_s") else ""
            found.append((field, f"must be {low:g} to {int(high)}{unit}"))
    if not found and rule.late_s > 100 * rule.slice_s:
        found.append(("late_s", f"must be at most 100 windows ({100 * rule.slice_s} seconds)"))
    if not 0 < rule.percentile <= 100:
        found.append(("percentile", "must be above 0 and at most 100"))
    return found


def _bounds(rule: Rule) -> list[tuple[str, str]]:
    if rule.measure is Measure.ABSENCE:
        return [("learn", "an absence has no bounds to learn")] if rule.learn else []
    if not rule.learn and rule.threshold < 0:
        return [("threshold", "must not be negative")]
    return [] if rule.learn else _sides(rule)


def _sides(rule: Rule) -> list[tuple[str, str]]:
    if rule.bound is Bound.BELOW and rule.threshold == 0:
        return [("threshold", "no count is below 0")]
    if rule.bound is Bound.BOTH and rule.upper is None:
        return [("upper", "is required when both sides are bounded")]
    if rule.bound is Bound.BOTH and rule.upper is not None and rule.upper < rule.threshold:
        return [("upper", "must not be below threshold")]
    return []


def _choices(prefix: str, wanted: dict[str, Term], where: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for field in wanted:
        if not is_field(field):
            known = ", ".join(sorted(FIELDS))
            reason = f"is not a field of an event; there are {known} and parameters.<name>"
            found.append((f"{prefix}filter.{field}", reason))
    return found + (_expression(f"{prefix}where", where) if where else [])


def _expression(field: str, source: str) -> list[tuple[str, str]]:
    try:
        Expression(source, field)
    except Invalid as error:
        return [(error.field, error.reason)]
    return []


def _of_measure(rule: Rule) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if rule.measure is Measure.PERCENTILE and not rule.field:
        found.append(("field", "is required: the number whose percentile is watched"))
    if rule.field and not is_field(rule.field):
        found.append(("field", "is not a field of an event or parameters.<name>"))
    if rule.measure is Measure.FUNNEL and not 2 <= len(rule.steps) <= 10:
        found.append(("steps", "must be 2 to 10 steps"))
    if rule.measure is Measure.FUNNEL and rule.group_by:
        found.append(("group_by", "a funnel has no groups"))
    for number, step in enumerate(rule.steps):
        if not step.filter and not step.where:
            found.append((f"steps[{number}]", "needs a filter or an expression"))
        found += _choices(f"steps[{number}].", step.filter, step.where)
    return found


def _calendar(rule: Rule) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    try:
        ZoneInfo(rule.timezone)
    except (ValueError, OSError, KeyError):
        found.append(("timezone", "there is no such time zone; one is Europe/Berlin"))
    if len(rule.holidays) > 366:
        found.append(("holidays", "must have at most 366 days"))
    for number, day in enumerate(rule.holidays):
        whole = f"2024-{day}" if re.fullmatch(r"\d\d-\d\d", day) else day
        try:
            date.fromisoformat(whole)
        except ValueError:
            found.append((f"holidays[{number}]", "must be a day as 2026-12-25, or 12-25 for every year"))
    return found
