"""Managed objects and their versions; what collectors reported."""

import asyncio

import msgspec
import pytest

from contract.store.samples import after, new_stored, new_window
from store_fixtures import OpenStore
from watchbell.domain.errors import Conflict
from watchbell.ports.store import Store
from watchbell.ports.tally import MinuteCount, RecentEvents


async def test_every_write_raises_the_version_of_the_configuration(store: Store):
    async with store.transaction() as tx:
        assert await tx.catalogue.version() == 0
        assert await tx.catalogue.put([new_stored("c1"), new_stored("c2")]) == 1
        assert await tx.catalogue.put([new_stored("c1", interval=5)]) == 2
        assert await tx.catalogue.put([]) == 2
        assert await tx.catalogue.remove("check", ["c2", "missing"]) == 3
        assert await tx.catalogue.remove("check", ["missing"]) == 3
    async with store.reading() as tx:
        assert await tx.catalogue.version() == 3
        (left,) = await tx.catalogue.all("check")
        assert left == msgspec.structs.replace(new_stored("c1", interval=5), version=2)


async def test_an_abandoned_write_does_not_raise_the_version(store: Store):
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the whole transaction is under test
        async with store.transaction() as tx:
            await tx.catalogue.put([new_stored("c1")])
            raise ZeroDivisionError
    async with store.transaction() as tx:
        assert await tx.catalogue.put([new_stored("c1")]) == 1


async def test_objects_are_found_by_name_or_id_and_listed_by_kind_and_name(store: Store):
    async with store.transaction() as tx:
        await tx.catalogue.put([new_stored("c1", "zeta"), new_stored("c2", "alpha"), new_stored("c3", "c1")])
        await tx.catalogue.put([new_stored("h1", "alpha", kind="host", address="10.0.0.1", tags=["ü"])])
    async with store.reading() as tx:
        assert [item.id for item in await tx.catalogue.all("check")] == ["c2", "c3", "c1"]
        assert [item.id for item in await tx.catalogue.all()] == ["c2", "c3", "c1", "h1"]
        for wanted, found in (("zeta", "c1"), ("c1", "c1"), ("alpha", "c2")):
            item = await tx.catalogue.get("check", wanted)
            assert item is not None
            assert item.id == found
        host = await tx.catalogue.get("host", "alpha")
        assert host is not None
        assert host.body == {"address": "10.0.0.1", "tags": ["ü"]}
        assert await tx.catalogue.get("host", "zeta") is None


async def test_a_taken_name_conflicts(store: Store):
    async with store.transaction() as tx:
        await tx.catalogue.put([new_stored("c1", "disk"), new_stored("h1", "disk", kind="host")])
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.catalogue.put([new_stored("c2", "disk")])
    async with store.transaction() as tx:
        assert await tx.catalogue.version() == 1
        await tx.catalogue.put([new_stored("c1", "web"), new_stored("c2", "disk")])


async def test_names_can_be_swapped(store: Store):
    async with store.transaction() as tx:
        await tx.catalogue.put([new_stored("c1", "a"), new_stored("c2", "b")])
        await tx.catalogue.put([new_stored("c1", "b"), new_stored("c2", "a")])
        assert [item.id for item in await tx.catalogue.all("check")] == ["c2", "c1"]


async def test_former_bodies_are_kept_for_ever(store: Store):
    async with store.transaction() as tx:
        for number in range(3):
            await tx.catalogue.put([new_stored("c1", number=number)])
        await tx.catalogue.remove("check", ["c1"])
        past = await tx.catalogue.past("check", "c1")
        assert [(item.version, item.body["number"]) for item in past] == [(3, 2), (2, 1), (1, 0)]
        assert await tx.catalogue.past("check", "c1", limit=1) == past[:1]
        assert await tx.catalogue.past("host", "c1") == []


async def test_versions_are_given_out_once(opening: OpenStore):
    stores = [opening(), opening()]

    async def put(number: int) -> int:
        async with stores[number % 2].transaction() as tx:
            return await tx.catalogue.put([new_stored(f"c{number}")])

    assert sorted(await asyncio.gather(*(put(number) for number in range(8)))) == list(range(1, 9))


async def test_the_newest_report_of_a_window_holds(store: Store):
    async with store.transaction() as tx:
        await tx.tallies.report([new_window("r1", "n1", 0, 5, complete=False), new_window("r1", "n2", 0, 1)])
        await tx.tallies.report([new_window("r1", "n1", 0, 7), new_window("r1", "n1", 60, 2)])
        await tx.tallies.report([new_window("r2", "n1", 0, 9)])
    async with store.reading() as tx:
        assert await tx.tallies.windows("r1", after(0)) == [
            new_window("r1", "n1", 0, 7),
            new_window("r1", "n2", 0, 1),
            new_window("r1", "n1", 60, 2),
        ]
        assert await tx.tallies.windows("r1", after(1)) == [new_window("r1", "n1", 60, 2)]


def glance(node: str, numbers: range, minutes: list[MinuteCount]) -> RecentEvents:
    return RecentEvents(node=node, events=[{"event_id": f"{node}{n}"} for n in numbers], skipped=0, minutes=minutes)


async def test_recent_events_and_minutes(store: Store):
    async with store.transaction() as tx:
        await tx.tallies.recent(glance("a", range(2), [MinuteCount(after(0), "click", 3)]))
        await tx.tallies.recent(glance("b", range(1), [MinuteCount(after(0), "click", 4)]))
        await tx.tallies.recent(
            glance("a", range(2, 3), [MinuteCount(after(0), "click", 5), MinuteCount(after(60), "buy", 1)])
        )
    async with store.reading() as tx:
        assert await tx.tallies.tail(3) == [
            {"event_id": "a2", "node": "a"},
            {"event_id": "b0", "node": "b"},
            {"event_id": "a1", "node": "a"},
        ]
        minutes = [MinuteCount(after(0), "click", 9), MinuteCount(after(60), "buy", 1)]
        assert await tx.tallies.minutes(after(0)) == minutes
        assert await tx.tallies.minutes(after(1)) == minutes[1:]


async def test_trimming_tallies(store: Store):
    async with store.transaction() as tx:
        await tx.tallies.report([new_window("r1", "n1", 0, 5), new_window("r1", "n1", 60, 6)])
        both = [MinuteCount(after(0), "click", 3), MinuteCount(after(60), "click", 4)]
        await tx.tallies.recent(glance("a", range(1003), both))
        await tx.tallies.trim(after(60))
        assert await tx.tallies.windows("r1", after(0)) == [new_window("r1", "n1", 60, 6)]
        assert await tx.tallies.minutes(after(0)) == both[1:]
        tail = await tx.tallies.tail(5000)
        assert len(tail) == 1000
        assert tail[0]["event_id"] == "a1002"
        await tx.tallies.trim(after(60))
        assert len(await tx.tallies.tail(5000)) == 1000


async def test_shown_events_of_a_party_are_forgotten(store):
    async with store.transaction() as tx:
        events = [{"event_id": str(number), "party_id": party} for number, party in enumerate("aba")]
        await tx.tallies.recent(RecentEvents(node="n", events=events, skipped=0, minutes=[]))
    async with store.transaction() as tx:
        assert await tx.tallies.forget(frozenset({"a", "nobody"})) == 2
        assert await tx.tallies.forget(frozenset({"a"})) == 0
    async with store.transaction() as tx:
        assert [event["event_id"] for event in await tx.tallies.tail()] == ["1"]
