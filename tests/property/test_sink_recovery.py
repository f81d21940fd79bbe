"""File sinks under writes, syncs, rolls and crashes: each record is in the published files exactly once, in order."""

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import fastavro
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from watchbell.domain.errors import Permanent
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig
from watchbell.sinks.parquet_files import ParquetFiles, ParquetFilesConfig
from watchbell.toolkit.rolling import PARTIAL, RollingFiles

pq: Any = import_module("pyarrow.parquet")

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "number", "type": "long"}, {"name": "text", "type": ["null", "string"], "default": None}],
}


class Files(RuleBasedStateMachine):
    """One stream of records; `written` is how far its source has come since the sink was opened."""

    suffix = ".avro"
    partition = ""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.now_ms = 1_700_000_000_000
        self.sink = self.new()
        self.written = self.sink.open().get("a", 0)

    def new(self) -> RollingFiles:
        if self.suffix == ".avro":
            config = AvroFilesConfig(roll_every_s=10, roll_bytes=500, partition=self.partition)
            return AvroFiles(config, schema=SCHEMA, folder=self.root, node="n", now_ms=lambda: self.now_ms)
        parquet = ParquetFilesConfig(roll_every_s=10, roll_bytes=2000)
        return ParquetFiles(parquet, schema=SCHEMA, folder=self.root, node="n", now_ms=lambda: self.now_ms)

    @rule(count=st.integers(0, 30), length=st.integers(0, 50))
    def write(self, count: int, length: int) -> None:
        records = [{"number": self.written + n, "text": "x" * length or None} for n in range(count)]
        self.written += count
        self.sink.write(records, {"a": self.written})

    @rule()
    def write_what_does_not_fit(self) -> None:
        try:
            self.sink.write([{"number": self.written, "text": None}, {"number": "no", "text": None}], {"a": -1})
        except Permanent:
            return
        raise AssertionError("it was taken")

    @rule()
    def sync(self) -> None:
        assert self.sink.sync().get("a", 0) == self.written

    @rule(seconds=st.integers(0, 15))
    def time_passes(self, seconds: int) -> None:
        self.now_ms += seconds * 1000
        self.sink.tend()

    @rule(rubbish=st.binary(max_size=50))
    def crash(self, rubbish: bytes) -> None:
        """The process dies; the system may have written some more of the file."""
        self.sink.abandon()
        for partial in self.root.rglob(f"*{self.suffix}{PARTIAL}"):
            with partial.open("ab") as file:
                file.write(rubbish)
        self.reopen(self.new())

    @rule()
    def fail(self) -> None:
        """The disk failed, and the same sink is opened again."""
        self.reopen(self.sink)

    def reopen(self, sink: RollingFiles) -> None:
        self.sink = sink
        durable = sink.open().get("a", 0)
        assert durable <= self.written
        self.written = durable

    @rule()
    def close(self) -> None:
        self.sink.close()
        self.reopen(self.new())
        assert self.numbers() == list(range(self.written))

    def numbers(self) -> list[int]:
        found: list[int] = []
        for path in self.root.rglob(f"*{self.suffix}"):
            found.extend(self.read(path))
        return sorted(found)

    def read(self, path: Path) -> list[int]:
        if self.suffix == ".parquet":
            return pq.read_table(path).column("number").to_pylist()
        with path.open("rb") as file:
            rows: list[Any] = list(fastavro.reader(file))
        return [row["number"] for row in rows]

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.sink.close()
            assert self.numbers() == list(range(self.written))
            assert list(self.root.rglob(f"*{PARTIAL}")) == []
            self.folder.cleanup()


class ParquetMachine(Files):
    """The same for Parquet."""

    suffix = ".parquet"


class PartitionedMachine(Files):
    """The same with files in several folders at once."""

    partition = "text={text}"


TestPartitioned = PartitionedMachine.TestCase
TestPartitioned.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestAvro = Files.TestCase
TestAvro.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestParquet = ParquetMachine.TestCase
TestParquet.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
