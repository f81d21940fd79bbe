"""What former weeks say about an hour."""

from datetime import UTC, datetime, timedelta

import pytest

from watchbell.domain.events.rules.baseline import (
    HOUR,
    HourRow,
    hour_of,
    hours_before,
    learned_band,
    slot,
    summary,
    weighted_median,
)
from watchbell.domain.events.rules.bounds import Outcome
from watchbell.domain.events.rules.rule import Bound, HolidayAs, Rule

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
RULE = Rule(id="r", name="r", learn=True, bound=Bound.BOTH)


def row(hour: datetime, *points: float, odd: bool = False) -> HourRow:
    return HourRow(rule_id="r", group="", hour=hour, points=sorted(points), odd=odd)


def weeks(*values: float) -> list[HourRow]:
    """The same hour of former weeks, newest first."""
    return [row(MONDAY - timedelta(weeks=back), value) for back, value in enumerate(values, 1)]


def test_enough_weeks_give_the_median_and_a_band_around_it():
    band = learned_band(RULE, MONDAY, weeks(100, 110, 90, 105))
    assert band.expected == pytest.approx(100, abs=5)
    assert band.low is not None
    assert band.high is not None
    assert 0 < band.low < 90
    assert 110 < band.high < 200


def test_one_outage_in_the_past_moves_nothing():
    calm = learned_band(RULE, MONDAY, weeks(100, 100, 100, 100))
    shaken = learned_band(RULE, MONDAY, weeks(100, 0, 100, 100))
    assert shaken.expected == calm.expected


def test_a_new_level_is_learned_after_some_weeks():
    history = [row(MONDAY - timedelta(weeks=back), 200 if back <= 4 else 100, odd=back == 4) for back in range(1, 9)]
    assert learned_band(RULE, MONDAY, history).expected == 200


def test_weekday_hours_do_not_speak_for_sunday():
    sunday = MONDAY - timedelta(days=1)
    history = [
        row(sunday - timedelta(days=back), 10 if (sunday - timedelta(days=back)).weekday() == 6 else 100)
        for back in range(1, 29)
    ]
    assert learned_band(RULE, sunday, history).expected == 10


def test_without_weeks_the_hour_of_the_day_must_do_and_without_days_nothing_is_judged():
    days = [row(MONDAY - timedelta(days=back), 50) for back in range(1, 8)]
    assert learned_band(RULE, MONDAY, days).expected == 50
    band = learned_band(RULE, MONDAY, days[:4])
    assert (band.low, band.high, band.expected) == (None, None, None)
    assert band.learning == "still learning (4 of 5 days known)"


def test_another_hour_says_nothing():
    assert learned_band(RULE, MONDAY, [row(MONDAY - timedelta(days=n, hours=1), 5) for n in range(1, 30)]).learning


@pytest.mark.parametrize(("bound", "sides"), [(Bound.BELOW, (True, False)), (Bound.ABOVE, (False, True))])
def test_one_side_only(bound, sides):
    band = learned_band(Rule(id="r", name="r", learn=True, bound=bound), MONDAY, weeks(9, 9, 9))
    assert (band.low is not None, band.high is not None) == sides


def test_holidays_are_sundays_or_skipped():
    holiday = Rule(id="r", name="r", learn=True, holidays=("2026-03-02", "12-25"))
    assert slot(holiday, MONDAY) == (6, 9)
    assert slot(holiday, datetime(2031, 12, 25, 9, tzinfo=UTC)) == (6, 9)
    assert slot(holiday, MONDAY + timedelta(days=1)) == (1, 9)
    skipped = Rule(id="r", name="r", learn=True, holidays=("03-02",), holiday_as=HolidayAs.SKIP)
    assert slot(skipped, MONDAY) is None
    assert learned_band(skipped, MONDAY, weeks(1, 1, 1)).learning == "a holiday is not judged"


def test_hours_are_where_the_rule_lives_over_daylight_saving():
    berlin = Rule(id="r", name="r", learn=True, timezone="Europe/Berlin")
    summer = datetime(2026, 4, 6, 7, tzinfo=UTC)  # 09:00
    assert slot(berlin, summer) == (0, 9)
    before = hours_before(berlin, summer)
    assert datetime(2026, 3, 23, 8, tzinfo=UTC) in before  # 09:00, before the clocks changed
    assert len({moment.date() for moment in before}) == len(before) == 56


def test_the_summary_of_an_hour():
    known = [(float(number), Outcome.OK) for number in range(60)]
    made = summary("r", "", MONDAY, [*known, (999.0, Outcome.UNKNOWN), (None, Outcome.IDLE)])
    assert made is not None
    assert (made.points[0], made.points[-1], len(made.points), made.odd) == (0, 59, 12, False)
    bad = summary("r", "", MONDAY, [(1.0, Outcome.BREACH), (1.0, Outcome.BREACH), (5.0, Outcome.OK)])
    assert bad is not None
    assert bad.odd
    assert summary("r", "", MONDAY, [(None, Outcome.IDLE)]) is None


def test_weighted_median():
    assert weighted_median([(1, 1), (2, 1), (9, 1)]) == 2
    assert weighted_median([(1, 5), (2, 1), (9, 1)]) == 1
    assert hour_of(MONDAY + HOUR / 2) == MONDAY
