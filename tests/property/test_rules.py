"""Event rules: parts add up however they are split, ordered and repeated; and a day with an outage, learned bounds."""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawKind
from watchbell.domain.events.rules.baseline import HOUR, HourRow, hour_of, hours_before, learned_band, summary
from watchbell.domain.events.rules.bounds import Outcome
from watchbell.domain.events.rules.expression import Expression, Fields
from watchbell.domain.events.rules.part import ALL, WindowPart, merge, value_of
from watchbell.domain.events.rules.rule import Bound, Measure, Rule
from watchbell.domain.events.rules.watch import Watch, begin, watch
from watchbell.domain.events.rules.windows import CountedWindows, WindowCounter

START = 1_700_000_040_000  # a whole minute
TYPES = ("pageView", "checkout", "error")
RULES = (
    Rule(id="count", name="count", filter={"event_type": "checkout"}),
    Rule(
        id="ratio", name="ratio", measure=Measure.RATIO, filter={"event_type": "error"}, of_filter={"source": "browser"}
    ),
    Rule(id="distinct", name="distinct", measure=Measure.DISTINCT),
    Rule(id="percentile", name="percentile", measure=Measure.PERCENTILE, field="screen_width", percentile=90),
    Rule(id="grouped", name="grouped", measure=Measure.DISTINCT, group_by="event_type", where="screen_width >= 500"),
)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from(TYPES), st.integers(0, 30), st.integers(0, 150_000), st.integers(0, 1000)),
            max_size=60,
        )
    )
    return [
        Event(
            source="browser",
            kind=RawKind.BROWSER,
            party_id=f"p{party}",
            session_id="s",
            event_id=f"{number}",
            received_ms=START + offset,
            client_ms=START + offset,
            new_party=False,
            first_in_session=False,
            remote="127.0.0.1",
            event_type=name,
            screen_width=width,
        )
        for number, (name, party, offset, width) in enumerate(drawn)
    ]


def parts_of(given_events: list[Event], node: str, *, restart_at: int | None = None) -> list[WindowPart]:
    counter = WindowCounter(node)
    counter.use(RULES, START)
    counter.add(given_events[:restart_at])
    if restart_at is not None:
        kept: CountedWindows = counter.state()
        counter = WindowCounter(node, kept)
        counter.use(RULES, START + 1)
        counter.add(given_events[restart_at:])
    return counter.report(START + 170_000, START)


def values(parts: list[WindowPart]) -> dict[tuple[str, datetime, str], float | None]:
    """What the keeper makes of the parts: (rule, window, group) → value. The latest part of a node holds."""
    latest = {(part.rule_id, part.window_start, part.group, part.node): part for part in parts}
    by_key: dict[tuple[str, datetime, str], list[WindowPart]] = {}
    for part in latest.values():
        by_key.setdefault((part.rule_id, part.window_start, part.group), []).append(part)
    rules = {rule.id: rule for rule in RULES}
    return {
        key: value_of(rules[key[0]], merge(rules[key[0]], held))
        for key, held in by_key.items()
        if key[2] != ALL or not rules[key[0]].group_by
    }


def alike(one: dict[Any, float | None], two: dict[Any, float | None]) -> bool:
    """The same numbers; a percentile is the same to within the sketch's error."""
    return one.keys() == two.keys() and all(
        value == two[key]
        or (
            key[0] == "percentile"
            and value is not None
            and math.isclose(value, two[key] or 0, rel_tol=0.15, abs_tol=60)
        )
        for key, value in one.items()
    )


