"""What happens when two processes want the same thing at the same moment, and when the database goes away."""

import asyncio

import asyncpg
import msgspec
import pytest

from contract.store.samples import T0, after, new_alert, new_incident
from store_fixtures import OpenStore
from watchbell.adapters.store.sql import dialect_postgres
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.errors import Fenced, Retryable
from watchbell.ports.store import Lease, Store


async def receive(store: Store, alert: Alert) -> str:
    """What the intake does: lock, look, then save a new alert or count a duplicate."""
    async with store.transaction() as tx:
        await tx.alerts.lock([alert.identity])
        found = await tx.alerts.related([alert.identity])
        await asyncio.sleep(0.01)
        if not found:
            await tx.alerts.save([alert])
            return "new"
        count = found[0].duplicate_count + 1
        await tx.alerts.save([msgspec.structs.replace(found[0], duplicate_count=count)])
        return "duplicate"


async def test_two_simultaneous_first_messages_make_one_alert(opening: OpenStore):
    stores = [opening(), opening()]
    sent = [new_alert(f"alert-{number}", resource="r") for number in range(10)]
    answers = await asyncio.gather(*(receive(stores[n % 2], alert) for n, alert in enumerate(sent)))
    assert sorted(answers) == ["duplicate"] * 9 + ["new"]
    async with stores[0].reading() as tx:
        (alert,) = await tx.alerts.related([sent[0].identity])
        assert alert.duplicate_count == 9


async def test_locks_in_any_order_do_not_deadlock(opening: OpenStore):
    stores = [opening(), opening()]
    identities = [new_alert(resource=f"r{number}").identity for number in range(20)]

    async def hold(number: int) -> None:
        async with stores[number % 2].transaction() as tx:
            await tx.alerts.lock(identities if number % 4 < 2 else identities[::-1])
            await asyncio.sleep(0.002)

    async with asyncio.timeout(20):
        await asyncio.gather(*(hold(number) for number in range(12)))


async def test_one_incident_is_opened_for_a_service(opening: OpenStore):
    stores = [opening(), opening()]

    async def open_incident(number: int) -> None:
        async with stores[number % 2].transaction() as tx:
            if not await tx.incidents.unresolved(["checkout"]):
                await asyncio.sleep(0.005)
                await tx.incidents.save([new_incident(f"i{number}")])

    await asyncio.gather(*(open_incident(number) for number in range(6)))
    async with stores[0].reading() as tx:
        assert len(await tx.incidents.find([])) == 1


async def test_a_takeover_waits_for_whoever_verified(opening: OpenStore):
    one, two = opening(), opening()
    async with one.transaction() as tx:
        lease = await tx.leases.acquire("shard/1", "k1", T0, after(10))
    assert lease is not None
    order: list[str] = []

    async def take_over() -> None:
        async with two.transaction() as tx:
            await tx.leases.acquire("shard/1", "k2", after(20), after(30))
            order.append("taken")

    async with one.transaction() as tx:
        await tx.leases.verify([lease])
        task = asyncio.create_task(take_over())
        await asyncio.sleep(0.2)
        await tx.facts.put("name", "written under the lease")
        order.append("written")
    await task
    assert order == ["written", "taken"]
    with pytest.raises(Fenced):
        async with one.transaction() as tx:
            await tx.leases.verify([lease])


async def test_changes_appear_in_order_of_their_ids(opening: OpenStore):
    """Whoever reads on from the newest id that it saw misses nothing, however many commit at once."""
    stores = [opening(), opening()]
    running = True

    async def commit(number: int) -> None:
        for step in range(10):
            async with stores[number % 2].transaction() as tx:
                await tx.facts.put(f"f{number}", str(step))
                tx.changed("alert", f"{number}-{step}")

    async def follow() -> list[str]:
        reader, seen, position = opening(), list[str](), 0
        while True:
            last = not running
            async with reader.reading() as tx:
                for change in await tx.changes.since(position):
                    assert change.id > position
                    position = change.id
                    seen += change.items["alert"]
            if last:
                return seen
            await asyncio.sleep(0)

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(commit(number) for number in range(8)))
    running = False
    seen = await follower
    assert len(seen) == len(set(seen)) == 80


@pytest.mark.postgres
async def test_connections_come_back_after_they_were_cut(store_postgres_url: str):
    store = open_store(store_postgres_url, pool_size=3)
    admin = await asyncpg.connect(store_postgres_url)
    try:
        with pytest.raises(Retryable):  # noqa: PT012 - the whole transaction is under test
            async with store.transaction() as tx:
                await tx.facts.put("name", "lost")
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watchbell'"
                )
                await tx.facts.put("other", "lost too")
        for _ in range(5):
            try:
                async with store.transaction() as tx:
                    assert await tx.facts.get("name") is None
                    await tx.facts.put("name", "kept")
                break
            except Retryable:
                continue
        async with store.reading() as tx:
            assert await tx.facts.get("name") == "kept"
    finally:
        await admin.close()
        await store.close()


async def test_a_database_that_is_away_is_retryable():
    store = open_store("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Retryable):
        await store.ping()
    with pytest.raises(Retryable):
        async with store.transaction() as tx:
            await tx.facts.get("name")
    await store.close()


async def test_a_lease_seen_by_another_process(opening: OpenStore):
    async with opening().transaction() as tx:
        lease = await tx.leases.acquire("shard/1", "k1", T0, after(10))
    async with opening().reading() as tx:
        assert await tx.leases.all() == [lease]
    assert isinstance(lease, Lease)


async def test_a_client_that_stands_still_in_the_middle_of_a_statement_holds_up_nobody(
    store_postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    """Between preparing a statement and running it the server's deadlines end nothing: it waits for its client."""
    monkeypatch.setattr(dialect_postgres, "LOCK_SECONDS", 1)
    monkeypatch.setattr(dialect_postgres, "IDLE_SECONDS", 1)
    store = open_store(store_postgres_url)
    given = {"application_name": dialect_postgres.APPLICATION, "idle_in_transaction_session_timeout": "1000"}
    stuck = await asyncpg.connect(store_postgres_url, server_settings=given)
    tried = 0
    try:
        await stuck.execute("BEGIN")
        await stuck.execute("LOCK TABLE leases IN ACCESS EXCLUSIVE MODE")
        await stuck.prepare("SELECT count(*) FROM leases")
        for _ in range(20):
            tried += 1
            try:
                async with store.transaction() as tx:
                    await tx.leases.acquire("shard/1", "k1", T0, after(60))
                break
            except Retryable:
                continue
        assert 1 < tried < 20, "it waited, and then it was let through"
    finally:
        stuck.terminate()
        await store.close()
