"""Mapping events again: those that were rejected through the journal, those of the past into a folder of their own."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import structlog

from watchbell.adapters.journal.files import FileJournalWriter
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.adapters.journal.scanning import scan
from watchbell.adapters.rejected import RejectedFiles, RejectedRow
from watchbell.bootstrap.events import enricher, find_place, make_sinks, rejected_files, system_ms
from watchbell.bootstrap.parts import Parts
from watchbell.config import Configuration
from watchbell.domain.errors import Permanent
from watchbell.domain.events.accounts import Account
from watchbell.domain.events.mapping.reading import Lookups
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.following_mappings import ConfiguredMappings, MappingFollower
from watchbell.usecases.mapping import Mapper
from watchbell.usecases.mapping_batches import BatchReading

STREAM = "replay"
CHUNK = 500
_EVENT_COLUMNS = ["source", "received_ms", "remote", "user_agent", "raw_kind", "raw_query", "raw_body", "raw_headers"]

log = structlog.get_logger("events")


async def replay_rejected(settings: Configuration, reason: str = "", source: str = "") -> tuple[int, int]:
    """Puts rejected events into the journal again; how many, and how many lines do not hold a whole event.

    The collector maps them as any others; what it rejects again is kept again. A crash may replay some twice; their
    second records are flagged as duplicates.

    Raises:
        Conflict: another replay is under way. JournalFull: the journal is at its limit.
    """
    kept = rejected_files(settings)
    chosen = [row for row in kept.rows() if reason in ("", row.reason) and source in ("", row.source)]
    whole = [row for row in reversed(chosen) if row.event() is not None]
    if not whole:
        return 0, len(chosen)
    limit = settings.collector.journal_limit * 1024 * 1024
    writer = FileJournalWriter(settings.journal_dir, STREAM, max_bytes=limit, fsync=True)
    try:
        for rows in _chunks(whole):
            await writer.append(encode_batch([raw for row in rows if (raw := row.event()) is not None]))
            _remove(kept, rows)
    finally:
        await writer.close()
    return len(whole), len(chosen) - len(whole)


def _remove(kept: RejectedFiles, rows: list[RejectedRow]) -> None:
    done = set(rows)
    kept.rewrite(lambda row: row not in done)


def _chunks(rows: list[RejectedRow]) -> Iterator[list[RejectedRow]]:
    rest = iter(rows)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def from_journal(settings: Configuration, start_ms: int, end_ms: int) -> Iterator[RawEvent]:
    """What the journal still holds of a time: raw events, the rejected ones included."""
    for batch in scan(settings.journal_dir):
        for raw in batch.events():
            if start_ms <= raw.received_ms < end_ms:
                yield raw


def from_archive(settings: Configuration, start_ms: int, end_ms: int) -> Iterator[RawEvent]:
    """The events of a time from the archive, hour by hour.

    Raises:
        Permanent: there is no archive.
    """
    from watchbell.adapters.archive.layout import Place, counting

    pq: Any = import_module("pyarrow.parquet")
    place = Place(settings.explore.url or settings.data / "explore" / "archive")
    if not place.exists():
        raise Permanent(f"there is no archive of events at {place.url}. Take them from the journal: --journal.")
    for hour_ms in place.hours():
        if hour_ms + 3_600_000 <= start_ms or hour_ms >= end_ms:
            continue
        for file in counting(place.files(hour_ms)):
            with place.fs.open(file.path, "rb") as stream:
                for batch in pq.ParquetFile(stream).iter_batches(CHUNK, columns=_EVENT_COLUMNS):
                    for row in batch.to_pylist():
                        if start_ms <= row["received_ms"] < end_ms and row["raw_kind"]:
                            yield _raw(row)


def _raw(row: dict[str, Any]) -> RawEvent:
    headers: list[tuple[str, str]] = json.loads(row["raw_headers"]) if row["raw_headers"] else []
    remote = row["remote"] or ""
    return RawEvent(
        RawKind(row["raw_kind"]),
        row["source"],
        row["received_ms"],
        f"[{remote}]:0" if ":" in remote else f"{remote}:0",
        row["user_agent"],
        row["raw_query"] or "",
        (row["raw_body"] or "").encode(),
        tuple((name, value) for name, value in headers),
    )


async def replay_into(settings: Configuration, raws: Iterable[RawEvent], folder: Path, sink: str) -> dict[str, Account]:
    """Maps raw events with the mappings of the configuration into files of a new folder; what became of them.

    What is rejected is in the folder `rejected` there.

    Raises:
        Permanent: the folder has something in it, or the sink is not configured. Retryable: the disk failed.
    """
    _must_be_new(folder)
    given = settings.collector.sinks.get(sink)
    if given is None:
        raise Permanent(f"there is no sink {sink!r} under collector.sinks")
    there = msgspec.structs.replace(
        settings,
        data_dir=str(folder),
        collector=msgspec.structs.replace(settings.collector, sinks={sink: given}),
    )
    async with Parts(settings) as parts:
        await parts.migrated_store()
        lookups = Lookups(find_place(settings) or Lookups().place_of)
        found = await MappingFollower(ConfiguredMappings(await parts.configured()), lookups).news()
    mappings = [each for each in (found[0] if found else []) if not each.sinks or sink in each.sinks]
    journal = MemoryJournal()
    mapper = Mapper(
        journal,
        make_sinks(there, "replay"),
        RejectedFiles(folder / "rejected"),
        NullTelemetry(),
        node="replay",
        mappings=[_Only(each, sink) for each in mappings],
        reading=BatchReading(enricher(settings)),
    )
    mapper.open(system_ms())
    _map_all(mapper, journal, raws)
    return mapper.accounts()


def _must_be_new(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise Permanent(f"{folder} is not empty. Name a new folder.")


class _Only:
    """A mapping that feeds one sink."""

    def __init__(self, mapping: Any, sink: str) -> None:
        self.name, self.schema, self.sources = mapping.name, mapping.schema, mapping.sources
        self.kept = mapping.kept
        self.discard_corrupted, self.discard_duplicates = mapping.discard_corrupted, mapping.discard_duplicates
        self.sinks = (sink,)
        self.record = mapping.record


def _map_all(mapper: Mapper, journal: MemoryJournal, raws: Iterable[RawEvent]) -> None:
    rest, now_ms = iter(raws), system_ms()
    journal.writer(STREAM)
    lanes = mapper.lanes()
    for lane in lanes:
        lane.turn(now_ms, 1 << 40)
    while chunk := list(islice(rest, CHUNK)):
        journal.put(STREAM, encode_batch(chunk))
        while mapper.step(now_ms):
            for lane in lanes:
                lane.turn(now_ms, 1 << 40)
        for lane in lanes:
            lane.turn(now_ms, 1 << 40)
        mapper.commit(now_ms)
    for lane in lanes:
        lane.finish(now_ms)
    mapper.commit(now_ms)


def moment_ms(text: str) -> int:
    """A moment as people write it (ISO 8601; without an offset it is UTC), in milliseconds since 1970.

    Raises:
        Permanent: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Permanent(f"{text!r} is no moment. Write it as 2026-01-31 or 2026-01-31T12:00:00Z.") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
