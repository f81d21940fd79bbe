"""A transaction is all or nothing, a reader sees one committed state, and the feed tells what changed."""

import asyncio

import pytest

from contract.store.samples import T0, after, new_alert, new_row
from store_fixtures import OpenStore, fixed_now
from watchbell.domain.errors import Conflict
from watchbell.ports.store import Change, Store


class InterruptedWorkError(Exception):
    """Something in the middle of a transaction."""


async def test_what_was_written_is_there_for_others(store: Store, opening: OpenStore):
    async with store.transaction() as tx:
        await tx.facts.put("name", "value")
        assert await tx.facts.get("name") == "value"
    async with opening().reading() as tx:
        assert await tx.facts.get("name") == "value"


async def test_an_exception_leaves_no_trace(store: Store):
    async with store.transaction() as tx:
        await tx.facts.put("name", "before")
    with pytest.raises(InterruptedWorkError):  # noqa: PT012 - the whole transaction is under test
        async with store.transaction() as tx:
            await tx.facts.put("name", "after")
            await tx.alerts.save([new_alert("lost-alert")])
            tx.changed("alert", "lost-alert")
            raise InterruptedWorkError
    async with store.reading() as tx:
        assert await tx.facts.get("name") == "before"
        assert await tx.alerts.get("lost-alert") is None
        assert await tx.changes.since(0) == []


async def test_a_cancelled_transaction_leaves_no_trace(store: Store):
    entered = asyncio.Event()

    async def work() -> None:
        async with store.transaction() as tx:
            await tx.facts.put("name", "value")
            entered.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.transaction() as tx:
        assert await tx.facts.get("name") is None


async def test_a_swallowed_failure_is_not_committed(store: Store):
    """Half of a transaction is never kept, even if the caller goes on after a method failed."""
    async with store.transaction() as tx:
        await tx.outbox.add([new_row("m1")])
    with pytest.raises(Conflict):  # noqa: PT012 - the whole transaction is under test
        async with store.transaction() as tx:
            await tx.facts.put("name", "value")
            with pytest.raises(Conflict):
                await tx.outbox.add([new_row("m1")])
    async with store.reading() as tx:
        assert await tx.facts.get("name") is None


async def test_a_reader_keeps_the_state_it_began_with(store: Store, opening: OpenStore):
    other = opening()
    async with store.transaction() as tx:
        await tx.facts.put("name", "1")
    async with other.reading() as view:
        assert await view.facts.get("name") == "1"
        async with store.transaction() as tx:
            await tx.facts.put("name", "2")
            assert await view.facts.get("name") == "1"
        assert await view.facts.get("name") == "1"
    async with other.reading() as view:
        assert await view.facts.get("name") == "2"


async def test_a_reader_does_not_wait_for_a_writer(store: Store):
    async with store.transaction() as tx:
        await tx.facts.put("name", "1")
        async with asyncio.timeout(5), store.reading() as view:
            assert await view.facts.get("name") is None


async def test_a_reader_cannot_write(store: Store):
    async with store.reading() as tx:
        with pytest.raises(RuntimeError):
            await tx.facts.put("name", "value")
        with pytest.raises(RuntimeError):
            await tx.alerts.save([new_alert()])
        with pytest.raises(RuntimeError):
            tx.changed("alert", "a")


async def test_writers_of_one_row_follow_one_another(opening: OpenStore):
    """Twenty that each add one to a counter, in two processes: none is lost."""
    stores = [opening(), opening()]
    async with stores[0].transaction() as tx:
        await tx.outbox.add([new_row("m1")])

    async def add_one(number: int) -> None:
        async with stores[number % 2].transaction() as tx:
            await tx.outbox.get(["m1"])
            value = int(await tx.facts.get("counter") or 0)
            await tx.facts.put("counter", str(value + 1))

    await asyncio.gather(*(add_one(number) for number in range(20)))
    async with stores[0].reading() as tx:
        assert await tx.facts.get("counter") == "20"


async def test_ping_and_close(store: Store):
    await store.ping()
    await store.close()


async def test_one_change_for_a_transaction(store: Store):
    async with store.transaction() as tx:
        tx.changed("alert", "a1", "a2")
        tx.changed("incident", "i1")
        tx.changed("alert", "a2", "a3")
        tx.changed("check")
    async with store.transaction() as tx:
        await tx.facts.put("name", "value")
    async with store.reading() as tx:
        first = await tx.changes.latest()
        assert first > 0
        items = {"alert": ["a1", "a2", "a3"], "incident": ["i1"]}
        assert await tx.changes.since(0) == [Change(id=first, at=fixed_now(), items=items)]


async def test_more_than_a_thousand_ids_are_written_as_a_star(store: Store):
    async with store.transaction() as tx:
        tx.changed("alert", *(f"a{number}" for number in range(1001)))
        tx.changed("incident", *(f"i{number}" for number in range(1000)))
    async with store.reading() as tx:
        (change,) = await tx.changes.since(0)
        assert change.items["alert"] == ["*"]
        assert len(change.items["incident"]) == 1000


async def test_changes_are_read_from_where_one_left_off(store: Store):
    async with store.reading() as tx:
        assert await tx.changes.latest() == 0
    for number in range(5):
        async with store.transaction() as tx:
            tx.changed("alert", f"a{number}")
    async with store.reading() as tx:
        changes = await tx.changes.since(0)
        assert [change.items["alert"] for change in changes] == [["a0"], ["a1"], ["a2"], ["a3"], ["a4"]]
        assert [change.id for change in changes] == sorted({change.id for change in changes})
        assert await tx.changes.since(changes[1].id, limit=2) == changes[2:4]
        assert await tx.changes.latest() == changes[-1].id


async def test_trimming_changes_never_gives_an_id_out_again(store: Store):
    async with store.transaction() as tx:
        tx.changed("alert", "a1")
    async with store.transaction() as tx:
        last = await tx.changes.latest()
        await tx.changes.trim(fixed_now())
        assert await tx.changes.latest() == last
        await tx.changes.trim(after(1))
        assert await tx.changes.since(0) == []
    async with store.transaction() as tx:
        tx.changed("alert", "a2")
    async with store.reading() as tx:
        assert await tx.changes.latest() > last


async def test_facts(store: Store):
    async with store.transaction() as tx:
        assert await tx.facts.get("name") is None
        await tx.facts.put("name", "1")
        await tx.facts.put("name", "2")
        assert await tx.facts.get("name") == "2"
        assert await tx.facts.remove("name") is True
        assert await tx.facts.remove("name") is False
    assert T0.microsecond == 123456


async def test_a_transaction_sees_what_it_wrote_and_the_last_writing_holds(store: Store):
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("a1", text="first", tags=("a\nb",))])
        await tx.alerts.save([new_alert("a1", text="second", tags=("a\nb",))])
        assert [(alert.text, alert.tags) for alert in await tx.alerts.many(["a1"])] == [("second", ("a\nb",))]
        await tx.alerts.save([new_alert("a1", text="third")])
        tx.changed("alert", "a1")
    async with store.reading() as tx:
        assert [alert.text for alert in await tx.alerts.many(["a1"])] == ["third"]
        assert await tx.changes.latest() > 0
