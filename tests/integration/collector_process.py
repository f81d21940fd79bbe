"""A collector as a process of its own, without a database: `collector_process.py FOLDER PORT [SETTINGS-AS-JSON]`.

Prints `ready <port>` when it listens. What it counts goes to FOLDER/tallies.json.
"""

import asyncio
import functools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from watchbell.adapters.journal.files import FileJournalReader, FileJournalWriter
from watchbell.adapters.rejected import RejectedFiles
from watchbell.adapters.tallies import FixedRules, MemoryTallies
from watchbell.adapters.user_agents import parse_user_agent
from watchbell.collector.settings import CollectorSettings
from watchbell.domain.events.record import DEFAULT_SCHEMA, DefaultMapping
from watchbell.domain.events.rule import Rule, WindowCount
from watchbell.roles.collector import CollectorParts, run_collector
from watchbell.roles.process import run
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig
from watchbell.sinks.parquet_files import ParquetFiles, ParquetFilesConfig


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class FileTallies(MemoryTallies):
    """Leaves what was reported in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    async def report(self, counts: Sequence[WindowCount]) -> None:
        await super().report(counts)
        rows = list(self._windows.values())
        self._path.with_suffix(".partial").write_bytes(msgspec.json.encode(rows))
        self._path.with_suffix(".partial").replace(self._path)


def tell(port: int) -> None:
    sys.stdout.write(f"ready {port}\n")
    sys.stdout.flush()


def parts(folder: Path, settings: CollectorSettings) -> CollectorParts:
    journal, events = folder / "journal", folder / "events"
    return CollectorParts(
        settings=settings,
        node="test",
        open_writer=functools.partial(
            FileJournalWriter,
            journal,
            max_bytes=settings.journal_max_bytes,
            segment_bytes=1 << 16,
            fsync=settings.fsync,
        ),
        reader=FileJournalReader(journal),
        sinks=[
            AvroFiles(AvroFilesConfig(), schema=DEFAULT_SCHEMA, folder=events, node="test", now_ms=now_ms),
            ParquetFiles(ParquetFilesConfig(), schema=DEFAULT_SCHEMA, folder=events, node="test", now_ms=now_ms),
        ],
        mapping=DefaultMapping(parse_user_agent),
        rejected=RejectedFiles(events),
        tallies=FileTallies(folder / "tallies.json"),
        rules=FixedRules([Rule(id="r", name="r", window_s=1)]),
        shared=folder / "metrics",
    )


def main() -> None:
    settings = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    made = parts(Path(sys.argv[1]), msgspec.convert({**settings, "port": int(sys.argv[2])}, CollectorSettings))

    async def collector(stop: asyncio.Event) -> None:
        await run_collector(made, stop, ready=tell)

    asyncio.run(run({"collector": collector}))


if __name__ == "__main__":
    main()
