"""Sinks to files: names, rolling, and what a crash may leave. What every sink promises stands in `test_sink.py`."""

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import fastavro
import pytest

from contract.places import Clock, Files, event, events, published, record, records
from contract.places import read_file as read
from watchbell.domain.errors import Invalid, Permanent, Retryable
from watchbell.toolkit import rolling
from watchbell.toolkit.rolling import RollingFiles

pq: Any = import_module("pyarrow.parquet")

Make = Callable[..., RollingFiles]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["avro-null", "avro-deflate", "parquet-none", "parquet-zstd"])
def make(request, tmp_path: Path, clock: Clock) -> Iterator[Make]:
    """Makes sinks that stand for the same folder, as one process after another would; not closed, they crashed."""
    yield from _made(request.param, tmp_path, clock)


@pytest.fixture
def make_avro(tmp_path: Path, clock: Clock) -> Iterator[Make]:
    yield from _made("avro-null", tmp_path, clock)


def _made(param: str, folder: Path, clock: Clock) -> Iterator[Make]:
    kind, _, how = param.partition("-")
    place = Files(folder, clock, kind, how)
    yield place.make
    place.release()


def in_flight(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.partial") if not path.name.startswith("."))


def numbers(folder: Path) -> list[int]:
    return sorted(row["timestamp"] for path in published(folder) for row in read(path))


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


def test_avro_blocks_end_at_a_sync(make_avro, tmp_path):
    """So that a reader of the file in flight sees what is durable."""
    sink = make_avro()
    sink.open()
    sink.write(records(0, 2), {"a": 2})
    sink.sync()
    sink.write(records(2, 2), {"a": 4})
    (partial,) = in_flight(tmp_path)
    assert len(list(fastavro.reader(io.BytesIO(partial.read_bytes())))) == 2
    sink.close()


def test_avro_carries_the_schema(make_avro, tmp_path):
    sink = make_avro()
    sink.open()
    sink.write(records(0, 1), {"a": 1})
    sink.close()
    with published(tmp_path)[0].open("rb") as file:
        metadata = fastavro.reader(file).metadata
    assert json.loads(metadata["avro.schema"])["name"] == "DefaultEventRecord"
    assert metadata["avro.codec"] == "null"


def test_many_records_make_several_row_groups(tmp_path, clock):
    sink = Files(tmp_path, clock, "parquet", "zstd").make()
    sink.open()
    for start in range(0, 120_000, 20_000):
        sink.write(records(start, 20_000), {"a": start + 20_000})
    sink.close()
    (path,) = published(tmp_path)
    assert pq.ParquetFile(path).num_row_groups == 2
    assert pq.ParquetFile(path).read(columns=["timestamp"]).column(0).to_pylist() == list(range(120_000))


HOURS = "year={year}/month={month}/day={day}/hour={hour}"
HOUR_MS = 3_600_000


def below(folder: Path) -> list[str]:
    return [str(path.parent.relative_to(folder)) for path in published(folder)]


def test_files_stand_in_folders_of_the_hour_of_receipt(make, tmp_path):
    sink = make(partition=HOURS)
    sink.open()
    about = [event(number, received_ms=1_700_000_000_000 + number * HOUR_MS) for number in range(3)]
    sink.write(records(0, 3), {"a": 3}, about)
    sink.sync()
    assert len(in_flight(tmp_path)) == 3
    assert all(name.startswith("year=2023/month=11/day=1") for name in sink.close())
    assert below(tmp_path) == [
        "year=2023/month=11/day=14/hour=22",
        "year=2023/month=11/day=14/hour=23",
        "year=2023/month=11/day=15/hour=00",
    ]
    assert numbers(tmp_path) == [0, 1, 2]


def test_a_crash_with_files_in_several_folders_loses_and_repeats_nothing(make, tmp_path):
    pattern = "type={eventType}"
    sink = make(partition=pattern)
    sink.open()
    sink.write([record(n, eventType=f"t{n % 3}") for n in range(9)], {"a": 9}, events(0, 9))
    sink.sync()
    sink.write([record(n, eventType=f"t{n % 4}") for n in range(9, 500)], {"a": 500}, events(9, 491))
    again = make(partition=pattern)
    assert again.open() == {"a": 9}
    assert in_flight(tmp_path) == []
    assert numbers(tmp_path) == list(range(9))
    again.write([record(n, eventType=f"t{n % 4}") for n in range(9, 12)], {"a": 12}, events(9, 3))
    again.close()
    assert numbers(tmp_path) == list(range(12))
    assert set(below(tmp_path)) == {"type=t0", "type=t1", "type=t2", "type=t3"}


def test_a_record_that_does_not_fit_leaves_no_folder_with_half_of_a_write(make, tmp_path):
    sink = make(partition="type={eventType}")
    sink.open()
    with pytest.raises(Permanent):
        sink.write([record(0, eventType="a"), record(1, eventType="b", remoteHost=None)], {"a": 2}, events(0, 2))
    sink.write([record(0, eventType="a")], {}, events(0, 1))
    sink.write([], {"a": 2})
    sink.close()
    assert numbers(tmp_path) == [0]


def test_what_a_client_says_stays_below_the_folder(make, tmp_path):
    sink = make(partition="type={eventType}/where={location}")
    sink.open()
    hostile = ["../../etc", "a/b", "", "...", "x" * 500, "é\x00\n"]
    rows = [record(n, eventType=text, location=None) for n, text in enumerate(hostile)]
    sink.write(rows, {"a": 6}, events(0, 6))
    sink.close()
    assert numbers(tmp_path) == list(range(6))
    assert all(re.fullmatch(r"type=[A-Za-z0-9_.=-]{1,100}/where=__null__", path) for path in below(tmp_path))
    assert not any("=.." in path for path in below(tmp_path))


def test_few_files_are_in_flight_however_many_folders_there_are(make_avro, tmp_path):
    sink = make_avro(partition="party={partyId}")
    sink.open()
    for first in range(0, 200, 10):
        rows = [record(n, partyId=str(n)) for n in range(first, first + 10)]
        sink.write(rows, {"a": first + 10}, events(first, 10))
        assert len(in_flight(tmp_path)) <= rolling.MAX_OPEN
    sink.close()
    assert numbers(tmp_path) == list(range(200))


@pytest.mark.parametrize("pattern", ["{nothing}", "../x={year}", "{year:>9}", "a b", "{year", "x={year!r}", "a//b"])
def test_a_pattern_that_cannot_be_used_is_told_at_once(make, pattern):
    with pytest.raises(Invalid, match="partition"):
        make(partition=pattern)


def test_gap_1_of_divolte_a_roll_before_the_first_sync_publishes(make, tmp_path, clock, vectors):
    """There, a file that was due while nothing of it was synced was deleted."""
    case = vectors["file_sink"]["state_machine_cases"][1]
    sink = make(roll_every_s=int(case["config"]["roll_every"].removesuffix("ms")) / 1000)
    sink.open()
    sink.write(records(0, 1), {"a": 1})
    clock.ms += 400
    sink.write(records(1, 1), {"a": 2})
    assert len(sink.tend()) == 1
    assert numbers(tmp_path) == [0, 1]


def test_gap_2_of_divolte_an_error_of_the_disk_costs_no_record(make, tmp_path):
    """There, the file in flight was deleted: up to an hour of data."""
    sink = make()
    sink.open()
    sink.write(records(0, 2), {"a": 2})
    sink.sync()
    (flight,) = sink._files.values()
    flight.file._file.close()  # the disk is gone
    with pytest.raises((Retryable, ValueError)):
        _write_and_sync(sink)
    assert sink.open() == {"a": 2}
    sink.write(records(2, 2), {"a": 4})
    sink.close()
    assert numbers(tmp_path) == [0, 1, 2, 3]


def _write_and_sync(sink: RollingFiles) -> None:
    sink.write(records(2, 5000), {"a": 5002})
    sink.sync()


def test_gap_3_of_divolte_files_in_flight_are_recovered_after_a_crash(make, tmp_path):
    """There, they stayed behind for ever."""
    sink = make()
    sink.open()
    sink.write(records(0, 3), {"a": 3})
    sink.sync()
    (partial,) = in_flight(tmp_path)
    make().open()
    assert in_flight(tmp_path) == []
    assert [path.name for path in published(tmp_path)] == [partial.name.removesuffix(".partial")]
    assert numbers(tmp_path) == [0, 1, 2]


def test_nothing_is_published_without_records_as_in_divolte(make, tmp_path, clock):
    """Steps 3 and 5 of its state machine."""
    sink = make(roll_every_s=0.1)
    sink.open()
    clock.ms += 200
    assert sink.tend() == []
    assert sink.close() == []
    assert published(tmp_path) == in_flight(tmp_path) == []


def test_records_that_were_not_synced_are_published_at_the_end_as_in_divolte(make, tmp_path):
    """Step 4 of its state machine."""
    sink = make()
    sink.open()
    sink.write(records(0, 2), {"a": 2})
    assert len(sink.close()) == 1
    assert numbers(tmp_path) == [0, 1]


def test_a_folder_that_cannot_be_made_at_first_heals_as_in_divolte(make, tmp_path):
    """Steps 6 to 10 of its state machine."""
    (tmp_path / "below").write_text("in the way")
    sink = make(folder=str(tmp_path / "below"))
    with pytest.raises(Retryable):
        sink.open()
    (tmp_path / "below").unlink()
    assert sink.open() == {}
    sink.write(records(0, 1), {"a": 1})
    sink.close()
    assert numbers(tmp_path) == [0]
