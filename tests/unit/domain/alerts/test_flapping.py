"""When an alert flaps, and when it does no more."""

from datetime import UTC, datetime, timedelta

from watchbell.domain.alerts.flapping import NEVER, FlapRule, Flaps, calmed, counted, digested

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULE = FlapRule(changes=3, window=60, calm=30, digest=100)


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def after(*seconds, rule=RULE) -> Flaps:
    flaps = Flaps()
    for each in seconds:
        flaps = counted(flaps, rule, at(each)) or Flaps()
    return flaps


def test_so_many_changes_within_the_window_flap():
    assert after(0, 30).since is None
    assert (after(0, 30, 59).since, after(0, 30, 59).count) == (at(59), 3)


def test_changes_that_are_too_far_apart_do_not():
    assert after(0, 30, 60).since is None
    assert after(0, 30, 60, 70).since == at(70)


def test_it_calms_so_long_after_the_last_change_and_not_before():
    flaps = after(0, 1, 2, 20)
    assert (flaps.calms_at, flaps.count, flaps.due) == (at(50), 4, at(50))
    over = calmed(flaps)
    assert (over.since, over.due, over.count) == (None, None, 4)


def test_what_has_calmed_down_counts_anew():
    over = calmed(after(0, 1, 2))
    again = counted(over, RULE, at(40))
    assert again is not None
    assert (again.since, again.times) == (None, (at(40),))


def test_a_digest_is_due_again_and_again():
    flaps = digested(after(0, 1, 2), at(102))
    assert (flaps.digests, flaps.digest_at) == (1, at(202))
    assert after(0, 1, 2, rule=FlapRule(changes=3, digest=0)).digest_at is None


def test_without_a_rule_nothing_is_counted_and_what_flaps_still_calms():
    assert counted(None, NEVER, NOW) is None
    flaps = after(0, 1, 2)
    assert counted(flaps, NEVER, at(20)) is flaps


def test_only_what_matters_is_remembered():
    assert len(after(*range(0, 1000, 40)).times) == 2
