"""Files that are published to a store elsewhere: whole, once, and later when the store is away."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.places import Bucket, Clock, Files, events, numbers_of, published, records
from servers.process import wait_until
from servers.s3 import S3Server
from watchbell.domain.errors import Invalid
from watchbell.toolkit import publishing


@pytest.fixture(params=["avro", "parquet"])
def bucket(request, s3_server, tmp_path: Path) -> Iterator[Bucket]:
    place = Bucket(tmp_path, Clock(), request.param, s3_server)
    yield place
    place.release()


@pytest.fixture
def store() -> Iterator[S3Server]:
    """A store of the test's own, to be stopped."""
    with S3Server() as server:
        yield server


def spooled(place: Bucket) -> list[str]:
    return [path.name for path in published(place.folder)]


def write(sink: Any, first: int, count: int) -> None:
    sink.write(records(first, count), {"a": first + count}, events(first, count))


def arrive(sink: Any, count: int = 1) -> list[str]:
    names: list[str] = []
    wait_until(lambda: names.extend(sink.tend()) or len(names) >= count, what="files at the store")
    return names


def test_an_object_is_named_as_its_file_and_leaves_the_folder(bucket):
    sink = bucket.make(partition="year={year}/month={month}", roll_every_s=60)
    sink.open()
    write(sink, 0, 3)
    sink.sync()
    assert bucket.objects() == []
    bucket.clock.ms += 60_000
    (name,) = arrive(sink)
    assert name.startswith("year=2023/month=11/20231114221320-divolte-tracking-host-1.")
    assert bucket.objects() == [f"events/{name}"]
    assert spooled(bucket) == []
    assert numbers_of(bucket) == [0, 1, 2]


def test_a_large_file_is_uploaded_in_parts_and_is_whole(s3_server, tmp_path):
    place = Bucket(tmp_path, Clock(), "avro", s3_server)
    sink = place.make()
    sink.open()
    text = "x" * 1_000_000
    for number in range(120):
        sink.write([{**records(number, 1)[0], "location": text}], {"a": number + 1}, events(number, 1))
    sink.close()
    assert numbers_of(place) == list(range(120))
    assert s3_server.uploads(place.bucket) == 0


def test_a_store_that_is_away_costs_nothing_and_heals(store, tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, "_LONGEST_WAIT_S", 0.5)
    place = Bucket(tmp_path, Clock(), "avro", store)
    store.stop()
    sink = place.make(roll_bytes=1)
    sink.open()
    for first in range(0, 30, 10):
        write(sink, first, 10)
        assert sink.sync() == {"a": first + 10}, "writing goes on"
        assert sink.tend() == []
    assert len(spooled(place)) == 3
    store.start()
    store.make_bucket(place.bucket)
    assert len(arrive(sink, 3)) == 3
    sink.close()
    assert spooled(place) == []
    assert numbers_of(place) == list(range(30))


def test_what_a_stop_leaves_behind_goes_at_the_next_start(store, tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, "FINISH_WITHIN_S", 0.2)
    place = Bucket(tmp_path, Clock(), "avro", store)
    store.stop()
    sink = place.make()
    sink.open()
    write(sink, 0, 10)
    assert sink.close() == []
    assert len(spooled(place)) == 1
    store.start()
    store.make_bucket(place.bucket)
    again = place.make()
    assert again.open() == {"a": 10}
    arrive(again)
    again.close()
    assert numbers_of(place) == list(range(10))


def test_a_crash_between_upload_and_removal_repeats_nothing(bucket):
    sink = bucket.make()
    sink.open()
    write(sink, 0, 10)
    sink.abandon()
    crashed = bucket.make()
    crashed.open()
    write(crashed, 0, 10)
    (name,) = crashed.close()
    local = bucket.folder / name
    local.write_bytes(bucket.server.read(bucket.bucket, f"events/{name}"))
    again = bucket.make()
    again.open()
    wait_until(lambda: not local.exists(), what="the copy's removal")
    again.close()
    assert numbers_of(bucket) == list(range(10))
    assert len(bucket.objects()) == 1


def test_another_object_of_that_name_is_not_overwritten(bucket):
    """Two collectors may have been given one name: what the other has written stays."""
    for folder in ("one", "two"):
        sink = bucket.make(folder=str(bucket.folder / folder))
        sink.open()
        write(sink, 0 if folder == "one" else 10, 10 if folder == "one" else 20)
        sink.close()
    assert len(bucket.objects()) == 2
    assert numbers_of(bucket) == list(range(30))


def test_a_file_system_is_given_files_by_rename(tmp_path):
    """HDFS and others that show a file while it is written: here the local one, by the same way."""
    place = Files(tmp_path / "spool", Clock(), "avro", "null")
    sink = place.make(target=f"file://{tmp_path / 'there'}", partition="day={day}")
    sink.open()
    write(sink, 0, 10)
    (name,) = sink.close()
    assert [path.relative_to(tmp_path / "there") for path in published(tmp_path / "there")] == [Path(name)]
    assert list((tmp_path / "there").rglob("*.partial")) == []
    assert published(tmp_path / "spool") == []


@pytest.mark.parametrize("target", ["nothing://bucket", "bucket", "dropbox://bucket"])
def test_a_target_that_cannot_be_used_is_told_at_once(tmp_path, target):
    with pytest.raises(Invalid, match="target"):
        Files(tmp_path, Clock(), "avro", "null").make(target=target)
