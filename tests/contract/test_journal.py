"""Every journal keeps the port's promises: the files, and the fake."""

import resource
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from watchbell.adapters.journal.files import SUFFIX, FileJournalReader, FileJournalWriter
from watchbell.adapters.journal.frames import HEADER, header_of
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.domain.errors import Conflict
from watchbell.ports.journal import Checkpoint, JournalFull, JournalReader, JournalWriter

LIMIT = 2000


class Journals:
    """One journal: opens writers and its reader, again if need be."""

    def __init__(self, kind: str, root: Path) -> None:
        self.kind = kind
        self.root = root
        self.memory = MemoryJournal(LIMIT)
        self.opened: list[FileJournalReader] = []

    def writer(self, stream: str = "a") -> JournalWriter:
        if self.kind == "memory":
            return self.memory.writer(stream)
        return FileJournalWriter(
            self.root, stream, max_bytes=LIMIT, segment_bytes=LIMIT // 4, fsync=self.kind == "fsynced"
        )

    def reader(self) -> JournalReader:
        if self.kind == "memory":
            return self.memory
        self.close()
        self.opened.append(FileJournalReader(self.root))
        return self.opened[-1]

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()


@pytest.fixture(params=["memory", "written", "fsynced"])
def journals(request, tmp_path: Path) -> Iterator[Journals]:
    made = Journals(request.param, tmp_path)
    yield made
    made.close()


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Journals]:
    made = Journals("written", tmp_path)
    yield made
    made.close()


def payloads(reader: JournalReader, after: dict[str, int] | None = None, max_bytes: int = 1 << 20) -> list[bytes]:
    return [batch.payload for batch in reader.read(after or {}, max_bytes)]


async def test_batches_come_back_in_order(journals):
    writer, reader = journals.writer(), journals.reader()
    ends = [await writer.append(f"batch {n}".encode()) for n in range(20)]
    batches = reader.read({}, 1 << 20)
    assert [batch.payload for batch in batches] == [f"batch {n}".encode() for n in range(20)]
    assert [batch.end for batch in batches] == ends == sorted(ends)
    assert [batch.start for batch in batches[1:]] == ends[:-1]
    await writer.close()


async def test_the_end_says_whether_a_batch_was_written(journals):
    """Also after a crash, and when the reader has released everything: what feeds a journal relies on it."""
    writer = journals.writer()
    assert writer.end() == 0
    end = await writer.append(b"first")
    assert writer.end() == end
    with pytest.raises(JournalFull):
        await writer.append(b"x" * LIMIT)
    assert writer.end() == end
    reader = journals.reader()
    reader.save(Checkpoint({"a": end}))
    await writer.close()
    again = journals.writer()
    assert again.end() == end
    await again.close()


async def test_reading_goes_on_behind_a_position(journals):
    writer, reader = journals.writer(), journals.reader()
    ends = [await writer.append(b"x" * n) for n in range(1, 60, 5)]
    for n, end in enumerate(ends):
        assert payloads(reader, {"a": end}) == [b"x" * size for size in list(range(1, 60, 5))[n + 1 :]]
    await writer.close()


async def test_what_is_appended_later_is_read_later(journals):
    writer, reader = journals.writer(), journals.reader()
    assert payloads(reader) == []
    position = await writer.append(b"1")
    assert payloads(reader) == [b"1"]
    assert payloads(reader, {"a": position}) == []
    await writer.append(b"2")
    assert payloads(reader, {"a": position}) == [b"2"]
    await writer.close()


async def test_an_empty_batch_is_a_batch(journals):
    writer = journals.writer()
    await writer.append(b"")
    assert payloads(journals.reader()) == [b""]
    await writer.close()


async def test_a_read_is_bounded_but_never_empty_handed(journals):
    writer, reader = journals.writer(), journals.reader()
    for n in range(10):
        await writer.append(bytes([n]) * 100)
    found, position = [], 0
    while batches := reader.read({"a": position}, 1):
        assert len(batches) == 1
        position = batches[-1].end
        found.append(batches[0].payload)
    assert found == [bytes([n]) * 100 for n in range(10)]
    await writer.close()


async def test_streams_are_read_side_by_side(journals):
    writers = [journals.writer(stream) for stream in ("a", "b")]
    reader = journals.reader()
    for n in range(5):
        for writer in writers:
            await writer.append(str(n).encode())
    batches = reader.read({}, 1 << 20)
    for stream in ("a", "b"):
        assert [b.payload for b in batches if b.stream == stream] == [str(n).encode() for n in range(5)]
    assert {b.stream for b in reader.read({"a": batches[-1].end}, 1 << 20)} == {"b"}
    for writer in writers:
        await writer.close()


