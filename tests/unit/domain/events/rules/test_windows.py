"""The windows that one node counts."""

import msgspec

from unit.domain.events.rules.test_rule import START, event, rule
from watchbell.domain.events.event import Event
from watchbell.domain.events.rules.counting import Counting
from watchbell.domain.events.rules.expression import Fields
from watchbell.domain.events.rules.windows import KEPT_WINDOWS, CountedWindows, RuleIndex, WindowCounter

MINUTE = 60_000


def counter(rules=None, now=START, kept=None) -> WindowCounter:
    made = WindowCounter("node", kept)
    made.use(rules if rules is not None else [rule()], now)
    return made


def rows(found):
    return [(row.rule_id, int(row.window_start.timestamp() * 1000) - START, row.count, row.complete) for row in found]


def test_only_changes_are_reported():
    windows = counter()
    assert rows(windows.report(START, START)) == [("r", 0, 0, False)]
    assert windows.report(START + 1000, START) == []
    windows.add([event(), event()])
    assert rows(windows.report(START + 2000, START)) == [("r", 0, 2, False)]


def test_a_window_without_events_is_reported_complete():
    windows = counter()
    windows.report(START, START)
    assert rows(windows.report(START + MINUTE + 5000, START + MINUTE)) == [("r", 0, 0, True), ("r", MINUTE, 0, False)]


def test_a_window_is_not_complete_while_counting_lags():
    windows = counter()
    assert rows(windows.report(START + 2 * MINUTE, START + MINUTE - 1))[0] == ("r", 0, 0, False)


def test_windows_long_past_are_still_reported_when_counting_caught_up():
    windows = counter()
    windows.report(START, START)
    windows.add([event()])
    now = START + 20 * MINUTE
    first = rows(windows.report(now, START + 1))
    assert ("r", 0, 1, False) in first
    assert len(first) == 21
    assert rows(windows.report(now, START + MINUTE))[0] == ("r", 0, 1, True)


def test_a_window_in_which_the_rule_began_is_partial():
    windows = counter(now=START + 10)
    found = windows.report(START + MINUTE + 1, START + MINUTE + 1)
    assert [row.partial for row in found] == [True, False]


def test_a_window_in_which_the_node_was_away_is_partial():
    windows = counter()
    windows.away(START + MINUTE + 10, START + MINUTE + 20)
    now = START + 3 * MINUTE
    assert [row.partial for row in windows.report(now, now)] == [False, True, False, False]


def test_counts_go_on_after_a_restart_without_counting_twice():
    windows = counter()
    windows.add([event()])
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(windows.state()), type=CountedWindows)
    again = counter(kept=kept, now=START + 5000)
    again.add([event()])
    found = again.report(START + 6000, START)
    assert rows(found) == [("r", 0, 2, False)]
    assert not found[0].partial


def test_what_could_not_be_delivered_comes_again():
    windows = counter()
    found = windows.report(START, START)
    windows.again(found)
    assert windows.report(START, START) == found


def test_a_changed_filter_starts_anew():
    windows = counter()
    windows.add([event()])
    windows.use([rule(filter={"event_type": "other"})], START + 100)
    found = windows.report(START + 200, START)
    assert rows(found) == [("r", 0, 0, False)]
    assert found[0].partial


def test_a_changed_threshold_does_not():
    windows = counter()
    windows.add([event()])
    windows.use([rule(threshold=99)], START + 100)
    assert rows(windows.report(START + 200, START)) == [("r", 0, 1, False)]


def test_a_rule_that_left_is_forgotten():
    windows = counter()
    windows.add([event()])
    windows.use([], START)
    assert windows.report(START, START) == []
    assert windows.state().cells == []


def test_memory_is_bounded_by_the_kept_windows():
    windows = counter([rule(window_s=1, late_s=0)])
    for second in range(100):
        windows.add([event(received_ms=START + second * 1000)])
        windows.report(START + second * 1000, START + second * 1000)
    assert len(windows.state().cells) <= KEPT_WINDOWS + 1


def test_an_event_that_a_rule_cannot_bear_does_not_stop_those_after_it():
    taken: list[str] = []

    def take(event: Event) -> None:
        if event.event_id == "2":
            raise ZeroDivisionError("surprise")
        taken.append(event.event_id)

    class Odd(Counting):
        def _prepare(self, fields: Fields) -> None:
            del fields
            self.offers.append(((None,), take))

    fields = Fields()
    index = RuleIndex(fields, [Odd(rule(), fields)])
    (failure,) = index.add([event(event_id=name) for name in "123"])
    assert (failure.event.event_id, taken) == ("2", ["1", "3"])
    assert isinstance(failure.error, ZeroDivisionError)
