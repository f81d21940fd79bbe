"""Counting events for rules, and judging a window."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawKind
from watchbell.domain.events.rules.bounds import Outcome, Verdict, fixed_band, judge
from watchbell.domain.events.rules.part import window_start_ms
from watchbell.domain.events.rules.rule import Bound, Rule, check_rule
from watchbell.domain.events.rules.windows import WindowCounter

START = 1_700_000_040_000  # a whole minute


def event(**changes: Any) -> Event:
    fields: dict[str, Any] = {
        "source": "browser",
        "kind": RawKind.BROWSER,
        "party_id": "0:1:p",
        "session_id": "0:1:s",
        "event_id": "e",
        "received_ms": START,
        "client_ms": START,
        "new_party": False,
        "first_in_session": False,
        "remote": "127.0.0.1",
        "event_type": "pageView",
    }
    return Event(**{**fields, **changes})


def rule(**changes: Any) -> Rule:
    fields: dict[str, Any] = {"id": "r", "name": "rule", **changes}
    return Rule(**fields)


def tally(rules: list[Rule], events: list[Event]) -> dict[tuple[str, int], int]:
    """(rule id, window start in milliseconds) → events, windows without events left out."""
    counter = WindowCounter("n")
    counter.use(rules, 0)
    counter.add(events)
    parts = counter.report(START + 120_000, START + 120_000)
    return {(part.rule_id, int(part.window_start.timestamp() * 1000)): part.count for part in parts if part.count}


def judged(changed: Rule, count: int, *, partial: bool = False) -> Verdict:
    return judge(changed, float(count), fixed_band(changed), partial=partial)


def test_events_fall_into_windows_by_their_receipt():
    events = [event(received_ms=START + offset) for offset in (-1, 0, 59_999, 60_000)]
    assert tally([rule()], events) == {("r", START - 60_000): 1, ("r", START): 2, ("r", START + 60_000): 1}


def test_windows_are_aligned_to_1970():
    assert window_start_ms(START + 12_345, 3600) % 3_600_000 == 0


@pytest.mark.parametrize(
    ("terms", "changes", "matches"),
    [
        ({}, {}, True),
        ({"event_type": "pageView"}, {}, True),
        ({"event_type": "checkout"}, {}, False),
        ({"event_type": None}, {"event_type": None}, True),
        ({"event_type": "pageView", "source": "json"}, {}, False),
        ({"event_type": "pageView", "source": "browser"}, {}, True),
        ({"screen_width": 1}, {"screen_width": 1}, True),
        ({"corrupt": True}, {"corrupt": True}, True),
        ({"corrupt": True}, {}, False),
        ({"corrupt": 1}, {"corrupt": True}, False),
        ({"new_party": 0}, {}, False),
        ({"parameters.sku": "a"}, {"raw_parameters": "(ssku!a!)"}, True),
        ({"parameters.sku": "a"}, {"raw_parameters": b'{"sku":"a"}'}, True),
        ({"parameters.sku": "a"}, {"raw_parameters": "(ssku!b!)"}, False),
        ({"parameters.sku": "a"}, {"raw_parameters": "rubbish"}, False),
        ({"parameters.sku": "a"}, {"raw_parameters": "asku!."}, False),
        ({"parameters.sku": "a"}, {}, False),
    ],
)
def test_filters(terms, changes, matches):
    assert tally([rule(filter=terms)], [event(**changes)]) == ({("r", START): 1} if matches else {})


def test_a_repeated_event_counts_once_unless_the_filter_says_otherwise():
    events = [event(), event(duplicate=True)]
    assert tally([rule()], events) == {("r", START): 1}
    assert tally([rule(filter={"duplicate": True})], events) == {("r", START): 1}


def test_a_disabled_rule_counts_nothing():
    assert tally([rule(enabled=False)], [event()]) == {}


def test_many_rules_count_each_their_own():
    rules = [rule(id=str(n), filter={"event_type": f"t{n % 3}"}) for n in range(6)] + [rule(id="all")]
    events = [event(event_type=f"t{n % 3}") for n in range(9)]
    assert tally(rules, events) == {("all", START): 9, **{(str(n), START): 3 for n in range(6)}}


@pytest.mark.parametrize(
    ("bound", "threshold", "count", "outcome"),
    [
        (Bound.ABOVE, 10, 10, Outcome.OK),
        (Bound.ABOVE, 10, 11, Outcome.BREACH),
        (Bound.BELOW, 10, 10, Outcome.OK),
        (Bound.BELOW, 10, 9, Outcome.BREACH),
        (Bound.BELOW, 1, 0, Outcome.BREACH),
        (Bound.ABOVE, 0, 0, Outcome.OK),
    ],
)
def test_judgement(bound, threshold, count, outcome):
    verdict = judged(rule(bound=bound, threshold=threshold), count)
    assert verdict.outcome is outcome
    assert str(count) in verdict.reason
    assert f"{threshold}" in verdict.reason


def test_the_reason_reads_as_a_sentence():
    assert judged(rule(threshold=5), 1).reason == "1 event in 1 min, below 5"
    assert judged(rule(threshold=5, window_s=90), 7).reason == "7 events in 90 s, not below 5"
    assert judged(rule(threshold=5, window_s=7200), 7).reason == "7 events in 2 h, not below 5"


def test_a_window_watched_in_part_is_no_proof_of_too_few():
    assert judged(rule(), 0, partial=True).outcome is Outcome.UNKNOWN


def test_too_many_is_certain_even_when_watched_in_part():
    assert judged(rule(bound=Bound.ABOVE), 5, partial=True).outcome is Outcome.BREACH


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"window_s": 0}, "window_s"),
        ({"window_s": 86_401}, "window_s"),
        ({"threshold": -1}, "threshold"),
        ({"threshold": 0}, "threshold"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"filter": {"parameters.": "x"}}, "filter.parameters."),
        ({"filter": {"raw_parameters": "x"}}, "filter.raw_parameters"),
    ],
)
def test_a_rule_that_cannot_be_counted_is_refused_by_field(changes, field):
    with pytest.raises(Invalid) as caught:
        check_rule(rule(**changes))
    assert caught.value.field == field


def test_a_good_rule_passes():
    good = rule(filter={"event_type": "checkout", "parameters.sku": "a"})
    assert check_rule(good) is good


def test_a_rule_survives_json():
    good = rule(filter={"event_type": "checkout", "corrupt": False, "screen_width": 3, "location": None})
    assert msgspec.json.decode(msgspec.json.encode(good), type=Rule) == good
    assert datetime.fromtimestamp(START / 1000, UTC).second == 0
