from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec

from watchbell.domain.checks.check import Check, Host
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.judge import judge
from watchbell.domain.checks.placement import place, place_all
from watchbell.domain.checks.result import Outcome, Result, Status
from watchbell.domain.checks.schedule import SOON
from watchbell.domain.ids import shard_of
from watchbell.usecases.scheduling import PATIENCE, Schedule

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def check(identifier="c-1", **changes: Any):
    values: dict[str, Any] = {"id": identifier, "name": identifier, "type": "http", "timeout": 5.0, **changes}
    return Check(**values)


def schedule(*checks, healths=None):
    made = Schedule()
    made.load(place_all(checks, {}), healths or {}, NOW)
    return made


def answer(made, dispatch, now, status=Status.OK):
    """Let a worker answer and a keeper judge, as the roles do."""
    run = dispatch.run
    result = Result(
        run_id=run.run_id,
        check_id=run.check_id,
        due=run.due,
        started=run.due,
        duration=0.1,
        worker="w",
        outcome=Outcome(status=status, summary=""),
    )
    entry = made._entries[run.check_id]
    health = judge(entry.placed.check, entry.health, result, now).health
    made.judged([result], {run.check_id: health}, now)
    return result


def walk(made, seconds, step=SECOND, status=Status.OK):
    """Let time go by; every run is answered at once. Returns the due times."""
    found = []
    now = NOW
    while now < NOW + timedelta(seconds=seconds):
        now += step
        for dispatch in made.due(now):
            found.append(dispatch.run.due)
            answer(made, dispatch, now, status)
    return found


def test_runs_keep_their_distance_however_coarse_the_ticks_are():
    dues = walk(schedule(check(interval=10)), 300, step=timedelta(seconds=0.7))
    assert len(dues) == 30
    assert {b - a for a, b in pairwise(dues)} == {timedelta(seconds=10)}


def test_intervals_of_seven_minutes_are_seven_minutes():
    dues = walk(schedule(check(interval=420)), 4200, step=timedelta(seconds=5))
    first, *others = dues
    assert NOW < first < NOW + timedelta(seconds=SOON + 1)
    assert len(others) == 10
    assert {b - a for a, b in pairwise(others)} == {timedelta(seconds=420)}


def test_checks_that_never_ran_are_due_soon_but_not_all_at_once():
    made = schedule(*(check(f"c-{n}", interval=3600) for n in range(200)))
    dues = [dispatch.run.due for dispatch in made.due(NOW + timedelta(seconds=SOON + 1))]
    assert len(dues) == 200
    assert len({due.replace(microsecond=0) for due in dues}) >= SOON
    again = schedule(check(interval=3600), healths={"c-1": Health(check_id="c-1")})
    assert again.due(NOW + timedelta(seconds=SOON + 1)) == []  # it has a health: a keeper that starts repeats nothing


def test_a_soft_state_is_looked_at_more_often_until_it_is_hard():
    made = schedule(check(interval=60, retry_interval=5, fail_after=4))
    dues = walk(made, 120, status=Status.CRITICAL)
    gaps = [(b - a).total_seconds() for a, b in pairwise(dues)]
    assert gaps[:3] == [5, 5, 5]
    assert 0 < gaps[3] <= 60


def test_after_a_pause_each_check_runs_once_and_the_rest_is_counted():
    made = schedule(*(check(f"c-{n}", interval=10) for n in range(50)))
    later = NOW + timedelta(seconds=100)
    dispatches = made.due(later)
    assert len(dispatches) == 50
    assert made.missed == 450
    assert all(later - timedelta(seconds=10) < d.run.due <= later for d in dispatches)
    assert made.due(later) == []


def test_a_check_never_runs_twice_at_once():
    made = schedule(check(interval=1, timeout=30))
    first = made.due(NOW + SECOND)
    assert len(first) == 1
    assert made.due(NOW + 2 * SECOND) == []
    assert made.overran == 1
    answer(made, first[0], NOW + 2 * SECOND)
    assert len(made.due(NOW + 3 * SECOND)) == 1


def test_a_run_that_nobody_answers_becomes_unknown():
    made = schedule(check(interval=60, site="north", pool="fast"))
    (dispatch,) = made.due(NOW + 60 * SECOND)
    assert made.overdue(dispatch.run.deadline - SECOND) == []
    (lost,) = made.overdue(dispatch.run.deadline)
    assert lost.outcome.status is Status.UNKNOWN
    assert lost.outcome.summary == "No worker answered (site north, pool fast)"
    assert (lost.run_id, lost.due) == (dispatch.run.run_id, dispatch.run.due)
    assert made.overdue(dispatch.run.deadline + SECOND) == []
    assert made.out == 0


