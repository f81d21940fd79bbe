"""The journal in files: a folder per stream, in it segments that are named after the position of their first byte.

    <root>/<stream>/00000000000000000000.journal
    <root>/checkpoint

A batch is a header (mark, length, CRC-32 of length and payload) and the payload, written in one call. A writer that
starts looks through the last segment, cuts off a tail that a crash left unfinished, and goes on in a new segment. At
the size limit it refuses until the reader has released segments. The reader never changes a segment; it removes those
that lie wholly before the checkpoint.
"""

import asyncio
import fcntl
import os
import struct
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import msgspec

from watchbell.domain.errors import Conflict
from watchbell.ports.journal import Checkpoint, JournalBatch, JournalFull, Positions

SUFFIX = ".journal"
HEADER = struct.Struct("<4sII")
MARK = b"WBJ1"
MAX_BATCH = 64 * 1024 * 1024
_LENGTH = struct.Struct("<I")
_CHECKPOINT = "checkpoint"
_LOCK = "lock"


def _crc(payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_LENGTH.pack(len(payload))))


def _segment(folder: Path, base: int) -> Path:
    return folder / f"{base:020d}{SUFFIX}"


def _bases(folder: Path) -> list[int]:
    """Where the segments of a stream begin, in order."""
    try:
        return sorted(int(path.stem) for path in folder.iterdir() if path.suffix == SUFFIX)
    except FileNotFoundError:
        return []


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(folder: Path) -> int:
    """Claims a folder for this process; the claim ends with the descriptor.

    Raises:
        Conflict: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Conflict(f"the journal {folder} is used by another process") from error
    return descriptor


def intact_length(data: bytes) -> int:
    """How many bytes from the start of a segment are framed batches. One whose checksum is wrong is still framed."""
    at = 0
    while at + HEADER.size <= len(data):
        mark, length, _ = HEADER.unpack_from(data, at)
        end = at + HEADER.size + length
        if mark != MARK or length > MAX_BATCH or end > len(data):
            break
        at = end
    return at


class FileJournalWriter:
    """Appends to one stream.

    `fsync`: a batch is safe from a crash of the machine, not only of the process, when `append` returns.
    """

    def __init__(
        self, root: Path, stream: str, *, max_bytes: int = 1 << 30, segment_bytes: int = 16 << 20, fsync: bool = False
    ) -> None:
        self._folder = root / stream
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._fsync = fsync
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal-sync") if fsync else None
        self._claim = _lock(self._folder)
        self.truncated_bytes = 0
        """Bytes of an unfinished tail that were cut off at the start."""
        self._base = self._end = self._recover()
        self._must_roll = False
        self._oldest = min(_bases(self._folder), default=self._base)
        self._file = self._start_segment()
        self._syncing: asyncio.Future[None] | None = None

    def _recover(self) -> int:
        bases = _bases(self._folder)
        if not bases:
            # Every segment was released, or there never was one: positions must still only grow.
            return self._position_from_checkpoint()
        last = _segment(self._folder, bases[-1])
        data = last.read_bytes()
        intact = intact_length(data)
        if intact < len(data):
            self.truncated_bytes = len(data) - intact
            os.truncate(last, intact)
        return bases[-1] + intact

    def _position_from_checkpoint(self) -> int:
        checkpoint = _load_checkpoint(self._folder.parent)
        return checkpoint.positions.get(self._folder.name, 0)

    def _start_segment(self) -> int:
        """Begins a segment at the end; on an error everything is as before."""
        descriptor = os.open(_segment(self._folder, self._end), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o640)
        try:
            # Rubbish of a write that failed here before must not stand in front of the first batch.
            os.ftruncate(descriptor, 0)
            _sync_folder(self._folder)
        except OSError:
            os.close(descriptor)
            raise
        self._base = self._end
        self._must_roll = False
        return descriptor

    async def append(self, payload: bytes) -> int:
        """See JournalWriter. In mode fsync, batches that come while the disk syncs share the next sync."""
        size = HEADER.size + len(payload)
        if len(payload) > MAX_BATCH:
            raise JournalFull("the batch is larger than the journal takes")
        if self._end - self._oldest + size > self._max_bytes:
            self._oldest = min(_bases(self._folder), default=self._base)
            if self._end - self._oldest + size > self._max_bytes:
                raise JournalFull("the journal is full")
        if self._must_roll or (self._end - self._base + size > self._segment_bytes and self._end > self._base):
            await self._roll()
        self._write(HEADER.pack(MARK, len(payload), _crc(payload)) + payload)
        self._end += size
        end = self._end
        if self._executor is not None:
            await self._sync(self._executor)
        return end

    def _write(self, data: bytes) -> None:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, memoryview(data)[written:])
        except OSError:
            # A full disk may have taken a part. The next batch begins a segment, so that it cannot stand behind it.
            self._must_roll = True
            raise

    async def _sync(self, executor: ThreadPoolExecutor) -> None:
        """Waits for a sync that began after this batch was written."""
        loop = asyncio.get_running_loop()
        running = self._syncing
        if running is not None and not running.done():
            await asyncio.shield(running)
        if self._syncing is running or self._syncing is None:
            self._syncing = loop.run_in_executor(executor, os.fdatasync, self._file)
        await asyncio.shield(self._syncing)

    async def _roll(self) -> None:
        if self._executor is not None:
            await self._sync(self._executor)
        former, self._file = self._file, self._start_segment()
        os.close(former)

    def size(self) -> int:
        """See JournalWriter."""
        self._oldest = min(_bases(self._folder), default=self._base)
        return self._end - self._oldest

    async def close(self) -> None:
        """See JournalWriter."""
        if self._executor is not None:
            await self._sync(self._executor)
            self._executor.shutdown(wait=True)
        os.close(self._file)
        os.close(self._claim)


def _load_checkpoint(root: Path) -> Checkpoint:
    try:
        return msgspec.msgpack.decode((root / _CHECKPOINT).read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return Checkpoint({})


class FileJournalReader:
    """Reads every stream under `root`, those of writers that are no more included."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._claim = _lock(root)
        self._damaged = 0
        self._turn = 0
        self._reported: set[tuple[str, int]] = set()

    def checkpoint(self) -> Checkpoint:
        """See JournalReader.

        Raises:
            msgspec.DecodeError: the file is damaged. It was written by rename, so this is the disk's doing, and a
            person must look.
        """
        return _load_checkpoint(self._root)

    def read(self, after: Positions, max_bytes: int) -> Sequence[JournalBatch]:
        """See JournalReader."""
        streams = sorted(entry.name for entry in os.scandir(self._root) if entry.is_dir())
        if not streams:
            return []
        self._turn = (self._turn + 1) % len(streams)
        found: list[JournalBatch] = []
        share = max(1, max_bytes // len(streams))
        for stream in streams[self._turn :] + streams[: self._turn]:
            found.extend(self._read_stream(stream, after.get(stream, 0), share))
        return found

    def _read_stream(self, stream: str, position: int, max_bytes: int) -> list[JournalBatch]:
        folder = self._root / stream
        found: list[JournalBatch] = []
        bases = _bases(folder)
        for index, base in enumerate(bases):
            following = bases[index + 1] if index + 1 < len(bases) else None
            if following is not None and following <= position:
                continue
            budget = max_bytes - sum(len(batch.payload) for batch in found)
            if budget <= 0:
                break
            batches = self._read_segment(stream, base, max(position, base), budget, following)
            found.extend(batches)
            position = batches[-1].end if batches else position
            if following is not None and position < following and not self._exhausted(batches, budget):
                # Nothing readable is left in this segment although the next one begins further on.
                self._count_damage(stream, position)
                position = following
        return found

    @staticmethod
    def _exhausted(batches: list[JournalBatch], budget: int) -> bool:
        return sum(len(batch.payload) for batch in batches) >= budget

    def _read_segment(
        self, stream: str, base: int, position: int, max_bytes: int, following: int | None
    ) -> list[JournalBatch]:
        found: list[JournalBatch] = []
        try:
            file = _segment(self._root / stream, base).open("rb", buffering=max(65536, min(max_bytes, 1 << 20)))
        except FileNotFoundError:
            return found
        with file:
            file.seek(position - base)
            while max_bytes > 0:
                header = file.read(HEADER.size)
                if len(header) < HEADER.size:
                    break
                mark, length, crc = HEADER.unpack(header)
                if mark != MARK or length > MAX_BATCH:
                    break
                payload = file.read(length)
                if len(payload) < length:
                    break
                end = position + HEADER.size + length
                if following is not None and end > following:
                    break  # what a failed write left; the next segment begins where it should have
                if _crc(payload) == crc:
                    found.append(JournalBatch(stream, position, end, payload))
                    max_bytes -= length
                else:
                    self._count_damage(stream, position)
                position = end
        return found

    def _count_damage(self, stream: str, position: int) -> None:
        if (stream, position) not in self._reported:
            self._reported.add((stream, position))
            self._damaged += 1

    def save(self, checkpoint: Checkpoint) -> None:
        """See JournalReader."""
        partial = self._root / f"{_CHECKPOINT}.partial"
        with partial.open("wb") as file:
            file.write(msgspec.msgpack.encode(checkpoint))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._root / _CHECKPOINT)
        _sync_folder(self._root)
        for stream, position in checkpoint.positions.items():
            folder = self._root / stream
            bases = _bases(folder)
            for base, following in pairwise(bases):
                if following <= position:
                    _segment(folder, base).unlink(missing_ok=True)

    def close(self) -> None:
        """See JournalReader."""
        os.close(self._claim)

    def damaged(self) -> int:
        """See JournalReader."""
        return self._damaged
