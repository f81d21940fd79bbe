"""A machine that crashes, and people who remove folders: positions that anybody has kept are never used again.

What the disk had not written yet is cut off the journal, while the checkpoint and the sinks are further on. What is
accepted afterwards is nevertheless in every sink exactly once.
"""

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from watchbell.adapters.journal.files import SUFFIX, FileJournalReader, FileJournalWriter
from watchbell.adapters.journal.scanning import blank, checkpoint_of, scan
from watchbell.adapters.rejected import MemoryRejected
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.ports.journal import Positions
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.mapping import Mapper

NOW = 1_700_000_000_000
STREAMS = ("a", "b")


class Durable:
    """A sink whose synced records and positions outlive a crash."""

    def __init__(self) -> None:
        self.records: list[str] = []
        self.positions: dict[str, int] = {}
        self.fresh: list[str] = []
        self.upto: dict[str, int] = {}

    def open(self) -> Positions:
        self.fresh, self.upto = [], dict(self.positions)
        return dict(self.upto)

    def write(self, records: Sequence[dict[str, Any]], upto: Positions, about: Sequence[Event] = ()) -> None:
        self.fresh += [record["pageViewId"] for record in records]
        self.upto.update(upto)

    def sync(self) -> Positions:
        self.records += self.fresh
        self.fresh, self.positions = [], dict(self.upto)
        return dict(self.upto)

    def tend(self) -> list[str]:
        return []

    def close(self) -> list[str]:
        self.sync()
        return []


class Machine:
    """A collector's journal, mapper and sinks on one machine. `clock_ns` stands still unless a test moves it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "journal"
        self.sinks = [Durable(), Durable()]
        self.clock_ns = 1_700_000_000_000_000_000
        self.accepted: list[str] = []
        """Since the last crash."""
        self.number = 0
        self.start()

    def start(self) -> None:
        self.root.mkdir(exist_ok=True)
        self.writers = {
            name: FileJournalWriter(self.root, name, segment_bytes=2000, now_ns=lambda: self.clock_ns)
            for name in STREAMS
        }
        self.reader = FileJournalReader(self.root)
        makers = {str(number): (lambda _, sink=sink: sink) for number, sink in enumerate(self.sinks)}
        self.mapper = Mapper(self.reader, makers, MemoryRejected(), NullTelemetry(), node="n")
        self.mapper.open(NOW)

    def stop(self) -> None:
        for writer in self.writers.values():
            asyncio.run(writer.close())
        self.reader.close()
        self.accepted = []

    def accept(self, stream: str, count: int = 1) -> None:
        names = [str(self.number + offset) for offset in range(count)]
        self.number += count
        queries = [f"p=0:1:p&s=0:1:s&v={name}&e={name}&c=1&n=t&f=f&t=t" for name in names]
        raws = [RawEvent(RawKind.BROWSER, "browser", NOW, "::1", None, query) for query in queries]
        asyncio.run(self.writers[stream].append(encode_batch(raws)))
        self.accepted += names

    def turn(self, number: int, *, sync: bool) -> None:
        lane = self.mapper.lanes()[number]
        lane.turn(NOW, 1 << 50)
        if sync:
            lane.sync(NOW)

    def finish(self) -> None:
        lanes = self.mapper.lanes()
        for lane in lanes:
            lane.turn(NOW, 1 << 50)
        for _ in range(10_000):
            if not (self.mapper.step(NOW) or self.mapper.is_behind() or any(lane.has_work() for lane in lanes)):
                break
            for lane in lanes:
                lane.turn(NOW, 1 << 50)
        else:
            raise AssertionError("there is always more to do")
        for lane in lanes:
            lane.sync(NOW)
        self.mapper.commit(NOW)

    def cut(self, stream: str, keep: int, rubbish: bytes = b"") -> None:
        """Leaves so many bytes of a stream's segments, and then what a disk may have in the place of the rest."""
        for path in sorted((self.root / stream).glob(f"*{SUFFIX}")):
            data = path.read_bytes()
            if keep >= len(data):
                keep -= len(data)
            elif keep > 0:
                path.write_bytes(data[:keep] + rubbish)
                keep = 0
            else:
                path.write_bytes(b"")

    def check(self) -> None:
        for sink in self.sinks:
            found = Counter(sink.records)
            assert {name: found[name] for name in self.accepted} == dict.fromkeys(self.accepted, 1)
            assert max(found.values(), default=1) == 1


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    for _ in range(10):
        made.accept("a")
    return made


