import os

import pytest

from unit.adapters.archive.archive_fixtures import NOON, SetMillis, event
from watchbell.adapters.archive import spool as spooling
from watchbell.adapters.archive.spool import EventSpool, read_spool


@pytest.fixture
def clock():
    return SetMillis()


def opened(folder, clock):
    spool = EventSpool(folder, roll_every_s=5, now_ms=clock)
    return spool, spool.open()


def give(spool, first, last):
    events = [event(n) for n in range(first, last)]
    spool.write([{}] * len(events), {"a": last}, events)


def spooled(folder):
    found = []
    for path in sorted(folder.glob("*.spool")):
        names, rows = read_spool(path)
        found += [row[names.index("event_id")] for row in rows]
    return found


def test_a_file_is_completed_when_it_is_old_enough(tmp_path, clock):
    spool, _ = opened(tmp_path, clock)
    give(spool, 0, 3)
    spool.sync()
    assert spool.tend() == []
    assert spooled(tmp_path) == []
    clock.now_ms += 5000
    spool.tend()
    assert spooled(tmp_path) == ["e0", "e1", "e2"]


def test_after_the_end_of_the_process_each_event_comes_once(tmp_path, clock):
    """What was not synced is cut off and comes again from the journal."""
    spool, positions = opened(tmp_path, clock)
    assert positions == {}
    give(spool, 0, 3)
    assert spool.sync() == {"a": 3}
    give(spool, 3, 5)
    spool._release()  # as the end of the process does
    again, positions = opened(tmp_path, clock)
    assert positions == {"a": 3}
    give(again, 3, 5)
    again.close()
    assert spooled(tmp_path) == [f"e{n}" for n in range(5)]


def test_ended_between_the_state_and_the_rename(tmp_path, clock):
    spool, _ = opened(tmp_path, clock)
    give(spool, 0, 3)
    spool.close()
    (complete,) = tmp_path.glob("*.spool")
    complete.rename(complete.with_suffix(".partial"))
    again, positions = opened(tmp_path, clock)
    assert positions == {"a": 3}
    again.close()
    assert spooled(tmp_path) == ["e0", "e1", "e2"]


def test_what_was_never_synced_is_dropped_and_numbers_never_come_again(tmp_path, clock):
    spool, _ = opened(tmp_path, clock)
    give(spool, 0, 1)
    spool.close()
    give(spool, 1, 2)
    spool._release()  # as the end of the process does
    (tmp_path / "state").unlink()
    (first,) = tmp_path.glob("*.spool")
    first.unlink()
    again, positions = opened(tmp_path, clock)
    assert positions == {}
    give(again, 0, 2)
    again.close()
    assert spooled(tmp_path) == ["e0", "e1"]
    (second,) = tmp_path.glob("*.spool")
    assert second.name > first.name


def test_a_failing_disk_holds_up_nobody(tmp_path, clock):
    spool, _ = opened(tmp_path / "there", clock)
    (tmp_path / "there").rename(tmp_path / "gone")
    give(spool, 0, 2)
    assert spool.sync() == {"a": 2}
    assert spool.left_out == 2
    give(spool, 2, 3)
    assert spool.left_out == 3
    (tmp_path / "gone").rename(tmp_path / "there")
    clock.now_ms += 5000
    give(spool, 3, 4)
    spool.close()
    assert spooled(tmp_path / "there") == ["e3"]


def test_when_nobody_takes_what_was_written_events_are_left_out(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(spooling, "MAX_SPOOL", 10)
    spool, _ = opened(tmp_path, clock)
    give(spool, 0, 1)
    spool.close()
    give(spool, 1, 2)
    assert spooled(tmp_path) == ["e0"]
    assert spool.left_out == 1


def test_a_torn_end_is_left_out(tmp_path, clock):
    spool, _ = opened(tmp_path, clock)
    give(spool, 0, 2)
    give(spool, 2, 3)
    spool.close()
    (path,) = tmp_path.glob("*.spool")
    os.truncate(path, path.stat().st_size - 3)
    assert spooled(tmp_path) == ["e0", "e1"]


def test_an_event_without_its_request_is_kept_too(tmp_path, clock):
    spool, _ = opened(tmp_path, clock)
    bare = event(0, received_ms=NOON)
    bare.raw = None
    spool.write([{}], {"a": 1}, [bare])
    spool.close()
    assert spooled(tmp_path) == ["e0"]
