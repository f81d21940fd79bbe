"""Learned bounds: what the same hour of former weeks says about this one.

The history is one row an hour (a few of its windows' values, in order). What to expect is their median, weighted so
that newer weeks count more; the usual spread is the weighted median of the distances from it (MAD). Both shrug off an
outage: an hour that was mostly out of bounds counts little besides. Until three weeks are known the same hour of other
days must do; until five days are, nothing is judged.
"""

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from watchbell.domain.events.rules.bounds import Band, Outcome
from watchbell.domain.events.rules.rule import Bound, HolidayAs, Measure, Per, Rule

WEEKS = 8
"""How far back is looked."""
ENOUGH_WEEKS = 3
ENOUGH_DAYS = 5
POINTS = 12
"""So many values stand for an hour."""
DECAY = 0.8
"""What a week is worth beside the week after it."""
ODD = 0.25
"""What an hour that was mostly out of bounds is worth."""
_TO_DEVIATION = 1.4826  # the MAD of a normal distribution is its standard deviation divided by this
_SUNDAY = 6
HOUR = timedelta(hours=1)


class HourRow(msgspec.Struct, frozen=True, kw_only=True):
    """One hour of a rule's history. Unique by (rule_id, group, hour)."""

    rule_id: str
    group: str
    hour: datetime
    points: list[float]
    """Values of its windows, rising; a sample when there were many."""
    odd: bool = False
    """Most of its windows were out of bounds."""


def hour_of(moment: datetime) -> datetime:
    """The hour that a moment lies in."""
    return moment.replace(minute=0, second=0, microsecond=0)


def slot(rule: Rule, hour: datetime) -> tuple[int, int] | None:
    """(day of the week, hour of the day) that an hour counts as, where the rule lives; None on a skipped holiday."""
    local = hour.astimezone(ZoneInfo(rule.timezone))
    if not is_holiday(rule, local.date()):
        return local.weekday(), local.hour
    return None if rule.holiday_as is HolidayAs.SKIP else (_SUNDAY, local.hour)


def is_holiday(rule: Rule, day: date) -> bool:
    """Whether the day is in the rule's calendar."""
    return day.isoformat() in rule.holidays or f"{day:%m-%d}" in rule.holidays


def hours_before(rule: Rule, hour: datetime) -> list[datetime]:
    """The hours of former weeks that may say something about this one: the same hour of each day."""
    zone = ZoneInfo(rule.timezone)
    wanted = hour.astimezone(zone).hour
    around = [hour - timedelta(hours=24 * day + shift) for day in range(1, 7 * WEEKS + 1) for shift in (1, 0, -1)]
    return sorted({moment for moment in around if moment < hour and moment.astimezone(zone).hour == wanted})


def summary(
    rule_id: str, group: str, hour: datetime, windows: Iterable[tuple[float | None, Outcome]]
) -> HourRow | None:
    """One row for an hour's windows, as (value, outcome); None when none of them is known."""
    known = [(value, outcome) for value, outcome in windows if value is not None and outcome is not Outcome.UNKNOWN]
    if not known:
        return None
    values = sorted(value for value, _ in known)
    last = len(values) - 1
    if len(values) > POINTS:
        values = [values[round(place * last / (POINTS - 1))] for place in range(POINTS)]
    odd = 2 * sum(outcome is Outcome.BREACH for _, outcome in known) > len(known)
    return HourRow(rule_id=rule_id, group=group, hour=hour, points=values, odd=odd)


def learned_band(rule: Rule, hour: datetime, rows: Sequence[HourRow]) -> Band:
    """The band that one group's history gives for the windows of an hour."""
    place = slot(rule, hour)
    if place is None:
        return Band(learning="a holiday is not judged")
    placed = [(slot(rule, row.hour), row) for row in rows if timedelta(0) < hour - row.hour <= WEEKS * 7 * 24 * HOUR]
    same_hour = [row for where, row in placed if where is not None and where[1] == place[1]]
    same_slot = [row for where, row in placed if where == place]
    weeks = len({(hour - row.hour) // timedelta(weeks=1) for row in same_slot})
    days = len({row.hour for row in same_hour})
    if weeks >= ENOUGH_WEEKS:
        return _band(rule, hour, same_slot)
    if days >= ENOUGH_DAYS:
        return _band(rule, hour, same_hour)
    return Band(learning=f"still learning ({days} of {ENOUGH_DAYS} days known)")


def _band(rule: Rule, hour: datetime, rows: Sequence[HourRow]) -> Band:
    weighted: list[tuple[float, float]] = []
    for row in rows:
        age = (hour - row.hour) / timedelta(weeks=1)
        weight = DECAY**age * (ODD if row.odd else 1.0) / len(row.points)
        weighted += [(point, weight) for point in row.points]
    center = weighted_median(weighted)
    spread = _TO_DEVIATION * weighted_median([(abs(point - center), weight) for point, weight in weighted])
    reach = rule.tolerance * max(spread, _least_spread(rule, center))
    return Band(
        low=max(0.0, center - reach) if rule.bound is not Bound.ABOVE else None,
        high=center + reach if rule.bound is not Bound.BELOW else None,
        expected=center,
    )


def weighted_median(weighted: Sequence[tuple[float, float]]) -> float:
    """The value with half of the weight below it. At least one (value, weight)."""
    ordered = sorted(weighted)
    half = sum(weight for _, weight in ordered) / 2
    passed = 0.0
    for value, weight in ordered:
        passed += weight
        if passed >= half:
            return value
    return ordered[-1][0]


def _least_spread(rule: Rule, center: float) -> float:
    """What must be allowed however alike the weeks were: chance of counting, and a twentieth."""
    twentieth = abs(center) / 20
    match rule.measure:
        case Measure.COUNT | Measure.DISTINCT:
            return max(twentieth, math.sqrt(max(center, 1)))
        case Measure.RATE:
            one = (60 if rule.per is Per.MINUTE else 1) / rule.window_s
            return max(twentieth, one * math.sqrt(max(center / one, 1)))
        case _:
            return max(twentieth, 1e-9)