async def test_a_bounded_read_has_something_of_each_stream(journals):
    writers = [journals.writer(stream) for stream in ("a", "b", "c")]
    reader = journals.reader()
    for writer in writers:
        await writer.append(b"x" * 200)
        await writer.append(b"y" * 200)
    for _ in range(4):  # whoever's turn it is to be read first
        assert [b.payload[:1] for b in reader.read({}, 100)] == [b"x"] * 3
    for writer in writers:
        await writer.close()


async def test_at_the_limit_nothing_is_written_until_it_is_released(journals):
    writer, reader = journals.writer(), journals.reader()
    accepted = 0
    while writer.size() + 100 + HEADER.size * 2 <= LIMIT:
        await writer.append(b"x" * 100)
        accepted += 1
    with pytest.raises(JournalFull):
        await writer.append(b"x" * 200)
    assert 10 <= accepted < LIMIT // 100
    batches = reader.read({}, 1 << 20)
    assert len(batches) == accepted
    assert writer.size() <= LIMIT
    reader.save(Checkpoint({"a": batches[-1].end}))
    assert writer.size() < LIMIT // 2
    await writer.append(b"again")
    assert payloads(reader, {"a": batches[-1].end}) == [b"again"]
    await writer.close()


async def test_a_checkpoint_comes_back_with_its_note(journals):
    assert journals.reader().checkpoint() == Checkpoint({})
    writer = journals.writer()
    position = await writer.append(b"1")
    journals.reader().save(Checkpoint({"a": position}, b"note"))
    assert journals.reader().checkpoint() == Checkpoint({"a": position}, b"note")
    await writer.close()


async def test_positions_grow_over_a_restart_of_the_writer(journals):
    writer = journals.writer()
    before = await writer.append(b"1")
    await writer.close()
    writer = journals.writer()
    after = await writer.append(b"2")
    assert after > before
    assert payloads(journals.reader()) == [b"1", b"2"]
    await writer.close()


async def test_positions_grow_although_everything_was_released(journals):
    writer = journals.writer()
    position = 0
    for _ in range(12):
        position = await writer.append(b"x" * 100)
    journals.reader().save(Checkpoint({"a": position}))
    await writer.close()
    writer = journals.writer()
    assert await writer.append(b"new") > position
    assert payloads(journals.reader(), {"a": position}) == [b"new"]
    await writer.close()


def batch(count: int) -> bytes:
    return msgspec.msgpack.encode([0] * count) if count < LIMIT else b"\xdd" + count.to_bytes(4, "big")


async def test_events_are_numbered_over_restarts_and_releases(journals):
    writer = journals.writer()
    assert writer.accepted() == 0
    ends = [await writer.append(batch(count)) for count in (1, 20, 70_000, 0)]
    assert writer.accepted() == 70_021
    await writer.close()
    reader = journals.reader()
    assert [found.first for found in reader.read({}, 1 << 20)] == [0, 1, 21, 70_021]
    writer = journals.writer()
    assert writer.accepted() == 70_021
    end = await writer.append(batch(2))
    reader.save(Checkpoint({"a": end}, numbers={"a": 70_023}))
    assert reader.checkpoint().numbers == {"a": 70_023}
    await writer.close()
    for path in segments(journals.root):
        path.unlink()
    writer = journals.writer()
    await writer.append(batch(1))
    assert [(found.first, writer.accepted()) for found in reader.read({"a": end}, 1000)] == [(70_023, 70_024)]
    assert ends == sorted(ends)
    await writer.close()


async def test_a_batch_that_is_not_written_has_no_number(journals):
    writer = journals.writer()
    await writer.append(batch(1))
    with pytest.raises(JournalFull):
        await writer.append(batch(LIMIT - 1))
    assert writer.accepted() == 1
    await writer.close()


# What only files have.


