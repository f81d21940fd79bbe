import asyncio

import pytest

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
    async with asyncio.timeout(5):
        return [await anext(changes) for _ in range(count)]


async def test_a_follower_sees_what_changes_from_now_on(store, feed):
    await change(store, "before")
    changes = feed.follow()
    waiting = asyncio.ensure_future(take(changes))
    await asyncio.sleep(0.01)
    await change(store, "after")
    (seen,) = await waiting
    assert seen.items == {"alert": ["after"]}


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
    await asyncio.sleep(0.01)
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
    await asyncio.sleep(0.01)
    await change(store, "first")
    await waiting
    for number in range(BACKLOG + 10):
        await change(store, str(number))
    async with asyncio.timeout(5):
        while (await anext(changes)) is not None:
            pass


async def test_closing_sends_followers_away(store, feed):
    waiting = asyncio.ensure_future(take(feed.follow()))
    await asyncio.sleep(0.01)
    await feed.close()
    assert await waiting == [None]
