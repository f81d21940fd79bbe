"""Every kind of rule, from events to the number that is judged."""

from typing import Any

import msgspec
import pytest

from unit.domain.events.rules.test_rule import START, event, rule
from watchbell.domain.events.event import Event
from watchbell.domain.events.rules.counting import NO_GROUP, group_text
from watchbell.domain.events.rules.part import OTHERS, WindowPart, merge, value_of
from watchbell.domain.events.rules.rule import Measure, Rule, Step, Term, TimeOf
from watchbell.domain.events.rules.windows import CountedWindows, WindowCounter

CHECKOUT: dict[str, Term] = {"event_type": "checkout"}
FUNNEL = (Step(filter={"event_type": "pageView"}), Step(where='event_type == "basket"'), Step(filter=CHECKOUT))


def parts_of(made: Rule, events: list[Event], node: str = "n") -> list[WindowPart]:
    counter = WindowCounter(node)
    counter.use([made], 0)
    counter.add(events)
    return [part for part in counter.report(START + 700_000, START) if part.count or part.of]


def values(made: Rule, events: list[Event]) -> dict[str, float | None]:
    """Group → value, for the one window that has events."""
    parts = parts_of(made, events)
    return {
        group: value_of(made, merge(made, [part for part in parts if part.group == group]))
        for group in sorted({part.group for part in parts})
        if bool(group) is bool(made.group_by)
    }


def named(*types: str) -> list[Event]:
    return [event(event_type=name) for name in types]


def test_rate():
    made = rule(measure=Measure.RATE, window_s=30)
    assert values(made, named(*["a"] * 15)) == {"": 30}
    assert values(msgspec.structs.replace(made, per="second"), named(*["a"] * 15)) == {"": 0.5}


def test_ratio():
    made = rule(measure=Measure.RATIO, filter=CHECKOUT, of_where='event_type in ["pageView", "checkout"]')
    assert values(made, named("checkout", "pageView", "pageView", "pageView", "other")) == {"": 0.25}
    assert values(msgspec.structs.replace(made, at_least=5), named("checkout", "pageView")) == {"": None}


def test_distinct_parties_and_distinct_values():
    events = [event(party_id=f"p{number % 7}", raw_parameters=f"(dn!{number % 3}!)") for number in range(50)]
    assert values(rule(measure=Measure.DISTINCT), events) == {"": 7}
    assert values(rule(measure=Measure.DISTINCT, field="parameters.n"), events) == {"": 3}


def test_percentile():
    events = [event(raw_parameters=msgspec.json.encode({"ms": number})) for number in range(1, 1001)]
    events += [event(raw_parameters=raw) for raw in (b'{"ms":"fast"}', b'{"ms":null}', b'{"ms":true}', b"{}")]
    made = rule(measure=Measure.PERCENTILE, field="parameters.ms", percentile=95)
    (value,) = values(made, events).values()
    assert value == pytest.approx(950, rel=0.01)
    assert values(msgspec.structs.replace(made, at_least=1001), events) == {"": None}


def test_a_funnel_counts_parties_that_took_every_step_in_order():
    def step(party: str, name: str, second: int) -> Event:
        return event(party_id=party, event_type=name, received_ms=START + second * 1000)

    events = [
        *(step("whole", name, second) for second, name in enumerate(("pageView", "basket", "checkout"))),
        *(step("wrong order", name, 3) for name in ("pageView", "checkout", "basket")),
        *(step("half", name, 4) for name in ("pageView", "basket")),
        step("late", "pageView", 5),
        step("late", "basket", 6),
        step("late", "checkout", 5 + 61),
        step("never began", "checkout", 7),
        *(step("whole", name, 8) for name in ("pageView", "basket", "checkout")),
    ]
    made = rule(measure=Measure.FUNNEL, steps=FUNNEL, within_s=60)
    assert values(made, events) == {"": 0.25}


def test_a_funnel_gives_up_the_oldest_path_when_there_are_too_many():
    counter = WindowCounter("n", max_paths=3)
    counter.use([rule(measure=Measure.FUNNEL, steps=FUNNEL, within_s=60)], 0)
    counter.add([event(party_id=f"p{number}") for number in range(5)])
    parts = [part for part in counter.report(START + 100_000, START) if part.of]
    assert [(part.of, part.partial) for part in parts] == [(5, True)]
    assert len(counter.state().paths["r"]) == 3


def test_an_event_is_one_step_only():
    """Also when it could be two, and they are looked up by different fields."""
    steps = (Step(filter={"event_type": "pageView"}), Step(filter={"location": "/a"}))
    made = rule(measure=Measure.FUNNEL, steps=steps, within_s=60)
    assert values(made, [event(event_type="pageView", location="/a")]) == {"": 0.0}


def test_a_funnel_window_is_whole_when_its_paths_have_run_out():
    counter = WindowCounter("n")
    counter.use([rule(measure=Measure.FUNNEL, steps=FUNNEL, within_s=120)], START)
    ready = {part.window_start.timestamp() * 1000: part.complete for part in counter.report(START, START + 179_999)}
    assert ready[START] is False
    assert [part.complete for part in counter.report(START, START + 180_000)][:1] == [True]


