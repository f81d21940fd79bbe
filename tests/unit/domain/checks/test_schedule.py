from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.schedule import (
    due_after,
    grid_after,
    micros,
    moment,
    next_due,
    phase,
    skipped,
    step,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def check(identifier="c-1", **changes):
    return Check(id=identifier, name="web", type="http", **changes)


@given(interval=st.floats(1, 86400), now=st.integers(0, 4_000_000_000_000_000), identifier=st.text(min_size=1))
def test_due_times_lie_on_one_grid(interval, now, identifier):
    subject = check(identifier, interval=interval)
    first = grid_after(subject, now)
    assert now < first <= now + step(subject)
    assert grid_after(subject, first) == first + step(subject)
    assert grid_after(subject, first - 1) == first


def test_a_million_runs_do_not_drift():
    subject = check(interval=1.1)
    first = grid_after(subject, micros(NOW))
    assert grid_after(subject, first + 1_000_000 * 1_100_000) == first + 1_000_001 * 1_100_000


def test_phases_spread_over_the_interval():
    interval = 60_000_000
    seconds = [phase(f"check-{n}", interval) // 1_000_000 for n in range(6000)]
    counts = [seconds.count(second) for second in range(60)]
    assert min(counts) > 50
    assert max(counts) < 150


@pytest.mark.parametrize("interval", [0.0, 0.2, -5.0])
def test_nothing_runs_more_often_than_every_second(interval):
    assert step(check(interval=interval)) == 1_000_000


def test_a_soft_state_is_looked_at_again_after_the_retry_interval():
    subject = check(interval=300, retry_interval=10)
    soft = Health(check_id="c-1", pending=False, hard=False, last_due=NOW)
    assert next_due(subject, soft, NOW + timedelta(seconds=1)) == NOW + timedelta(seconds=10)
    assert next_due(subject, soft, NOW + timedelta(seconds=25)) == NOW + timedelta(seconds=30)


def test_a_hard_state_returns_to_the_grid():
    subject = check(interval=300, retry_interval=10)
    hard = Health(check_id="c-1", pending=False, hard=True, last_due=NOW)
    assert micros(next_due(subject, hard, NOW)) == grid_after(subject, micros(NOW))


def test_without_a_retry_interval_a_soft_state_keeps_the_grid():
    soft = Health(check_id="c-1", pending=False, hard=False, last_due=NOW)
    assert micros(next_due(check(), soft, NOW)) == grid_after(check(), micros(NOW))


def test_a_result_that_is_due_in_the_future_does_not_bring_the_next_run_forward():
    """A manual run may be judged just before an older grid time."""
    soft = Health(check_id="c-1", pending=False, hard=False, last_due=NOW)
    assert due_after(check(retry_interval=10), soft, micros(NOW) - 5_000_000) == micros(NOW) + 10_000_000


def test_missed_times_are_counted():
    subject = check(interval=60)
    health = Health(check_id="c-1")
    due = micros(NOW)
    assert skipped(subject, health, due, due) == (0, due)
    assert skipped(subject, health, due, due + 59_999_999) == (0, due)
    assert skipped(subject, health, due, due + 190_000_000) == (3, due + 180_000_000)


def test_microseconds_are_exact():
    assert moment(micros(NOW)) == NOW
