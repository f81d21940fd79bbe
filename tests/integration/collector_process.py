"""A collector as a process of its own, without a database: `collector_process.py FOLDER PORT [SETTINGS-AS-JSON]`.

Besides the collector's settings there may be `node` (its name), `rules`, `paths` (as `collector.paths`), `partition`
(of the Parquet files), and `mappings`: a file with a list of mappings, which may change.

Prints `ready <port>` when it listens. What it counts goes to FOLDER/tallies.json.
"""

import asyncio
import dataclasses
import functools
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from watchbell.adapters.duplicate_file import DuplicateFile
from watchbell.adapters.journal.files import FileJournalReader, FileJournalWriter
from watchbell.adapters.rejected import RejectedFiles
from watchbell.adapters.tallies import FixedRules, MemoryTallies
from watchbell.adapters.user_agents import parse_user_agent
from watchbell.bootstrap.paths import make_paths
from watchbell.collector.settings import CollectorSettings
from watchbell.collector.sources import default_tables, read_sources
from watchbell.config import Collector, Configuration
from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.duplicates import DuplicateMemory
from watchbell.domain.events.enrich import Enricher
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Rule
from watchbell.ports.sink import Sink
from watchbell.roles.collector import CollectorParts, run_collector
from watchbell.roles.process import run
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig
from watchbell.sinks.parquet_files import ParquetFiles, ParquetFilesConfig
from watchbell.toolkit.kept import replace_file
from watchbell.usecases.following_mappings import MappingFollower
from watchbell.usecases.mapping_batches import BatchReading


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class FileTallies(MemoryTallies):
    """Leaves what was reported in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    async def report(self, counts: Sequence[WindowPart]) -> None:
        await super().report(counts)
        rows = list(self._windows.values())
        self._path.with_suffix(".partial").write_bytes(msgspec.json.encode(rows))
        self._path.with_suffix(".partial").replace(self._path)

    async def books(self, books: NodeBooks) -> None:
        await super().books(books)
        replace_file(self._path.with_name("books.json"), msgspec.json.encode(books))


class FileMappings:
    """The mappings that a file has now."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def current(self) -> Sequence[Mapping]:
        return msgspec.json.decode(self._path.read_bytes(), type=list[Mapping])


def tell(port: int) -> None:
    sys.stdout.write(f"ready {port}\n")
    sys.stdout.flush()


def parts(
    folder: Path,
    settings: CollectorSettings,
    node: str,
    rules: Sequence[Rule],
    shared_paths: dict[str, Any],
    partition: str = "",
) -> CollectorParts:
    journal, events = folder / "journal", folder / "events"

    def avro(schema: dict[str, Any]) -> Sink:
        return AvroFiles(AvroFilesConfig(), schema=schema, folder=events, node="test", now_ms=now_ms)

    def parquet(schema: dict[str, Any]) -> Sink:
        config = ParquetFilesConfig(partition=partition)
        return ParquetFiles(config, schema=schema, folder=events, node="test", now_ms=now_ms)

    paths, publishing = make_paths(Configuration(data_dir=str(folder), collector=Collector(paths=shared_paths)), node)
    return CollectorParts(
        settings=settings,
        node=node,
        observers=publishing,
        paths=paths,
        open_writer=functools.partial(
            FileJournalWriter,
            journal,
            max_bytes=settings.journal_max_bytes,
            segment_bytes=1 << 16,
            fsync=settings.fsync,
        ),
        reader=FileJournalReader(journal),
        sinks={"avro": avro, "parquet": parquet},
        duplicates=DuplicateMemory(table=DuplicateFile(folder / "seen", 100_000).table),
        reading=BatchReading(Enricher(parse_user_agent)),
        rejected=RejectedFiles(events),
        tallies=FileTallies(folder / "tallies.json"),
        rules=FixedRules(rules),
        shared=folder / "metrics",
    )


def main() -> None:
    settings = json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    sources = read_sources(settings.pop("sources", None) or default_tables())
    node, paths = settings.pop("node", "test"), settings.pop("paths", {})
    partition, mappings = settings.pop("partition", ""), settings.pop("mappings", "")
    rules = msgspec.convert(settings.pop("rules", [{"id": "r", "name": "r", "window_s": 1}]), list[Rule])
    chosen = msgspec.convert({**settings, "port": int(sys.argv[2])}, CollectorSettings)
    made = parts(Path(sys.argv[1]), msgspec.structs.replace(chosen, sources=sources), node, rules, paths, partition)
    if mappings:
        made = dataclasses.replace(made, following=MappingFollower(FileMappings(Path(mappings))))

    async def collector(stop: asyncio.Event) -> None:
        await run_collector(made, stop, ready=tell)

    asyncio.run(run({"collector": collector}))


if __name__ == "__main__":
    main()
