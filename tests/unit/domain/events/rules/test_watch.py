"""A rule over time: users who stop coming, collectors that stop counting, and the difference."""

from datetime import timedelta

import msgspec
import pytest

from watchbell.domain.events.rules.bounds import Outcome, fixed_band
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Bound, Rule
from watchbell.domain.events.rules.watch import Watch, Watched, begin, retire, watch
from watchbell.domain.signal import Signal
from watchbell.testing import START

BELOW = Rule(id="r1", name="checkouts", window_s=60, bound=Bound.BELOW, threshold=5, late_s=0, service=("checkout",))
ABOVE = msgspec.structs.replace(BELOW, bound=Bound.ABOVE)


def at(seconds: float):
    return START + timedelta(seconds=seconds)


def count(window: int, number: int, node: str = "n1", *, complete: bool = True, partial: bool = False) -> WindowPart:
    return WindowPart(
        rule_id="r1",
        node=node,
        window_start=at(window * 60),
        window_s=60,
        count=number,
        complete=complete,
        partial=partial,
    )


def look(rule: Rule, before: Watch, counts: list[WindowPart], seconds: float) -> Watched:
    return watch(rule, before, counts, lambda _group, _start: fixed_band(rule), at(seconds))


def said(watched: Watched) -> Signal | None:
    assert len(watched.signals) <= 1
    return watched.signals[0] if watched.signals else None


def told(watched: Watched) -> Signal:
    signal = said(watched)
    assert signal is not None
    return signal


def text(watched: Watched) -> str:
    signal = said(watched)
    return signal.text if signal is not None else ""


def test_enough_events_say_nothing():
    watched = look(BELOW, begin(BELOW, START), [count(0, 9)], 61)
    assert said(watched) is None
    assert [(row.value, row.outcome) for row in watched.judged] == [(9, Outcome.OK)]


def test_too_few_is_an_alert_and_enough_ends_it():
    low = look(BELOW, begin(BELOW, START), [count(0, 2)], 61)
    assert text(low) == "checkouts: 2 events in 1 min, below 5"
    signal = told(low)
    assert (signal.severity, signal.service) == ("major", ("checkout",))
    still = look(BELOW, low.watch, [count(0, 2), count(1, 1)], 121)
    assert said(still) is None
    well = look(BELOW, still.watch, [count(1, 1), count(2, 8)], 181)
    assert told(well).severity == "normal"


def test_a_window_is_not_judged_before_its_end():
    before = begin(BELOW, START)
    assert look(BELOW, before, [count(0, 0, complete=False)], 59).watch == before


def test_an_unfinished_report_is_awaited_for_a_while():
    before = begin(BELOW, START)
    assert look(BELOW, before, [count(0, 0, complete=False)], 70).watch == before
    assert look(BELOW, before, [count(0, 0, complete=False)], 76).watch.judged_to == at(60)


def test_too_many_is_said_before_the_window_ends():
    early = look(ABOVE, begin(ABOVE, START), [count(0, 9, complete=False)], 10)
    assert text(early) == "checkouts: 9 events in 1 min, above 5"
    again = look(ABOVE, early.watch, [count(0, 12, complete=False)], 20)
    assert said(again) is None
    over = look(ABOVE, again.watch, [count(0, 12), count(1, 1)], 61)
    assert said(over) is None
    well = look(ABOVE, over.watch, [count(0, 12), count(1, 1)], 121)
    assert told(well).severity == "normal"


def test_a_collector_that_stops_is_not_a_page_that_stops():
    one = look(BELOW, begin(BELOW, START), [], 76)
    assert said(one) is None
    two = look(BELOW, one.watch, [], 136)
    assert text(two) == "Cannot tell whether checkouts is well: no collector reported the window (in 1 min)"
    three = look(BELOW, two.watch, [], 196)
    assert said(three) is None
    back_but_low = look(BELOW, three.watch, [count(3, 0)], 241)
    assert text(back_but_low) == "checkouts: 0 events in 1 min, below 5"


def test_one_of_two_collectors_silent_is_no_proof_of_too_few():
    counts = [count(0, 9, "n1"), count(0, 9, "n2"), count(1, 2, "n1")]
    first = look(BELOW, begin(BELOW, START), counts, 61)
    assert [row.window_start for row in look(BELOW, first.watch, counts, 121).judged] == [at(0)]
    second = look(BELOW, first.watch, counts, 136)
    assert said(second) is None
    assert second.watch.judged_to == at(120)
    assert second.judged[-1].outcome is Outcome.UNKNOWN
    assert "1 of 2 collectors did not report" in second.judged[-1].reason


def test_one_of_two_collectors_silent_and_enough_is_well():
    counts = [count(0, 9, "n1"), count(0, 9, "n2"), count(1, 7, "n1")]
    first = look(BELOW, begin(BELOW, START), counts, 61)
    assert said(look(BELOW, first.watch, counts, 136)) is None


def test_the_parts_add_up():
    assert said(look(BELOW, begin(BELOW, START), [count(0, 3, "n1"), count(0, 3, "n2")], 61)) is None


def test_a_window_watched_in_part_is_no_proof_of_too_few():
    watched = look(BELOW, begin(BELOW, START), [count(0, 1, partial=True)], 61)
    assert said(watched) is None
    assert watched.judged[0].outcome is Outcome.UNKNOWN


def test_after_a_long_pause_old_windows_are_skipped():
    watched = look(BELOW, begin(BELOW, START), [], 86400)
    assert watched.watch.judged_to > at(86400 - 6 * 60)


def test_retired_closes_what_stands():
    low = look(BELOW, begin(BELOW, START), [count(0, 2)], 61).watch
    done = retire(BELOW.id, low, at(70))
    assert told(done).severity == "normal"
    assert said(retire(BELOW.id, done.watch, at(71))) is None


@pytest.mark.parametrize("number", range(3))
def test_each_signal_has_its_own_id_and_the_same_decision_the_same(number):
    before = begin(BELOW, START)
    one = look(BELOW, before, [count(0, number)], 61)
    two = look(BELOW, before, [count(0, number)], 61)
    assert one == two
