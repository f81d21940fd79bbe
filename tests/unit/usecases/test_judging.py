from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from watchbell.adapters.store.memory.store import MemoryStore
from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.placement import place_all
from watchbell.domain.checks.result import Outcome, Result, Status
from watchbell.domain.errors import Fenced, Retryable
from watchbell.domain.ids import SHARDS, shard_of
from watchbell.domain.managed import Stored
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import HandClock
from watchbell.usecases.configuration import Configured
from watchbell.usecases.judging import Judging, decide

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def result(check_id, number, status=Status.OK):
    due = NOW + timedelta(seconds=number)
    outcome = Outcome(status=status, summary="")
    return Result(
        run_id=f"{check_id}-{number}", check_id=check_id, due=due, started=due, duration=0, worker="w", outcome=outcome
    )


def checks(*names, **settings):
    return place_all([Check(id=name, name=name, type="http", **settings) for name in names], {})


def test_a_batch_is_judged_in_the_order_in_which_the_runs_were_due():
    results = [result("a", 3, Status.CRITICAL), result("a", 1, Status.CRITICAL), result("a", 2, Status.CRITICAL)]
    verdicts = decide(checks("a", fail_after=3), {}, results, NOW)
    assert verdicts.healths["a"].attempt == 3
    assert verdicts.healths["a"].hard_status is Status.CRITICAL
    assert verdicts.healths["a"].version == 3
    assert len(verdicts.signals) == 1
    assert [r.run_id for r in verdicts.accepted] == ["a-1", "a-2", "a-3"]


def test_repeats_strangers_and_late_ones_count_for_nothing():
    known = {"a": Health(check_id="a", last_due=NOW + timedelta(seconds=5))}
    results = [result("a", 4), result("a", 5), result("a", 6), result("a", 6), result("gone", 1)]
    verdicts = decide(checks("a"), known, results, NOW)
    assert verdicts.refused == 4
    assert [r.run_id for r in verdicts.accepted] == ["a-6"]


def test_checks_do_not_touch_each_other():
    results = [result("a", 1, Status.CRITICAL), result("b", 1)]
    verdicts = decide(checks("a", "b"), {}, results, NOW)
    assert [signal.event for signal in verdicts.signals] == ["a"]
    assert verdicts.healths["b"].hard_status is Status.OK


def test_the_signal_says_where_the_check_ran():
    verdicts = decide(checks("a"), {}, [result("a", 1, Status.WARNING)], NOW)
    assert verdicts.signals[0].attributes["site"] == "default"


class Taken:
    """Where signals go."""

    def __init__(self, error=None):
        self.signals = []
        self.error = error

    async def __call__(self, tx, signals, now):
        if self.error is not None:
            raise self.error
        self.signals += signals


@pytest.fixture
def store():
    return MemoryStore(now=lambda: NOW)


async def lease(store, holder="k-1", now=NOW):
    async with store.transaction() as tx:
        return await tx.leases.acquire("shard/1", holder, now, now + timedelta(seconds=10))


async def test_health_results_changes_and_signals_are_one_transaction(store):
    taken = Taken()
    judging = Judging(store, taken, NullTelemetry())
    verdicts = await judging.judge(
        checks("a", "b"), [result("a", 1, Status.CRITICAL), result("b", 1)], [await lease(store)], NOW
    )
    assert [signal.event for signal in taken.signals] == ["a"]
    async with store.reading() as tx:
        assert await tx.checks.healths() == verdicts.healths
        assert [r.run_id for r in await tx.checks.results("a")] == ["a-1"]
        assert [sorted(change.items["check"]) for change in await tx.changes.since(0)] == [["a", "b"]]


async def test_when_alerts_cannot_be_written_nothing_is(store):
    judging = Judging(store, Taken(Retryable("no")), NullTelemetry())
    with pytest.raises(Retryable):
        await judging.judge(checks("a"), [result("a", 1, Status.CRITICAL)], [], NOW)
    async with store.reading() as tx:
        assert await tx.checks.healths() == {}
        assert await tx.checks.results("a") == []


async def test_a_keeper_that_lost_its_lease_writes_nothing(store):
    held = await lease(store)
    later = NOW + timedelta(seconds=60)
    assert await lease(store, "k-2", later) is not None
    taken = Taken()
    with pytest.raises(Fenced):
        await Judging(store, taken, NullTelemetry()).judge(
            checks("a"), [result("a", 1, Status.CRITICAL)], [held], later
        )
    assert taken.signals == []
    async with store.reading() as tx:
        assert await tx.checks.healths() == {}


