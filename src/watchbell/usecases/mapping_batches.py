"""One batch of the journal: its raw events read, enriched and mapped, and what became of each.

Nothing fails here: an event that cannot be read or mapped is rejected alone, with the reason.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, cast

import msgspec

from watchbell.domain.events.accounts import Account, Accounts, Marks
from watchbell.domain.events.decode import decode
from watchbell.domain.events.enrich import Enricher
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.mapping.errors import Unmappable
from watchbell.domain.events.raw import RawEvent, decode_batch
from watchbell.domain.events.routes import EventMapping, Route
from watchbell.domain.events.rules.windows import Failure
from watchbell.ports.journal import JournalBatch
from watchbell.usecases.lanes import Work

Record = dict[str, Any]
Column = list[Record | None]
"""What one mapping makes of the events of a batch: a record or none for each, in order."""


class Fate(IntEnum):
    """What became of an event; of several mappings the greatest holds."""

    UNMAPPED = 0
    CORRUPT = 1
    DUPLICATE = 2
    DROPPED = 3
    REJECTED = 4
    STORED = 5


class ReadBatch(msgspec.Struct):
    """The events of a batch."""

    stream: str
    start: int
    end: int
    events: list[Event] = []
    numbers: list[int] = []
    """The number of each event among the raw events of its batch."""
    rejections: list[Rejection] = []
    forgotten: list[str] = []
    """The source of each event that was left out because its party was forgotten."""
    newest_ms: int = 0
    """When the last one was received; 0 when the batch is empty or unreadable."""
    readable: bool = True

    @property
    def size(self) -> int:
        """How many raw events it has."""
        return len(self.events) + len(self.rejections) + len(self.forgotten)

    def obey(self, marks: Marks) -> None:
        """Makes the events what they were when they were counted: flagged as duplicates, or left out."""
        for number, event in zip(self.numbers, self.events, strict=True):
            event.duplicate = bool(marks.duplicates >> number & 1)
        if marks.left_out:
            kept = [index for index, number in enumerate(self.numbers) if not marks.left_out >> number & 1]
            self.keep(kept)

    def keep(self, indexes: Sequence[int]) -> None:
        """Only these of the events."""
        self.events = [self.events[index] for index in indexes]
        self.numbers = [self.numbers[index] for index in indexes]


class Mapped(msgspec.Struct):
    """What the mappings make of a batch, in their order."""

    columns: list[Column]
    fates: list[int] | None
    """What became of each event; None: all were stored."""
    rejections: list[Rejection]


class BatchReading:
    """Reads batches. `forgotten`: party → the moment (milliseconds) up to which its events are left out."""

    def __init__(
        self,
        enricher: Enricher | None = None,
        forgotten: Mapping[str, int] | None = None,
        decode: Callable[[RawEvent], Event | Rejection] = decode,
    ) -> None:
        self._decode = decode
        self._enrich = (enricher or Enricher()).enrich
        self._forgotten: Mapping[str, int] = {} if forgotten is None else forgotten

    def read(self, batch: JournalBatch) -> ReadBatch:
        """The events of a batch; those of an unreadable one are none."""
        found = ReadBatch(batch.stream, batch.start, batch.end)
        raws = _raws(batch)
        if raws is None:
            found.readable = False
            return found
        forgotten, enrich = self._forgotten, self._enrich
        for number, raw in enumerate(raws):
            event = self._event(raw)
            if not isinstance(event, Event):
                found.rejections.append(event)
            elif forgotten and event.received_ms <= forgotten.get(event.party_id, 0):
                found.forgotten.append(event.source)
            else:
                event.raw = raw
                try:
                    enrich(event, raw.headers)
                except Exception as error:  # task edge: as for decoding
                    found.rejections.append(Rejection("not_enrichable", repr(error), raw))
                    continue
                found.events.append(event)
                found.numbers.append(number)
        if raws:
            found.newest_ms = raws[-1].received_ms
        return found

    def set_aside(self, batch: JournalBatch, reason: str) -> ReadBatch:
        """The batch with every event rejected: nobody knows which of them it is that stops the others."""
        found = ReadBatch(batch.stream, batch.start, batch.end)
        raws = _raws(batch)
        found.readable = raws is not None
        found.rejections = [Rejection("not_processed", reason, raw) for raw in raws or ()]
        return found

    def _event(self, raw: RawEvent) -> Event | Rejection:
        try:
            return self._decode(raw)
        except Exception as error:  # task edge: an event that nobody foresaw must not stop all others for ever
            return Rejection("not_decodable", repr(error), raw)


def _raws(batch: JournalBatch) -> list[RawEvent] | None:
    """The raw events of a batch; None when it holds none."""
    try:
        return decode_batch(batch.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def reject_uncountable(read: ReadBatch, failures: Sequence[Failure]) -> list[int]:
    """Rejects events that a rule cannot bear: they are in no sink, either. Their numbers in the batch."""
    errors = {id(failure.event): failure.error for failure in failures}
    wrong = [index for index, event in enumerate(read.events) if id(event) in errors]
    numbers = [read.numbers[index] for index in wrong]
    for index in wrong:
        event = read.events[index]
        if event.raw is not None:
            read.rejections.append(Rejection("not_countable", repr(errors[id(event)]), event.raw))
    read.keep([index for index in range(len(read.events)) if index not in wrong])
    return numbers


def no_records(mappings: Sequence[EventMapping]) -> Mapped:
    """What becomes of a batch without events."""
    return Mapped([[] for _ in mappings], None, [])


def map_batch(events: list[Event], mappings: Sequence[EventMapping]) -> Mapped:
    """What each mapping makes of the events."""
    if len(mappings) == 1 and _takes_all(mappings[0]):
        record = mappings[0].record
        try:
            # The way of nearly every batch; whatever stands in it is found below.
            column: Column = [record(event) for event in events]
        except Exception:  # task edge: the event that has no record is found by mapping one by one
            column = [None]
        if None not in column:
            return Mapped([column], None, [])
    fates = [int(Fate.UNMAPPED)] * len(events)
    rejections: list[Rejection] = []
    return Mapped([_column(each, events, fates, rejections) for each in mappings], fates, rejections)


def _takes_all(mapping: EventMapping) -> bool:
    return not (mapping.sources or mapping.discard_corrupted or mapping.discard_duplicates)


def _column(mapping: EventMapping, events: list[Event], fates: list[int], rejections: list[Rejection]) -> Column:
    column: Column = []
    for number, event in enumerate(events):
        if mapping.sources and event.source not in mapping.sources:
            column.append(None)
            continue
        record, fate = _record(mapping, event, rejections)
        column.append(record)
        fates[number] = max(fates[number], fate)
    return column


def _record(mapping: EventMapping, event: Event, rejections: list[Rejection]) -> tuple[Record | None, int]:
    if event.corrupt and mapping.discard_corrupted:
        return None, Fate.CORRUPT
    if event.duplicate and mapping.discard_duplicates:
        return None, Fate.DUPLICATE
    try:
        record = mapping.record(event)
    except Unmappable as error:
        reason, detail = error.reason, error.detail
    except Exception as error:  # task edge: an event that a mapping did not foresee must not stop all others
        reason, detail = "mapping_failed", repr(error)
    else:
        return record, Fate.DROPPED if record is None else Fate.STORED
    if event.raw is not None:
        rejections.append(Rejection(reason, detail, event.raw, mapping.name))
    return None, Fate.REJECTED


class Tally(msgspec.Struct):
    """What became of a batch, for the metrics: (metric, labels) → how many."""

    counts: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Adds."""
        key = name, tuple(labels.items())
        self.counts[key] = self.counts.get(key, 0) + amount


