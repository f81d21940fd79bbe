"""A rule over time: users who stop coming, collectors that stop counting, and the difference."""

from datetime import timedelta

import msgspec
import pytest

from watchbell.domain.events.rule import Bound, Rule, WindowCount
from watchbell.domain.events.watch import Watch, Watched, begin, retire, watch
from watchbell.testing import START

BELOW = Rule(id="r1", name="checkouts", window_s=60, bound=Bound.BELOW, threshold=5, service=("checkout",))
ABOVE = msgspec.structs.replace(BELOW, bound=Bound.ABOVE)


def at(seconds: float):
    return START + timedelta(seconds=seconds)


def count(window: int, number: int, node: str = "n1", *, complete: bool = True, partial: bool = False) -> WindowCount:
    return WindowCount(
        rule_id="r1",
        node=node,
        window_start=at(window * 60),
        window_s=60,
        count=number,
        complete=complete,
        partial=partial,
    )


def look(rule: Rule, before: Watch, counts: list[WindowCount], seconds: float) -> Watched:
    return watch(rule, before, counts, at(seconds))


def text(watched: Watched) -> str:
    return watched.signal.text if watched.signal is not None else ""


def test_enough_events_say_nothing():
    watched = look(BELOW, begin(BELOW, START), [count(0, 9)], 61)
    assert watched.signal is None
    assert watched.watch.judged_to == at(60)


def test_too_few_is_an_alert_and_enough_ends_it():
    low = look(BELOW, begin(BELOW, START), [count(0, 2)], 61)
    assert text(low) == "checkouts: 2 events in 1 min, below 5"
    assert low.signal is not None
    assert (low.signal.severity, low.signal.service) == ("major", ("checkout",))
    still = look(BELOW, low.watch, [count(0, 2), count(1, 1)], 121)
    assert still.signal is None
    well = look(BELOW, still.watch, [count(1, 1), count(2, 8)], 181)
    assert well.signal is not None
    assert well.signal.severity == "normal"


def test_a_window_is_not_judged_before_its_end():
    before = begin(BELOW, START)
    assert look(BELOW, before, [count(0, 0, complete=False)], 59) == Watched(watch=before)


def test_an_unfinished_report_is_awaited_for_a_while():
    before = begin(BELOW, START)
    assert look(BELOW, before, [count(0, 0, complete=False)], 70).watch == before
    assert look(BELOW, before, [count(0, 0, complete=False)], 76).watch.judged_to == at(60)


def test_too_many_is_said_before_the_window_ends():
    early = look(ABOVE, begin(ABOVE, START), [count(0, 9, complete=False)], 10)
    assert text(early) == "checkouts: 9 events in 1 min, above 5"
    again = look(ABOVE, early.watch, [count(0, 12, complete=False)], 20)
    assert again.signal is None
    over = look(ABOVE, again.watch, [count(0, 12), count(1, 1)], 61)
    assert over.signal is None
    well = look(ABOVE, over.watch, [count(0, 12), count(1, 1)], 121)
    assert well.signal is not None
    assert well.signal.severity == "normal"


def test_a_collector_that_stops_is_not_a_page_that_stops():
    one = look(BELOW, begin(BELOW, START), [], 76)
    assert one.signal is None
    two = look(BELOW, one.watch, [], 136)
    assert text(two) == "Cannot tell whether checkouts is well: no collector reported the window (in 1 min)"
    three = look(BELOW, two.watch, [], 196)
    assert three.signal is None
    back_but_low = look(BELOW, three.watch, [count(3, 0)], 241)
    assert text(back_but_low) == "checkouts: 0 events in 1 min, below 5"


def test_one_of_two_collectors_silent_is_no_proof_of_too_few():
    counts = [count(0, 9, "n1"), count(0, 9, "n2"), count(1, 2, "n1")]
    first = look(BELOW, begin(BELOW, START), counts, 61)
    assert look(BELOW, first.watch, counts, 121).watch == first.watch
    second = look(BELOW, first.watch, counts, 136)
    assert second.signal is None
    assert second.watch.judged_to == at(120)


def test_one_of_two_collectors_silent_and_enough_is_well():
    counts = [count(0, 9, "n1"), count(0, 9, "n2"), count(1, 7, "n1")]
    first = look(BELOW, begin(BELOW, START), counts, 61)
    assert look(BELOW, first.watch, counts, 136).watch.silent == 0


def test_the_parts_add_up():
    assert look(BELOW, begin(BELOW, START), [count(0, 3, "n1"), count(0, 3, "n2")], 61).signal is None


def test_a_window_watched_in_part_is_no_proof_of_too_few():
    watched = look(BELOW, begin(BELOW, START), [count(0, 1, partial=True)], 61)
    assert watched.signal is None
    assert watched.watch.judged_to == at(60)


def test_after_a_long_pause_old_windows_are_skipped():
    watched = look(BELOW, begin(BELOW, START), [], 86400)
    assert watched.watch.judged_to > at(86400 - 6 * 60)


def test_retired_closes_what_stands():
    low = look(BELOW, begin(BELOW, START), [count(0, 2)], 61).watch
    done = retire(BELOW, low, at(70))
    assert done.signal is not None
    assert done.signal.severity == "normal"
    assert retire(BELOW, done.watch, at(71)).signal is None


@pytest.mark.parametrize("number", range(3))
def test_each_signal_has_its_own_id_and_the_same_decision_the_same(number):
    before = begin(BELOW, START)
    one = look(BELOW, before, [count(0, number)], 61)
    two = look(BELOW, before, [count(0, number)], 61)
    assert one == two
