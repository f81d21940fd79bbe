"""Reading, and blanking, what a journal's files hold, beside whoever writes and maps them.

Blanking puts events of the same length in the place of some, so that every position stays what it was. It is done only
before the checkpoint: nobody reads there any more, so a crash in the middle harms nothing.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from watchbell.adapters.journal.files import SUFFIX
from watchbell.adapters.journal.frames import crc_of, frame_at, header_of
from watchbell.domain.events.raw import RawEvent, RawKind, decode_batch
from watchbell.ports.journal import Checkpoint

_BLANK_SOURCE = "forgotten"
_encode = msgspec.msgpack.encode


class StoredBatch(msgspec.Struct):
    """One batch in a segment file."""

    path: Path
    stream: str
    offset: int
    """Where its header begins in the file."""
    end: int
    """The position behind it."""
    payload: bytes
    first: int | None = None
    """The number of its first event in the stream."""

    def events(self) -> list[RawEvent]:
        """Its events; none when it cannot be read."""
        try:
            return decode_batch(self.payload)
        except msgspec.DecodeError:
            return []


def scan(root: Path) -> Iterator[StoredBatch]:
    """Every intact batch, stream by stream, in order. A segment that is removed meanwhile is left out."""
    for path in sorted(root.glob(f"*/*{SUFFIX}")):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        base, at = int(path.stem), 0
        while (frame := frame_at(data, at)) is not None and at + frame.size <= len(data):
            end = at + frame.size
            payload = data[at + frame.header : end]
            if crc_of(payload, frame.first) == frame.crc:
                yield StoredBatch(path, path.parent.name, at, base + end, payload, frame.first)
            at = end


def checkpoint_of(root: Path) -> Checkpoint:
    """The checkpoint; empty when there is none."""
    try:
        return msgspec.msgpack.decode((root / "checkpoint").read_bytes(), type=Checkpoint)
    except FileNotFoundError:
        return Checkpoint({})


def blank(batch: StoredBatch, unwanted: Callable[[RawEvent], bool]) -> int:
    """Replaces the unwanted events of a batch that is mapped; how many there were.

    Raises:
        OSError: the disk failed.
    """
    events = batch.events()
    wrong = [number for number, event in enumerate(events) if unwanted(event)]
    if not wrong:
        return 0
    for number in wrong:
        events[number] = _blank(events[number])
    payload = _encode(events)
    if len(payload) != len(batch.payload):
        # Of another length than it should be: then nothing of the batch is left.
        payload = b"\xc1" * len(batch.payload)
    try:
        descriptor = os.open(batch.path, os.O_WRONLY)
    except FileNotFoundError:
        return len(wrong)  # released meanwhile
    try:
        os.pwrite(descriptor, header_of(payload, batch.first) + payload, batch.offset)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return len(wrong)


def _blank(event: RawEvent) -> RawEvent:
    """An event of the same encoded length that says nothing."""
    length = len(_encode(event))
    for remote in ("", "-", "--"):
        bare = RawEvent(RawKind.BATCH, _BLANK_SOURCE[: len(event.source)], event.received_ms, remote, None, "")
        missing = length - len(_encode(bare))
        for size in range(max(0, missing - 5), missing + 1):
            found = msgspec.structs.replace(bare, body=b" " * size)
            if len(_encode(found)) == length:
                return found
    return event
