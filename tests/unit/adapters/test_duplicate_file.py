import pytest

from watchbell.adapters.duplicate_file import DuplicateFile
from watchbell.domain.errors import Permanent
from watchbell.domain.events.duplicates import DuplicateMemory


def test_what_was_settled_outlives_the_process(tmp_path):
    file = DuplicateFile(tmp_path / "below" / "seen", 1000)
    memory = DuplicateMemory(table=file.table)
    assert not memory.seen("p", "s", "1")
    memory.settle()
    assert not memory.seen("p", "s", "2")
    again = DuplicateMemory(table=DuplicateFile(tmp_path / "below" / "seen", 1000).table)
    assert again.seen("p", "s", "1")
    assert not again.seen("p", "s", "2")


def test_another_size_begins_anew(tmp_path):
    file = DuplicateFile(tmp_path / "seen", 1000)
    memory = DuplicateMemory(table=file.table)
    memory.seen("p", "s", "1")
    memory.settle()
    del memory
    file.close()
    assert not DuplicateMemory(table=DuplicateFile(tmp_path / "seen", 2000).table).seen("p", "s", "1")
    assert (tmp_path / "seen").stat().st_size == 16_000


def test_a_place_that_cannot_be_had_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Permanent, match="file"):
        DuplicateFile(tmp_path / "file" / "seen", 10)
