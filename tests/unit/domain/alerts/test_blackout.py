"""When a blackout is in force and which alerts it is for."""

import fnmatch
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from watchbell.domain.alerts.blackout import (
    Blackout,
    Judge,
    active,
    blackout_problems,
    ended_at,
    in_force,
    matches,
    next_change,
    span_at,
)
from watchbell.domain.signal import Signal

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST, LAST = NOW.replace(month=1, tzinfo=None), NOW.replace(year=2027, month=12, tzinfo=None)
TIMES = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def blackout(**fields: Any) -> Blackout:
    chosen: dict[str, Any] = {"name": "b", "environment": "Production", **fields}
    return Blackout(**chosen)


def signal(**fields: Any) -> Signal:
    given_fields: dict[str, Any] = {"environment": "Production", "resource": "web01", "event": "Down"}
    return Signal(id="", severity="major", create_time=NOW, **{**given_fields, **fields})


@given(TIMES, st.integers(1, 10**7), TIMES)
def test_one_that_does_not_recur_is_in_force_from_its_start_until_before_its_end(start, seconds, now):
    each = blackout(start=start.isoformat(), duration=seconds)
    end = start + timedelta(seconds=seconds)
    assert active(each, now) is (start <= now < end)
    assert next_change(each, now) == (start if now < start else end if now < end else None)


