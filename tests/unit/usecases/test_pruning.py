"""Histories that grow too long."""

from datetime import UTC, datetime

import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.errors import Fenced
from watchbell.domain.ids import AlertId
from watchbell.ports.store import Lease
from watchbell.usecases import pruning
from watchbell.usecases.pruning import Pruning

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store():
    return MemoryStore()


async def add(store, alert, count, kind="value"):
    entry = HistoryEntry(
        id="m", alert_id=AlertId(alert), at=NOW, sent_at=NOW, event="Down", severity="major", status="open", type=kind
    )
    async with store.transaction() as tx:
        await tx.history.add([entry] * count)


async def lengths(store, *alerts):
    async with store.reading() as tx:
        return [len(await tx.history.of(alert, 999_999)) for alert in alerts]


async def run(prune):
    """As often as there is more; how often that was."""
    times = 1
    while await prune.run([]):
        times += 1
    return times


async def test_each_alert_keeps_its_newest(store):
    prune = Pruning(store, 3)
    await add(store, "a", 5)
    await add(store, "b", 3)
    await run(prune)
    assert await lengths(store, "a", "b") == [3, 3]
    await add(store, "b", 2)
    await run(prune)
    assert await lengths(store, "a", "b") == [3, 3]
    assert not await prune.run([]), "nothing has happened, so there is nothing to do"


async def test_another_keeper_goes_on_where_the_last_one_was(store):
    await add(store, "a", 5)
    await run(Pruning(store, 3))
    async with store.reading() as tx:
        before = await tx.facts.get(pruning.FACT)
    assert not await Pruning(store, 3).run([])
    assert not await Pruning(store, 4).run([])
    async with store.reading() as tx:
        assert await tx.facts.get(pruning.FACT) == before


async def test_a_smaller_limit_counts_for_what_is_there(store):
    await add(store, "a", 5)
    await run(Pruning(store, 4))
    await run(Pruning(store, 2))
    assert await lengths(store, "a") == [2]


async def test_much_is_done_in_pieces(store):
    await add(store, "a", 2 * pruning.BATCH + 10)
    prune = Pruning(store, 10)
    await prune.run([])
    assert await lengths(store, "a") == [pruning.BATCH + 10]
    await run(prune)
    assert await lengths(store, "a") == [10]


async def test_whoever_lost_the_lease_deletes_nothing(store):
    await add(store, "a", 5)
    with pytest.raises(Fenced):
        await Pruning(store, 3).run([Lease(name="shard/0", holder="gone", token=1, expires_at=NOW)])
    assert await lengths(store, "a") == [5]
