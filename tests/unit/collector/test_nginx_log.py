"""Reading an nginx log: its lines, its rotation, and a crash at every moment."""

import json
import os
from pathlib import Path

import pytest

from watchbell.adapters.journal.files import FileJournalReader, FileJournalWriter
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.collector.log_follower import FollowedLog, LogFollower
from watchbell.collector.metrics import CollectorMetrics
from watchbell.collector.nginx_log import parse_log
from watchbell.domain.events.raw import RawEvent, RawKind, decode_batch
from watchbell.ports.journal import Checkpoint, JournalFull, JournalWriter

FIRST = RawEvent(RawKind.BROWSER, "web", 1700000000123, "192.0.2.1:4711", "agent", "p=1")


def line(query: str = "p=1", **other: str) -> bytes:
    fields = {"moment": "1700000000.123", "address": "192.0.2.1", "port": "4711", "method": "GET", "status": "200"}
    fields |= {"query": query, "agent": "agent"} | other
    return json.dumps(list(fields.values())).encode() + b"\n"


def test_a_line_is_a_request():
    found = parse_log(line(), "web", 0)
    assert (found.events, found.unreadable) == ([FIRST], 0)


def test_ipv6_no_agent_and_further_headers():
    text = line(address="2001:db8::1", agent="", name1="accept-language", value1="nl", name2="dnt", value2="")
    (event,) = parse_log(text, "web", 0).events
    assert (event.remote, event.user_agent) == ("[2001:db8::1]:4711", None)
    assert event.headers == (("accept-language", "nl"),)


@pytest.mark.parametrize(
    ("text", "repeated", "others"),
    [(line(status="304"), 1, 0), (line(method="HEAD"), 0, 1), (line(status="405"), 0, 1), (line(method="POST"), 0, 1)],
)
def test_what_is_no_event(text, repeated, others):
    found = parse_log(text, "web", 0)
    assert (found.events, found.repeated, found.others, found.unreadable) == ([], repeated, others, 0)


@pytest.mark.parametrize(
    "text",
    [
        b"\n",
        b"nonsense\n",
        b'192.0.2.1 - - [21/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 43\n',
        b"[]\n",
        b"[1,2,3,4,5,6,7]\n",
        line(moment="yesterday"),
        line(moment="1700000000"),
        line(moment="-1.123"),
    ],
)
def test_a_line_that_cannot_be_read_is_kept_and_harms_no_other(text):
    found = parse_log(line() + text + line(), "web", 7)
    assert found.unreadable == 1
    assert [found.events[0], found.events[2]] == [FIRST, FIRST]
    assert found.events[1].query == text.decode().rstrip("\n")
    assert found.events[1].received_ms == 7


def test_bytes_that_are_no_utf8_harm_nothing():
    text = line().replace(b'"agent"', b'"ag\xffent"')
    assert parse_log(text + line(), "web", 0).events[0].user_agent == "ag\ufffdent"


class Followed:
    """A log, and a follower that may be killed and started again."""

    def __init__(self, folder: Path, journal: MemoryJournal) -> None:
        self.folder = folder
        self.log = folder / "events.log"
        self.journal = journal
        self.metrics = CollectorMetrics(folder / "metrics", "test")
        self.start()

    def start(self, writer: JournalWriter | None = None) -> None:
        journal = writer or self.journal.writer("log-web")
        progress = self.folder / "progress"
        self.follower = LogFollower(FollowedLog("web", self.log), journal, progress, self.metrics, lambda: 0)
        self.follower.scan()

    def write(self, *queries: str) -> None:
        with self.log.open("ab") as file:
            file.writelines(line(query) for query in queries)

    async def read(self) -> list[str]:
        """What the journal has after the follower has read everything."""
        self.follower.scan()
        while await self.follower.step():
            pass
        return [raw.query for batch in self.journal.read({}, 1 << 30) for raw in decode_batch(batch.payload)]


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path, MemoryJournal())


async def test_lines_are_taken_as_they_come(followed):
    assert await followed.read() == []
    followed.write("a", "b")
    assert await followed.read() == ["a", "b"]
    followed.write("c")
    assert await followed.read() == ["a", "b", "c"]
    assert await followed.read() == ["a", "b", "c"]


async def test_a_line_that_is_half_written_waits(followed):
    whole = line("a")
    followed.log.write_bytes(whole[:10])
    assert await followed.read() == []
    with followed.log.open("ab") as file:
        file.write(whole[10:])
    assert await followed.read() == ["a"]


async def test_rotation_by_rename_while_the_old_file_is_still_written(followed):
    followed.write("a")
    assert await followed.read() == ["a"]
    with followed.log.open("ab") as old:
        followed.log.rename(followed.folder / "events.log.1")
        followed.write("c")
        assert await followed.read() == ["a", "c"]
        old.write(line("b"))
    assert await followed.read() == ["a", "c", "b"]


async def test_rotation_while_nobody_reads(followed):
    followed.write("a")
    await followed.read()
    followed.follower.close()
    followed.write("b")
    followed.log.rename(followed.folder / "events.log.2")
    followed.write("c")
    followed.log.rename(followed.folder / "events.log-20261121")
    followed.write("d")
    followed.start()
    assert sorted(await followed.read()) == ["a", "b", "c", "d"]


