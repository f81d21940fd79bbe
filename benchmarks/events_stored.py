"""Records stored per second by each sink, written and synced as the collector does it.

    benchmarks/events_stored.py [--records N] [--without-kafka]

Beside the files: fastavro's container writer and pyarrow's Parquet writer, with the same records. Beside Kafka: the
bare client library that sends bytes which are encoded already, to the same broker on this machine. Rates are of
processor time of this process (the broker and the kernel not counted) and of the clock.
"""

import argparse
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import Producer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from servers.kafka import KafkaServer
from servers.process import MissingServerError
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawKind
from watchbell.domain.events.record import DEFAULT_SCHEMA
from watchbell.ports.sink import Sink
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig
from watchbell.sinks.kafka import Kafka, KafkaConfig
from watchbell.sinks.parquet_files import ParquetFiles, ParquetFilesConfig
from watchbell.toolkit.arrow import arrow_schema
from watchbell.toolkit.avro import record_encoder
from watchbell.toolkit.settings import read

pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")

BATCH = 256
SYNC_EVERY = 20_000
Records = list[dict[str, Any]]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def made(count: int) -> tuple[Records, list[Event]]:
    """Records as the default mapping makes them, and the events behind them."""
    records: Records = []
    events: list[Event] = []
    nothing = {field["name"]: None for field in DEFAULT_SCHEMA["fields"]}
    began = now_ms()
    for number in range(count):
        party = f"0:i1t84hgy:5AF359Zjq5kUy98u4wQjlIZz{number % 1000:08d}"
        view = f"0:1fF6GFGjDOQiEx_OxnTm_tl4{number:08d}"
        records.append(
            {
                **nothing,
                "detectedDuplicate": False,
                "detectedCorruption": False,
                "firstInSession": False,
                "timestamp": began + number,
                "clientTimestamp": began + number - 40,
                "remoteHost": "192.0.2.1",
                "referer": "https://www.example.com/",
                "location": f"https://www.example.com/products/{number}?q=a",
                "viewportPixelWidth": 1106,
                "viewportPixelHeight": 949,
                "partyId": party,
                "sessionId": party,
                "pageViewId": view,
                "eventType": "pageView",
                "userAgentString": f"Mozilla/5.0 (X11; Linux x86_64; rv:{number % 50}.0) Gecko/20100101 Firefox",
            }
        )
        events.append(
            Event(
                source="browser",
                kind=RawKind.BROWSER,
                party_id=party,
                session_id=party,
                event_id=f"{view}0",
                received_ms=began + number,
                client_ms=began + number - 40,
                new_party=False,
                first_in_session=False,
                remote="192.0.2.1:4711",
            )
        )
    return records, events


def timed(what: str, count: int, work: Callable[[], None]) -> None:
    used, began = time.process_time(), time.perf_counter()
    work()
    used, took = time.process_time() - used, time.perf_counter() - began
    print(f"{what:<44} {count / used:>10,.0f} /s per core {count / took:>10,.0f} /s by the clock")


def store(sink: Sink, records: Records, events: list[Event]) -> None:
    sink.open()
    for start in range(0, len(records), BATCH):
        end = start + BATCH
        sink.write(records[start:end], {"a": end}, events[start:end])
        if start % SYNC_EVERY < BATCH:
            sink.sync()
    sink.close()


def files(folder: Path, records: Records, events: list[Event]) -> None:
    common: dict[str, Any] = {"schema": DEFAULT_SCHEMA, "node": "bench", "now_ms": now_ms}
    hours = "day={year}-{month}-{day}/hour={hour}"
    for label, settings in (
        ("Avro", {}),
        ("Avro, by hour", {"partition": hours}),
        ("Avro, deflate", {"codec": "deflate"}),
        ("Avro, zstandard", {"codec": "zstandard"}),
    ):
        avro = AvroFiles(read(AvroFilesConfig, settings), folder=folder / label, **common)
        timed(label, len(records), lambda sink=avro: store(sink, records, events))
    parquet = ParquetFiles(ParquetFilesConfig(), folder=folder / "parquet", **common)
    timed("Parquet, zstd", len(records), lambda: store(parquet, records, events))
    timed("beside: fastavro's writer", len(records), lambda: fastavro.writer(io.BytesIO(), parsed(), records))
    timed("beside: pyarrow's writer, zstd", len(records), lambda: whole_parquet(records))


def parsed() -> Any:
    return fastavro.parse_schema(DEFAULT_SCHEMA)


def whole_parquet(records: Records) -> None:
    pq.write_table(pa.Table.from_pylist(records, arrow_schema(DEFAULT_SCHEMA)), io.BytesIO(), compression="zstd")


def kafka(folder: Path, records: Records, events: list[Event]) -> None:
    with KafkaServer() as server:
        for label, exactly_once in (("Kafka", False), ("Kafka, exactly once", True)):
            topic = server.create_topic()
            settings = {"servers": [server.address], "topic": topic, "exactly_once": exactly_once}
            config = read(KafkaConfig, settings)
            sink = Kafka(config, schema=DEFAULT_SCHEMA, folder=folder, node="bench", now_ms=now_ms)
            timed(label, len(records), lambda sink=sink: store(sink, records, events))
        topic = server.create_topic()
        encode = record_encoder(DEFAULT_SCHEMA)
        values = [(event.party_id.encode(), encode(row)) for event, row in zip(events, records, strict=True)]
        timed("beside: confluent-kafka, encoded before", len(records), lambda: bare(server.address, topic, values))


def bare(address: str, topic: str, values: list[tuple[bytes, bytes]]) -> None:
    producer = Producer(
        {"bootstrap.servers": address, "enable.idempotence": True, "compression.type": "lz4", "linger.ms": 20}
    )
    for key, value in values:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.01)
    assert producer.flush(60) == 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--without-kafka", action="store_true", help="files only")
    given = options.parse_args()
    records, events = made(given.records)
    print(f"python {sys.version.split()[0]}, {os.cpu_count()} cores, {given.records} records")
    with tempfile.TemporaryDirectory() as name:
        files(Path(name), records, events)
        if not given.without_kafka:
            try:
                kafka(Path(name), records, events)
            except MissingServerError as error:
                print(f"Kafka is left out: {error}")


if __name__ == "__main__":
    main()