@given(
    TIMES,
    st.integers(60, 3 * 86400),
    st.sampled_from(["FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=MONTHLY;BYMONTHDAY=31"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
    TIMES,
)
def test_nothing_changes_before_the_next_change(start, seconds, rule, zone, now):
    each = blackout(start=start.isoformat(), duration=seconds, recurrence=rule, timezone=zone)
    assert blackout_problems(each) == []
    change = next_change(each, now)
    assert change is not None
    assert change > now
    before = active(each, now)
    assert active(each, now + (change - now) / 2) is before
    assert active(each, change - timedelta(microseconds=1)) is before
    if change - now < timedelta(days=365):
        assert active(each, change) is not before
    assert in_force([each], now).until == change


def _starts(rule: str, start: str = "2026-03-01T01:00:00Z", zone: str = "UTC") -> list[str]:
    """When it begins, one after the other."""
    each = blackout(start=start, duration=60, recurrence=rule, timezone=zone)
    assert blackout_problems(each) == []
    now, found = datetime(2026, 1, 1, tzinfo=UTC), list[str]()
    while (span := span_at(each, now)) is not None and len(found) < 9:
        found.append(span.start.strftime("%m-%d"))
        now = span.start + timedelta(seconds=60)
    return found


@pytest.mark.parametrize(
    ("rule", "starts"),
    [
        ("FREQ=DAILY;COUNT=3", ["03-01", "03-02", "03-03"]),
        ("FREQ=WEEKLY;BYDAY=SA;COUNT=2", ["03-07", "03-14"]),
        ("FREQ=DAILY;COUNT=5;UNTIL=20260302T010000Z", ["03-01", "03-02"]),
        ("FREQ=DAILY;UNTIL=20260309T010000Z;COUNT=1", ["03-01"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=1", []),
    ],
)
def test_a_rule_with_a_count_recurs_so_often_and_no_library_complains(rule: str, starts: list[str]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _starts(rule) == starts


def test_the_time_of_day_stays_when_the_clocks_change():
    each = blackout(start="2026-03-20T01:00:00Z", duration=60, recurrence="FREQ=DAILY", timezone="Europe/Berlin")
    winter, summer = span_at(each, datetime(2026, 3, 27, tzinfo=UTC)), span_at(each, datetime(2026, 4, 3, tzinfo=UTC))
    assert winter is not None
    assert summer is not None
    assert (winter.start.hour, summer.start.hour) == (1, 0)


def test_the_end_ends_the_recurrence_and_what_lasts():
    each = blackout(start="2026-03-01T00:00:00Z", duration=7200, recurrence="FREQ=DAILY", end="2026-03-03T01:00:00Z")
    assert active(each, datetime(2026, 3, 3, 0, 59, tzinfo=UTC))
    assert span_at(each, datetime(2026, 3, 3, 1, tzinfo=UTC)) is None


def test_one_without_times_lasts_until_it_is_deleted():
    assert active(blackout(), NOW)
    assert next_change(blackout(), NOW) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"environment": "Development"}, False),
        ({"environment": "*", "event": "Down"}, True),
        ({"resource": "web01"}, True),
        ({"resource": "web0"}, False),
        ({"resource": "web*"}, True),
        ({"resource": "*b0*"}, True),
        ({"event": "Up"}, False),
        ({"group": "Misc"}, True),
        ({"group": "M*"}, False),
        ({"origin": "zabbix/*"}, True),
        ({"service": ["shop"]}, True),
        ({"service": ["shop", "mail"]}, False),
        ({"tags": ["zone=a"]}, True),
        ({"tags": ["zone=b"]}, False),
        ({"customer": "ACME"}, False),
        ({"accept": ["major"]}, False),
        ({"resource": "web01", "event": "Up"}, False),
    ],
)
def test_every_field_that_is_given_must_match(fields: dict[str, Any], expected: bool):
    sent = signal(service=("shop", "web"), tags=("zone=a",), origin="zabbix/one")
    assert matches(blackout(**fields), sent) is expected


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_star_stands_for_any_characters(pattern, text):
    expected = not pattern or fnmatch.fnmatchcase(text, pattern)
    assert matches(blackout(resource=pattern), signal(resource=text)) is expected


def test_the_judge_looks_again_when_time_or_the_configuration_has_moved():
    judge, each = Judge(), blackout(start="2026-03-01T13:00:00Z", duration=3600)
    assert judge.at(1, [each], NOW) == ()
    assert judge.at(1, [], NOW + timedelta(minutes=59)) == (), "it does not look at them before it must"
    assert judge.at(1, [each], NOW + timedelta(minutes=60)) == (each,)
    assert judge.at(2, [], NOW + timedelta(minutes=61)) == ()


@given(
    TIMES,
    st.integers(60, 3 * 86400),
    st.sampled_from(["", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SA,SU"]),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    st.floats(0, 0.999),
)
def test_one_that_is_ended_is_over_and_what_comes_later_stays_as_it_was(start, seconds, rule, zone, share):
    each = blackout(start=start.isoformat(), duration=seconds, recurrence=rule, timezone=zone)
    now = start + timedelta(seconds=seconds) * share
    assume(active(each, now))  # a rule by weekday need not begin at its start
    ended = ended_at(each, now)
    assert blackout_problems(ended) == []
    assert not active(ended, now + timedelta(milliseconds=1))
    later = span_at(ended, now + timedelta(milliseconds=1))
    if not rule:
        assert later is None
        return
    assert later is not None
    assert later.start > now
    # Of those that overlap, what began before is over, and the one that comes is as long as ever.
    assert active(each, later.start)
    assert later.end is not None
    assert later.end - later.start >= timedelta(seconds=seconds)


def test_one_that_is_not_in_force_cannot_be_ended():
    with pytest.raises(ValueError, match="not in force"):
        ended_at(blackout(start="2026-04-01T00:00:00Z", duration=60), NOW)


def test_when_one_was_ended_must_be_a_time():
    each = blackout(start="2026-04-01T00:00:00Z", duration=60, recurrence="FREQ=DAILY", ended="noon")
    assert [field for field, _ in blackout_problems(each)] == ["ended"]


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("attributes.region:EU", True),
        ("attributes.region:(EU US) AND NOT tags:live", True),
        ("tags:live OR severity:critical", False),
        ("service:Shop AND value:[10 TO 99]", True),
        ("service:Sho", False),
        ("full", True),
        ("resource:/web0[2-9]/", False),
        ("attributes.load:>5", True),
        ("attributes.load:>heavy", False),
        ("customer:*", False),
    ],
)
def test_one_by_a_search_is_for_what_the_search_finds(query, fits):
    asked = signal(
        service=("Shop",), value="97", text="disk full", tags=("rack1",), attributes={"region": "EU", "load": 9}
    )
    each = blackout(query=query)
    assert blackout_problems(each) == []
    assert matches(each, asked) is fits
    assert not matches(blackout(query=query, resource="db*"), asked), "all the rest must match, too"


def test_every_environment_may_be_narrowed_by_a_search():
    assert blackout_problems(blackout(environment="*", query="tags:rack1")) == []
    assert matches(blackout(environment="*", query="tags:rack1"), signal(environment="Test", tags=("rack1",)))


@pytest.mark.parametrize(
    ("query", "why"),
    [("((", "is missing"), ("status:open", "no field 'status'"), ("/(?=a)/", "")],
)
def test_a_search_that_cannot_be_read_is_said(query, why):
    ((field, reason),) = blackout_problems(blackout(query=query))
    assert field == "query"
    assert why in reason