async def test_batches_of_a_former_release_are_read_and_followed(files, tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    former = b"".join(header_of(payload, None) + payload for payload in (batch(3), batch(4)))
    (folder / f"{0:020d}{SUFFIX}").write_bytes(former)
    writer = files.writer()
    assert (writer.truncated(), writer.accepted()) == (0, 0)
    await writer.append(batch(5))
    assert [(found.payload, found.first) for found in files.reader().read({}, 1000)] == [
        (batch(3), None),
        (batch(4), None),
        (batch(5), 0),
    ]
    await writer.close()


def segments(root: Path) -> list[Path]:
    return sorted((root / "a").glob(f"*{SUFFIX}"))


async def write(files: Journals, count: int) -> None:
    writer = files.writer()
    for n in range(count):
        await writer.append(f"batch {n}".encode())
    await writer.close()


async def test_released_segments_are_removed(files, tmp_path):
    writer = files.writer()
    position = 0
    for _ in range(15):
        position = await writer.append(b"x" * 100)
    assert len(segments(tmp_path)) > 3
    files.reader().save(Checkpoint({"a": position}))
    assert len(segments(tmp_path)) == 1
    await writer.close()


@contextmanager
def file_size_limit(limit: int) -> Generator[None]:
    """No file may grow beyond `limit` bytes: a disk that is full at that point."""
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)


@pytest.mark.parametrize("cut", [1, 3, HEADER.size, HEADER.size + 1])
async def test_a_torn_tail_is_cut_off_and_counted(files, tmp_path, cut):
    await write(files, 3)
    (segment,) = segments(tmp_path)
    segment.write_bytes(segment.read_bytes()[:-cut])
    writer = files.writer()
    assert writer.truncated() == HEADER.size + len(b"batch 2") - cut
    await writer.append(b"after")
    assert payloads(files.reader()) == [b"batch 0", b"batch 1", b"after"]
    await writer.close()


async def test_a_reader_waits_for_an_unfinished_batch(files, tmp_path):
    await write(files, 2)
    (segment,) = segments(tmp_path)
    whole = segment.read_bytes()
    reader = files.reader()
    for size in range(len(whole)):
        segment.write_bytes(whole[:size])
        assert len(payloads(reader)) == (size >= len(whole) // 2)
    segment.write_bytes(whole)
    assert len(payloads(reader)) == 2
    assert reader.damaged() == 0


async def damage(root: Path, files: Journals, offset: int) -> None:
    """Writes three batches and flips a bit in the second one; then a writer starts and appends a fourth."""
    await write(files, 3)
    (segment,) = segments(root)
    data = bytearray(segment.read_bytes())
    data[len(data) // 3 + offset] ^= 0xFF
    segment.write_bytes(data)
    writer = files.writer()
    await writer.append(b"later")
    await writer.close()


@pytest.mark.parametrize("offset", [9, HEADER.size + 2])
async def test_a_batch_with_a_wrong_checksum_is_left_out_and_counted_once(files, tmp_path, offset):
    await damage(tmp_path, files, offset)
    reader = files.reader()
    for _ in range(2):
        assert payloads(reader) == [b"batch 0", b"batch 2", b"later"]
    assert reader.damaged() == 1


@pytest.mark.parametrize("offset", [0, 7])
async def test_a_damaged_frame_costs_the_rest_of_its_segment_and_nothing_later(files, tmp_path, offset):
    await damage(tmp_path, files, offset)
    assert payloads(files.reader()) == [b"batch 0", b"later"]


async def test_a_damaged_frame_in_an_older_segment_does_not_stop_the_reader(files, tmp_path):
    await write(files, 3)
    await write(files, 1)
    first, _ = segments(tmp_path)
    data = bytearray(first.read_bytes())
    data[len(data) // 3] ^= 0xFF
    first.write_bytes(data)
    reader = files.reader()
    for _ in range(2):
        assert payloads(reader) == [b"batch 0", b"batch 0"]
    assert reader.damaged() == 1


async def test_a_stream_has_one_writer_and_a_journal_one_reader(files, tmp_path):
    writer = files.writer()
    with pytest.raises(Conflict, match="another process"):
        FileJournalWriter(tmp_path, "a")
    reader = FileJournalReader(tmp_path)
    with pytest.raises(Conflict, match="another process"):
        FileJournalReader(tmp_path)
    reader.close()
    await writer.close()
    FileJournalReader(tmp_path).close()


async def test_a_full_disk_leaves_no_rubbish_behind(files, tmp_path):
    """The disk takes a part of a batch: the caller is told, and the next batch is readable."""
    writer = files.writer()
    await writer.append(b"before")
    with file_size_limit(segments(tmp_path)[-1].stat().st_size + 10), pytest.raises(OSError, match="large"):
        await writer.append(b"x" * 100)
    await writer.append(b"after")
    assert payloads(files.reader()) == [b"before", b"after"]
    await writer.close()
