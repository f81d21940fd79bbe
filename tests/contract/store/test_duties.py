"""Outbox, timers and leases."""

import asyncio

import msgspec
import pytest

from contract.store.samples import T0, after, new_row, new_timer, shard_lease
from store_fixtures import OpenStore
from watchbell.domain.errors import Conflict, Fenced
from watchbell.ports.store import Lease, Store

LEASES = (shard_lease(0, token=3), shard_lease(1, token=4), Lease(name="singleton", holder="k", token=1, expires_at=T0))


async def add_rows(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.outbox.add([new_row("m3", 0, 3), new_row("m1", 1, 1), new_row("m2", 0, 2), new_row("x", 2, 0)])
        await tx.outbox.add([new_row("d1", 0, 0, kind="deliver"), new_row("later", 0, 100)])


async def test_who_takes_over_may_have_what_was_claimed_under_a_former_token(store: Store):
    await add_rows(store)
    async with store.transaction() as tx:
        await tx.outbox.claim("route", LEASES, after(10), after(40), 10)
        next_ones = (shard_lease(0, token=9), shard_lease(1, token=4))
        assert await tx.outbox.claim("route", next_ones, after(11), after(41), 10) == []
        rows = await tx.outbox.claim("route", next_ones, after(11), after(41), 10, taking_over=True)
        assert [(row.id, row.claims, row.token) for row in rows] == [("m2", 2, 9), ("m3", 2, 9)]
        assert await tx.outbox.claim("route", next_ones, after(12), after(42), 10, taking_over=True) == []


async def test_a_row_keeps_what_it_carries(store: Store):
    body = '{"text":"\\u0000 \\ud83d\\ude00 😀 \'quoted\'"}' * 1000
    async with store.transaction() as tx:
        await tx.outbox.add(
            [msgspec.structs.replace(new_row("p1", kind="plugin"), body=body), new_row("p2", kind="plugin")]
        )
    async with store.transaction() as tx:
        rows = await tx.outbox.claim("plugin", LEASES, after(10), after(40), 10)
        assert [row.body for row in rows] == [body, None]
        assert (await tx.outbox.get(["p1"]))["p1"].body == body


async def test_claimed_are_the_oldest_rows_of_the_leases_shards(store: Store):
    await add_rows(store)
    async with store.transaction() as tx:
        rows = await tx.outbox.claim("route", LEASES, after(10), after(40), 2)
        assert [(row.id, row.claims, row.token, row.claimed_until) for row in rows] == [
            ("m1", 1, 4, after(40)),
            ("m2", 1, 3, after(40)),
        ]
        rest = await tx.outbox.claim("route", LEASES, after(10), after(40), 10)
        assert [row.id for row in rest] == ["m3"]
        assert await tx.outbox.claim("route", LEASES, after(10), after(40), 10) == []
        assert await tx.outbox.get(["m1", "missing"]) == {"m1": rows[0]}


async def test_nothing_is_claimed_without_leases(store: Store):
    await add_rows(store)
    async with store.transaction() as tx:
        assert await tx.outbox.claim("route", (), after(10), after(40), 10) == []


async def test_a_claim_that_ran_out_can_be_claimed_again(store: Store):
    await add_rows(store)
    async with store.transaction() as tx:
        await tx.outbox.claim("deliver", LEASES, after(10), after(40), 10)
        assert await tx.outbox.claim("deliver", LEASES, after(39), after(80), 10) == []
        (row,) = await tx.outbox.claim("deliver", (shard_lease(0, token=9),), after(40), after(80), 10)
        assert (row.claims, row.token, row.claimed_until) == (2, 9, after(80))


async def test_a_postponed_row_comes_back_later(store: Store):
    await add_rows(store)
    async with store.transaction() as tx:
        await tx.outbox.claim("deliver", LEASES, after(10), after(40), 10)
        await tx.outbox.postpone("d1", after(50))
        await tx.outbox.postpone("missing", after(50))
        row = (await tx.outbox.get(["d1"]))["d1"]
        assert (row.attempts, row.claims, row.claimed_until, row.available_at) == (1, 0, None, after(50))
        assert await tx.outbox.claim("deliver", LEASES, after(49), after(90), 10) == []
        (row,) = await tx.outbox.claim("deliver", LEASES, after(50), after(90), 10)
        assert (row.claims, row.attempts) == (1, 1)


async def test_done_rows_are_gone(store: Store):
    await add_rows(store)
    async with store.transaction() as tx:
        await tx.outbox.done(["m1", "m2", "missing"])
        assert list(await tx.outbox.get(["m1", "m2", "m3"])) == ["m3"]


async def test_a_message_is_added_once(store: Store):
    with pytest.raises(Conflict):  # noqa: PT012 - the whole transaction is under test
        async with store.transaction() as tx:
            await tx.outbox.add([new_row("m1")])
            await tx.outbox.add([new_row("m1")])


async def test_backlog(store: Store):
    await add_rows(store)
    async with store.transaction() as tx:
        await tx.outbox.postpone("d1", after(9))
    async with store.reading() as tx:
        assert await tx.outbox.backlog(after(10)) == {"route": (4, 10.0), "deliver": (1, 10.0)}
        assert await tx.outbox.backlog(after(-1)) == {}


async def test_two_that_claim_at_once_get_different_rows(opening: OpenStore):
    one, two = opening(), opening()
    async with one.transaction() as tx:
        await tx.outbox.add([new_row(f"m{number:02}") for number in range(40)])

    async def claim(store: Store) -> list[str]:
        found: list[str] = []
        for _ in range(4):
            async with store.transaction() as tx:
                found += [row.id for row in await tx.outbox.claim("route", LEASES, after(1), after(9), 5)]
        return found

    first, second = await asyncio.gather(claim(one), claim(two))
    assert sorted(first + second) == [f"m{number:02}" for number in range(40)]


async def test_timers(store: Store):
    async with store.transaction() as tx:
        await tx.timers.set([new_timer("a", 3), new_timer("b", 1, shard=1), new_timer("c", 2, shard=2)])
        await tx.timers.set([new_timer("d", 50), new_timer("a", 2, kind="expire")])
    async with store.reading() as tx:
        due = await tx.timers.due([0, 1], after(3), 10)
        assert due == [new_timer("b", 1, shard=1), new_timer("a", 2, kind="expire"), new_timer("a", 3)]
        assert await tx.timers.due([0, 1], after(3), 1) == due[:1]
        assert await tx.timers.due([], after(3), 1) == []


async def test_there_is_one_timer_for_each_subject(store: Store):
    async with store.transaction() as tx:
        await tx.timers.set([new_timer("a", 3)])
        await tx.timers.set([new_timer("a", 9)])
        assert await tx.timers.due([0], after(9), 10) == [new_timer("a", 9)]
        await tx.timers.cancel([("other", "a"), ("escalate", "missing")])
        assert len(await tx.timers.due([0], after(9), 10)) == 1
        await tx.timers.cancel([("escalate", "a")])
        assert await tx.timers.due([0], after(9), 10) == []


async def test_a_free_lease_is_given(store: Store):
    async with store.transaction() as tx:
        lease = await tx.leases.acquire("shard/1", "k1", T0, after(10))
        assert lease == Lease(name="shard/1", holder="k1", token=1, expires_at=after(10))
        assert await tx.leases.all() == [lease]


async def test_a_held_lease_is_refused_to_others_and_kept_by_its_holder(store: Store):
    async with store.transaction() as tx:
        await tx.leases.acquire("shard/1", "k1", T0, after(10))
        assert await tx.leases.acquire("shard/1", "k2", after(9.9), after(20)) is None
        kept = await tx.leases.acquire("shard/1", "k1", after(9.9), after(20))
        assert kept == Lease(name="shard/1", holder="k1", token=1, expires_at=after(20))
        assert await tx.leases.acquire("shard/2", "k2", T0, after(10)) is not None


async def test_the_token_grows_when_the_lease_changes_hands_or_had_run_out(store: Store):
    async with store.transaction() as tx:
        await tx.leases.acquire("shard/1", "k1", T0, after(10))
        taken = await tx.leases.acquire("shard/1", "k2", after(10), after(20))
        assert taken is not None
        assert (taken.holder, taken.token) == ("k2", 2)
        again = await tx.leases.acquire("shard/1", "k2", after(20), after(30))
        assert again is not None
        assert again.token == 3


async def test_a_lease_that_was_given_back_is_free_at_once(store: Store):
    async with store.transaction() as tx:
        lease = await tx.leases.acquire("shard/1", "k1", T0, after(10))
        assert lease is not None
        await tx.leases.release(lease)
        await tx.leases.release(lease)
        assert [item.token for item in await tx.leases.all()] == [1]
        taken = await tx.leases.acquire("shard/1", "k2", T0, after(10))
        assert taken is not None
        assert taken.token == 2
        await tx.leases.release(lease)
        assert await tx.leases.all() == [taken]


async def test_verify_refuses_a_lost_lease_and_nothing_is_written(store: Store):
    async with store.transaction() as tx:
        lost = await tx.leases.acquire("shard/1", "k1", T0, after(10))
        kept = await tx.leases.acquire("shard/2", "k1", T0, after(99))
    async with store.transaction() as tx:
        await tx.leases.acquire("shard/1", "k2", after(10), after(20))
    assert lost is not None
    assert kept is not None
    async with store.transaction() as tx:
        await tx.leases.verify([kept])
        await tx.leases.verify([])
    with pytest.raises(Fenced):  # noqa: PT012 - the whole transaction is under test
        async with store.transaction() as tx:
            await tx.facts.put("name", "value")
            await tx.leases.verify([kept, lost])
    with pytest.raises(Fenced):
        async with store.transaction() as tx:
            await tx.leases.verify([shard_lease(9)])
    async with store.reading() as tx:
        assert await tx.facts.get("name") is None
        await tx.leases.verify([kept])


async def test_one_of_many_that_want_a_lease_gets_it(opening: OpenStore):
    stores = [opening(), opening()]

    async def want(number: int) -> Lease | None:
        async with stores[number % 2].transaction() as tx:
            return await tx.leases.acquire("shard/1", f"k{number}", T0, after(10))

    given = [lease for lease in await asyncio.gather(*(want(number) for number in range(10))) if lease]
    assert len(given) == 1
    assert given[0].token == 1


async def test_one_of_two_that_remove_a_fact_is_told_so(opening: OpenStore):
    stores = [opening(), opening()]
    async with stores[0].transaction() as tx:
        await tx.facts.put("one-time-link", "x")

    async def remove(number: int) -> bool:
        async with stores[number % 2].transaction() as tx:
            return await tx.facts.remove("one-time-link")

    assert sorted(await asyncio.gather(*(remove(number) for number in range(6)))) == [False] * 5 + [True]
