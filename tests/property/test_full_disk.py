"""A disk that is full at any moment: every event is in the files exactly once when there is room again."""

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import fastavro
import pytest

from watchbell.adapters.journal.files import FileJournalReader, FileJournalWriter
from watchbell.adapters.rejected import RejectedFiles
from watchbell.domain.errors import Retryable
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.ports.sink import Sink
from watchbell.ports.telemetry import NullTelemetry
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig
from watchbell.usecases.mapping import Mapper

NOW = 1_700_000_000_000


class Disk:
    """Syncing fails while it is full; `fsync` stands in for the system's."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.often = 0.0
        self._fsync = os.fsync

    def fsync(self, descriptor: int) -> None:
        if self.chance.random() < self.often:
            raise OSError(28, "No space left on device")
        self._fsync(descriptor)


class Files:
    """A journal and two file sinks under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writer = FileJournalWriter(folder / "journal", "a", segment_bytes=2000)
        self.mapper = Mapper(
            FileJournalReader(folder / "journal"),
            {"one": self.sink("one"), "other": self.sink("other")},
            RejectedFiles(folder / "rejected"),
            NullTelemetry(),
            node="n",
        )
        self.mapper.open(NOW)

    def sink(self, name: str) -> Any:
        def make(schema: dict[str, Any]) -> Sink:
            config = AvroFilesConfig(roll_bytes=4000)
            return AvroFiles(config, schema=schema, folder=self.folder / name, node="n", now_ms=lambda: NOW)

        return make

    async def accept(self, names: list[str]) -> None:
        queries = [f"p=0:1:p&s=0:1:s&v={name}&e={name}&c=1&n=t&f=f&t=t" for name in names]
        raws = [RawEvent(RawKind.BROWSER, "browser", NOW, "::1", None, query) for query in queries]
        await self.writer.append(encode_batch([*raws, RawEvent(RawKind.BROWSER, "browser", NOW, "::1", None, "?")]))

    def work(self, now_ms: int) -> bool:
        """One round of everything; whether nothing failed."""
        good = True
        try:
            self.mapper.step(now_ms)
            self.mapper.commit(now_ms)
        except Retryable:
            good = False
        for lane in self.mapper.lanes():
            try:
                lane.turn(now_ms, 1)
            except Retryable:
                lane.failed()
                good = False
        return good

    def names(self, sink: str) -> list[str]:
        found: list[str] = []
        for path in (self.folder / sink).rglob("*.avro"):
            with path.open("rb") as file:
                rows: list[Any] = list(fastavro.reader(file))
            found += [row["pageViewId"] for row in rows]
        return sorted(found)


@pytest.mark.parametrize("seed", range(6))
def test_a_full_disk_loses_and_repeats_nothing(tmp_path, monkeypatch, seed):
    disk = Disk(seed)
    monkeypatch.setattr(os, "fsync", disk.fsync)
    files = Files(tmp_path)
    names = [f"{number:04d}" for number in range(300)]
    failed = 0
    for number in range(0, 300, 10):
        disk.often = 0.0  # what the journal does not take is refused, which is another test's matter
        asyncio.run(files.accept(names[number : number + 10]))
        disk.often = disk.chance.choice([0.0, 0.3, 1.0])
        for turn in range(3):
            failed += not files.work(NOW + number * 10 + turn)
    disk.often = 0.0
    for turn in range(30):
        files.work(NOW + 10_000 + turn)
    for lane in files.mapper.lanes():
        lane.finish(NOW + 20_000)
    files.mapper.commit(NOW + 20_000)
    assert failed > 3
    assert files.names("one") == files.names("other") == names
    book = files.mapper.accounts()["browser"]
    assert (book.received, book.stored, book.rejected) == (330, 300, 30)
    assert len(list(RejectedFiles(tmp_path / "rejected").rows())) >= 30
    asyncio.run(files.writer.close())
