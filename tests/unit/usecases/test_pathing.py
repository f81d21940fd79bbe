"""Funnels over several collectors: what is published, what is claimed, and how a partition is counted."""

import random
from typing import Any

import msgspec
import pytest

from event_mapping import NOW, RULE, MemorySink, Setting
from unit.domain.events.rules.test_rule import START, event, rule
from watchbell.adapters.tallies import FixedRules, MemoryTallies
from watchbell.domain.errors import Retryable
from watchbell.domain.events.event import Event
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.paths import (
    GIVEN_UP_MS,
    RESTATE_MS,
    KeptPartition,
    PartitionPaths,
    PathStep,
    Progress,
    StepFinder,
)
from watchbell.domain.events.rules.rule import Measure, Rule, Step
from watchbell.domain.events.rules.windows import WindowCounter
from watchbell.ports.paths import PathReader
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.pathing import KEEP_EVERY_MS, Paths, PathSink, message_of
from watchbell.usecases.tallying import Tallying

NAMES = ("pageView", "basket", "checkout")
FUNNEL = rule(
    id="f",
    measure=Measure.FUNNEL,
    steps=tuple(Step(filter={"event_type": name}) for name in NAMES),
    within_s=120,
    late_s=600,
)
FINDER = StepFinder([FUNNEL])
END = START + 500_000


def did(name: str, at_ms: int, party: str = "p") -> Event:
    return event(party_id=party, event_type=name, received_ms=START + at_ms)


def found(*events: Event) -> list[PathStep]:
    return [step for each in events if (step := FINDER.find(each)) is not None]


def numbers(parts: list[WindowPart]) -> dict[int, tuple[int, int]]:
    """Window → (came to the end, began)."""
    return {
        int(part.window_start.timestamp() * 1000) - START: (part.count, part.of)
        for part in parts
        if part.count or part.of
    }


def alone(events: list[Event]) -> dict[int, tuple[int, int]]:
    counter = WindowCounter("n")
    counter.use([FUNNEL], START)
    counter.add(events)
    return numbers(counter.report(END, END))


def counted(partition: PartitionPaths, now_ms: int = END, rules: tuple[Rule, ...] = (FUNNEL,)) -> list[WindowPart]:
    partition.advance(rules, now_ms)
    return partition.report(now_ms)


def test_only_what_may_be_a_step_is_published():
    (step,) = found(did("pageView", 1), did("other", 2))
    assert (step.party, step.received_ms, [(taken.rule_id, taken.steps) for taken in step.taken]) == (
        "p", START + 1, [("f", 0b001)],
    )  # fmt: skip
    assert StepFinder([rule()]).find(did("pageView", 1)) is None
    assert StepFinder([msgspec.structs.replace(FUNNEL, enabled=False)]).find(did("pageView", 1)) is None


def test_duplicates_are_no_steps():
    assert found(event(event_type="pageView", duplicate=True)) == []


def test_steps_wait_for_every_collector_and_are_taken_in_their_order():
    partition = PartitionPaths("g/0")
    counted(partition, START)
    for message in (
        Progress("a", START + 1),
        Progress("b", START + 1),
        *found(did("basket", 3000), did("pageView", 9)),
    ):
        partition.take(message, START)
    partition.take(Progress("a", START + 300_000), START + 300_000)
    assert numbers(counted(partition)) == {}
    for message in (*found(did("checkout", 4000)), Progress("b", START + 5000)):
        partition.take(message, START + 300_000)
    parts = counted(partition)
    assert numbers(parts) == {0: (1, 1)}
    assert not any(part.complete for part in parts)
    partition.take(Progress("b", START + 180_000), START + 300_000)
    parts = counted(partition)
    assert [part.complete for part in parts if part.window_start.timestamp() * 1000 == START] == [True]
    assert {part.node for part in parts} == {"g/0"}


@pytest.mark.parametrize("seed", range(5))
def test_split_over_collectors_and_holders_the_counts_are_those_of_one(seed: int):
    """Messages of three collectors come in any mixture; holders come and go and read a part again."""
    chance = random.Random(seed)
    moments = sorted(chance.sample(range(300_000), 400))
    events = [did(chance.choice((*NAMES, "other")), at, f"p{chance.randrange(9)}") for at in moments]
    queues: list[list[PathStep | Progress]] = [[], [], []]
    for each in events:
        queue = chance.choice(queues)
        queue += found(each)
        if chance.random() < 0.3:
            queue.append(Progress(str(queues.index(queue)), each.received_ms))
    log: list[PathStep | Progress] = [Progress(str(number), START) for number in range(3)]
    for number, queue in enumerate(queues):
        queue.append(Progress(str(number), END))
    while any(queues):
        log.append(chance.choice([queue for queue in queues if queue]).pop(0))
    first = PartitionPaths("g/0")
    counted(first, START)
    kept, offset, parts = msgspec.msgpack.encode(first.state()), 0, dict[Any, WindowPart]()
    while offset < len(log):
        holder = PartitionPaths("g/0", msgspec.msgpack.decode(kept, type=KeptPartition))
        upto = min(len(log), offset + chance.randrange(1, 120))
        for place in range(offset, upto):
            holder.take(log[place], START)
            if chance.random() < 0.1 or place == len(log) - 1:
                parts.update({part.window_start: part for part in counted(holder)})
        if chance.random() < 0.7 or upto == len(log):
            kept, offset = msgspec.msgpack.encode(holder.state()), upto
    assert numbers(list(parts.values())) == alone(events)


