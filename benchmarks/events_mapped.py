"""Events mapped per second on one core: decoded, checked, mapped, counted by ten rules, written to Avro files.

    benchmarks/events_mapped.py [--events N] [--parquet] [--counts]

Beside it, in the same run: the naive way (urllib's query parser and fastavro's container writer, without checksum,
duplicates and rules). Everything is real but the HTTP server: the journal is in files, synced checkpoints included.
"""

import argparse
import asyncio
import io
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import fastavro

from watchbell.adapters.journal.files import FileJournalReader, FileJournalWriter
from watchbell.adapters.rejected import RejectedFiles
from watchbell.adapters.user_agents import parse_user_agent
from watchbell.domain.events.checksum import canonical_string, checksum_of, render_checksum
from watchbell.domain.events.enrich import Enricher
from watchbell.domain.events.query import parse_query
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.domain.events.record import DEFAULT_SCHEMA
from watchbell.domain.events.rules.rule import Measure, Rule, Step
from watchbell.ports.sink import Sink
from watchbell.ports.telemetry import NullTelemetry
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig
from watchbell.sinks.parquet_files import ParquetFiles, ParquetFilesConfig
from watchbell.usecases.mapping import Mapper
from watchbell.usecases.mapping_batches import BatchReading

AGENTS = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101 Firefox/{n}.0" for n in range(80, 130)]
TYPES = ["pageView", "addToBasket", "checkout", "search", "click"]
COUNTS = [Rule(id=str(n), name=str(n), filter={"event_type": TYPES[n % len(TYPES)]}) for n in range(10)]
MIXED = [
    Rule(id="count", name="count", filter={"event_type": "checkout"}, window_s=3600),
    Rule(
        id="rate", name="rate", measure=Measure.RATE, where='event_type == "search" && location.startsWith("https://")'
    ),
    Rule(
        id="ratio",
        name="ratio",
        measure=Measure.RATIO,
        filter={"event_type": "checkout"},
        of_filter={"event_type": "pageView"},
    ),
    Rule(id="distinct", name="distinct", measure=Measure.DISTINCT),
    Rule(id="percentile", name="percentile", measure=Measure.PERCENTILE, field="viewport_width", percentile=95),
    Rule(
        id="funnel",
        name="funnel",
        measure=Measure.FUNNEL,
        steps=tuple(Step(filter={"event_type": name}) for name in TYPES[:3]),
    ),
    Rule(id="absence", name="absence", measure=Measure.ABSENCE, filter={"event_type": "checkout"}, window_s=300),
    Rule(id="grouped", name="grouped", group_by="user_agent"),
    Rule(id="where", name="where", where='viewport_width > 1000 && location.contains("/products/")'),
    Rule(
        id="distinct by type",
        name="distinct by type",
        measure=Measure.DISTINCT,
        field="session_id",
        where='event_type in ["pageView", "click"]',
        group_by="event_type",
    ),
]
"""One of each kind, with expressions and groups."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def raw_event(number: int) -> RawEvent:
    party = f"0%3Ai1t84hgy%3A5AF359Zjq5kUy98u4wQjlIZz{number % 1000:08d}"
    view = f"0%3A1fF6GFGjDOQiEx_OxnTm_tl4{number:08d}"
    query = (
        f"p={party}&s={party}&v={view}&e={view}0&c=i1t8q2b6&n=f&f=f"
        f"&l=https%3A%2F%2Fwww.example.com%2Fproducts%2F{number}%3Fq%3Da&r=https%3A%2F%2Fwww.example.com%2F"
        f"&i=1ak&j=sj&k=2&w=uq&h=qd&t={TYPES[number % len(TYPES)]}"
    )
    checksum = render_checksum(checksum_of(canonical_string(*parse_query(query))))
    agent = AGENTS[number % len(AGENTS)]
    return RawEvent(RawKind.BROWSER, "browser", now_ms(), "192.0.2.1:4711", agent, f"{query}&x={checksum}")


def naive(raws: list[RawEvent]) -> float:
    """Events per second of the straightforward way."""
    schema = fastavro.parse_schema(DEFAULT_SCHEMA)
    began = time.process_time()
    records: list[dict[str, Any]] = []
    for raw in raws:
        query = {name: values[0] for name, values in parse_qs(raw.query).items()}
        records.append(
            {
                "detectedDuplicate": False,
                "detectedCorruption": False,
                "firstInSession": query["f"] == "t",
                "timestamp": raw.received_ms,
                "clientTimestamp": int(query["c"], 36),
                "remoteHost": raw.remote,
                "referer": query.get("r"),
                "location": query.get("l"),
                "viewportPixelWidth": int(query["w"], 36),
                "viewportPixelHeight": int(query["h"], 36),
                "screenPixelWidth": int(query["i"], 36),
                "screenPixelHeight": int(query["j"], 36),
                "partyId": query["p"],
                "sessionId": query["s"],
                "pageViewId": query["v"],
                "eventType": query["t"],
                "userAgentString": raw.user_agent,
            }
        )
    fastavro.writer(io.BytesIO(), schema, records)
    return len(raws) / (time.process_time() - began)


async def fill(journal: Path, raws: list[RawEvent]) -> None:
    writer = FileJournalWriter(journal, "a")
    for start in range(0, len(raws), 64):
        await writer.append(encode_batch(raws[start : start + 64]))
    await writer.close()


def mapped(folder: Path, events: int, *, parquet: bool, mixed: bool) -> tuple[float, float]:
    """Events per second of processor time, and of the clock."""

    def avro(schema: dict[str, Any]) -> Sink:
        return AvroFiles(AvroFilesConfig(), schema=schema, folder=folder / "events", node="bench", now_ms=now_ms)

    def parquet_files(schema: dict[str, Any]) -> Sink:
        return ParquetFiles(ParquetFilesConfig(), schema=schema, folder=folder / "events", node="bench", now_ms=now_ms)

    mapper = Mapper(
        FileJournalReader(folder / "journal"),
        {"avro": avro, "parquet": parquet_files} if parquet else {"avro": avro},
        RejectedFiles(folder),
        NullTelemetry(),
        node="bench",
        reading=BatchReading(Enricher(parse_user_agent)),
    )
    mapper.open(now_ms())
    for lane in mapper.lanes():
        lane.turn(now_ms(), 1000)
    mapper.windows.use(MIXED if mixed else COUNTS, now_ms())
    total, used, began = 0, time.process_time(), time.perf_counter()
    while count := mapper.step(now_ms()):
        total += count
        for lane in mapper.lanes():
            lane.turn(now_ms(), 1000)
        if mapper.uncommitted() >= 20_000:
            mapper.commit(now_ms())
    for lane in mapper.lanes():
        lane.finish(now_ms())
    mapper.commit(now_ms())
    used, took = time.process_time() - used, time.perf_counter() - began
    assert total == events, f"{total} of {events} events were mapped"
    counted = sum(row.count for row in mapper.windows.report(now_ms(), now_ms()) if not mixed or row.rule_id == "count")
    wanted = events // len(TYPES) if mixed else 2 * events
    assert counted == wanted, f"{counted} were counted"
    return total / used, total / took


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=100_000)
    options.add_argument("--parquet", action="store_true", help="write Parquet files besides")
    options.add_argument(
        "--counts", action="store_true", help="ten rules that only count, in place of ten of all kinds"
    )
    given = options.parse_args()
    raws = [raw_event(number) for number in range(given.events)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(fill(folder / "journal", raws))
        per_core, per_second = mapped(folder, given.events, parquet=given.parquet, mixed=not given.counts)
    beside = naive(raws[: min(given.events, 20_000)])
    sinks = "Avro and Parquet" if given.parquet else "Avro"
    print(f"python {sys.version.split()[0]}, {os.cpu_count()} cores, {given.events} events")
    rules = "ten counting rules" if given.counts else "ten mixed rules"
    print(f"mapped to {sinks}, counted by {rules}: {per_core:,.0f} /s per core ({per_second:,.0f} /s by the clock)")
    print(f"naive, decoded and written to Avro only: {beside:,.0f} /s per core")
    print(f"ratio: {per_core / beside:.2f}; target 20,000 /s per core: {per_core / 20_000:.2f}")


if __name__ == "__main__":
    main()