def test_deadlines_allow_for_the_way_there_and_back():
    (dispatch,) = schedule(check(timeout=5, interval=1)).due(NOW + SECOND)
    assert dispatch.run.deadline == NOW + SECOND + 5 * SECOND + PATIENCE


def test_an_answered_run_is_not_missed():
    made = schedule(check())
    (dispatch,) = made.due(NOW + 60 * SECOND)
    answer(made, dispatch, NOW + 61 * SECOND)
    assert made.overdue(NOW + timedelta(hours=1)) == []


def test_what_could_not_be_sent_is_not_missed():
    made = schedule(check())
    made.withdraw(made.due(NOW + 60 * SECOND))
    assert made.overdue(NOW + timedelta(hours=1)) == []
    assert len(made.due(NOW + 120 * SECOND)) == 1


def test_two_keepers_compute_the_same_runs():
    checks = [check(f"c-{n}") for n in range(20)]
    first, second = schedule(*checks), schedule(*reversed(checks))
    assert first.due(NOW + 30 * SECOND) == second.due(NOW + 30 * SECOND)


def test_run_now_runs_beside_the_schedule():
    made = schedule(check())
    manual = made.run_now("c-1", NOW + SECOND)
    assert manual is not None
    assert (manual.run.manual, manual.run.due) == (True, NOW + SECOND)
    assert made.run_now("other", NOW) is None
    answer(made, manual, NOW + 2 * SECOND)
    assert len(walk(made, 60)) == 2


def test_removed_and_disabled_checks_stop():
    made = schedule(check("c-1"), check("c-2"), check("c-3", enabled=False))
    made.due(NOW + 30 * SECOND)
    made.remove("c-1")
    made.put(place(check("c-2", enabled=False), {}), None, NOW)
    assert len(made) == 0
    assert made.due(NOW + timedelta(hours=1)) == []
    assert made.overdue(NOW + timedelta(hours=1)) == []


def test_loading_again_keeps_due_times_and_what_is_out():
    made = schedule(check(interval=60))
    (dispatch,) = made.due(NOW + 60 * SECOND)
    before = made.next_at()
    made.load(place_all([check(interval=60, description="new")], {}), {}, NOW + 61 * SECOND)
    assert made.next_at() == before
    assert made.out == 1
    assert dispatch.run.check_id == "c-1"


def test_a_changed_interval_applies_at_once():
    made = schedule(check(interval=3600))
    made.put(place(check(interval=2), {}), None, NOW)
    assert made.due(NOW + 2 * SECOND)


def test_an_older_health_does_not_replace_a_newer_one():
    made = schedule(check(), healths={"c-1": Health(check_id="c-1", version=7)})
    made.put(place(check(), {}), Health(check_id="c-1", version=3), NOW)
    made.judged([], {"c-1": Health(check_id="c-1", version=5)}, NOW)
    assert made._entries["c-1"].health.version == 7


def test_the_host_says_where_and_what():
    hosts = {"shop": Host(name="shop", address="192.0.2.1", site="north")}
    made = Schedule()
    made.load(place_all([check(host="shop", interval=1), check("c-2", host="bare", interval=1)], hosts), {}, NOW)
    runs = {d.run.check_id: d for d in made.due(NOW + SECOND)}
    assert (runs["c-1"].topic, runs["c-1"].run.address, runs["c-1"].run.host) == (
        "checks.north.default",
        "192.0.2.1",
        "shop",
    )
    assert (runs["c-2"].topic, runs["c-2"].run.address) == ("checks.default.default", "bare")
    assert runs["c-1"].run.shard == shard_of("c-1")


def test_next_at_is_the_soonest_of_due_times_and_deadlines():
    assert Schedule().next_at() is None
    made = schedule(check(interval=3600, timeout=1))
    soonest = made.next_at()
    assert soonest is not None
    (dispatch,) = made.due(soonest)
    assert made.next_at() == dispatch.run.deadline


def test_ten_thousand_checks_each_second():
    made = schedule(*(check(f"c-{n}", interval=1) for n in range(10_000)))
    for second in range(1, 4):
        dispatches = made.due(NOW + second * SECOND)
        assert len(dispatches) == 10_000
        health = {
            d.run.check_id: msgspec.structs.replace(Health(check_id=d.run.check_id), version=second) for d in dispatches
        }
        results = [
            Result(
                run_id=d.run.run_id,
                check_id=d.run.check_id,
                due=d.run.due,
                started=d.run.due,
                duration=0,
                worker="",
                outcome=Outcome(status=Status.OK, summary=""),
            )
            for d in dispatches
        ]
        made.judged(results, health, NOW + second * SECOND)
    assert made.out == 0
    assert len(made._times) < 20_000
