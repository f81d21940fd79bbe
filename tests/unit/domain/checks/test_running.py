from datetime import UTC, datetime, timedelta

from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.running import running

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1)


def check(number, interval=60.0, **more):
    return Check(id=str(number), name=f"c{number}", type="http", interval=interval, timeout=10, **more)


def seen(number, seconds_ago):
    return {str(number): Health(check_id=str(number), last_run=NOW - timedelta(seconds=seconds_ago))}


def test_no_checks_run_when_a_keeper_lives():
    assert running([], {}, 1, LONG_AGO, NOW)[0]


def test_without_a_keeper_nothing_runs():
    assert running([check(1)], seen(1, 1), 0, LONG_AGO, NOW) == (False, "no keeper holds a lease")


def test_each_check_is_measured_against_its_own_interval():
    assert running([check(1, 3600)], seen(1, 3700), 1, LONG_AGO, NOW)[0]
    assert not running([check(1, 60)], seen(1, 3700), 1, LONG_AGO, NOW)[0]


def test_a_check_is_late_after_two_intervals_its_timeout_and_half_a_minute():
    assert running([check(1)], seen(1, 160), 1, LONG_AGO, NOW)[0]
    assert not running([check(1)], seen(1, 161), 1, LONG_AGO, NOW)[0]


def test_one_living_check_does_not_mask_stuck_others():
    checks = [check(n) for n in range(10)]
    assert not running(checks, seen(0, 1), 1, LONG_AGO, NOW)[0]


def test_one_late_check_of_ten_is_tolerated_and_told():
    checks = [check(n) for n in range(10)]
    healths = {key: value for n in range(9) for key, value in seen(n, 1).items()}
    assert running(checks, healths, 1, LONG_AGO, NOW) == (True, "10 checks, 1 late")


def test_a_fresh_start_gets_time_for_first_results():
    assert running([check(1)], {}, 1, NOW - timedelta(seconds=10), NOW)[0]


def test_disabled_checks_do_not_count():
    assert running([check(1, enabled=False)], {}, 1, LONG_AGO, NOW) == (True, "0 checks, 0 late")