async def test_judging_a_batch_again_changes_nothing(store):
    taken = Taken()
    judging = Judging(store, taken, NullTelemetry())
    batch = [result("a", 1, Status.CRITICAL)]
    first = await judging.judge(checks("a"), batch, [], NOW)
    again = await judging.judge(checks("a"), batch, [], NOW)
    assert (again.refused, again.healths, len(taken.signals)) == (1, {}, 1)
    async with store.reading() as tx:
        assert await tx.checks.healths() == first.healths


def test_a_check_that_was_renamed_closes_the_alert_of_its_former_name():
    first = decide(checks("a"), {}, [result("a", 1, Status.CRITICAL)], NOW)
    renamed = place_all([Check(id="a", name="b", type="http")], {})
    second = decide(renamed, first.healths, [result("a", 2, Status.CRITICAL)], NOW)
    assert [(signal.event, signal.severity) for signal in second.signals] == [("a", "normal"), ("b", "critical")]
    third = decide(renamed, second.healths, [result("a", 3, Status.OK)], NOW)
    assert [(signal.event, signal.severity) for signal in third.signals] == [("b", "normal")]


def test_results_of_a_check_that_was_disabled_meanwhile_count_for_nothing():
    verdicts = decide(checks("a", enabled=False), {}, [result("a", 1, Status.CRITICAL)], NOW)
    assert (verdicts.refused, verdicts.signals) == (1, ())


async def write(store, *present):
    """The catalogue as these checks."""
    async with store.transaction() as tx:
        rows = [
            Stored(
                kind="check",
                id=check.id,
                name=check.name,
                body=msgspec.to_builtins(check),
                version=0,
                updated_at=NOW,
                updated_by="t",
            )
            for check in present
        ]
        there = {row.id for row in await tx.catalogue.all("check")}
        await tx.catalogue.remove("check", sorted(there - {check.id for check in present}))
        await tx.catalogue.put(rows)


@pytest.mark.parametrize(
    ("change", "text", "left"),
    [
        (None, "The check was removed", {"b"}),
        ({"name": "c"}, "The check was disabled or renamed", {"a", "b"}),
        ({"enabled": False}, "The check was disabled or renamed", {"a", "b"}),
    ],
)
async def test_what_went_while_nobody_held_the_shard_is_closed_by_the_next_keeper(store, change, text, left):
    a, b = Check(id="a", name="a", type="http"), Check(id="b", name="b", type="http")
    await write(store, a, b)
    before = Taken()
    judging = Judging(store, before, NullTelemetry())
    await judging.judge(checks("a", "b"), [result("a", 1, Status.CRITICAL), result("b", 1)], [], NOW)
    await write(store, *([] if change is None else [msgspec.structs.replace(a, **change)]), b)
    # Another keeper, which remembers nothing.
    taken = Taken()
    keeper = Judging(store, taken, NullTelemetry())
    configured = Configured(store, HandClock(NOW), NullTelemetry())
    others = set(range(SHARDS)) - {shard_of("a")}
    await keeper.retire(configured, others, [], NOW)
    assert taken.signals == []
    for _ in range(2):
        await keeper.retire(configured, range(SHARDS), [], NOW)
        assert [(s.event, s.severity, s.text) for s in taken.signals] == [("a", "normal", text)]
    async with store.reading() as tx:
        healths = await tx.checks.healths()
        assert set(healths) == left
        assert bool(await tx.checks.results("a")) == ("a" in left)
    assert "a" not in left or healths["a"].pending


async def test_a_check_that_a_keeper_has_not_heard_of_yet_is_not_forgotten(store):
    configured = Configured(store, HandClock(NOW), NullTelemetry())
    assert (await configured.current()).checks == {}
    await write(store, Check(id="a", name="a", type="http"))
    taken = Taken()
    judging = Judging(store, taken, NullTelemetry())
    await judging.judge(checks("a"), [result("a", 1, Status.CRITICAL)], [], NOW)
    await judging.retire(configured, range(SHARDS), [], NOW)
    async with store.reading() as tx:
        assert set(await tx.checks.healths()) == {"a"}
    assert len(taken.signals) == 1
