import os
from importlib import import_module
from pathlib import Path
from typing import Any

import fastavro
import pytest

from watchbell.adapters.event_rewriting import event_files, remove_records, too_old, unfinished_files
from watchbell.domain.events.record import DEFAULT_SCHEMA

pq: Any = import_module("pyarrow.parquet")
pa: Any = import_module("pyarrow")

ROWS = [{"partyId": name, "n": number, "tags": ["a", f"tag of {name}"]} for number, name in enumerate("abacb")]
SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "partyId", "type": "string"},
        {"name": "n", "type": "long"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
    ],
}


def write(path: Path) -> None:
    if path.suffix == ".avro":
        with path.open("wb") as file:
            fastavro.writer(file, SCHEMA, ROWS, codec="deflate", metadata={"watchbell": "x"})
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=2, compression="zstd")


def read(path: Path) -> list[Any]:
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with path.open("rb") as file:
        return list(fastavro.reader(file))


@pytest.mark.parametrize("name", ["x.avro", "x.parquet"])
def test_records_of_a_party_are_removed(tmp_path, name):
    path = tmp_path / name
    write(path)
    assert remove_records(path, frozenset({"b"})) == 2
    assert read(path) == [row for row in ROWS if row["partyId"] != "b"]
    assert remove_records(path, frozenset({"tag of c"})) == 1
    assert [row["n"] for row in read(path)] == [0, 2]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["x.avro", "x.parquet"])
def test_a_file_without_it_is_not_touched_and_one_with_nothing_else_goes(tmp_path, name):
    path = tmp_path / name
    write(path)
    before = path.stat()
    assert remove_records(path, frozenset({"nobody"})) == 0
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert remove_records(path, frozenset("abc")) == 5
    assert not path.exists()
    assert remove_records(path, frozenset("abc")) == 0


def test_codec_and_metadata_stay(tmp_path):
    path = tmp_path / "x.avro"
    write(path)
    remove_records(path, frozenset({"b"}))
    with path.open("rb") as file:
        reader: Any = fastavro.reader(file)
        assert (reader.codec, reader.metadata["watchbell"]) == ("deflate", "x")
    path = tmp_path / "x.parquet"
    write(path)
    remove_records(path, frozenset({"b"}))
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_which_files_there_are(tmp_path):
    for name in ("a.avro", "below/b.parquet", "below/c.avro.partial", "below/d.spool", ".d.avro.state", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in event_files(tmp_path)] == ["a.avro", "b.parquet"]
    assert [path.name for path in unfinished_files(tmp_path)] == ["c.avro.partial", "d.spool"]


def test_only_what_sinks_published_grows_too_old(tmp_path):
    ours = ("20231114221320-divolte-tracking-shop-8290-1.avro", "day=1/20231114221320-divolte-tracking-a-12.parquet")
    for name in (*ours, "mine.avro", "20231114221320-divolte-tracking-a-1.avro.partial"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (1000, 1000))
    assert too_old(1000, tmp_path) == []
    assert [str(path.relative_to(tmp_path)) for path in too_old(2000, tmp_path)] == sorted(ours)


def test_records_as_the_collector_writes_them(tmp_path):
    """The default schema has unions, which a rewritten file must keep."""
    record = {field["name"]: field.get("default") for field in DEFAULT_SCHEMA["fields"]}
    record |= {"detectedDuplicate": False, "detectedCorruption": True, "firstInSession": True, "timestamp": 1}
    record |= {"clientTimestamp": 2, "remoteHost": "::1"}
    path = tmp_path / "x.avro"
    with path.open("wb") as file:
        fastavro.writer(file, DEFAULT_SCHEMA, [{**record, "partyId": name} for name in "ab"])
    assert remove_records(path, frozenset({"a"})) == 1
    assert read(path) == [{**record, "partyId": "b"}]
