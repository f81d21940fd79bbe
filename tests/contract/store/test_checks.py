"""Health and results of checks, and the pulses of heartbeats."""

import msgspec

from contract.store.samples import T0, after, new_outcome, new_result
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.heartbeat import Pulse
from watchbell.domain.checks.result import Status
from watchbell.domain.checks.said import Said
from watchbell.ports.store import Store

SAID = Said(environment="Production", resource="shop", event="web", services=("a", "b"))


async def test_healths(store: Store):
    plain = Health(check_id="c1")
    full = Health(
        check_id="c2",
        status=Status.CRITICAL,
        pending=False,
        hard=False,
        attempt=2,
        hard_status=Status.WARNING,
        since=T0,
        last_due=after(1),
        last_run=after(2),
        last_duration=0.1,
        outcome=new_outcome(Status.CRITICAL),
        signalled_at=after(3),
        signalled_text="down",
        said=SAID,
        version=5,
    )
    async with store.transaction() as tx:
        await tx.checks.save([plain, full])
        assert await tx.checks.healths() == {"c1": plain, "c2": full}
        assert await tx.checks.healths(["c2", "missing"]) == {"c2": full}
        assert await tx.checks.healths([]) == {}
        changed = msgspec.structs.replace(full, version=6, outcome=None)
        await tx.checks.save([changed])
        assert await tx.checks.healths(["c2"]) == {"c2": changed}


async def test_results_come_newest_first_and_a_run_counts_once(store: Store):
    results = [new_result(f"r{number}", seconds=number) for number in range(4)]
    async with store.transaction() as tx:
        await tx.checks.add_results([results[2], results[0], results[3], results[1]])
        await tx.checks.add_results([new_result("r0", seconds=99), new_result("x", check_id="c2", manual=True)])
    async with store.reading() as tx:
        assert await tx.checks.results("c1") == results[::-1]
        assert await tx.checks.results("c1", limit=2) == [results[3], results[2]]
        assert await tx.checks.results("c3") == []


async def test_recent_results_of_many_checks_come_oldest_first(store: Store):
    async with store.transaction() as tx:
        for check in range(60):
            await tx.checks.add_results(
                [new_result(f"{check}-{number}", f"c{check}", seconds=number) for number in range(4)]
            )
    async with store.reading() as tx:
        recent = await tx.checks.recent([f"c{check}" for check in range(61)], limit=3)
        assert len(recent) == 60
        assert [result.run_id for result in recent["c7"]] == ["7-1", "7-2", "7-3"]
        assert await tx.checks.recent([]) == {}


async def test_recent_results_that_began_together_are_no_more_than_were_asked_for(store: Store):
    async with store.transaction() as tx:
        await tx.checks.add_results([new_result(f"r{number}", seconds=number // 3) for number in range(7)])
        await tx.checks.add_results([new_result("only", check_id="c2")])
    async with store.reading() as tx:
        recent = await tx.checks.recent(["c2", "c1", "c1"], limit=3)
        assert {check: [each.run_id for each in found] for check, found in recent.items()} == {
            "c1": ["r4", "r5", "r6"],
            "c2": ["only"],
        }


async def test_a_check_that_is_gone_is_forgotten(store: Store):
    async with store.transaction() as tx:
        await tx.checks.save([Health(check_id="c1"), Health(check_id="c2")])
        await tx.checks.add_results([new_result("r1", "c1"), new_result("r2", "c2")])
        await tx.checks.forget(["c1", "missing"])
        assert list(await tx.checks.healths()) == ["c2"]
        assert await tx.checks.results("c1") == []
        assert len(await tx.checks.results("c2")) == 1


async def test_old_results_are_trimmed_some_at_a_time(store: Store):
    async with store.transaction() as tx:
        await tx.checks.add_results([new_result(f"r{number}", seconds=number) for number in range(5)])
        assert await tx.checks.trim(after(3), 2) == 2
        assert [result.run_id for result in await tx.checks.results("c1")] == ["r4", "r3", "r2"]
        assert await tx.checks.trim(after(3), 2) == 1
        assert await tx.checks.trim(after(3), 2) == 0


async def test_pulses(store: Store):
    full = Pulse(heartbeat_id="h2", last_ping=T0, started=after(1), last_exit=3, failing=True, said=SAID, version=2)
    async with store.transaction() as tx:
        await tx.pulses.save([Pulse(heartbeat_id="h1"), Pulse(heartbeat_id="h2"), full])
        assert await tx.pulses.get() == {"h1": Pulse(heartbeat_id="h1"), "h2": full}
        assert await tx.pulses.get(["h2", "missing"]) == {"h2": full}
        await tx.pulses.forget(["h2"])
        assert list(await tx.pulses.get()) == ["h1"]
