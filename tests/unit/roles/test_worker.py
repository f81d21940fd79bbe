"""The worker between a bus and its check types."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from waiting import turns
from watchbell.domain.checks.check import CheckRun
from watchbell.domain.checks.result import Outcome, Status
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.ids import shard_of
from watchbell.ports.bus import Envelope
from watchbell.ports.telemetry import NullTelemetry
from watchbell.roles.worker import RUNS_PER_MESSAGE, Worker, pack_runs, unpack_results
from watchbell.usecases.probing import Prober
from watchbell.usecases.scheduling import Dispatch

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class HandBus:
    """A bus whose messages the test hands over itself."""

    def __init__(self):
        self.published = []
        self.broken = False
        self.topic = ""
        self.stopped = False
        self.handler: Any = None
        self.handling = set()

    async def publish(self, topic, envelopes):
        if self.broken:
            raise Retryable("the broker is away")
        self.published += [(topic, envelope) for envelope in envelopes]

    async def consume(self, topic, handler, *, prefetch=64):
        self.topic, self.handler = topic, handler
        return self

    async def stop(self):
        self.stopped = True
        await asyncio.gather(*self.handling, return_exceptions=True)

    def hand(self, envelope):
        task = asyncio.create_task(self.handler(envelope))
        self.handling.add(task)
        return task


class Clock:
    def now(self):
        return NOW

    async def sleep(self, seconds):
        raise AssertionError


class Vault:
    def seal(self, plain):
        return plain

    def unseal(self, sealed):
        return sealed


class Check:
    name: ClassVar[str] = "x"
    title: ClassVar[str] = "X"
    Config: ClassVar[type[msgspec.Struct]] = msgspec.Struct

    def __init__(self, config):
        self.config = config

    async def run(self, target):
        gate = self.config.get("gate")
        if gate is not None:
            await GATES[gate].wait()
        return Outcome(status=Status.OK, summary="fine")


GATES: dict[str, asyncio.Event] = {}


def run(number=1, **changes):
    values: dict[str, Any] = {
        "run_id": f"r-{number}",
        "check_id": f"c-{number}",
        "name": "web",
        "type": "x",
        "config": {},
        "address": "",
        "timeout": 5.0,
        "shard": shard_of(f"c-{number}"),
        "due": NOW,
        "deadline": NOW + timedelta(seconds=15),
    }
    return CheckRun(**{**values, **changes})


def worker(bus, concurrency=100, close=None):
    prober = Prober(
        {"x": Check}, clock=Clock(), vault=Vault(), telemetry=NullTelemetry(), worker="w", concurrency=concurrency
    )
    return Worker(bus, prober, NullTelemetry(), site="north", pool="fast", concurrency=concurrency, close=close)


def message(*runs):
    return Envelope(id="m", body=msgspec.msgpack.encode(list(runs)))


async def test_results_go_to_the_keeper_of_each_checks_shard():
    bus = HandBus()
    subject = worker(bus)
    await subject.start()
    assert bus.topic == "checks.north.fast"
    await bus.hand(message(*(run(n) for n in range(40))))
    by_topic = {}
    for topic, envelope in bus.published:
        by_topic.setdefault(topic, []).extend(unpack_results(envelope))
    assert sum(map(len, by_topic.values())) == 40
    assert all(topic == f"results.{shard_of(r.check_id)}" for topic, results in by_topic.items() for r in results)
    await subject.stop()


async def test_a_message_is_not_done_before_its_results_are_with_the_bus():
    bus = HandBus()
    await worker(bus).start()
    bus.broken = True
    with pytest.raises(Retryable):
        await bus.hand(message(run()))


async def test_a_message_that_cannot_be_read_is_refused_for_good():
    bus = HandBus()
    await worker(bus).start()
    for body in (b"", b"\xff", msgspec.msgpack.encode([{"run_id": 1}])):
        with pytest.raises(Permanent):
            await bus.hand(Envelope(id="m", body=body))


async def test_stopping_finishes_what_runs_gives_back_the_rest_and_closes_the_tools():
    closed = []

    async def close():
        closed.append(bus.published[:])

    bus = HandBus()
    subject = worker(bus, concurrency=1, close=close)
    GATES["stop"] = asyncio.Event()
    await subject.start()
    begun = bus.hand(message(run(1, config={"gate": "stop"})))
    waiting = bus.hand(message(run(2)))
    await turns()
    stopping = asyncio.create_task(subject.stop())
    await turns()
    assert bus.stopped
    assert not stopping.done()
    GATES["stop"].set()
    await stopping
    assert begun.done()
    assert begun.exception() is None
    with pytest.raises(Retryable):
        await waiting
    assert len(closed[0]) == 1


async def test_a_run_that_came_too_late_sends_nothing():
    bus = HandBus()
    await worker(bus).start()
    await bus.hand(message(run(deadline=NOW)))
    assert bus.published == []


def test_runs_travel_together_and_run_out_with_the_last():
    dispatches = [Dispatch("north", "fast", run(n)) for n in range(RUNS_PER_MESSAGE + 1)]
    packed = pack_runs([*dispatches, Dispatch("south", "fast", run(99, deadline=NOW + timedelta(seconds=99)))])
    assert [len(msgspec.msgpack.decode(e.body)) for e in packed["checks.north.fast"]] == [RUNS_PER_MESSAGE, 1]
    assert packed["checks.north.fast"][0].ttl == 15
    assert packed["checks.south.fast"][0].ttl == 99
