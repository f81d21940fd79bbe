"""Every sink keeps the port's promises, above all: after a crash each record is in the files exactly once."""

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import fastavro
import pytest

from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.events.record import DEFAULT_SCHEMA
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig, Codec
from watchbell.sinks.parquet_files import Compression, ParquetFiles, ParquetFilesConfig
from watchbell.toolkit.rolling import RollingFiles

pq: Any = import_module("pyarrow.parquet")

Make = Callable[..., RollingFiles]


class Clock:
    """Milliseconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["avro", "avro-deflate", "parquet", "parquet-none"])
def make(request, tmp_path: Path, clock: Clock) -> Iterator[Make]:
    """Makes sinks that stand for the same place, as one process after another would; not closed, they crashed."""
    opened: list[RollingFiles] = []

    def made(**changes: Any) -> RollingFiles:
        opened.append(new(**changes))
        return opened[-1]

    def new(**changes: Any) -> RollingFiles:
        if request.param.startswith("avro"):
            codec = Codec.DEFLATE if request.param.endswith("deflate") else Codec.NULL
            config = AvroFilesConfig(codec=codec, **changes)
            return AvroFiles(config, schema=DEFAULT_SCHEMA, folder=tmp_path, node="host", now_ms=clock)
        compression = Compression.NONE if request.param.endswith("none") else Compression.ZSTD
        parquet = ParquetFilesConfig(compression=compression, **changes)
        return ParquetFiles(parquet, schema=DEFAULT_SCHEMA, folder=tmp_path, node="host", now_ms=clock)

    yield made
    for sink in opened:
        sink._release()


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
        "eventType": "é😀",
        "viewportPixelWidth": number % 7,
        **changes,
    }


def records(first: int, count: int) -> list[dict[str, Any]]:
    return [record(number) for number in range(first, first + count)]


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open("rb") as file:
        return [cast("dict[str, Any]", row) for row in fastavro.reader(file)]


def published(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in {".avro", ".parquet"})


def in_flight(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.partial"))


def numbers(folder: Path) -> list[int]:
    return sorted(row["timestamp"] for path in published(folder) for row in read(path))


def test_records_come_back_as_they_went_in(make, tmp_path, vectors):
    sink = make()
    assert sink.open() == {}
    rows = [*records(0, 3), vectors["kafka_message"]["record"]]
    sink.write(rows, {"a": 10})
    assert sink.sync() == {"a": 10}
    (name,) = sink.close()
    assert [path.name for path in published(tmp_path)] == [name]
    assert read(tmp_path / name) == rows


def test_a_file_is_partial_until_it_is_published(make, tmp_path):
    sink = make()
    sink.open()
    sink.write(records(0, 3), {"a": 10})
    sink.sync()
    assert published(tmp_path) == []
    (partial,) = in_flight(tmp_path)
    (name,) = sink.close()
    assert partial.name == f"{name}.partial"
    assert in_flight(tmp_path) == []


def test_names_are_divoltes(make, vectors, clock):
    sink = make()
    sink.open()
    clock.ms = 1_700_000_000_000
    sink.write(records(0, 1), {"a": 1})
    (name,) = sink.close()
    assert re.fullmatch(vectors["file_sink"]["file_name_regex"], Path(name).with_suffix(".avro").name)
    assert name.startswith("20231114221320-divolte-tracking-host-1.")


def test_files_roll_by_age_and_size(make, tmp_path, clock):
    sink = make(roll_every_s=60)
    sink.open()
    sink.write(records(0, 1), {"a": 1})
    clock.ms += 59_999
    assert sink.tend() == []
    clock.ms += 1
    assert len(sink.tend()) == 1
    assert sink.tend() == []
    assert numbers(tmp_path) == [0]
    small = make(roll_bytes=1)
    small.open()
    small.write(records(1, 1), {"a": 2})
    assert len(small.tend()) == 1
    assert numbers(tmp_path) == [0, 1]


def test_two_files_of_one_second_have_two_names(make, tmp_path):
    for number in range(3):
        sink = make()
        sink.open()
        sink.write(records(number, 1), {"a": number + 1})
        sink.close()
    assert len(published(tmp_path)) == 3


def test_nothing_makes_no_file(make, tmp_path, clock):
    sink = make()
    sink.open()
    sink.write([], {"a": 10})
    assert sink.sync() == {"a": 10}
    clock.ms += 10_000_000
    assert sink.tend() == []
    assert sink.close() == []
    assert published(tmp_path) == in_flight(tmp_path) == []
    assert make().open() == {"a": 10}


def test_positions_of_several_streams_add_up(make):
    sink = make()
    sink.open()
    sink.write(records(0, 1), {"a": 10})
    sink.write(records(1, 1), {"b": 7})
    assert sink.sync() == {"a": 10, "b": 7}
    assert make().open() == {"a": 10, "b": 7}


def test_what_was_synced_survives_a_crash_and_what_was_not_comes_again(make, tmp_path):
    sink = make()
    sink.open()
    sink.write(records(0, 3), {"a": 30})
    sink.sync()
    sink.write(records(3, 5000), {"a": 99})
    again = make()
    assert again.open() == {"a": 30}
    assert numbers(tmp_path) == [0, 1, 2]
    assert in_flight(tmp_path) == []
    again.write(records(3, 2), {"a": 50})
    again.close()
    assert numbers(tmp_path) == [0, 1, 2, 3, 4]


def test_a_file_that_was_never_synced_is_removed(make, tmp_path):
    sink = make()
    sink.open()
    sink.write(records(0, 5000), {"a": 30})
    assert make().open() == {}
    assert published(tmp_path) == in_flight(tmp_path) == []


def test_a_crash_between_publishing_and_noting_it_repeats_nothing(make, tmp_path):
    sink = make()
    sink.open()
    sink.write(records(0, 3), {"a": 30})
    sink.sync()
    (state,) = tmp_path.glob(".host.*.state")
    noted = state.read_bytes()
    sink.close()
    state.write_bytes(noted)
    assert make().open() == {"a": 30}
    assert numbers(tmp_path) == [0, 1, 2]


def test_a_published_file_may_be_taken_away_at_any_time(make, tmp_path):
    sink = make()
    sink.open()
    sink.write(records(0, 3), {"a": 30})
    sink.sync()
    (state,) = tmp_path.glob(".host.*.state")
    noted = state.read_bytes()
    sink.close()
    published(tmp_path)[0].unlink()
    state.write_bytes(noted)
    assert make().open() == {"a": 30}
    assert published(tmp_path) == []


def test_a_file_shorter_than_promised_is_set_aside(make, tmp_path):
    sink = make()
    sink.open()
    sink.write(records(0, 3), {"a": 30})
    sink.sync()
    (partial,) = in_flight(tmp_path)
    os.truncate(partial, partial.stat().st_size - 1)
    make().open()
    assert published(tmp_path) == in_flight(tmp_path) == []
    assert [path.name for path in tmp_path.glob("*.damaged")] == [f"{partial.name}.damaged"]


def test_files_of_other_nodes_are_left_alone(make, tmp_path):
    others = [
        tmp_path / "20231114221320-divolte-tracking-my-host-1.avro.partial",
        tmp_path / "20231114221320-divolte-tracking-host-1-1.parquet.partial",
        tmp_path / "notes.avro.partial",
    ]
    for other in others:
        other.write_bytes(b"x")
    make().open()
    assert in_flight(tmp_path) == sorted(others)


@pytest.mark.parametrize(
    "bad",
    [
        {"remoteHost": None},
        {"timestamp": 2**63},
        {"timestamp": "text"},
        {"viewportPixelWidth": 2**31},
        {"location": "\ud800"},
        {"location": 5},
    ],
)
def test_a_record_that_does_not_fit_refuses_the_whole_write(make, tmp_path, bad):
    sink = make()
    sink.open()
    sink.write(records(0, 2), {"a": 2})
    with pytest.raises(Permanent, match="does not fit"):
        sink.write([*records(2, 2), record(4, **bad)], {"a": 5})
    sink.write(records(5, 2), {"a": 7})
    sink.close()
    assert numbers(tmp_path) == [0, 1, 5, 6]


def test_a_first_write_that_is_refused_publishes_nothing(make, tmp_path):
    sink = make()
    sink.open()
    with pytest.raises(Permanent):
        sink.write([record(0, remoteHost=None)], {"a": 1})
    sink.write([], {"a": 1})
    assert sink.sync() == {"a": 1}
    assert sink.close() == []
    assert published(tmp_path) == in_flight(tmp_path) == []


def test_a_place_that_is_not_there_is_retryable(make, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Retryable):
        make(folder=str(tmp_path / "file" / "below")).open()


def test_a_sink_that_failed_can_be_opened_again(make, tmp_path):
    sink = make()
    sink.open()
    sink.write(records(0, 2), {"a": 2})
    sink.sync()
    sink.write(records(2, 2), {"a": 4})
    sink._file._file.close()  # the disk is gone
    with pytest.raises((Retryable, ValueError)):
        sink.sync()
    assert sink.open() == {"a": 2}
    sink.write(records(2, 2), {"a": 4})
    sink.close()
    assert numbers(tmp_path) == [0, 1, 2, 3]


def test_avro_blocks_end_at_a_sync(tmp_path, clock):
    """So that a reader of the file in flight sees what is durable."""
    sink = AvroFiles(AvroFilesConfig(), schema=DEFAULT_SCHEMA, folder=tmp_path, node="host", now_ms=clock)
    sink.open()
    sink.write(records(0, 2), {"a": 2})
    sink.sync()
    sink.write(records(2, 2), {"a": 4})
    (partial,) = in_flight(tmp_path)
    assert len(list(fastavro.reader(io.BytesIO(partial.read_bytes())))) == 2
    sink.close()


def test_avro_carries_the_schema(tmp_path, clock):
    sink = AvroFiles(AvroFilesConfig(), schema=DEFAULT_SCHEMA, folder=tmp_path, node="host", now_ms=clock)
    sink.open()
    sink.write(records(0, 1), {"a": 1})
    sink.close()
    with published(tmp_path)[0].open("rb") as file:
        metadata = fastavro.reader(file).metadata
    assert json.loads(metadata["avro.schema"]) == json.loads(json.dumps(DEFAULT_SCHEMA))
    assert metadata["avro.codec"] == "null"


def test_many_records_make_several_row_groups(tmp_path, clock):
    sink = ParquetFiles(ParquetFilesConfig(), schema=DEFAULT_SCHEMA, folder=tmp_path, node="host", now_ms=clock)
    sink.open()
    for start in range(0, 120_000, 20_000):
        sink.write(records(start, 20_000), {"a": start + 20_000})
    sink.close()
    (path,) = published(tmp_path)
    assert pq.ParquetFile(path).num_row_groups == 2
    assert pq.read_table(path, columns=["timestamp"]).column(0).to_pylist() == list(range(120_000))
