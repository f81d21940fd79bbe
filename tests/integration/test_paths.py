"""Funnels counted by several collectors over a real topic: whoever saw a step, and whoever counts it."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector_server import CollectorProcess
from contract.places import event
from servers.kafka import KafkaServer
from servers.process import PATIENCE, wait_until
from watchbell.adapters.path_topic import KafkaPaths
from watchbell.domain.errors import Retryable
from watchbell.domain.events.event import Event
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Measure, Rule, Step
from watchbell.domain.events.rules.windows import WindowCounter
from watchbell.sinks.kafka import Kafka, KafkaConfig, client_options
from watchbell.toolkit.settings import read
from watchbell.usecases.pathing import STEP_SCHEMA, Paths, PathSink, _encoded, message_of

START = 1_700_000_040_000
STEPS = ("pageView", "basket", "checkout")
RULE = Rule(
    id="f",
    name="f",
    measure=Measure.FUNNEL,
    steps=tuple(Step(filter={"event_type": name}) for name in STEPS),
    window_s=60,
    within_s=120,
    late_s=600,
)


class Collector:
    """What a collector does with the events that it saw, without its journal: publish steps, count its partitions."""

    def __init__(self, server: KafkaServer, topic: str, node: str, folder: Path) -> None:
        config = read(KafkaConfig, {"servers": [server.address], "topic": topic, "exactly_once": True, "wait_s": 30.0})
        options = client_options(config)
        log = KafkaPaths(topic, f"g-{topic}", options, STEP_SCHEMA, message_of, wait_s=30.0, session_s=6.0)
        self.paths = Paths(log, "g")
        self.paths.use([RULE])
        inner = Kafka(config, schema=STEP_SCHEMA, folder=folder, node=node, now_ms=lambda: START)
        self.inner = inner
        self.sink = PathSink(inner, node, log.keys, self.paths)
        self.position = self.sink.open().get("a", 0)
        self.upto_ms = 0
        self.paths.progress = lambda: (self.upto_ms, {"a": self.position})
        self.log = log

    def publish(self, events: list[Event], upto_ms: int) -> None:
        self.position += len(events)
        self.sink.write([{}] * len(events), {"a": self.position}, events)
        self.sink.sync()
        self.upto_ms = upto_ms
        self.sink.tend()
        self.sink.tend()

    def keep(self) -> None:
        self.log.keep([(number, _encoded(held)) for number, held in self.paths._held.items()])

    def kill(self) -> None:
        """Without a word: nothing is kept, and the group has to find out."""
        self.inner.abandon()
        consumer, self.log._consumer = self.log._consumer, None
        if consumer is not None:
            consumer.unsubscribe()
            consumer.close()

    def leave(self) -> None:
        with suppress(Retryable):
            self.sink.close()
        self.paths.close(START)


Make = Callable[[str], Collector]


@pytest.fixture
def make(kafka_server: KafkaServer, tmp_path: Path) -> Iterator[Make]:
    """Collectors that share a topic."""
    made: list[Collector] = []
    topic = kafka_server.create_topic()

    def collector(node: str) -> Collector:
        made.append(Collector(kafka_server, topic, node, tmp_path / node))
        return made[-1]

    yield collector
    for each in made:
        each.kill()


class Reports:
    """What was reported: the latest part of each (node, window)."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, Any], WindowPart] = {}

    def turn(self, collectors: list[Collector], now_ms: int) -> None:
        for each in collectors:
            for part in each.paths.turn(now_ms, 0.1):
                self.parts[part.node, part.window_start] = part

    def counted(self) -> dict[int, tuple[int, int]]:
        """Window → (came to the end, began)."""
        found: dict[int, tuple[int, int]] = {}
        for (_, start), part in self.parts.items():
            key = int(start.timestamp() * 1000)
            count, of = found.get(key, (0, 0))
            found[key] = count + part.count, of + part.of
        return {key: value for key, value in sorted(found.items()) if value != (0, 0)}

    def complete(self, start: int) -> set[bool]:
        return {part.complete for (_, when), part in self.parts.items() if when.timestamp() * 1000 == start}

    def until(self, collectors: list[Collector], now_ms: int, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 60 * PATIENCE
        while time.monotonic() < end:
            self.turn(collectors, now_ms)
            if done():
                return
        raise AssertionError(f"{self.counted()}, held {[sorted(each.paths._held) for each in collectors]}")


def alone(events: list[Event]) -> dict[int, tuple[int, int]]:
    """What one collector would count."""
    counter = WindowCounter("n")
    counter.use([RULE], START)
    counter.add(events)
    parts = counter.report(START + 400_000, START + 400_000)
    counted = {int(part.window_start.timestamp() * 1000): (part.count, part.of) for part in parts}
    return {key: value for key, value in sorted(counted.items()) if value != (0, 0)}


def step(party: int, name: str, at_ms: int) -> Event:
    return event(0, party_id=f"0:i1t84hgy:{party}", event_type=name, received_ms=START + at_ms)


def stream(seed: int, count: int) -> list[Event]:
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(300_000), count))
    return [step(chance.randrange(12), chance.choice((*STEPS, "other")), at) for at in moments]


