"""A journal in memory: passes the same contract suite as the files, and survives nothing but its readers."""

from collections.abc import Sequence

from watchbell.domain.events.raw import batch_size
from watchbell.ports.journal import Checkpoint, JournalBatch, JournalFull, Positions

_OVERHEAD = 16


class MemoryJournal:
    """All streams of one journal. `writer` makes a writer; the journal itself is the reader."""

    def __init__(self, max_bytes: int = 1 << 30) -> None:
        self._max_bytes = max_bytes
        self._streams: dict[str, list[JournalBatch]] = {}
        self._ends: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._checkpoint = Checkpoint({})

    def writer(self, stream: str) -> "MemoryJournalWriter":
        """The writer of one stream."""
        self._streams.setdefault(stream, [])
        self._ends.setdefault(stream, 0)
        return MemoryJournalWriter(self, stream)

    def put(self, stream: str, payload: bytes) -> int:
        """Appends; the writer's work."""
        size = _OVERHEAD + len(payload)
        if self.stream_size(stream) + size > self._max_bytes:
            raise JournalFull("the journal is full")
        start = self._ends[stream]
        first = self._numbers.get(stream, 0)
        self._streams[stream].append(JournalBatch(stream, start, start + size, payload, first))
        self._numbers[stream] = first + batch_size(payload)
        self._ends[stream] = start + size
        return start + size

    def stream_end(self, stream: str) -> int:
        """The position behind the last batch."""
        return self._ends[stream]

    def remove(self, stream: str, start: int) -> None:
        """Loses the batch that begins there, as a damaged disk does."""
        self._streams[stream] = [batch for batch in self._streams[stream] if batch.start != start]

    def stream_accepted(self, stream: str) -> int:
        """Events that were appended."""
        return self._numbers.get(stream, 0)

    def stream_size(self, stream: str) -> int:
        """Bytes not yet released."""
        return sum(batch.end - batch.start for batch in self._streams[stream])

    def checkpoint(self) -> Checkpoint:
        """See JournalReader."""
        return self._checkpoint

    def read(self, after: Positions, max_bytes: int) -> Sequence[JournalBatch]:
        """See JournalReader."""
        found: list[JournalBatch] = []
        share = max(1, max_bytes // max(1, len(self._streams)))
        for stream, batches in self._streams.items():
            left = share
            for batch in batches:
                if batch.start >= after.get(stream, 0) and left > 0:
                    found.append(batch)
                    left -= len(batch.payload)
        return found

    def save(self, checkpoint: Checkpoint) -> None:
        """See JournalReader."""
        self._checkpoint = checkpoint
        for stream, batches in self._streams.items():
            done = checkpoint.positions.get(stream, 0)
            batches[:] = [batch for batch in batches if batch.end > done]

    def damaged(self) -> int:
        """Never any."""
        return 0

    def close(self) -> None:
        """Nothing to release."""


class MemoryJournalWriter:
    """One stream of a MemoryJournal."""

    def __init__(self, journal: MemoryJournal, stream: str) -> None:
        self._journal = journal
        self._stream = stream

    async def append(self, payload: bytes) -> int:
        """See JournalWriter."""
        return self._journal.put(self._stream, payload)

    def end(self) -> int:
        """See JournalWriter."""
        return self._journal.stream_end(self._stream)

    def accepted(self) -> int:
        """See JournalWriter."""
        return self._journal.stream_accepted(self._stream)

    def size(self) -> int:
        """See JournalWriter."""
        return self._journal.stream_size(self._stream)

    def truncated(self) -> int:
        """Never any."""
        return 0

    async def close(self) -> None:
        """Nothing to release."""
