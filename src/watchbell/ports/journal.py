"""The journal: where accepted events are safe before anyone has thought about them.

One writer per stream, one reader over all streams; they may be different processes. Positions only grow within a
stream, and none is ever given twice, even if a crash of the machine takes what stood there: whoever keeps positions
relies on it. There may be gaps between batches.
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
    """The position behind the batch: where the next one starts, or before."""
    payload: bytes
    first: int | None = None
    """How many events the stream had before; None: a former release wrote it."""


class Checkpoint(msgspec.Struct, frozen=True):
    """How far everything behind the journal is done, and what the reader wants to know again after a restart."""

    positions: dict[str, int]
    note: bytes = b""
    numbers: dict[str, int] = {}
    """Stream → how many of its events are done, where they are numbered."""


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

    def end(self) -> int:
        """The position behind the last batch: the same after a crash if nothing was written, greater if a batch was."""
        ...

    def accepted(self) -> int:
        """How many events were ever appended to the stream; goes on over restarts and releases."""
        ...

    def size(self) -> int:
        """Bytes that are written and not yet released by the reader, over this stream."""
        ...

    def truncated(self) -> int:
        """Bytes that were cut off when the stream was opened: a batch that a crash left unfinished."""
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

        Never waits for news. Streams get equal shares of `max_bytes`; the last batch of a share may go beyond it. So
        each stream that has a batch has at least one here. A damaged batch is left out and counted (`damaged`).
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
