import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api_client import World
from watchbell.domain.errors import Conflict, WatchbellError
from watchbell.ports.store import Transaction
from watchbell.usecases.administering import OPERATOR
from watchbell.usecases.managing import Managing


class Overtaken:
    """A store in which another writer gets in before each of the first `times` transactions ends."""

    def __init__(self, store: Any, times: int) -> None:
        self.store = store
        self.times = times
        self.reading = store.reading

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Transaction]:
        async with self.store.transaction() as tx:
            if self.times:
                self.times -= 1
                version = tx.catalogue.version

                async def stale() -> int:
                    return await version() - 1

                tx.catalogue.version = stale
            yield tx


def managing_over(world: World, times: int) -> Managing:
    managing: Managing = world.needs()["managing"]
    managing._store = Overtaken(world.store, times)  # pyright: ignore[reportAttributeAccessIssue]
    return managing


async def test_a_write_that_was_overtaken_is_tried_again():
    world = World()
    managing = managing_over(world, 2)
    await managing.create(OPERATOR, "host", {"name": "db1"})
    assert [row.name for row in await managing.all("host")] == ["db1"]
    async with world.store.reading() as tx:
        assert len(await tx.audit.newest()) == 1


async def test_a_write_that_is_always_overtaken_gives_up_and_leaves_nothing():
    managing = managing_over(World(), 99)
    with pytest.raises(Conflict, match="Try again"):
        await managing.create(OPERATOR, "host", {"name": "db1"})
    assert await managing.all("host") == []


async def test_of_a_deletion_and_a_new_reference_at_once_one_wins():
    world = World()
    managing: Managing = world.needs()["managing"]
    await managing.create(OPERATOR, "host", {"name": "db1"})
    check = {"name": "web", "type": "probe", "config": {"url": "u"}, "host": "db1"}
    ended = await asyncio.gather(
        managing.delete(OPERATOR, "host", "db1"), managing.create(OPERATOR, "check", check), return_exceptions=True
    )
    assert sum(isinstance(one, WatchbellError) for one in ended) == 1
    exported = {thing["kind"] for thing in await managing.export(OPERATOR)}
    assert exported in ({"host", "check"}, set())


async def test_what_is_written_is_known_to_this_process_at_once():
    world = World()
    needs = world.needs()
    assert (await needs["configured"].current()).hosts == {}
    await needs["managing"].create(OPERATOR, "host", {"name": "db1"})
    assert list((await needs["configured"].current()).hosts) == ["db1"]


async def test_writing_the_same_again_makes_no_version():
    world = World()
    managing: Managing = world.needs()["managing"]
    first = await managing.create(OPERATOR, "host", {"name": "db1"})
    again = await managing.update(OPERATOR, "host", "db1", {"name": "db1"})
    assert again == first
    assert (await managing.get("host", "db1"))[1] == []


async def test_an_export_leaves_defaults_out():
    managing: Managing = World().needs()["managing"]
    await managing.create(OPERATOR, "host", {"name": "db1", "site": "default", "tags": ["a"]})
    assert await managing.export(OPERATOR) == [{"kind": "host", "name": "db1", "tags": ["a"]}]
