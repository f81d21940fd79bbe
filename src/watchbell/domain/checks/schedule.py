"""When a check runs next.

Due times lie on a grid: phase + k · interval, counted from the epoch in whole microseconds, so that nothing drifts. The
phase follows from the check's id: equal intervals spread evenly, and every keeper computes the same times. A check that
never ran does not wait for its grid: whoever made it wants to know what it says. While a
state is soft and a retry interval is set, the next run is counted from the last one instead; afterwards the check
returns to its grid. Missed times are skipped, never made up for.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health

MIN_INTERVAL = 1.0
"""Seconds. A check with a shorter interval runs every second."""
SOON = 5.0
"""Seconds within which a check that never ran is due: many that come together are spread over them."""
_SECOND = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Microseconds since the epoch, exact."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(microseconds: int) -> datetime:
    """The time that `micros` came from."""
    return _EPOCH + timedelta(microseconds=microseconds)


def step(check: Check) -> int:
    """The check's interval in microseconds, never below `MIN_INTERVAL`."""
    return round(max(check.interval, MIN_INTERVAL) * _SECOND)


def phase(check_id: str, interval: int) -> int:
    """Where on the grid a check stands: 0 up to `interval` - 1 microseconds."""
    return int.from_bytes(hashlib.blake2b(check_id.encode(), digest_size=8).digest(), "big") % interval


def grid_after(check: Check, after: int) -> int:
    """The first grid time later than `after`; both in microseconds since the epoch."""
    interval = step(check)
    offset = phase(check.id, interval)
    return after + interval - (after - offset) % interval


def first_due(check: Check, now: int) -> int:
    """When a check that never ran is due, later than `now`; both in microseconds since the epoch."""
    return min(grid_after(check, now), now + 1 + phase(check.id, round(SOON * _SECOND)))


def retry_step(check: Check, health: Health) -> int:
    """Microseconds between runs while the state is soft; 0 when the grid applies."""
    if health.hard or health.pending or check.retry_interval <= 0:
        return 0
    return round(max(check.retry_interval, MIN_INTERVAL) * _SECOND)


def due_after(check: Check, health: Health, after: int) -> int:
    """The first due time later than `after`; both in microseconds since the epoch."""
    retry = retry_step(check, health)
    if not retry or health.last_due is None:
        return grid_after(check, after)
    last = micros(health.last_due)
    return max(last + retry, after + retry - (after - last) % retry)


def next_due(check: Check, health: Health, now: datetime) -> datetime:
    """The first due time later than `now`."""
    return moment(due_after(check, health, micros(now)))


def skipped(check: Check, health: Health, due: int, now: int) -> tuple[int, int]:
    """How many due times went by between `due` and `now`, and the newest of them, which stands for all."""
    interval = retry_step(check, health) or step(check)
    missed = max(0, (now - due) // interval)
    return missed, due + missed * interval
