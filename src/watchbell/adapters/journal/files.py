"""The journal in files: a folder per stream, in it segments that are named after the position of their first byte.

    <root>/<stream>/00000000000000000000.journal
    <root>/checkpoint

A batch is a header and the payload (`frames`), written in one call. A writer that
starts looks through the last segment, cuts off a tail that a crash left unfinished, and goes on in a new segment. That
begins at a position that was never given before, whatever a crash took from the files (`reserving`): so there are gaps
between the segments of two writers. A segment on which the disk failed is not gone on with. At the size limit a writer
refuses until the reader has released segments. The reader never changes a segment; it removes those that lie wholly
before the checkpoint.
"""

import fcntl
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import msgspec
import structlog

from watchbell.adapters.journal.frames import HEADER, MAX_BATCH, crc_of, frame_at, header_of
from watchbell.adapters.journal.reserving import Reservation, sync_folder
from watchbell.adapters.journal.segment import Segment, Sync
from watchbell.domain.errors import Conflict
from watchbell.domain.events.raw import batch_size
from watchbell.ports.journal import Checkpoint, JournalBatch, JournalFull, Positions

SUFFIX = ".journal"
_CHECKPOINT = "checkpoint"
_LOCK = "lock"

log = structlog.get_logger("journal")


def _segment(folder: Path, base: int) -> Path:
    return folder / f"{base:020d}{SUFFIX}"


def _bases(folder: Path) -> list[int]:
    """Where the segments of a stream begin, in order."""
    try:
        return sorted(int(path.stem) for path in folder.iterdir() if path.suffix == SUFFIX)
    except FileNotFoundError:
        return []


def _bytes_of(folder: Path, bases: list[int]) -> int:
    """What these segments hold. One that is removed meanwhile holds nothing."""
    total = 0
    for base in bases:
        with suppress(FileNotFoundError):
            total += _segment(folder, base).stat().st_size
    return total


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


def intact(data: bytes) -> tuple[int, int]:
    """How many bytes from the start of a segment are framed batches, and the number of the next event behind them.

    A batch whose checksum is wrong is still framed.
    """
    at = following = 0
    while (frame := frame_at(data, at)) is not None and at + frame.size <= len(data):
        payload_at = at + frame.header
        if frame.first is not None:
            following = max(following, frame.first + batch_size(data[payload_at : payload_at + 5]))
        at += frame.size
    return at, following


class FileJournalWriter:
    """Appends to one stream.

    `fsync`: a batch is safe from a crash of the machine, not only of the process, when `append` returns. `sync` is how.
    """

    def __init__(
        self,
        root: Path,
        stream: str,
        *,
        max_bytes: int = 1 << 30,
        segment_bytes: int = 16 << 20,
        fsync: bool = False,
        now_ns: Callable[[], int] = time.time_ns,
        sync: Sync = os.fdatasync,
    ) -> None:
        self._folder = root / stream
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal-sync") if fsync else None
        self._sync = sync
        self._claim = _lock(self._folder)
        self._truncated = 0
        self._accepted = 0
        self._end = self._recover()
        """Behind the last batch. The next one may begin further on: at `_next`."""
        self._reservation = Reservation(self._folder, now_ns)
        self._base = self._next = self._reservation.begin(max([self._end, *_bases(self._folder)]))
        self._segment: Segment | None = None
        """The one that begins at `_base`. It is made for the first batch: a start alone changes nothing."""
        self._former_bytes = self._measure()

    def _recover(self) -> int:
        """Cuts off an unfinished tail; where the last batch ends."""
        found = self._position_from_checkpoint()
        for base in reversed(_bases(self._folder)):
            length, following = self._cut(_segment(self._folder, base))
            self._accepted = max(self._accepted, following)
            if length:
                return max(found, base + length)
        return found

    def _cut(self, path: Path) -> tuple[int, int]:
        data = path.read_bytes()
        length, following = intact(data)
        if length < len(data):
            cut = len(data) - length
            self._truncated += cut
            log.warning("journal_tail_cut_off", file=str(path), bytes=cut)
            with path.open("r+b") as file:
                file.truncate(length)
                os.fsync(file.fileno())
        return length, following

    def _position_from_checkpoint(self) -> int:
        """Every segment may be released, or lost: what is known to be mapped was nevertheless written."""
        try:
            checkpoint = _load_checkpoint(self._folder.parent)
        except msgspec.DecodeError:
            return 0  # the reader says it
        self._accepted = checkpoint.numbers.get(self._folder.name, 0)
        return checkpoint.positions.get(self._folder.name, 0)

    def _measure(self) -> int:
        return _bytes_of(self._folder, [base for base in _bases(self._folder) if base != self._base])

    def _start_segment(self) -> Segment:
        """Begins a segment at the next position; on an error everything is as before."""
        self._reservation.cover(self._next + self._segment_bytes)
        descriptor = os.open(_segment(self._folder, self._next), os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o640)
        try:
            # Rubbish of a write that failed here before must not stand in front of the first batch.
            os.ftruncate(descriptor, 0)
            sync_folder(self._folder)
        except OSError:
            os.close(descriptor)
            raise
        former, self._segment = self._segment, Segment(descriptor, self._executor, self._sync)
        if former is not None:
            former.close()  # who waits until it is safe, waits on
        self._base = self._next
        self._former_bytes = self._measure()
        return self._segment

    async def append(self, payload: bytes) -> int:
        """See JournalWriter. In mode fsync, batches that come while the disk syncs share the next sync."""
        size = HEADER.size + len(payload)
        if len(payload) > MAX_BATCH:
            raise JournalFull("the batch is larger than the journal takes")
        if self._held() + size > self._max_bytes and self.size() + size > self._max_bytes:
            raise JournalFull("the journal is full")
        segment = self._segment
        is_full = self._next - self._base + size > self._segment_bytes and self._next > self._base
        if segment is None or segment.broken or is_full:
            segment = self._start_segment()
        self._reservation.cover(self._next + size)
        segment.write(header_of(payload, self._accepted) + payload)
        self._next += size
        self._accepted += batch_size(payload)
        end = self._end = self._next
        await segment.safe()
        return end

    def end(self) -> int:
        """See JournalWriter."""
        return self._end

    def accepted(self) -> int:
        """See JournalWriter."""
        return self._accepted

    def _held(self) -> int:
        return self._former_bytes + self._next - self._base

    def size(self) -> int:
        """See JournalWriter."""
        self._former_bytes = self._measure()
        return self._held()

    def truncated(self) -> int:
        """See JournalWriter."""
        return self._truncated

    async def close(self) -> None:
        """See JournalWriter."""
        try:
            if self._segment is not None and not self._segment.broken:
                await self._segment.safe()
        finally:
            if self._segment is not None:
                self._segment.close()
            if self._executor is not None:
                self._executor.shutdown(wait=True)
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
                if position < base + _bytes_of(folder, [base]):
                    # There is more in this segment, which nobody can read. Without it, it is the gap between writers.
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
                frame = frame_at(header)
                if frame is None:
                    break
                if frame.header < len(header):
                    file.seek(frame.header - len(header), os.SEEK_CUR)
                payload = file.read(frame.length)
                end = position + frame.size
                if len(payload) < frame.length or (following is not None and end > following):
                    break  # unfinished; or what a failed write left: the next segment begins where it should have
                if crc_of(payload, frame.first) == frame.crc:
                    found.append(JournalBatch(stream, position, end, payload, frame.first))
                    max_bytes -= frame.length
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
        sync_folder(self._root)
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
