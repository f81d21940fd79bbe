"""Which shards a keeper takes, and in which order it locks them."""

import pytest

from api_client import SetClock
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.store.memory.work import MemoryLeases
from watchbell.domain.ids import SHARDS
from watchbell.ports.store import Lease
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.leasing import Shards


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the leases in the order in which they were taken or given back."""
    names: list[str] = []
    acquire, release = MemoryLeases.acquire, MemoryLeases.release

    async def acquired(self, name, holder, now, until):
        names.append(name)
        return await acquire(self, name, holder, now, until)

    async def released(self, lease: Lease) -> None:
        names.append(lease.name)
        await release(self, lease)

    monkeypatch.setattr(MemoryLeases, "acquire", acquired)
    monkeypatch.setattr(MemoryLeases, "release", released)
    return names


async def test_leases_are_locked_in_the_order_in_which_work_verifies_them(touched):
    """By name, so that a renewal and the keeper's own work never wait for each other."""
    clock = SetClock()
    store = MemoryStore(clock.now)
    one, other = (Shards(store, clock, NullTelemetry(), keeper) for keeper in ("one", "other"))
    for keeper in (one, other, one, other):
        touched.clear()
        await keeper.renew()
        shards = [name for name in touched if name.startswith("shard/")]
        assert shards == sorted(shards)
    assert len(one.held) == len(other.held) == SHARDS // 2
    touched.clear()
    await one.release()
    assert touched == sorted(touched)
    assert len(touched) == SHARDS // 2 + 1