def held(collectors: list[Collector]) -> list[int]:
    return sorted(partition for each in collectors for partition in each.paths._held)


def test_a_path_through_two_collectors_is_whole(make: Make):
    first, second = make("one"), make("two")
    reports, both = Reports(), [first, second]
    reports.until(both, START, lambda: held(both) == [0, 1, 2, 3] and bool(first.paths._held and second.paths._held))
    second.publish([step(1, "basket", 2000)], START + 200_000)
    first.publish([step(1, "pageView", 1000), step(1, "checkout", 3000), step(2, "pageView", 4000)], START + 100_000)
    reports.until(both, START + 200_000, lambda: reports.counted() == {START: (1, 2)})
    assert reports.complete(START) == {False}
    first.publish([], START + 180_000)
    reports.until(both, START + 200_000, lambda: reports.complete(START) == {True})
    assert len([key for key in reports.parts if key[1].timestamp() * 1000 == START]) == 4


@pytest.mark.parametrize(("seed", "end"), [(1, "kill"), (2, "leave"), (3, "kill")])
def test_a_rebalance_changes_no_count(make: Make, seed: int, end: str):
    """Steps at either collector by chance; one goes in the middle, the other has its partitions then."""
    chance = random.Random(seed)
    events = stream(seed, 600)
    reports = Reports()
    both = [make("one"), make("two")]
    reports.until(both, START, lambda: held(both) == [0, 1, 2, 3] and all(each.paths._held for each in both))
    for number in range(0, 300, 50):
        part = events[number : number + 50]
        mine = [chance.random() < 0.5 for _ in part]
        for which in (0, 1):
            chosen = [each for each, one in zip(part, mine, strict=True) if one is bool(which)]
            both[which].publish(chosen, events[number + 50].received_ms)
        reports.turn(both, events[number + 50].received_ms)
        if number == 150:
            for each in both:
                each.keep()
    getattr(both[1], end)()
    left = both[:1]
    if end == "kill":
        both[1] = make("two")  # it comes again, says how far it had come, and goes on
        left = both
    for number in range(300, 600, 50):
        part = events[number : number + 50]
        for which, each in enumerate(left):
            each.publish(
                part[which :: len(left)], START + 300_000 if number == 550 else events[number + 50].received_ms
            )
        reports.turn(left, events[min(number + 50, 599)].received_ms)
    for each in left:
        each.publish([], START + 400_000)
    reports.until(left, START + 400_000, lambda: reports.counted() == alone(events))
    assert sum(of for _, of in reports.counted().values()) > 10
    assert held(left) == [0, 1, 2, 3]


DAY_FUNNEL = {
    "id": "f", "name": "f", "measure": "funnel", "window_s": 86_400, "within_s": 3600,
    "steps": [{"filter": {"event_type": name}} for name in STEPS],
}  # fmt: skip


def totals(collectors: list[CollectorProcess]) -> tuple[int, int]:
    """(came to the end, began) as the processes reported it; here numbers only grow, so the greatest is the newest."""
    newest: dict[tuple[str, Any], tuple[int, int]] = {}
    for each in collectors:
        path = each.folder / "tallies.json"
        for part in msgspec.json.decode(path.read_bytes(), type=list[WindowPart]) if path.exists() else []:
            key = part.node, part.window_start
            newest[key] = max(newest.get(key, (0, 0)), (part.of, part.count))
    return sum(count for _, count in newest.values()), sum(of for of, _ in newest.values())


def does(collector: CollectorProcess, party: int, name: str) -> None:
    query = f"p=0:i1t84hgy:p{party}&s=0:1:s&v={party}{name}&e={party}{name}&c=1&n=t&f=f&t={name}"
    assert collector.ask(f"GET /csc-event?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())[0] == 200


def test_collectors_in_processes_of_their_own(kafka_server: KafkaServer, tmp_path: Path):
    """Each step at the other collector; one is killed in the middle and comes again, and the other stops at the end."""
    paths = {"servers": [kafka_server.address], "topic": kafka_server.create_topic(), "wait_s": 30.0}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    both = [CollectorProcess(tmp_path / n, node=n, rules=[DAY_FUNNEL], paths=paths).start() for n in ("one", "two")]
    try:
        # Round by round: who is the first of two in the same millisecond, nobody can tell.
        for number, name in enumerate(STEPS):
            for party in range(10):
                does(both[(party + number) % 2], party, name)
        for party in range(10, 20):
            does(both[party % 2], party, STEPS[0])
        wait_until(lambda: totals(both) == (10, 20), 60, "what both saw")
        does(both[1], 10, STEPS[1])
        both[1].process.kill()
        for party in range(11, 20):
            does(both[0], party, STEPS[1])
        both[1].start()
        for party in range(10, 20):
            does(both[1], party, STEPS[2])
        wait_until(lambda: totals(both) == (20, 20), 90, "what both saw after the crash")
        assert both[0].process.stop() == 0
        does(both[1], 20, STEPS[0])
        wait_until(lambda: totals(both) == (20, 21), 90, "what the other one saw alone")
    finally:
        for each in both:
            each.process.kill()
