"""The bus when the broker itself comes and goes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from servers.process import PATIENCE
from servers.rabbitmq import RabbitServer
from waiting import until
from watchbell.adapters.bus.rabbitmq import DEAD, RabbitBus
from watchbell.domain.errors import Retryable
from watchbell.ports.bus import Envelope


@pytest.fixture
async def bus(rabbitmq_url: str) -> AsyncIterator[RabbitBus]:
    made = RabbitBus(rabbitmq_url, patience=60)
    yield made
    await made.close()


def depth(server: RabbitServer, url: str, queue: str) -> int:
    listed = server.ctl("list_queues", "-p", url.rpartition("/")[2], "--no-table-headers", "name", "messages")
    return int(dict(line.split("\t") for line in listed.splitlines() if "\t" in line).get(queue, "0"))


@pytest.mark.slow
async def test_a_restart_in_the_middle_of_the_work_loses_nothing(bus, rabbitmq_server):
    seen: set[str] = set()
    heard: list[bytes] = []

    async def handle(envelope: Envelope) -> None:
        await asyncio.sleep(0.2)
        seen.add(envelope.id)

    async def hear(body: bytes) -> None:
        heard.append(body)

    await bus.consume("work", handle, prefetch=4)
    await bus.listen("wake", hear)
    await bus.publish("work", [Envelope(id=str(n), body=b"x") for n in range(100)])
    await until(lambda: len(seen) > 5)
    # A queue that is younger than this is not on the broker's disk yet, and a crash makes it unusable.
    await asyncio.sleep(3)
    rabbitmq_server.kill()
    await until(lambda: not bus.available())
    bus._patience = 2  # nothing is to come, so there is no need to wait for it long
    with pytest.raises(Retryable):
        await bus.publish("work", [Envelope(id="while away", body=b"x")])
    await bus.broadcast("wake", b"nobody hears")
    bus._patience = 60
    rabbitmq_server.start()
    await until(bus.available)
    await until(lambda: seen >= {str(n) for n in range(100)})
    await bus.publish("work", [Envelope(id="after", body=b"x")])
    await until(lambda: "after" in seen)
    await until_heard(bus, heard)


async def until_heard(bus: RabbitBus, heard: list[bytes]) -> None:
    async with asyncio.timeout(30 * PATIENCE):
        while b"again" not in heard:
            await bus.broadcast("wake", b"again")
            await asyncio.sleep(0.1)


async def test_what_was_begun_comes_again_and_says_so(bus, rabbitmq_url):
    begun = asyncio.Event()
    again: list[Envelope] = []

    async def hangs(envelope: Envelope) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def handles(envelope: Envelope) -> None:
        again.append(envelope)

    other = RabbitBus(rabbitmq_url)
    await other.consume("work", hangs)
    await bus.publish("work", [Envelope(id="a", body=b"x")])
    await begun.wait()
    assert other._keeper is not None
    other._keeper.cancel()  # the process dies
    await bus.consume("work", handles)
    await until(lambda: again)
    assert [(envelope.id, envelope.redelivered) for envelope in again] == [("a", True)]


async def test_poison_is_kept_among_the_dead_letters_and_what_ran_out_is_not(bus, rabbitmq_server, rabbitmq_url):
    async def poisoned(envelope: Envelope) -> None:
        raise ValueError("cannot read this")

    await bus.publish("late", [Envelope(id="late", body=b"x", ttl=0.01)])
    await bus.consume("work", poisoned)
    await bus.publish("work", [Envelope(id="poison", body=b"x")])
    # In a thread: the bus needs the loop meanwhile, and the command takes seconds.
    async with asyncio.timeout(60 * PATIENCE):
        while await asyncio.to_thread(depth, rabbitmq_server, rabbitmq_url, DEAD) < 1:  # noqa: ASYNC110 - it says when
            await asyncio.sleep(0.2)
    await asyncio.sleep(0.5)
    assert depth(rabbitmq_server, rabbitmq_url, DEAD) == 1


async def test_without_a_broker_publishing_says_so_soon():
    bus = RabbitBus("amqp://guest:guest@127.0.0.1:1/nothing", patience=0.3)
    with pytest.raises(Retryable):
        await bus.publish("work", [Envelope(id="a", body=b"x")])
    assert not bus.available()
    await bus.broadcast("wake", b"x")
    await bus.close()
