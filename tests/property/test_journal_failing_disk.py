"""A disk that fails to write what the system has taken, and a crash of the machine afterwards.

The system drops what it could not write and calls the next sync of the same file a success. Whatever was answered
before the crash is nevertheless in the journal; nothing is there twice or out of order.
"""

import asyncio
import os
import tempfile
import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from watchbell.adapters.journal.files import SUFFIX, FileJournalReader, FileJournalWriter


class Disk:
    """Knows of each file what would be left of it."""

    def __init__(self) -> None:
        self.failing = 0
        """So many syncs from now on fail."""
        self.kept: dict[str, set[range]] = {}
        self._asked: dict[str, int] = {}
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.is_asked = threading.Event()

    def sync(self, descriptor: int) -> None:
        """As `fdatasync`."""
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        begin, end = self._asked.get(path, 0), os.fstat(descriptor).st_size
        self._asked[path] = end
        self.is_asked.set()
        self.may_go_on.wait(10)
        if self.failing:
            self.failing -= 1
            raise OSError(5, "Input/output error")
        self.kept.setdefault(path, set()).add(range(begin, end))

    def crash(self, root: Path) -> None:
        """What was not written is zeros, or not there at all."""
        for path in root.glob(f"*/*{SUFFIX}"):
            data, left = path.read_bytes(), bytearray()
            for part in sorted(self.kept.get(str(path), set()), key=lambda part: part.start):
                left += bytes(max(0, part.start - len(left))) + data[part.start : part.stop]
            path.write_bytes(left)


async def append(writer: FileJournalWriter, payload: bytes) -> bytes | None:
    """The payload when it was answered."""
    try:
        await writer.append(payload)
    except OSError:
        return None
    return payload


async def run(disk: Disk, root: Path, rounds: list[tuple[int, int]]) -> list[bytes]:
    writer = FileJournalWriter(root, "a", segment_bytes=400, fsync=True, sync=disk.sync)
    answered: list[bytes] = []
    for number, (count, failing) in enumerate(rounds):
        disk.failing = failing
        tasks: list[asyncio.Task[bytes | None]] = []
        for index in range(count):
            tasks.append(asyncio.create_task(append(writer, f"{number}-{index}".encode() * 8)))
            if index % 3 == 0:
                await asyncio.sleep(0.0005)
        answered += [payload for payload in await asyncio.gather(*tasks) if payload is not None]
    disk.failing = 0
    await writer.close()
    return answered


def check(disk: Disk, root: Path, answered: list[bytes]) -> None:
    disk.crash(root)
    asyncio.run(FileJournalWriter(root, "a").close())
    reader = FileJournalReader(root)
    found = [batch.payload for batch in reader.read({}, 1 << 20)]
    reader.close()
    assert [payload for payload in found if payload in set(answered)] == answered
    assert len(set(found)) == len(found)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 2)), min_size=1, max_size=8))
def test_what_was_answered_outlives_a_disk_that_fails_and_then_a_crash(rounds):
    with tempfile.TemporaryDirectory() as folder:
        disk, root = Disk(), Path(folder).resolve()
        check(disk, root, asyncio.run(run(disk, root, rounds)))


def test_nothing_is_answered_behind_what_the_disk_lost(tmp_path):
    disk = Disk()
    answered = asyncio.run(run(disk, tmp_path.resolve(), [(1, 0), (1, 1), (1, 0)]))
    assert [payload[:3] for payload in answered] == [b"0-0", b"2-0"]
    check(disk, tmp_path.resolve(), answered)


def test_a_batch_that_comes_while_a_segment_is_left_is_synced_where_it_stands(tmp_path):
    """The disk syncs; a large batch begins another segment; a small one came before that and waits."""
    disk, root = Disk(), tmp_path.resolve()

    async def scenario() -> list[bytes]:
        writer = FileJournalWriter(root, "a", segment_bytes=400, fsync=True, sync=disk.sync)
        disk.may_go_on.clear()
        tasks: list[asyncio.Task[bytes | None]] = []
        for payload in (b"first" * 10, b"small", b"large" * 70, b"tiny", b"large" * 80, b"end"):
            tasks.append(asyncio.create_task(append(writer, payload)))
            await asyncio.to_thread(disk.is_asked.wait, 10)
            await asyncio.sleep(0)
        disk.may_go_on.set()
        answered = [payload for payload in await asyncio.gather(*tasks) if payload is not None]
        await writer.close()
        return answered

    answered = asyncio.run(scenario())
    assert len(answered) == 6
    check(disk, root, answered)
