"""The journal: where accepted events are safe before anyone has thought about them.

One writer per stream, one reader over all streams; they may be different processes. Positions are byte offsets that
only grow within a stream.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from watchbell.domain.errors import Overloaded

Positions = Mapping[str, int]
"""Stream → position. A stream that is not named stands at its beginning."""


class JournalFull(Overloaded):
    """The journal has reached its limit: nothing was written; try again when the reader has got on."""


class JournalBatch(msgspec.Struct, frozen=True):
    """One appended batch, as it is read back."""

    stream: str
    start: int
    end: int
    """The position behind the batch: where the next one starts."""
    payload: bytes


class Checkpoint(msgspec.Struct, frozen=True):
    """How far everything behind the journal is done, and what the reader wants to know again after a restart."""

    positions: dict[str, int]
    note: bytes = b""


class JournalWriter(Protocol):
    """Appends to one stream. Used by one event loop."""

    async def append(self, payload: bytes) -> int:
        """Writes a batch and returns the position behind it, when the batch is safe.

        Safe from a crash of the process (mode `written`), or of the machine (mode `fsynced`).

        Batches are read in the order of their appending, whole or not at all. Blocks for as long as the disk takes.

        Raises:
            JournalFull: at the size limit; the journal is unchanged.
            OSError: the disk failed; whether the batch is in the journal is unknown, and it may be read.
        """
        ...

    def size(self) -> int:
        """Bytes that are written and not yet released by the reader, over this stream."""
        ...

    async def close(self) -> None:
        """Releases the stream; everything appended stays."""
        ...


class JournalReader(Protocol):
    """Reads all streams and releases what is done. One per journal at a time."""

    def checkpoint(self) -> Checkpoint:
        """The last checkpoint that was saved; empty when there is none."""
        ...

    def read(self, after: Positions, max_bytes: int) -> Sequence[JournalBatch]:
        """The next batches behind `after`, in order within each stream; empty when there is nothing new.

        Never waits for news. Streams get equal shares. Holds at least one batch when there is one, and stops after
        `max_bytes`. A damaged batch is left out and counted (`damaged`).
        """
        ...

    def save(self, checkpoint: Checkpoint) -> None:
        """Makes `checkpoint` durable, then releases what lies before its positions.

        Atomic: after a crash it is the old one or this one.
        """
        ...

    def damaged(self) -> int:
        """How many batches, or tails of files, could not be read since the start."""
        ...

    def close(self) -> None:
        """Releases the journal for another reader."""
        ...
