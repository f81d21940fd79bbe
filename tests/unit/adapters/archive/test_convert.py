import msgspec
import pyarrow.parquet as pq
import pytest

from unit.adapters.archive.archive_fixtures import HOUR, NOON, SetMillis, archived, event
from watchbell.adapters.archive.convert import FAN, Converter
from watchbell.adapters.archive.layout import Place, counting
from watchbell.adapters.archive.spool import EventSpool
from watchbell.domain.events.raw import RawKind


def ids(place, hour_ms=NOON):
    found = []
    for file in counting(place.files(hour_ms)):
        with place.fs.open(file.path, "rb") as opened:
            found += pq.read_table(opened)["event_id"].to_pylist()
    return sorted(found)


def converter(folder, clock, **more):
    return Converter(folder / "spool", Place(folder / "archive"), node="one", now_ms=clock, **{"keep_ms": 0, **more})


def test_events_stand_in_the_hour_of_their_receipt(tmp_path):
    place = archived(tmp_path, [event(0), event(1, received_ms=NOON + HOUR), event(2)])
    assert ids(place) == ["e0", "e2"]
    assert ids(place, NOON + HOUR) == ["e1"]
    assert list(place.hours()) == [NOON, NOON + HOUR]
    assert not list((tmp_path / "spool").glob("*.spool"))


def test_small_files_are_merged_and_nothing_is_seen_twice_meanwhile(tmp_path):
    events = [event(n) for n in range(FAN * 3)]
    place = archived(tmp_path, events, files=FAN)
    files = place.files(NOON)
    assert len(files) == FAN + 1  # the merged ones stay for those who read them
    assert len(counting(files)) == 1
    assert ids(place) == sorted(f"e{n}" for n in range(FAN * 3))
    clock = SetMillis(NOON + 60_000)
    tidy = converter(tmp_path, clock)
    tidy.turn()
    clock.now_ms += 120_000
    tidy.turn()
    assert len(place.files(NOON)) == 1


def test_an_hour_that_is_over_becomes_one_file(tmp_path):
    place = archived(tmp_path, [event(n) for n in range(5)], files=5)
    assert len(counting(place.files(NOON))) == 5
    converter(tmp_path, SetMillis(NOON + HOUR + 600_000)).turn()
    assert len(counting(place.files(NOON))) == 1
    assert ids(place) == [f"e{n}" for n in range(5)]


def test_what_is_too_old_goes(tmp_path):
    place = archived(tmp_path, [event(0), event(1, received_ms=NOON + 30 * HOUR)])
    converter(tmp_path, SetMillis(NOON + 31 * HOUR), keep_ms=24 * HOUR).turn()
    assert list(place.hours()) == [NOON + 30 * HOUR]


def test_a_conversion_that_was_cut_short_is_done_again(tmp_path):
    """The spool file goes last, and its Parquet file is replaced."""
    place = archived(tmp_path, [event(0)])
    spool = tmp_path / "spool"
    first = counting(place.files(NOON))[0]
    (tmp_path / "again").mkdir()
    clock = SetMillis()
    again = EventSpool(tmp_path / "again", roll_every_s=0, now_ms=clock)
    again.open()
    again.write([{}], {"a": 1}, [event(0)])
    again.close()
    (complete,) = (tmp_path / "again").glob("*.spool")
    complete.rename(spool / f"{first.first:012d}.spool")
    converter(tmp_path, clock).turn()
    assert ids(place) == ["e0"]


def test_a_damaged_spool_file_is_set_aside(tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "000000000001.spool").write_bytes(
        b"".join(len(one).to_bytes(4, "big") + one for one in map(msgspec.msgpack.encode, (["a"], [[1, 2]])))
    )
    assert converter(tmp_path, SetMillis()).turn() == 0
    assert [path.name for path in spool.iterdir()] == ["000000000001.damaged"]


def test_a_torn_merge_is_not_read(tmp_path):
    place = archived(tmp_path, [event(0)])
    folder = tmp_path / "archive" / "2026-01-01T12"
    (folder / "one.000000000001.000000000009.parquet.partial").write_bytes(b"PAR1")
    assert ids(place) == ["e0"]


@pytest.mark.parametrize(
    "fields",
    [
        {"location": "http://[broken", "referer": "::"},
        {"location": "\ud800", "event_type": "\udfff"},
        {"screen_width": 2**31 - 1, "client_ms": 2**63 - 1},
        {"kind": RawKind.JSON, "raw_parameters": b"[" * 5000},
        {"kind": RawKind.JSON, "raw_parameters": b'{"n": 1e999, "big": 123456789012345678901234567890}'},
        {"kind": RawKind.BATCH, "raw_parameters": b'{"a":"\xff"}'},
        {"user_agent": "x" * 100_000},
    ],
)
def test_whatever_an_event_holds_it_is_archived(tmp_path, fields):
    place = archived(tmp_path, [event(0, **fields), event(1)])
    assert ids(place) == ["e0", "e1"]


def test_an_archive_may_be_in_an_object_store(tmp_path):
    clock = SetMillis()
    archived(tmp_path, [event(0)])
    spool = EventSpool(tmp_path / "far-spool", roll_every_s=0, now_ms=clock)
    spool.open()
    spool.write([{}], {"a": 1}, [event(0), event(1)])
    spool.close()
    place = Place("memory://archive-test")
    Converter(tmp_path / "far-spool", place, node="one", keep_ms=0, now_ms=clock).turn()
    assert ids(place) == ["e0", "e1"]
    (file,) = place.files(NOON)
    assert place.address(file.path).startswith("memory://")
    place.fs.rm(place.root, recursive=True)
