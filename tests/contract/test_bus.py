"""What every bus promises: at least once, in no order, repeats after Retryable, dead letters after anything else."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from waiting import until
from watchbell.adapters.bus.memory import DELIVERY_LIMIT, MemoryBus
from watchbell.adapters.bus.rabbitmq import RabbitBus
from watchbell.domain.errors import Retryable
from watchbell.ports.bus import Bus, Envelope


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    def broker() -> Bus:
        return RabbitBus(request.getfixturevalue("rabbitmq_url"), patience=60)  # how soon it gives up is no matter here

    made = MemoryBus() if request.param == "memory" else broker()
    yield made
    await made.close()


def letters(*names: str, ttl: float | None = None) -> list[Envelope]:
    return [Envelope(id=name, body=f"body of {name}".encode(), ttl=ttl) for name in names]


async def test_what_was_published_before_anyone_listened_is_handled(bus):
    await bus.publish("work", letters("a", "b"))
    seen: dict[str, bytes] = {}

    async def handle(envelope: Envelope) -> None:
        seen[envelope.id] = envelope.body

    await bus.consume("work", handle)
    await until(lambda: len(seen) == 2)
    assert seen == {"a": b"body of a", "b": b"body of b"}


async def test_consumers_compete(bus):
    seen: list[str] = []
    taken: dict[int, int] = {0: 0, 1: 0}

    def handler(number: int):
        async def handle(envelope: Envelope) -> None:
            await asyncio.sleep(0.005)
            taken[number] += 1
            seen.append(envelope.id)

        return handle

    await bus.consume("work", handler(0), prefetch=1)
    await bus.consume("work", handler(1), prefetch=1)
    await bus.publish("work", letters(*(str(n) for n in range(20))))
    await until(lambda: len(seen) >= 20)
    assert sorted(seen, key=int) == [str(n) for n in range(20)]
    assert min(taken.values()) > 0


async def test_no_more_than_prefetch_at_a_time(bus):
    at_once, most, done = 0, 0, 0

    async def handle(envelope: Envelope) -> None:
        nonlocal at_once, most, done
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        done += 1

    await bus.consume("work", handle, prefetch=3)
    await bus.publish("work", letters(*(str(n) for n in range(12))))
    await until(lambda: done == 12)
    assert most <= 3


async def test_retryable_brings_the_message_again(bus):
    tries: list[str] = []

    async def handle(envelope: Envelope) -> None:
        tries.append(envelope.id)
        if len(tries) < 3:
            raise Retryable("not yet")

    await bus.consume("work", handle)
    await bus.publish("work", letters("a"))
    await until(lambda: len(tries) == 3)
    await asyncio.sleep(0.3)
    assert tries == ["a"] * 3


async def test_anything_else_is_a_dead_letter_at_once(bus):
    tries: list[str] = []

    async def handle(envelope: Envelope) -> None:
        tries.append(envelope.id)
        if envelope.id == "poison":
            raise ValueError("cannot read this")

    await bus.consume("work", handle)
    await bus.publish("work", letters("poison", "good"))
    await until(lambda: "good" in tries and "poison" in tries)
    await asyncio.sleep(0.2)
    assert sorted(tries) == ["good", "poison"]


async def test_topics_do_not_mix(bus):
    seen: list[str] = []

    async def handle(envelope: Envelope) -> None:
        seen.append(envelope.id)

    await bus.consume("one", handle)
    await bus.publish("two", letters("other"))
    await bus.publish("one", letters("mine"))
    await until(lambda: seen)
    await asyncio.sleep(0.1)
    assert seen == ["mine"]


async def test_what_ran_out_is_not_delivered(bus):
    seen: list[str] = []

    async def handle(envelope: Envelope) -> None:
        seen.append(envelope.id)

    await bus.publish("work", letters("late", ttl=0.05))
    await asyncio.sleep(0.3)
    await bus.publish("work", letters("fresh", ttl=30))
    await bus.consume("work", handle)
    await until(lambda: seen)
    await asyncio.sleep(0.1)
    assert seen == ["fresh"]


async def test_a_stopped_subscription_finishes_what_it_has_and_leaves_the_rest(bus):
    begun, finished, elsewhere = asyncio.Event(), [], []

    async def slow(envelope: Envelope) -> None:
        begun.set()
        await asyncio.sleep(0.1)
        finished.append(envelope.id)

    async def other(envelope: Envelope) -> None:
        elsewhere.append(envelope.id)

    subscription = await bus.consume("work", slow, prefetch=1)
    await bus.publish("work", letters("a", "b", "c"))
    await begun.wait()
    await subscription.stop()
    stopped_with = list(finished)
    assert len(stopped_with) == 1
    await bus.consume("work", other)
    await until(lambda: len(elsewhere) == 2)
    assert finished == stopped_with
    assert sorted(finished + elsewhere) == ["a", "b", "c"]


async def test_a_broadcast_reaches_every_listener_and_nobody_later(bus):
    first: list[bytes] = []
    second: list[bytes] = []

    async def hear_first(body: bytes) -> None:
        first.append(body)

    async def hear_second(body: bytes) -> None:
        second.append(body)

    await bus.broadcast("wake", b"too early")
    await bus.listen("wake", hear_first)
    await bus.listen("wake", hear_second)
    await bus.broadcast("wake", b"7")
    await until(lambda: first and second)
    assert first == second == [b"7"]


async def test_a_listener_that_fails_does_not_disturb(bus):
    heard: list[bytes] = []

    async def fails(body: bytes) -> None:
        raise ValueError(body)

    async def hears(body: bytes) -> None:
        heard.append(body)

    await bus.listen("wake", fails)
    subscription = await bus.listen("wake", hears)
    await bus.broadcast("wake", b"1")
    await until(lambda: heard == [b"1"])
    await bus.broadcast("wake", b"2")
    await until(lambda: heard == [b"1", b"2"])
    await subscription.stop()
    await bus.broadcast("wake", b"3")
    await asyncio.sleep(0.1)
    assert heard == [b"1", b"2"]


async def test_available_once_used(bus):
    await bus.publish("work", letters("a"))
    assert bus.available()


async def test_memory_gives_up_after_the_limit():
    bus = MemoryBus(delay=lambda tries: 0.0)
    tries: list[str] = []

    async def handle(envelope: Envelope) -> None:
        tries.append(envelope.id)
        raise Retryable("never")

    await bus.consume("work", handle)
    await bus.publish("work", letters("a"))
    await until(lambda: bus.dead)
    assert len(tries) == DELIVERY_LIMIT
    assert [envelope.id for _, envelope, _ in bus.dead] == ["a"]
    await bus.close()
