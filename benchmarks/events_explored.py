"""Questions about an archive of ten million events of one day, on this machine beside nothing else.

    benchmarks/events_explored.py [--events N] [--asked N] [--folder DIR]

The archive is made as collectors make it (one Parquet file for each hour), by DuckDB itself because that is quicker.
Each question is asked through the worker process that the API uses, cold in memory of its own, several times; the
figures are the median and the 95th percentile. And what the archive costs mapping: processor time for each event in
the spool, beside what `events_mapped.py` needs for all the rest.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from events_mapped import raw_event

from watchbell.adapters.archive.asking import ArchiveSettings, DuckArchive
from watchbell.adapters.archive.convert import SCHEMA
from watchbell.adapters.archive.spool import EventSpool
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event
from watchbell.domain.events.question import Counts, Funnel, Numbers, Question, Records, Sessions, Step, Top
from watchbell.domain.events.question import parse_condition as condition

duckdb: Any = import_module("duckdb")

START = 1_767_225_600_000
HOUR = 3_600_000
KINDS = "['pageView', 'addToBasket', 'search', 'click', 'checkout', 'scroll', 'login', 'share']"
COLUMNS = {
    "event_type": f"{KINDS}[1 + (hash(n) % 8)::INTEGER]",
    "location": "'https://shop.example/products/' || (hash(n + 1) % 5000)",
    "location_host": "'shop.example'",
    "location_path": "'/products/' || (hash(n + 1) % 5000)",
    "party_id": "'0:mwqdotge:' || md5((hash(n + 2) % 200000)::VARCHAR)",
    "session_id": "'0:mwqdotge:' || md5((hash(n + 2) % 400000)::VARCHAR)",
    "event_id": "md5(n::VARCHAR)",
    "source": "'browser'",
    "remote": "'192.0.2.' || (hash(n + 2) % 250)",
    "duplicate": "false",
    "corrupt": "false",
    "viewport_width": "300 + (hash(n + 2) % 1600)",
    '"agent.name"': "['Chrome', 'Firefox', 'Safari', 'Edge'][1 + (hash(n + 2) % 4)::INTEGER]",
    "parameters": (
        "'{\"total\": ' || (hash(n + 3) % 100000 / 100.0) || ', \"colour\": \"c' || (hash(n + 4) % 20) || '\"}'"
    ),
    "raw_query": "'p=0%3Amwqdotge&t=pageView&e=' || md5(n::VARCHAR) || '&x=' || (hash(n + 5) % 100000)",
}
TYPES = {"string": "VARCHAR", "double": "DOUBLE", "int64": "BIGINT", "bool": "BOOLEAN"}
DAY: dict[str, Any] = {"start_ms": START, "end_ms": START + 24 * HOUR}


def make(folder: Path, events: int) -> None:
    connection = duckdb.connect(config={"memory_limit": "1GB"})
    each = events // 24
    for hour in range(24):
        first = START + hour * HOUR
        given = {
            **COLUMNS,
            "received_ms": f"{first} + (n * {HOUR} // {each})",
            "position": f"({first} + (n * {HOUR} // {each})) * 1000000 + n % 1000000",
        }
        columns = ", ".join(
            f"CAST({given.get(field.name, given.get(chr(34) + field.name + chr(34), 'NULL'))}"
            f' AS {TYPES[str(field.type)]}) AS "{field.name}"'
            for field in SCHEMA
        )
        place = folder / f"2026-01-01T{hour:02d}"
        place.mkdir(parents=True)
        target = place / "bench.000000000001.000000000001.parquet"
        connection.execute(
            f"COPY (SELECT {columns} FROM (SELECT range AS n FROM range({each})))"
            f" TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 50000)"
        )
    connection.close()


def questions() -> dict[str, Question]:
    steps = tuple(Step(where=(condition(f"event_type={kind}"),)) for kind in ("pageView", "addToBasket", "checkout"))
    return {
        "count by a field over the day": Counts(**DAY, by="event_type"),
        "count by a parameter over the day": Counts(**DAY, by="parameters.colour"),
        "top values of a field with 5,000": Top(**DAY, field="location_path"),
        "percentiles of a parameter": Numbers(**DAY, field="parameters.total"),
        "funnel of three steps": Funnel(**DAY, steps=steps),
        "sessions of one party": Sessions(**DAY, party="0:mwqdotge:cfcd208495d565ef66e7dff9f98764da"),
        "newest 50 of a type, with requests": Records(**DAY, where=(condition("event_type=checkout"),)),
    }


async def ask(folder: Path, scratch: Path, asked: int) -> None:
    archive = DuckArchive(ArchiveSettings(url=str(folder), scratch=scratch, timeout_s=600))
    for name, question in questions().items():
        took: list[float] = []
        for _ in range(asked):
            began = time.perf_counter()
            await archive.ask(question, lambda _: None)
            took.append(time.perf_counter() - began)
        took.sort()
        print(f"{name}: median {took[len(took) // 2]:.2f} s, p95 {took[int(len(took) * 0.95)]:.2f} s")
    await archive.close()


def spooled(folder: Path, events: int) -> float:
    """Processor time for each event, in microseconds."""
    found = [(raw, decode(raw)) for raw in map(raw_event, range(events))]
    made: list[Event] = []
    for raw, event in found:
        assert isinstance(event, Event)
        event.raw = raw
        made.append(event)
    spool = EventSpool(folder, roll_every_s=5, now_ms=lambda: time.time_ns() // 1_000_000)
    spool.open()
    began = time.process_time()
    for start in range(0, events, 400):
        part = made[start : start + 400]
        spool.write([{}] * len(part), {"a": start + len(part)}, part)
        if start % 20_000 == 0:
            spool.sync()
            spool.tend()
    spool.close()
    return (time.process_time() - began) / events * 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--events", type=int, default=10_000_000)
    options.add_argument("--asked", type=int, default=20)
    options.add_argument("--folder", type=Path, help="where the archive is made; kept, and used again")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        cost = spooled(Path(name) / "spool", 50_000)
        print(f"python {sys.version.split()[0]}, duckdb {duckdb.__version__}, {given.events:,} events")
        print(f"spool, beside mapping: {cost:.2f} µs for each event")
        folder = given.folder or Path(name) / "archive"
        if not folder.exists():
            make(folder, given.events)
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
        print(f"archive: {size / 1e6:,.0f} MB, {size / given.events:.0f} bytes for each event")
        asyncio.run(ask(folder, Path(name) / "scratch", given.asked))


if __name__ == "__main__":
    main()
