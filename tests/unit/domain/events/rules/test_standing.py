"""Hysteresis, late parts, groups, and rules that go away."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from watchbell.domain.events.rules.bounds import Band, Outcome, fixed_band
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Bound, Measure, Rule
from watchbell.domain.events.rules.watch import Watch, Watched, begin, retire, watch
from watchbell.testing import START

RULE = Rule(id="r", name="orders", threshold=5, late_s=0)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def part(window: int, count: int, **changes: Any) -> WindowPart:
    fields: dict[str, Any] = {
        "rule_id": "r", "node": "n1", "window_start": at(window * 60), "window_s": 60, "count": count, "complete": True,
    }  # fmt: skip
    return WindowPart(**{**fields, **changes})


class Story:
    """One rule over time, looked at two seconds after the end of each minute."""

    def __init__(self, rule: Rule, bands: Callable[[str, datetime], Band] | None = None) -> None:
        self.rule = rule
        self.state: Watch = begin(rule, START)
        self.bands = bands or (lambda _group, _start: fixed_band(rule))
        self.parts: dict[tuple[Any, ...], WindowPart] = {}

    def look(self, seconds: float, *parts: WindowPart) -> list[tuple[str, str]]:
        """Takes parts, and judges; what was said, as (resource, severity)."""
        self.parts.update({(one.window_start, one.node, one.group): one for one in parts})
        kept = msgspec.json.decode(msgspec.json.encode(self.state), type=Watch)
        self.last: Watched = watch(self.rule, kept, list(self.parts.values()), self.bands, at(seconds))
        self.state = self.last.watch
        return [(signal.resource, signal.severity) for signal in self.last.signals]


def test_so_many_windows_must_be_bad_before_it_fires_and_good_before_it_ends():
    story = Story(msgspec.structs.replace(RULE, fire_after=3, recover_after=2))
    said = [story.look(60 * n + 62, part(n, count)) for n, count in enumerate([1, 1, 9, 1, 1, 1, 9, 1, 9, 9])]
    assert [bool(one) for one in said] == [False] * 5 + [True] + [False] * 3 + [True]
    assert said[5] == [("events", "major")]
    assert said[9] == [("events", "normal")]


def test_a_late_part_opens_its_window_again_until_the_allowance_ends():
    story = Story(msgspec.structs.replace(RULE, late_s=120))
    story.look(62, part(0, 9), part(0, 9, node="n2"))
    assert story.look(136, part(1, 2)) == []  # the other collector is awaited, then it is not known
    assert story.last.judged[-1].outcome is Outcome.UNKNOWN
    assert story.look(150, part(1, 0, node="n2")) == [("events", "major")]
    assert story.look(170, part(1, 7, node="n2")) == [("events", "normal")]
    assert story.look(241, part(2, 9), part(2, 9, node="n2"), part(3, 9), part(3, 9, node="n2")) == []
    assert story.look(301, part(1, 0, node="n2"), part(4, 9), part(4, 9, node="n2")) == []
    assert story.state.judged_to == at(180)


def test_the_same_part_again_changes_nothing():
    story = Story(RULE)
    assert story.look(61, part(0, 1)) == [("events", "major")]
    before = story.state
    assert story.look(62, part(0, 1)) == []
    assert story.state == before


def test_both_sides_are_bounded():
    story = Story(msgspec.structs.replace(RULE, bound=Bound.BOTH, upper=10))
    assert [story.look(60 * n + 62, part(n, count)) for n, count in enumerate([7, 3, 7])] == [
        [], [("events", "major")], [("events", "normal")],
    ]  # fmt: skip
    assert story.look(200, part(3, 11, complete=False)) == [("events", "major")]


def test_each_group_has_its_own_alert_and_its_own_recovery():
    story = Story(msgspec.structs.replace(RULE, group_by="source", resource="shop"))

    def window(n: int, **groups: int) -> list[WindowPart]:
        every = part(n, sum(groups.values()))
        return [every, *(part(n, count, group=group, complete=False) for group, count in groups.items())]

    assert story.look(62, *window(0, web=9, app=9)) == []
    assert story.look(122, *window(1, web=9, app=2)) == [("shop/app", "major")]
    assert story.last.signals[0].attributes["group"] == "app"
    assert story.look(182, *window(2, app=9)) == [("shop/app", "normal"), ("shop/web", "major")]
    assert story.look(242, *window(3, app=9)) == []
    assert story.look(302, *window(4, app=9, web=5)) == [("shop/web", "normal")]


def test_a_group_that_is_gone_for_a_day_is_closed():
    story = Story(msgspec.structs.replace(RULE, group_by="source", window_s=3600))

    def hour(n: int, **groups: int) -> list[WindowPart]:
        start = {"window_start": at(n * 3600), "window_s": 3600}
        return [part(0, 9, **start), *(part(0, count, group=group, **start) for group, count in groups.items())]

    story.state = begin(story.rule, START)
    assert story.look(3602, *hour(0, old=9, new=9)) == []
    said = [story.look(3602 + n * 3600, *hour(n, new=9)) for n in range(1, 27)]
    assert said[0] == [("events/old", "major")]
    assert [one for one in said[1:] if one] == [[("events/old", "normal")]]
    assert "old" not in story.state.seen


def test_an_absence_fires_when_it_has_lasted_and_ends_with_the_first_event():
    rule = msgspec.structs.replace(RULE, measure=Measure.ABSENCE, window_s=300)

    def slot(n: int, count: int) -> WindowPart:
        return part(0, count, window_start=at(n * 30), window_s=30)

    story = Story(rule)
    said = [story.look(30 * n + 32, slot(n, int(n in {0, 15}))) for n in range(17)]
    assert [n for n, one in enumerate(said) if one] == [10, 15]
    assert said[10] == [("events", "major")]


def test_too_little_to_tell_changes_nothing():
    rule = msgspec.structs.replace(RULE, measure=Measure.RATIO, at_least=10, threshold=0.5)
    story = Story(rule)
    assert story.look(62, part(0, 1, of=20)) == [("events", "major")]
    assert story.look(122, part(1, 9, of=9)) == []
    assert story.look(182, part(2, 19, of=20)) == [("events", "normal")]


def test_the_signal_says_the_numbers():
    band = Band(low=8.4, high=20, expected=13.7)
    story = Story(msgspec.structs.replace(RULE, learn=True), lambda _group, _start: band)
    story.look(62, part(0, 2))
    (signal,) = story.last.signals
    assert signal.text == "orders: 2 events in 1 min, below 8.4 (expected about 13.7)"
    assert signal.value == "2"
    assert {name: signal.attributes[name] for name in ("expected", "low", "high")} == {
        "expected": "13.7", "low": "8.4", "high": "20",
    }  # fmt: skip


def test_the_watch_of_the_first_release_is_read():
    old = b'{"judged_to":"%s","failing":true,"silent":0,"said":"breach","number":3}' % START.isoformat().encode()
    story = Story(RULE)
    story.state = msgspec.json.decode(old, type=Watch)
    assert story.look(62, part(0, 2)) == []
    assert story.look(122, part(1, 9)) == [("events", "normal")]


def test_retired_closes_every_group_that_stands():
    story = Story(msgspec.structs.replace(RULE, group_by="source", service=("shop",)))
    story.look(62, part(0, 4), part(0, 1, group="a"), part(0, 3, group="b"))
    done = retire("r", story.state, at(70))
    assert [(signal.resource, signal.severity, signal.service) for signal in done.signals] == [
        ("events/a", "normal", ("shop",)), ("events/b", "normal", ("shop",)),
    ]  # fmt: skip
    assert retire("r", done.watch, at(71)).signals == ()