def after(machine: Machine) -> None:
    machine.start()
    for _ in range(10):
        machine.accept("a")
    machine.finish()
    machine.check()
    machine.stop()


def test_a_tail_that_the_checkpoint_names_and_the_disk_lost(machine):
    machine.finish()
    machine.stop()
    machine.cut("a", 100)
    after(machine)


def test_a_tail_that_only_the_sinks_name(machine):
    """They are made durable before the checkpoint is."""
    lanes = machine.mapper.lanes()
    for lane in lanes:
        lane.turn(NOW, 1 << 50)
    machine.mapper.step(NOW)
    for lane in lanes:
        while lane.has_work():
            lane.turn(NOW, 1 << 50)
        lane.sync(NOW)
    assert checkpoint_of(machine.root).positions == {}
    machine.stop()
    machine.cut("a", 100)
    after(machine)


@pytest.mark.parametrize("what", ["stream", "journal", "checkpoint", "segments", "sinks"])
def test_what_people_remove(machine, what):
    machine.finish()
    machine.stop()
    if what == "stream":
        shutil.rmtree(machine.root / "a")
    elif what == "journal":
        shutil.rmtree(machine.root)
    elif what == "checkpoint":
        (machine.root / "checkpoint").unlink()
    elif what == "segments":
        for path in machine.root.glob(f"*/*{SUFFIX}"):
            path.unlink()
    else:
        for sink in machine.sinks:
            sink.records, sink.positions = [], {}
    machine.clock_ns += 1_000_000_000
    after(machine)


class Crashes(RuleBasedStateMachine):
    """Everything at any time."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.machine = Machine(Path(self.folder.name))

    @rule(stream=st.sampled_from(STREAMS), count=st.integers(0, 4))
    def accept(self, stream: str, count: int) -> None:
        self.machine.accept(stream, count)

    @rule()
    def step(self) -> None:
        self.machine.mapper.step(NOW)

    @rule(number=st.integers(0, 1), sync=st.booleans())
    def turn(self, number: int, sync: bool) -> None:
        self.machine.turn(number, sync=sync)

    @rule()
    def commit(self) -> None:
        self.machine.mapper.commit(NOW)

    @rule()
    def forget(self) -> None:
        mapped = checkpoint_of(self.machine.root).positions
        for batch in scan(self.machine.root):
            if batch.end <= mapped.get(batch.stream, 0):
                blank(batch, lambda raw: "v=3" in raw.query)

    @rule(keep=st.tuples(st.integers(0, 3000), st.integers(0, 3000)), rubbish=st.sampled_from([b"", bytes(50)]))
    def machine_crashes(self, keep: tuple[int, int], rubbish: bytes) -> None:
        self.machine.stop()
        for stream, size in zip(STREAMS, keep, strict=True):
            self.machine.cut(stream, size, rubbish)
        self.machine.start()

    @rule()
    def process_dies(self) -> None:
        accepted = list(self.machine.accepted)
        self.machine.stop()
        self.machine.start()
        self.machine.accepted = accepted

    @rule(what=st.sampled_from(["a", "b", "checkpoint", "."]))
    def something_is_removed(self, what: str) -> None:
        self.machine.stop()
        self.machine.clock_ns += 1_000_000_000
        path = self.machine.root / what
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        self.machine.start()

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        self.machine.finish()
        self.machine.check()
        self.machine.stop()
        self.folder.cleanup()


TestCrashes = Crashes.TestCase
TestCrashes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
