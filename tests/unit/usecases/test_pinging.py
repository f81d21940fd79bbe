from datetime import timedelta

import pytest

from api_client import World
from watchbell.domain.access import FAILURE_WINDOW, FAILURES_ANYWHERE
from watchbell.domain.errors import Missing, Throttled
from watchbell.usecases.administering import OPERATOR
from watchbell.usecases.pinging import Pinging

KEY = "ping-key-ping-key-ping"


class Place:
    def __init__(self) -> None:
        self.world = World()
        self.needs = self.world.needs()
        self.pinging: Pinging = self.needs["pinging"]

    async def start(self) -> "Place":
        await self.world.add_key(KEY, "write:pings")
        await self.define("backup")
        return self

    async def define(self, slug: str) -> str:
        return (await self.needs["managing"].create(OPERATOR, "heartbeat", {"name": slug, "slug": slug})).id

    async def guess(self, times: int, address: str = "192.0.2.1") -> None:
        for number in range(times):
            with pytest.raises(Missing):
                await self.pinging.find(f"guess-{number}", "backup", address)


@pytest.fixture
async def place() -> Place:
    return await Place().start()


async def test_an_address_that_was_wrong_too_often_must_wait(place: Place):
    await place.guess(FAILURES_ANYWHERE)
    with pytest.raises(Throttled) as error:
        await place.pinging.find(KEY, "backup", "192.0.2.1")
    assert 0 < error.value.retry_after <= FAILURE_WINDOW.total_seconds()
    assert await place.pinging.find(KEY, "backup", "192.0.2.2")

    place.world.clock.time += FAILURE_WINDOW
    assert await place.pinging.find(KEY, "backup", "192.0.2.1")


async def test_one_subscribers_ipv6_addresses_count_as_one(place: Place):
    for number in range(FAILURES_ANYWHERE):
        await place.guess(1, f"2001:db8:0:1::{number:x}")
    with pytest.raises(Throttled):
        await place.pinging.find(KEY, "backup", "2001:db8:0:1:ffff::")
    assert await place.pinging.find(KEY, "backup", "2001:db8:0:2::")


async def test_strangers_do_not_silence_jobs_at_the_same_address(place: Place):
    await place.pinging.find(KEY, "backup", "192.0.2.1")
    await place.guess(FAILURES_ANYWHERE)
    assert await place.pinging.find(KEY, "backup", "192.0.2.1")


async def test_guesses_long_ago_do_not_count(place: Place):
    await place.guess(FAILURES_ANYWHERE - 1)
    place.world.clock.time += FAILURE_WINDOW - timedelta(seconds=1)
    await place.guess(1)
    place.world.clock.time += timedelta(seconds=1)
    assert await place.pinging.find(KEY, "backup", "192.0.2.1")


async def test_a_revoked_key_is_worth_nothing(place: Place):
    await place.pinging.find(KEY, "backup", "192.0.2.1")
    await place.world.administering.delete_key(OPERATOR, KEY)
    with pytest.raises(Missing):
        await place.pinging.find(KEY, "backup", "192.0.2.1")


async def test_a_slug_that_was_made_a_moment_ago_is_known(place: Place):
    with pytest.raises(Missing):
        await place.pinging.find(KEY, "fresh", "192.0.2.1")
    fresh = await place.define("fresh")
    assert await place.pinging.find(KEY, "fresh", "192.0.2.1") == fresh