@given(events(), st.lists(st.integers(0, 2), min_size=60, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_split_over_nodes_equals_one_node_in_any_order_however_often_told(
    found: list[Event], nodes: list[int], chance: random.Random
):
    whole = values(parts_of(found, "one"))
    split = [
        part
        for node in range(3)
        for part in parts_of([one for one, place in zip(found, nodes, strict=False) if place == node], f"n{node}")
    ]
    told = [*split, *chance.sample(split, len(split) // 2)]
    chance.shuffle(told)
    assert alike(values(told), whole)
    assert values(told) == values(split)


@given(events(), st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_restart_equals_no_restart(found: list[Event], moment: int):
    assert alike(values(parts_of(found, "n", restart_at=min(moment, len(found)))), values(parts_of(found, "n")))


@given(events(), st.lists(st.integers(1, 5), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_reports_on_the_way_change_nothing(found: list[Event], steps: list[int]):
    counter, told, place = WindowCounter("n"), [], 0
    counter.use(RULES, START)
    for size in steps:
        counter.add(found[place : place + size])
        place += size
        told += counter.report(START + 170_000, START)
    counter.add(found[place:])
    told += counter.report(START + 170_000, START)
    assert values(told) == values(parts_of(found, "n"))


EXPRESSIONS = (
    'event_type == "checkout"',
    'event_type == "checkout" && screen_width > 400',
    'event_type == "error" || screen_width < 100',
    'event_type == "error" && screen_width < 100 || party_id == "p1"',
    'event_type in ["error", "checkout"] && !(party_id.endsWith("2"))',
)


@pytest.mark.parametrize("source", EXPRESSIONS)
@given(found=events())
@settings(max_examples=30, deadline=None)
def test_finding_rules_by_a_field_equals_asking_the_engine_about_each_event(source: str, found: list[Event]):
    expression, fields = Expression(source), Fields()
    fields.need(expression.names)

    def true_of(one: Event) -> bool:
        fields.show(one)
        return expression.test(fields)

    counter = WindowCounter("n")
    counter.use([Rule(id="r", name="r", where=source)], START)
    counter.add(found)
    assert sum(part.count for part in counter.report(START + 170_000, START)) == sum(map(true_of, found))


LEARNING = Rule(
    id="r", name="checkouts", learn=True, bound=Bound.BELOW, window_s=300, fire_after=2, recover_after=2, late_s=0
)
LENGTH = timedelta(minutes=5)
MONDAY = datetime(2026, 3, 30, tzinfo=UTC)


class Shop:
    """Checkouts in five minutes: few at night, fewer on Sundays, and chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def checkouts(self, moment: datetime) -> int:
        hour = moment.hour + moment.minute / 60
        mean = (60 - 45 * math.cos((hour - 3) / 24 * 2 * math.pi)) * (0.5 if moment.weekday() == 6 else 1)
        return max(0, round(self._chance.gauss(mean, math.sqrt(mean))))


def learned(shop: Shop, weeks: int) -> dict[datetime, HourRow]:
    """What the weeks before Monday taught; two weeks ago the shop was away for three hours."""
    known: dict[datetime, HourRow] = {}
    hour = MONDAY - timedelta(weeks=weeks)
    while hour < MONDAY:
        away = timedelta(days=14) - timedelta(hours=13) < MONDAY - hour <= timedelta(days=14) - timedelta(hours=10)
        counts = [0 if away else shop.checkouts(hour + n * LENGTH) for n in range(12)]
        outcome = Outcome.BREACH if away else Outcome.OK
        made = summary("r", ALL, hour, [(float(count), outcome) for count in counts])
        assert made is not None
        known[hour] = made
        hour += HOUR
    return known


def a_day(seed: int, *, outage: tuple[datetime, datetime] | None, weeks: int = 4) -> list[tuple[datetime, str]]:
    """Monday, judged every five minutes: when what was said, as (moment, severity)."""
    shop = Shop(seed)
    known = learned(shop, weeks)

    def band(_group: str, start: datetime) -> Any:
        hour = hour_of(start)
        return learned_band(LEARNING, hour, [known[one] for one in hours_before(LEARNING, hour) if one in known])

    state: Watch = begin(LEARNING, MONDAY)
    parts: list[WindowPart] = []
    said: list[tuple[datetime, str]] = []
    for number in range(288):
        start = MONDAY + number * LENGTH
        away = outage is not None and outage[0] <= start < outage[1]
        count = shop.checkouts(start)
        parts = [*parts[-5:], WindowPart(
            rule_id="r", node="n", window_start=start, window_s=300, count=0 if away else count, complete=True
        )]  # fmt: skip
        watched = watch(LEARNING, state, parts, band, start + LENGTH + timedelta(seconds=2))
        state = watched.watch
        said += [(start + LENGTH, signal.severity) for signal in watched.signals]
    return said


@pytest.mark.parametrize("seed", range(6))
def test_an_outage_is_told_within_two_windows_and_nothing_else_is(seed: int):
    began, ended = MONDAY + timedelta(hours=11), MONDAY + timedelta(hours=12)
    said = a_day(seed, outage=(began, ended))
    assert said == [(began + 2 * LENGTH, "major"), (ended + 2 * LENGTH, "normal")]


@pytest.mark.parametrize("seed", range(6))
def test_a_calm_day_says_nothing(seed: int):
    assert a_day(seed, outage=None) == []


def test_before_enough_is_known_nothing_is_said():
    assert a_day(1, outage=(MONDAY, MONDAY + timedelta(hours=12)), weeks=0) == []
