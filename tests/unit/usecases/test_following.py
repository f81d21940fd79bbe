import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from oncall_bench import HandClock
from waiting import turns
from watchbell.testing import MemoryStore
from watchbell.usecases.following import BACKLOG, ChangeFeed


class RestlessClock:
    """A clock whose sleeps return at once, after letting others run."""

    def now(self):
        raise AssertionError("following needs no time")

    async def sleep(self, seconds):
        await asyncio.sleep(0)


@pytest.fixture
async def store():
    return MemoryStore()


@pytest.fixture
async def feed(store):
    feed = ChangeFeed(store, RestlessClock())
    yield feed
    await feed.close()


async def change(store, *ids):
    async with store.transaction() as tx:
        tx.changed("alert", *ids)


async def take(changes, count=1):
    async with asyncio.timeout(60):
        return [await anext(changes) for _ in range(count)]


async def test_a_follower_sees_what_changes_from_now_on(store, feed):
    await change(store, "before")
    changes = feed.follow()
    waiting = asyncio.ensure_future(take(changes))
    await turns()
    await change(store, "after")
    (seen,) = await waiting
    assert seen.items == {"alert": ["after"]}


async def test_a_follower_that_comes_back_when_a_part_of_what_it_missed_is_forgotten_starts_again():
    clock = HandClock()
    store = MemoryStore(now=clock.now)
    feed = ChangeFeed(store, RestlessClock())
    await change(store, "a")
    place = await feed.latest()
    clock.advance(60)
    await change(store, "missed")
    clock.advance(3600)
    await change(store, "b")
    async with store.transaction() as tx:
        await tx.changes.trim(clock.now() - timedelta(minutes=30))
    assert await take(feed.follow(place)) == [None]
    await feed.close()


async def test_a_follower_that_comes_back_gets_what_it_missed(store, feed):
    await change(store, "a")
    place = await feed.latest()
    await change(store, "b")
    await change(store, "c")
    seen = await take(feed.follow(place), 2)
    assert [each.items["alert"] for each in seen] == [["b"], ["c"]]


async def test_two_followers_see_the_same(store, feed):
    first, second = feed.follow(), feed.follow()
    waiting = asyncio.gather(take(first), take(second))
    await turns()
    await change(store, "a")
    assert [seen[0].items for seen in await waiting] == [{"alert": ["a"]}] * 2


async def test_one_that_was_away_for_too_long_starts_again(store, feed):
    await change(store, "a")
    place = await feed.latest()
    for number in range(BACKLOG):
        await change(store, str(number))
    assert await take(feed.follow(place)) == [None]


async def test_a_place_from_another_life_starts_again(store, feed):
    assert await take(feed.follow(10_000)) == [None]


async def test_a_follower_that_does_not_keep_up_starts_again(store, feed):
    changes = feed.follow()
    waiting = asyncio.ensure_future(take(changes))
    await turns()
    await change(store, "first")
    await waiting
    for number in range(BACKLOG + 10):
        await change(store, str(number))
    async with asyncio.timeout(60):
        while (await anext(changes)) is not None:
            pass


class SlowToLeave(MemoryStore):
    """A store from which whoever reads is slow to come back, when asked; not the feed's own reader."""

    def __init__(self):
        super().__init__()
        self.left = asyncio.Event()
        self.left.set()

    @asynccontextmanager
    async def reading(self):
        async with super().reading() as tx:
            yield tx
        task = asyncio.current_task()
        if task is None or task.get_name() != "change-feed":
            await self.left.wait()


async def test_what_changes_while_somebody_joins_is_not_lost():
    store = SlowToLeave()
    feed = ChangeFeed(store, RestlessClock())
    first = feed.follow()
    waiting = asyncio.ensure_future(take(first))
    await turns()
    store.left.clear()
    second = asyncio.ensure_future(take(feed.follow()))
    await turns()
    await change(store, "meanwhile")
    store.left.set()
    assert [seen.items["alert"] for seen in (*await waiting, *await second)] == [["meanwhile"]] * 2
    await feed.close()


async def test_closing_sends_followers_away(store, feed):
    waiting = asyncio.ensure_future(take(feed.follow()))
    await turns()
    await feed.close()
    assert await waiting == [None]
