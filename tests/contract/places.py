"""The places to which sinks write, as tests see them: make a sink for the place, look at what has arrived there."""

import gzip
import io
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import fastavro
from confluent_kafka import Message

from servers.s3 import S3Server
from servers.target import HttpTarget
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawKind
from watchbell.domain.events.record import DEFAULT_SCHEMA
from watchbell.ports.sink import Sink
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig
from watchbell.sinks.http_ndjson import HttpNdjson, HttpNdjsonConfig
from watchbell.sinks.kafka import Kafka, KafkaConfig
from watchbell.sinks.parquet_files import ParquetFiles, ParquetFilesConfig
from watchbell.toolkit.settings import read

pq: Any = import_module("pyarrow.parquet")

NODE = "host"


class Clock:
    """Milliseconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.ms


def record(number: int, **changes: Any) -> dict[str, Any]:
    nullable = {field["name"]: None for field in DEFAULT_SCHEMA["fields"]}
    return {
        **nullable,
        "detectedDuplicate": False,
        "detectedCorruption": True,
        "firstInSession": False,
        "timestamp": number,
        "clientTimestamp": -number,
        "remoteHost": "127.0.0.1",
        "partyId": party(number),
        "eventType": "é😀",
        "viewportPixelWidth": number % 7,
        **changes,
    }


def records(first: int, count: int) -> list[dict[str, Any]]:
    return [record(number) for number in range(first, first + count)]


def party(number: int) -> str:
    return f"0:i1t84hgy:{number % 5}"


def event(number: int, **changes: Any) -> Event:
    """The event behind the record of the same number."""
    facts: dict[str, Any] = {
        "source": "browser",
        "kind": RawKind.BROWSER,
        "party_id": party(number),
        "session_id": "0:i1t84hgy:s",
        "event_id": f"event-{number}",
        "received_ms": 1_700_000_000_000 + number,
        "client_ms": -number,
        "new_party": False,
        "first_in_session": False,
        "remote": "127.0.0.1:1",
        **changes,
    }
    return Event(**facts)


def events(first: int, count: int) -> list[Event]:
    return [event(number) for number in range(first, first + count)]


def read_file(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.ParquetFile(path).read().to_pylist()
    with path.open("rb") as file:
        return [cast("dict[str, Any]", row) for row in fastavro.reader(file)]


def published(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in {".avro", ".parquet"})


class Place:
    """Where the sinks that `make` returns write. `exact`: what was not synced before a crash never shows."""

    exact = True

    def __init__(self) -> None:
        self._made: list[Any] = []

    def make(self, **changes: Any) -> Any:
        """A sink for the place, as one process after another would make it."""
        self._made.append(self._new(**changes))
        return self._made[-1]

    def _new(self, **changes: Any) -> Sink:
        raise NotImplementedError

    def release(self) -> None:
        """Ends what sinks that were not closed hold in this process."""
        for sink in self._made:
            sink.abandon()

    def found(self) -> list[dict[str, Any]]:
        """The records that readers see."""
        raise NotImplementedError


def numbers_of(place: Place) -> list[int]:
    """Which records readers see, by number, as often as they see them."""
    return sorted(row["timestamp"] for row in place.found())


class Files(Place):
    """A local folder."""

    def __init__(self, folder: Path, clock: Clock, kind: str, compression: str) -> None:
        super().__init__()
        self.folder, self.clock, self._kind, self._compression = folder, clock, kind, compression

    def _new(self, **changes: Any) -> Sink:
        common: dict[str, Any] = {
            "schema": DEFAULT_SCHEMA,
            "folder": self.folder,
            "node": NODE,
            "now_ms": self.clock,
        }
        if self._kind == "avro":
            return AvroFiles(read(AvroFilesConfig, {"codec": self._compression, **changes}), **common)
        return ParquetFiles(read(ParquetFilesConfig, {"compression": self._compression, **changes}), **common)

    def found(self) -> list[dict[str, Any]]:
        return [row for path in published(self.folder) for row in read_file(path)]


class Bucket(Files):
    """A bucket of an object store, by way of a local folder."""

    def __init__(self, folder: Path, clock: Clock, kind: str, server: S3Server) -> None:
        super().__init__(folder / "spool", clock, kind, "null" if kind == "avro" else "zstd")
        self.server = server
        self.bucket = server.create_bucket()
        self._seen = folder / "seen"

    def _new(self, **changes: Any) -> Sink:
        target = {
            "target": f"s3://{self.bucket}/events",
            "target_options": {"endpoint_url": self.server.url},
            "target_secrets": {"key": self.server.key, "secret": self.server.secret},
        }
        return super()._new(**{**target, **changes})

    def objects(self) -> list[str]:
        return self.server.objects(self.bucket)

    def found(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        self._seen.mkdir(exist_ok=True)
        for number, name in enumerate(self.objects()):
            path = self._seen / f"{number}{Path(name).suffix}"
            path.write_bytes(self.server.read(self.bucket, name))
            rows += read_file(path)
        return rows


class KafkaTopic(Place):
    """A topic of a broker."""

    def __init__(self, server: Any, folder: Path, clock: Callable[[], int], *, exactly_once: bool) -> None:
        super().__init__()
        self._server, self._folder, self._clock = server, folder, clock
        self.exact = exactly_once
        self.topic = server.create_topic()

    def _new(self, **changes: Any) -> Sink:
        settings = {
            "servers": self._server.address.split(","),
            "topic": self.topic,
            "exactly_once": self.exact,
            "wait_s": 30.0,
        }
        config = read(KafkaConfig, {**settings, **changes})
        return Kafka(config, schema=DEFAULT_SCHEMA, folder=self._folder, node=NODE, now_ms=self._clock)

    def messages(self) -> list[Message]:
        return self._server.messages(self.topic)

    def found(self) -> list[dict[str, Any]]:
        schema = fastavro.parse_schema(DEFAULT_SCHEMA)
        return [
            cast("dict[str, Any]", fastavro.schemaless_reader(io.BytesIO(message.value() or b""), schema, None))
            for message in self.messages()
        ]


class Receiver(Place):
    """An HTTP server that takes everything; a request that comes again under its key counts once."""

    def __init__(self, target: HttpTarget, folder: Path, clock: Callable[[], int]) -> None:
        super().__init__()
        self.target, self._folder, self._clock = target, folder, clock

    def _new(self, **changes: Any) -> Sink:
        config = read(HttpNdjsonConfig, {"url": f"{self.target.url}/in", "allow_loopback": True, **changes})
        return HttpNdjson(config, schema=DEFAULT_SCHEMA, folder=self._folder, node=NODE, now_ms=self._clock)

    def found(self) -> list[dict[str, Any]]:
        bodies = {request.headers["idempotency-key"]: request.body for request in self.target.requests}
        return [json.loads(line) for body in bodies.values() for line in unpacked(body).splitlines()]


def unpacked(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