def test_a_collector_that_is_silent_is_given_up_and_its_windows_are_partial():
    partition = PartitionPaths("g/0")
    counted(partition, START)
    partition.take(Progress("a", START + 70_000), START)
    partition.take(Progress("b", START + 70_000), START)
    partition.take(Progress("a", START + 80_000), START + 600_000)  # nobody was heard of: that is our own pause
    assert not any(part.partial and part.window_start.timestamp() * 1000 > START for part in counted(partition))
    for second in range(GIVEN_UP_MS // 1000 + 2):
        partition.take(Progress("a", START + 400_000), START + 600_000 + second * 1000)
    partial = [part for part in counted(partition) if part.partial]
    assert START + 60_000 in {part.window_start.timestamp() * 1000 for part in partial}
    assert any(part.complete for part in counted(partition, END + RESTATE_MS))


def test_a_collector_that_leaves_is_not_waited_for():
    partition = PartitionPaths("g/0")
    counted(partition, START)
    for message in (Progress("a", START + 300_000), Progress("b", START + 1), Progress("b", 0)):
        partition.take(message, START + 1)
    parts = counted(partition)
    assert any(part.complete for part in parts)
    assert not any(part.partial for part in parts)


def test_steps_of_another_rule_do_not_count():
    """What was found before the rule changed says nothing about it now."""
    partition = PartitionPaths("g/0")
    changed = msgspec.structs.replace(FUNNEL, within_s=60)
    counted(partition, START, (changed,))
    for message in (*found(did("pageView", 1)), Progress("a", START + 5000)):
        partition.take(message, START)
    assert numbers(counted(partition, rules=(changed,))) == {}


def test_everything_is_said_again_now_and_then():
    """Whoever lost the partition unknowingly may have said something older since."""
    partition = PartitionPaths("g/0")
    partition.take(Progress("a", START + 1000), START)
    first = counted(partition, START)
    assert counted(partition, START + 1) == []
    assert counted(partition, START + RESTATE_MS) == first


class MemoryLog:
    """One member, one partition; what was published and kept."""

    def __init__(self) -> None:
        self.messages: list[PathStep | Progress] = []
        self.kept: dict[int, bytes] = {}
        self.at = 0
        self.joined = False

    def poll(self, reader: PathReader, wait_s: float) -> int:
        if not self.joined:
            self.joined = True
            reader.assigned(0, self.kept.get(0), lost=False)
        fresh, self.at = self.messages[self.at :], len(self.messages)
        for message in fresh:
            reader.took(0, message)
        return len(fresh)

    def keep(self, states: Any) -> None:
        self.kept.update(states)

    def close(self, reader: PathReader) -> None:
        state = reader.revoked(0)
        if state is not None:
            self.kept[0] = state


def made() -> tuple[PathSink, Any, Paths, MemoryLog]:
    log = MemoryLog()
    paths = Paths(log, "g")

    class Inner(MemorySink):
        """Publishes to the log what is durable."""

        closed = False

        def sync(self) -> Any:
            log.messages += [message_of(record) for record in self.waiting]
            return super().sync()

        def close(self) -> list[str]:
            self.sync()
            self.closed = True
            return []

    inner = Inner()
    return PathSink(inner, "a", lambda: ["#0"], paths), inner, paths, log


def test_nothing_is_taken_before_the_rules_are_known():
    sink, _, paths, _ = made()
    with pytest.raises(Retryable):
        sink.open()
    paths.use([FUNNEL])
    assert sink.open() == {}


def test_what_is_claimed_was_published():
    sink, inner, paths, log = made()
    paths.use([FUNNEL])
    sink.open()
    position, moment = {"j": 2}, START + 5000
    paths.progress = lambda: (moment, position)
    sink.tend()
    sink.write([{}], {"j": 1}, [did("pageView", 1)])
    sink.tend()
    assert log.messages == []
    sink.write([{}], {"j": 2}, [did("other", 2)])
    sink.tend()
    assert log.messages == [*found(did("pageView", 1)), Progress("a", START + 5000)]
    assert sink.sync() == {"j": 2}
    sink.tend()
    assert len(log.messages) == 2
    sink.close()
    assert log.messages[-1] == Progress("a", 0)
    assert inner.closed


def test_a_state_is_kept_and_taken_over():
    sink, _, paths, log = made()
    paths.use([FUNNEL])
    assert paths.turn(START, 0) == []
    sink.open()
    moment = START + 2
    paths.progress = lambda: (moment, {})
    sink.write([{}], {"j": 1}, [did("pageView", 1)])
    sink.tend()
    assert numbers(paths.turn(START + KEEP_EVERY_MS, 0)) == {0: (0, 1)}
    assert msgspec.msgpack.decode(log.kept[0], type=KeptPartition).windows.paths["f"] == [("p", START + 1, 1)]
    paths.close(START + 20_000)
    log.joined = False
    again = Paths(log, "g")
    again.use([FUNNEL])
    assert numbers(again.turn(START + 30_000, 0)) == {0: (0, 1)}


def test_a_lost_state_makes_windows_partial():
    log = MemoryLog()
    paths = Paths(log, "g")
    paths.use([FUNNEL])
    log.kept[0] = b"\xc1"
    log.messages = [Progress("a", START + 1000)]
    parts = paths.turn(START + 10, 0)
    assert [part.partial for part in parts] == [True]


@pytest.mark.parametrize("shared", [True, False])
async def test_funnels_are_counted_by_one_of_the_two(shared: bool):
    mapper = Setting().mapper()
    _, _, paths, _ = made()
    tallying = Tallying(
        mapper, MemoryTallies(), FixedRules([RULE, FUNNEL]), NullTelemetry(), "n", paths if shared else None
    )
    await tallying.refresh(NOW)
    assert {part.rule_id for part in mapper.windows.report(NOW, NOW)} == ({"r"} if shared else {"r", "f"})
    assert (paths.finder is not None) is shared