_DROPPED = {Fate.UNMAPPED: "no_mapping", Fate.DROPPED: "by_mapping"}
_DISCARDED = {Fate.CORRUPT: "corrupt", Fate.DUPLICATE: "duplicate"}


def account(read: ReadBatch, mapped: Mapped, accounts: Accounts, tally: Tally) -> None:
    """Enters a batch into the books."""
    for rejection in read.rejections:
        source = rejection.raw.source
        book = accounts.book(source)
        book.received += 1
        book.rejected += 1
        tally.count("events_received", source=source)
        tally.count("events_rejected", reason=rejection.reason, source=source)
    for source in read.forgotten:
        book = accounts.book(source)
        book.received += 1
        book.dropped += 1
        tally.count("events_received", source=source)
        tally.count("events_dropped", reason="forgotten", source=source)
    by_source: dict[str, list[int]] = {}
    for number, event in enumerate(read.events):
        numbers = by_source.get(event.source)
        if numbers is None:
            by_source[event.source] = [number]
        else:
            numbers.append(number)
    for source, numbers in by_source.items():
        _enter(accounts.book(source), source, numbers, mapped, tally)


def _enter(book: Account, source: str, numbers: list[int], mapped: Mapped, tally: Tally) -> None:
    book.received += len(numbers)
    tally.count("events_received", len(numbers), source=source)
    stored = len(numbers)
    if mapped.fates is not None:
        stored = 0
        for number in numbers:
            fate = Fate(mapped.fates[number])
            if fate == Fate.STORED:
                stored += 1
            elif fate == Fate.REJECTED:
                book.rejected += 1
                tally.count("events_rejected", reason="by_mapping", source=source)
            elif fate in _DROPPED:
                book.dropped += 1
                tally.count("events_dropped", reason=_DROPPED[fate], source=source)
            else:
                book.discarded += 1
                tally.count("events_discarded", reason=_DISCARDED[fate], source=source)
    book.stored += stored
    tally.count("events_stored", stored, source=source)


def seen(read: ReadBatch) -> Work:
    """What a lane gets that wants the events themselves."""
    nothing: list[dict[str, Any]] = [{}] * len(read.events)
    return Work(read.stream, read.start, read.end, nothing, read.events, read.numbers)


def work_of(read: ReadBatch, mapped: Mapped, route: Route) -> Work:
    """What a lane gets: the records of the mappings of its route, in the order of the events."""
    columns = [mapped.columns[number] for number in route.mappings]
    if len(columns) == 1 and None not in columns[0]:
        records = cast("list[dict[str, Any]]", columns[0])
        return Work(read.stream, read.start, read.end, records, read.events, read.numbers, route.schema)
    work = Work(read.stream, read.start, read.end, [], [], [], route.schema)
    for index, event in enumerate(read.events):
        for column in columns:
            record = column[index]
            if record is not None:
                work.records.append(record)
                work.about.append(event)
                work.numbers.append(read.numbers[index])
    return work