def test_an_absence_is_watched_in_tenths():
    assert rule(measure=Measure.ABSENCE, window_s=600).slice_s == 60
    assert rule(measure=Measure.ABSENCE, window_s=600).to_fire == 10
    assert rule(measure=Measure.ABSENCE, window_s=30).slice_s == 5
    assert rule(measure=Measure.ABSENCE, window_s=7).slice_s == 7
    assert rule(measure=Measure.COUNT, window_s=600).slice_s == 600


@pytest.mark.parametrize("group_by", ["event_type", 'event_type + ""', "parameters.t"])
def test_groups(group_by):
    events = [event(event_type=name, raw_parameters=f"(st!{name}!)") for name in "aabc"]
    assert values(rule(group_by=group_by), events) == {"a": 2, "b": 1, "c": 1}


def test_too_many_groups_are_the_others():
    events = [event(event_type=f"t{number}") for number in range(10)]
    found = values(rule(group_by="event_type", max_groups=3), events)
    assert found == {"t0": 1, "t1": 1, "t2": 1, OTHERS: 7}


def test_the_part_of_all_holds_the_sum_of_the_groups():
    parts = parts_of(rule(group_by="event_type"), named("a", "a", "b"))
    assert [part.count for part in parts if part.group == ""] == [3]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (None, NO_GROUP),
        ("", NO_GROUP),
        ("a\nb", "a b"),
        (True, "true"),
        (3, "3"),
        (["x"], '["x"]'),
        ("x" * 200, "x" * 100),
    ],
)
def test_group_names_are_short_and_printable(value: Any, text: str):
    assert group_text(value) == text


def test_event_time_is_believed_within_the_allowance():
    def minutes(**changes: Any) -> list[int]:
        made = rule(time=TimeOf.EVENT, late_s=120)
        return [int(part.window_start.timestamp() * 1000) - START for part in parts_of(made, [event(**changes)])]

    assert minutes(received_ms=START + 60_000, client_ms=START + 59_999) == [0]
    assert minutes(received_ms=START + 60_000, client_ms=START + 60_001) == [60_000]
    assert minutes(received_ms=START + 600_000, client_ms=START) == [600_000]


@pytest.mark.parametrize(
    "made",
    [
        rule(measure=Measure.DISTINCT, group_by="event_type"),
        rule(measure=Measure.PERCENTILE, field="screen_width"),
        rule(measure=Measure.FUNNEL, steps=FUNNEL),
        rule(measure=Measure.RATIO, filter=CHECKOUT),
    ],
    ids=lambda made: made.measure.value,
)
def test_restart_equals_no_restart(made: Rule):
    names = ("pageView", "basket", "checkout")
    events = [
        event(party_id=f"p{number % 9}", event_type=names[number // 9 % 3], screen_width=number) for number in range(90)
    ]
    whole = WindowCounter("n")
    whole.use([made], START)
    whole.add(events)
    half = WindowCounter("n")
    half.use([made], START)
    half.add(events[:37])
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(half.state()), type=CountedWindows)
    again = WindowCounter("n", kept)
    again.use([made], START + 1)
    again.add(events[37:])

    def told(counter: WindowCounter) -> list[tuple[Any, ...]]:
        return [
            (part.group, part.count, part.of, value_of(made, merge(made, [part])))
            for part in sorted(counter.report(START + 1000, START), key=lambda part: (part.window_start, part.group))
            if part.count or part.of
        ]

    expected = told(whole)
    assert expected
    assert told(again) == expected


def test_what_was_counted_for_another_definition_is_not_taken_over():
    counter = WindowCounter("n")
    counter.use([rule()], START)
    counter.add([event()])
    again = WindowCounter("n", counter.state())
    again.use([rule(where='event_type == "x"')], START + 100)
    (part,) = again.report(START + 200, START)
    assert (part.count, part.partial) == (0, True)


def test_the_state_of_the_first_release_is_read():
    old = msgspec.msgpack.encode([[["r", START, 5]], {"r": START}, []])
    counter = WindowCounter("n", msgspec.msgpack.decode(old, type=CountedWindows))
    assert counter.state().counts == [("r", START, 5)]
    counter.use([rule()], START + 10)
    counter.add([event()])
    (part,) = counter.report(START + 100, START)
    assert (part.count, part.partial) == (6, False)


def test_the_rules_of_the_first_release_are_read():
    old = (
        b'{"id":"r","name":"few","filter":{"event_type":"checkout"},"window_s":300,"bound":"below","threshold":5,'
        b'"enabled":true,"environment":"Production","resource":"","event":"","severity":"major","service":[],"text":""}'
    )
    made = msgspec.json.decode(old, type=Rule)
    assert (made.measure, made.slice_s, made.fire_after, made.learn) == (Measure.COUNT, 300, 1, False)
