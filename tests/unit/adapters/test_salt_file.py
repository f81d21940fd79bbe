import json

import pytest

from watchbell.adapters.salt_file import SaltFile


def test_processes_share_the_salt_of_a_day_and_it_changes(tmp_path):
    one, other = SaltFile(tmp_path / "below" / "salt"), SaltFile(tmp_path / "below" / "salt")
    assert one.of(100) == other.of(100)
    assert one.of(101) == other.of(101) != one.of(100)
    assert len(one.of(100)) == 32


def test_a_salt_is_destroyed_when_it_is_no_more_needed(tmp_path):
    path = tmp_path / "salt"
    former = SaltFile(path).of(100)
    for day in (101, 102):
        SaltFile(path).of(day)
    assert set(json.loads(path.read_text())) == {"101", "102"}
    assert SaltFile(path).of(100) != former
    assert path.stat().st_mode & 0o077 == 0


def test_a_disk_that_fails_leaves_the_salts_as_they_were(tmp_path):
    path = tmp_path / "salt"
    one = SaltFile(path).of(100)
    (tmp_path / "salt.partial").mkdir()
    with pytest.raises(OSError, match=r"salt\.partial"):
        SaltFile(path).of(101)
    assert SaltFile(path).of(100) == one
    (tmp_path / "salt.partial").rmdir()
    assert SaltFile(path).of(101) != one
    assert SaltFile(path).of(100) == one
