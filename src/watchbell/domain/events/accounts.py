"""What became of every event that was received, by source. The sums add up: nothing leaves the books unexplained."""

from collections.abc import Iterable

import msgspec


class Account(msgspec.Struct, array_like=True):
    """The events of one source since the collector was installed.

    received = stored + rejected + dropped + discarded, at any moment.
    """

    received: int = 0
    stored: int = 0
    """At least one mapping made a record of them."""
    rejected: int = 0
    """They could not be read or mapped, or a sink refused them; kept with the reason."""
    dropped: int = 0
    """Left out on purpose: by a step of a mapping, because no mapping is for their source, or because their party was
    forgotten."""
    discarded: int = 0
    """Left out because they were corrupt or seen before, as their mapping asks for."""


class Counted(msgspec.Struct, array_like=True):
    """What a mapper has come past in the journal. Events have numbers in their stream: a gap is what was lost."""

    numbers: dict[str, int] = {}
    """Stream → the number of the next event."""
    unnumbered: int = 0
    """Received without a number: a former release accepted them."""
    lost: int = 0
    """Accepted, but their batch can no longer be read."""

    def past(self, stream: str, first: int | None, size: int, readable: int) -> int:
        """Comes past a batch of `size` events whose first one has the number `first`; how many are found lost."""
        if first is None:
            self.unnumbered += readable
            return 0
        gap = max(0, first - self.numbers.get(stream, 0)) + max(0, size - readable)
        self.numbers[stream] = max(self.numbers.get(stream, 0), first + size)
        self.lost += gap
        return gap

    def accepted(self, told: dict[str, int]) -> int:
        """How many were ever accepted; `told` is what those who accept say of their streams."""
        streams = self.numbers.keys() | told.keys()
        return self.unnumbered + sum(max(self.numbers.get(name, 0), told.get(name, 0)) for name in streams)


class NodeBooks(msgspec.Struct, frozen=True, kw_only=True):
    """The books of one collector, as it tells them.

    accepted = received + lost + waiting, where those who accept count the first, and who reads the journal the others.
    """

    node: str
    at_ms: int
    """When it told them, milliseconds since 1970."""
    sources: dict[str, Account] = {}
    accepted: int = 0
    lost: int = 0
    refused: int = 0
    """Answered with 503 since the collector was started; no other number has them."""
    damaged: int = 0
    """Batches, or ends of files, that could not be read since the start. How many events were in them is known when
    something behind them is read: then they are lost."""

    @property
    def received(self) -> int:
        """Of all sources."""
        return sum(book.received for book in self.sources.values())

    @property
    def waiting(self) -> int:
        """Accepted and not read yet. That does not become 0 while nothing is read although nothing comes."""
        return max(0, self.accepted - self.received - self.lost)


class Accounts:
    """The books of one collector."""

    def __init__(self, kept: dict[str, Account] | None = None) -> None:
        self._books = dict(kept or {})

    def book(self, source: str) -> Account:
        """The account of a source."""
        found = self._books.get(source)
        if found is None:
            found = self._books[source] = Account()
        return found

    def refused(self, source: str) -> None:
        """A sink refused a record of an event that had counted as stored."""
        book = self.book(source)
        book.stored -= 1
        book.rejected += 1

    def state(self) -> dict[str, Account]:
        """What is kept over restarts."""
        return self._books


class Marks(msgspec.Struct, array_like=True):
    """What is remembered of the events of a batch, by their number in it, as bits."""

    duplicates: int = 0
    refused: int = 0
    left_out: int = 0
    """Rejected while they were counted, though they could be read."""


class KeptMarks(msgspec.Struct, array_like=True, frozen=True):
    """The marks of a batch as they are kept over a restart: the bits as bytes."""

    stream: str
    start: int
    duplicates: bytes
    refused: bytes
    left_out: bytes = b""


class BatchMarks:
    """Marks of the batches that some sink does not have yet, so that it gets the same when it reads them again.

    Bounded: beyond `limit` batches the oldest are forgotten, and their duplicates are no longer flagged there.
    """

    def __init__(self, kept: Iterable[KeptMarks] = (), limit: int = 100_000) -> None:
        self._limit = limit
        self._marks: dict[tuple[str, int], Marks] = {
            (each.stream, each.start): Marks(_bits(each.duplicates), _bits(each.refused), _bits(each.left_out))
            for each in kept
        }

    def of(self, stream: str, start: int) -> Marks | None:
        """The marks of a batch; None when there are none."""
        return self._marks.get((stream, start))

    def set(self, stream: str, start: int) -> Marks:
        """The marks of a batch, to be changed."""
        found = self._marks.get((stream, start))
        if found is None:
            if len(self._marks) >= self._limit:
                del self._marks[next(iter(self._marks))]
            found = self._marks[stream, start] = Marks()
        return found

    def prune(self, positions: dict[str, int]) -> None:
        """Forgets the batches before these positions."""
        if self._marks:
            self._marks = {key: marks for key, marks in self._marks.items() if key[1] >= positions.get(key[0], 0)}

    def state(self, limit: int) -> list[KeptMarks]:
        """The newest, as they are kept over a restart."""
        newest = list(self._marks.items())[-limit:]
        return [
            KeptMarks(stream, start, _bytes(marks.duplicates), _bytes(marks.refused), _bytes(marks.left_out))
            for (stream, start), marks in newest
        ]


def _bits(kept: bytes) -> int:
    return int.from_bytes(kept, "big")


def _bytes(bits: int) -> bytes:
    return bits.to_bytes((bits.bit_length() + 7) // 8, "big")
