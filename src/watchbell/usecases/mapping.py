"""Behind the journal: raw events become records in the sinks and counts for rules.

A step reads some batches and hands them on; a commit makes the sinks durable and only then moves the checkpoint. What
was counted is kept in the checkpoint too. So after a crash the journal is read again from the checkpoint, sinks are
spared what they already hold, and every accepted event is in every sink exactly once and counted exactly once. When a
sink fails, mapping stands still and the journal fills; what the sink had not made durable is written again when it is
back. An event that fits no record is rejected alone.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from watchbell.domain.errors import Permanent
from watchbell.domain.events.decode import decode
from watchbell.domain.events.duplicates import DuplicateMemory
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.glance import Glance, KeptGlance
from watchbell.domain.events.raw import RawEvent, decode_batch
from watchbell.domain.events.record import Record
from watchbell.domain.events.windows import CountedWindows, WindowCounter
from watchbell.ports.journal import Checkpoint, JournalBatch, JournalReader
from watchbell.ports.rejected import RejectedEvents
from watchbell.ports.sink import Sink
from watchbell.ports.telemetry import Telemetry

SETTLE_MS = 2000
"""How long after its receipt an event is certainly readable in the journal, or was refused."""

STEP_BYTES = 256 * 1024
"""How much of the journal one step maps: some hundreds of events, a few tens of milliseconds."""

NOTE_EVERY_MS = 10_000
"""How often what was counted is noted although nothing new came: so that a restart knows how long the node was away."""


class Mapping(Protocol):
    """Makes a record of an event. Never fails."""

    def record(self, event: Event) -> Record:
        """The record of one event."""
        ...


class _Note(msgspec.Struct, array_like=True):
    """What is kept with the checkpoint."""

    windows: CountedWindows = msgspec.field(default_factory=CountedWindows)
    glance: KeptGlance = msgspec.field(default_factory=KeptGlance)
    moment_ms: int = 0


class _Written(msgspec.Struct):
    """Records that at least one sink has not made durable, with the event that each came from."""

    stream: str
    end: int
    records: list[Record]
    sources: list[RawEvent]


class Mapper:
    """Maps one journal into its sinks. `node` names this collector in what it counts."""

    def __init__(
        self,
        reader: JournalReader,
        sinks: Sequence[Sink],
        mapping: Mapping,
        rejected: RejectedEvents,
        telemetry: Telemetry,
        *,
        node: str,
        duplicate_slots: int = 1_000_000,
        decode: Callable[[RawEvent], Event | Rejection] = decode,
    ) -> None:
        self._reader = reader
        self._sinks = list(sinks)
        self._durable: list[dict[str, int]] = [{} for _ in sinks]
        self._mapping = mapping
        self._rejected = rejected
        self._telemetry = telemetry
        self._node = node
        self._duplicates = DuplicateMemory(duplicate_slots)
        self._decode = decode
        self._read: dict[str, int] = {}
        self._committed: dict[str, int] = {}
        self._unsynced: list[_Written] = []
        self._unkept: list[Rejection] = []
        self._noted_ms = 0
        self._started = False
        self.windows = WindowCounter(node)
        self.glance = Glance()
        self.counted_to_ms = 0
        """Every event that was accepted before this moment (milliseconds since 1970) has been counted."""

    def open(self, now_ms: int) -> None:
        """Recovers the sinks; the first time also the checkpoint. Again after a sink failed.

        Raises:
            Retryable: a sink is still not reachable.
        """
        if not self._started:
            self._start(now_ms)
        for index, sink in enumerate(self._sinks):
            self._durable[index] = dict(sink.open())
            for written in self._unsynced:
                self._give(index, written)

    def _start(self, now_ms: int) -> None:
        checkpoint = self._reader.checkpoint()
        self._read = dict(checkpoint.positions)
        self._committed = dict(checkpoint.positions)
        if checkpoint.note:
            note = msgspec.msgpack.decode(checkpoint.note, type=_Note)
            self.windows = WindowCounter(self._node, note.windows)
            self.glance = Glance(note.glance)
            self.windows.away(note.moment_ms, now_ms)
            self._noted_ms = now_ms
        self._started = True

    def step(self, now_ms: int) -> int:
        """Maps what the journal has, up to about `STEP_BYTES`; how many raw events that was. 0: nothing new.

        Raises:
            Retryable: a sink failed; call `open` until it succeeds, then go on.
        """
        batches = self._reader.read(self._read, STEP_BYTES)
        if not batches:
            self.counted_to_ms = max(self.counted_to_ms, now_ms - SETTLE_MS)
            return 0
        written: list[_Written] = []
        total = 0
        newest: dict[str, int] = {}
        for batch in batches:
            done, received_ms = self._map(batch)
            written.append(done)
            newest[batch.stream] = received_ms
            self._read[batch.stream] = batch.end
            total += len(done.sources)
        self.counted_to_ms = max(self.counted_to_ms, min(newest.values()) - SETTLE_MS)
        # From here on the events are ours: if a sink fails, `open` gives them to it again.
        self._unsynced.extend(written)
        for index in range(len(self._sinks)):
            for each in written:
                self._give(index, each)
        return total

    def _map(self, batch: JournalBatch) -> tuple[_Written, int]:
        """Decodes, flags, maps and counts one batch; what to write, and when its last event was received."""
        try:
            raws = decode_batch(batch.payload)
        except msgspec.DecodeError:
            self._telemetry.count("events_unreadable_batches")
            return _Written(batch.stream, batch.end, [], []), 0
        events: list[Event] = []
        sources: list[RawEvent] = []
        rejections: list[Rejection] = []
        for raw in raws:
            found = self._decoded(raw)
            if isinstance(found, Event):
                found.duplicate = self._duplicates.seen(found.party_id, found.session_id, found.event_id)
                events.append(found)
                sources.append(raw)
            else:
                rejections.append(found)
        record = self._mapping.record
        records = [record(event) for event in events]
        self.windows.add(events)
        self.glance.add(events)
        self._count(events)
        self._reject(rejections)
        return _Written(batch.stream, batch.end, records, sources), raws[-1].received_ms if raws else 0

    def _decoded(self, raw: RawEvent) -> Event | Rejection:
        try:
            return self._decode(raw)
        except Exception as error:  # task edge: an event that nobody foresaw must not stop all others for ever
            return Rejection("not_decodable", repr(error), raw)

    def _count(self, events: list[Event]) -> None:
        count = self._telemetry.count
        count("events_mapped", len(events))
        corrupt = sum([event.corrupt for event in events])
        duplicate = sum([event.duplicate for event in events])
        if corrupt:
            count("events_corrupt", corrupt)
        if duplicate:
            count("events_duplicate", duplicate)

    def _reject(self, rejections: list[Rejection]) -> None:
        for rejection in rejections:
            self._telemetry.count("events_rejected", 1, reason=rejection.reason)
        self._unkept.extend(rejections)

    def _give(self, index: int, written: _Written) -> None:
        """Gives a batch to one sink, unless the sink has it already."""
        if self._durable[index].get(written.stream, 0) >= written.end:
            return
        sink, upto = self._sinks[index], {written.stream: written.end}
        try:
            sink.write(written.records, upto)
        except Permanent:
            self._give_singly(sink, written)
            sink.write([], upto)

    def _give_singly(self, sink: Sink, written: _Written) -> None:
        """One record of the batch does not fit: the others must not suffer for it."""
        for record, raw in zip(written.records, written.sources, strict=True):
            try:
                sink.write([record], {})
            except Permanent as error:
                self._reject([Rejection("record_does_not_fit", error.message, raw)])

    def commit(self, now_ms: int) -> None:
        """Makes the sinks durable, moves the checkpoint, publishes files that are due.

        Raises:
            Retryable: a sink failed; call `open` until it succeeds, then go on.
        """
        if self._read != self._committed:
            for index, sink in enumerate(self._sinks):
                self._durable[index] = dict(sink.sync())
            self._unsynced = []
            if self._unkept:
                self._rejected.keep(self._unkept)
                self._unkept = []
            self._save(now_ms)
        elif now_ms - self._noted_ms >= NOTE_EVERY_MS:
            self._save(now_ms)
        for sink in self._sinks:
            self._published(sink.tend())

    def _save(self, now_ms: int) -> None:
        note = _Note(self.windows.state(), self.glance.state(), now_ms)
        self._reader.save(Checkpoint(dict(self._read), msgspec.msgpack.encode(note)))
        self._committed = dict(self._read)
        self._noted_ms = now_ms

    def uncommitted(self) -> int:
        """How many events a commit would make durable."""
        return sum(len(written.sources) for written in self._unsynced)

    def close(self, now_ms: int) -> None:
        """Commits, publishes every file and releases the sinks.

        Raises:
            Retryable: a sink failed; what it does not have stays in the journal.
        """
        self.commit(now_ms)
        self._save(now_ms)
        for sink in self._sinks:
            self._published(sink.close())

    def _published(self, names: list[str]) -> None:
        if names:
            self._telemetry.count("event_files_published", len(names))
