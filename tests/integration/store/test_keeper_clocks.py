"""Keepers whose clocks are apart: leases on PostgreSQL go by the clock of the database."""

from datetime import timedelta

import pytest

from api_client import START, SetClock
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.ids import SHARDS
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases import leasing
from watchbell.usecases.leasing import Shards


@pytest.mark.postgres
async def test_keepers_whose_clocks_are_minutes_apart_never_hold_one_shard(
    store_postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    # Less than the clocks are apart, and more than a machine that is busy takes for a round.
    monkeypatch.setattr(leasing, "TTL", timedelta(seconds=60))
    clocks = [SetClock(START + timedelta(minutes=minutes)) for minutes in (0, 5, -90)]
    stores = [open_store(store_postgres_url) for _ in clocks]
    pairs = zip(stores, clocks, strict=True)
    keepers = [Shards(store, clock, NullTelemetry(), f"k{n}") for n, (store, clock) in enumerate(pairs)]
    try:
        for _ in range(4):
            for keeper, clock in zip(keepers, clocks, strict=True):
                await keeper.renew()
                clock.time += timedelta(seconds=2)
                assert all(lease.expires_at > clock.now() for lease in keeper.leases()), "by its own clock"
                held = [shard for each in keepers for shard in each.held]
                assert len(held) == len(set(held))
                async with stores[0].reading() as tx:
                    await tx.leases.verify([lease for each in keepers for lease in each.leases()])
        assert sorted(shard for each in keepers for shard in each.held) == list(range(SHARDS))
        assert {lease.token for lease in keepers[0].leases()} == {1}, "what stays is never taken over"
    finally:
        for store in stores:
            await store.close()


@pytest.mark.postgres
async def test_a_keeper_that_does_not_renew_loses_its_shards_by_the_databases_clock(store_postgres_url: str):
    clock = SetClock()
    store = open_store(store_postgres_url)
    gone, heir = (Shards(store, clock, NullTelemetry(), name) for name in ("gone", "heir"))
    try:
        await gone.renew()
        assert len(gone.held) == SHARDS
        async with store.reading() as tx:
            present = await tx.leases.now(clock.now())
            assert all(present < lease.expires_at for lease in await tx.leases.all())
        async with store.transaction() as tx:  # as if seven seconds had gone by there
            past = present - timedelta(seconds=7)
            for lease in await tx.leases.all():
                await tx.leases.release(lease)
                await tx.leases.acquire(lease.name, "gone", past, past + timedelta(seconds=6))
        await heir.renew()
        assert len(heir.held) == SHARDS
        await gone.renew()
        assert gone.held == {}
    finally:
        await store.close()