async def test_rotation_by_copy_and_truncate_loses_nothing_that_was_there_and_repeats_nothing(followed):
    followed.write("a", "b")
    await followed.read()
    followed.write("c")
    (followed.folder / "events.log.1").write_bytes(followed.log.read_bytes())
    os.truncate(followed.log, 0)
    followed.write("d")
    assert sorted(await followed.read()) == ["a", "b", "c", "d"]
    followed.follower.close()
    followed.start()
    assert sorted(await followed.read()) == ["a", "b", "c", "d"]


async def test_a_file_that_is_removed_is_read_to_its_end(followed):
    followed.write("a")
    followed.follower.scan()
    followed.write("b")
    followed.log.unlink()
    assert await followed.read() == ["a", "b"]


async def test_a_number_that_the_system_gives_again_is_another_file(followed):
    followed.write("a")
    await followed.read()
    number = followed.log.stat().st_ino
    followed.follower.close()
    # Written from the start again: the same number with other lines, whatever else asks the system for files just now.
    followed.log.write_bytes(line("b"))
    assert followed.log.stat().st_ino == number
    followed.start()
    assert await followed.read() == ["a", "b"]


async def test_compressed_files_and_other_logs_are_left_alone(followed):
    followed.write("a")
    for name in ("events.log.2.gz", "events.logs", "other.log"):
        (followed.folder / name).write_bytes(line("x"))
    assert await followed.read() == ["a"]


async def test_a_long_line_is_kept_as_unreadable_and_the_next_one_is_read(followed):
    followed.log.write_bytes(line("x" * 300_000) + b"y" * (1 << 20) + b"\n" + line("b"))
    queries = await followed.read()
    assert (queries[0], queries[-1]) == ("x" * 300_000, "b")
    assert "event_log_lines_unreadable_total 2.0" in followed.metrics.render().decode()


async def test_a_full_journal_makes_the_log_wait(tmp_path):
    followed = Followed(tmp_path, MemoryJournal(300))
    followed.write("a")
    assert await followed.read() == ["a"]
    followed.write("b" * 200)
    with pytest.raises(JournalFull):
        await followed.read()
    followed.journal.save(Checkpoint({"log-web": 1 << 20}))
    assert await followed.read() == ["b" * 200]


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """A journal stream whose process is killed before or after a write."""

    def __init__(self, writer: JournalWriter, moment: str) -> None:
        self._writer = writer
        self._moment = moment

    async def append(self, payload: bytes) -> int:
        if self._moment == "before":
            raise Killed
        await self._writer.append(payload)
        if self._moment == "failed":
            raise OSError("the disk did not sync")
        raise Killed

    def end(self) -> int:
        return self._writer.end()

    def size(self) -> int:
        return self._writer.size()

    def accepted(self) -> int:
        return 0

    def truncated(self) -> int:
        return self._writer.truncated()

    async def close(self) -> None:
        await self._writer.close()


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_beside_a_write_takes_each_line_once(followed, moment):
    followed.write("a")
    await followed.read()
    followed.follower.close()
    followed.start(Mortal(followed.journal.writer("log-web"), moment))
    followed.write("b")
    with pytest.raises(Killed):
        await followed.read()
    followed.follower.close()
    followed.start()
    followed.write("c")
    assert [query for query in await followed.read() if query] == ["a", "b", "c"]


async def test_a_batch_that_was_written_but_not_synced_is_not_written_again(followed):
    followed.start(Mortal(followed.journal.writer("log-web"), "failed"))
    followed.write("a")
    assert await followed.read() == ["a"]
    followed.follower.close()
    followed.start()
    assert await followed.read() == ["a"]


async def test_it_fits_the_journal_in_files(tmp_path):
    followed = Followed(tmp_path, MemoryJournal())
    root = tmp_path / "journal"
    followed.write("a", "b")
    for _ in range(3):
        writer = FileJournalWriter(root, "log-web")
        followed.start(writer)
        while await followed.follower.step():
            pass
        followed.follower.close()
        await writer.close()
    reader = FileJournalReader(root)
    assert [raw.query for batch in reader.read({}, 1 << 20) for raw in decode_batch(batch.payload)] == ["a", "b"]
    reader.close()


async def test_positions_of_files_that_are_gone_are_bounded(followed, monkeypatch):
    monkeypatch.setattr("watchbell.collector.log_follower.MAX_KNOWN", 2)
    for number in range(5):
        followed.write(f"{number}")
        await followed.read()
        if number:
            followed.log.unlink()
        else:
            followed.log.rename(followed.folder / "events.log.1")
    followed.follower.close()
    followed.start()
    assert sorted(await followed.read()) == ["0", "1", "2", "3", "4"]


async def test_what_cannot_be_read_is_said_once_and_read_when_it_can_be(tmp_path):
    (tmp_path / "logs").write_text("in the way of the folder")
    followed = Followed(tmp_path, MemoryJournal())
    followed.log = tmp_path / "logs" / "events.log"
    followed.start()
    for _ in range(3):
        assert await followed.read() == []
    assert "watchbell_event_log_failures_total 1.0" in followed.metrics.render().decode()
    (tmp_path / "logs").unlink()
    (tmp_path / "logs").mkdir()
    followed.write("a")
    assert await followed.read() == ["a"]


async def test_a_folder_under_the_name_of_a_rotated_file_harms_nothing(followed):
    (followed.folder / "events.log.1").mkdir()
    followed.write("a")
    assert await followed.read() == ["a"]
