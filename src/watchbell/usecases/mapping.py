"""Behind the journal: raw events become records in the sinks and counts for rules.

A step reads some batches once: decodes, flags, maps and counts them, and gives the records to the lanes, one for each
sink. A commit notes how far that is, with everything that was counted. The lanes go on by themselves: a sink that is
slow or away holds up nobody; what it missed is read from the journal again for it alone. The journal is released up to
where the slowest lane is durable. So after a crash every accepted event is in every sink exactly once, and counted
exactly once. An event that fits no record is rejected alone.

What an event becomes is decided when it is counted, by the mappings of that time (`eras`), whenever a sink gets it.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import structlog

from watchbell.domain.errors import Retryable
from watchbell.domain.events.accounts import Account, Accounts, BatchMarks, Counted
from watchbell.domain.events.duplicates import DuplicateMemory
from watchbell.domain.events.event import Rejection
from watchbell.domain.events.glance import Glance
from watchbell.domain.events.raw import batch_size
from watchbell.domain.events.record import DefaultMapping
from watchbell.domain.events.routes import EventMapping
from watchbell.domain.events.rules.windows import WindowCounter
from watchbell.ports.journal import Checkpoint, JournalBatch, JournalReader
from watchbell.ports.rejected import RejectedEvents
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.eras import Era, Eras, Revive, ends_of
from watchbell.usecases.following_mappings import revive as revive_mapping
from watchbell.usecases.lane_set import LaneSet, front_of
from watchbell.usecases.lanes import Lane, MakeSink, Work
from watchbell.usecases.mapping_batches import (
    BatchReading,
    Mapped,
    ReadBatch,
    Tally,
    account,
    map_batch,
    no_records,
    reject_uncountable,
    seen,
    work_of,
)
from watchbell.usecases.mapping_notes import Note

_log = structlog.get_logger("collector")

SETTLE_MS = 2000
"""How long after its receipt an event is certainly readable in the journal, or was refused."""

STEP_BYTES = 256 * 1024
"""How much of the journal one step maps: some hundreds of events, a few tens of milliseconds."""

NOTE_EVERY_MS = 10_000
"""How often what was counted is noted although nothing new came: so that a restart knows how long the node was away."""

HOLD_MS = 1000
"""How long a lane without room may hold up the others; then it is left behind until it has caught up."""

KEPT_MARKS = 20_000
"""Of how many batches it is kept over a restart which of their events were duplicates, while a sink is away."""


class Mapper:
    """Maps one journal into its sinks. `node` names this collector in what it counts.

    `sinks`: name → what makes it.
    """

    def __init__(
        self,
        reader: JournalReader,
        sinks: Mapping[str, MakeSink],
        rejected: RejectedEvents,
        telemetry: Telemetry,
        *,
        node: str,
        mappings: Sequence[EventMapping] = (DefaultMapping(),),
        duplicates: DuplicateMemory | None = None,
        reading: BatchReading | None = None,
    ) -> None:
        self._reader = reader
        self._rejected = rejected
        self._telemetry = telemetry
        self._node = node
        self._duplicates = duplicates or DuplicateMemory()
        self._reading = reading or BatchReading()
        self._eras = Eras(mappings, sinks)
        self._changed = True
        """Whether the mappings in force are not noted yet."""
        self._lanes = LaneSet(sinks, telemetry)
        self._read: dict[str, int] = {}
        self._released: dict[str, int] = {}
        self._committed: dict[str, int] = {}
        self._unkept: list[Rejection] = []
        self._unkept_refused: list[Rejection] = []
        """A sink may have gone on since it refused these: they do not come again."""
        self._kept = 0
        self._accounts = Accounts()
        self._marks = BatchMarks()
        self._noted_ms = 0
        self._held_since_ms: int | None = None
        self._uncommitted = 0
        self.counted = Counted()
        """What was come past in the journal."""
        self.windows = WindowCounter(node)
        self.glance = Glance()
        self.counted_to_ms = 0
        """Every event that was accepted before this moment (milliseconds since 1970) has been counted."""

    def observe(self, observers: Mapping[str, MakeSink]) -> None:
        """Sinks that get every event itself, whatever the mappings make of it. To be called before `open`."""
        self._lanes.observers = dict(observers)

    def open(self, now_ms: int, revive: Revive = revive_mapping) -> None:
        """Reads the checkpoint and makes the lanes, which open their sinks when they are turned. Called once.

        `revive` makes the mappings ready again that were in force before.
        """
        checkpoint = self._reader.checkpoint()
        self._released = dict(checkpoint.positions)
        self._read = dict(checkpoint.positions)
        if checkpoint.note:
            note = msgspec.msgpack.decode(checkpoint.note, type=Note)
            self._read.update(note.read)
            self.windows = WindowCounter(self._node, note.windows)
            self.glance = Glance(note.glance)
            self._accounts = Accounts(note.accounts)
            self._marks = BatchMarks(note.marks)
            self._duplicates.restore(note.seen)
            self._kept = note.kept
            self.counted = note.counted_so_far()
            self._rejected.settle(note.kept)
            self.windows.away(note.moment_ms, now_ms)
            self._noted_ms = now_ms
            self._eras.restore(note.eras, lambda: ends_of(self._reader, self._read), revive)
            self._changed = self._eras.state() != note.eras
        self._committed = dict(self._read)
        self._lanes.make(self._eras, self._released)

    def use_mappings(self, mappings: Sequence[EventMapping]) -> None:
        """Maps with these from now on; a sink whose schema changed publishes its file and begins another.

        What was counted before is mapped with the former ones, also for a sink that gets it later.

        Raises:
            Invalid: they cannot stand together (see `routes`); nothing has changed.
        """
        self._eras.change(mappings, self._read)
        self._changed = True
        self._lanes.make(self._eras, self._released)

    def lanes(self) -> list[Lane]:
        """Those that must be turned. One that is leaving is no more among them when it was `left`."""
        return self._lanes.all()

    def left(self, lane: Lane) -> None:
        """A lane that was leaving has ended."""
        self._lanes.left(lane)

    def accounts(self) -> dict[str, Account]:
        """What became of the events of each source."""
        return self._accounts.state()

    def step(self, now_ms: int) -> int:
        """Maps what the journal has, up to about `STEP_BYTES`; how many raw events that was.

        0: there is nothing new, or a lane has no room just now.

        Raises:
            Retryable: the mappings changed, and that cannot be noted: with others nothing is mapped before.
        """
        if self._changed:
            self.commit(now_ms)
        again = self._catch_up()
        batches = self._reader.read(self._read, STEP_BYTES)
        if not batches:
            self.counted_to_ms = max(self.counted_to_ms, now_ms - SETTLE_MS)
            return again
        total = 0
        newest: dict[str, int] = {batch.stream: 0 for batch in batches}
        for batch in batches:
            if self._is_held(now_ms):
                break
            count, newest[batch.stream] = self._map_or_set_aside(batch)
            total += count
        self._uncommitted += total
        self.counted_to_ms = max(self.counted_to_ms, min(newest.values()) - SETTLE_MS)
        return total + again

    def _is_held(self, now_ms: int) -> bool:
        """Whether to wait a little for a lane that keeps up but has no room just now."""
        if all(lane.has_room() or not self._keeps_up(lane) for lane in self._lanes.staying()):
            self._held_since_ms = None
            return False
        if self._held_since_ms is None:
            self._held_since_ms = now_ms
        return now_ms - self._held_since_ms < HOLD_MS

    def _keeps_up(self, lane: Lane) -> bool:
        return all(lane.given(stream) == position for stream, position in self._read.items())

    def _map_or_set_aside(self, batch: JournalBatch) -> tuple[int, int]:
        before, era = self._read.get(batch.stream, 0), self._eras.of(batch)
        try:
            return self._map(batch, era)
        except Exception as error:  # task edge: a batch that nobody foresaw must not stop all others for ever
            self._fault("batch", error)
            read = self._reading.set_aside(batch, repr(error))
            if self._read.get(batch.stream, 0) < batch.end:
                self._count(batch, read, no_records(era.mappings))
            self._read[batch.stream] = batch.end
            self._leave_out(read, range(len(read.rejections)))
            self._give(read, era, no_records(era.mappings), before, self._lanes.staying())
            return len(read.rejections), 0

    def _fault(self, where: str, error: Exception) -> None:
        self._telemetry.count("event_mapping_faults", where=where)
        _log.error("collector_mapping_fault", where=where, reason=repr(error), exc_info=error)

    def _leave_out(self, read: ReadBatch, numbers: Iterable[int]) -> None:
        """Whoever reads the batch again finds these rejected, too."""
        marks = self._marks.set(read.stream, read.start)
        for number in numbers:
            marks.left_out |= 1 << number

    def _map(self, batch: JournalBatch, era: Era) -> tuple[int, int]:
        """The one time that a batch is counted; how many raw events it has, and when its last one was received."""
        read = self._reading.read(batch)
        self._flag(read)
        if failures := self.windows.add(read.events):
            for failure in failures:
                self._fault("rules", failure.error)
            self._leave_out(read, reject_uncountable(read, failures))
        try:
            self.glance.add(read.events)
        except Exception as error:  # task edge: what pages show is no reason to stop
            self._fault("glance", error)
        mapped = map_batch(read.events, era.mappings)
        self._count(batch, read, mapped)
        before = self._read.get(batch.stream, 0)
        self._read[batch.stream] = batch.end
        self._give(read, era, mapped, before, self._lanes.staying())
        return read.size, read.newest_ms

    def _flag(self, read: ReadBatch) -> None:
        seen = self._duplicates.seen
        for number, event in zip(read.numbers, read.events, strict=True):
            if seen(event.party_id, event.session_id, event.event_id):
                event.duplicate = True
                self._marks.set(read.stream, read.start).duplicates |= 1 << number

    def _count(self, batch: JournalBatch, read: ReadBatch, mapped: Mapped) -> None:
        tally = Tally()
        account(read, mapped, self._accounts, tally)
        if lost := self.counted.past(batch.stream, batch.first, batch_size(batch.payload), read.size):
            _log.error("collector_events_lost", stream=batch.stream, before=batch.end, events=lost)
            tally.count("events_lost", lost)
        if not read.readable:
            tally.count("events_unreadable_batches")
        tally.count("events_mapped", len(read.events))
        if corrupt := sum([event.corrupt for event in read.events]):
            tally.count("events_corrupt", corrupt)
        if duplicate := sum([event.duplicate for event in read.events]):
            tally.count("events_duplicate", duplicate)
        for rejection in mapped.rejections:
            tally.count("events_unmappable", mapping=rejection.mapping, reason=rejection.reason)
        for (name, labels), amount in tally.counts.items():
            self._telemetry.count(name, amount, **dict(labels))
        self._unkept += read.rejections
        self._unkept += mapped.rejections

    def _give(self, read: ReadBatch, era: Era, mapped: Mapped, after: int, lanes: list[Lane]) -> None:
        """Gives a batch to the lanes that stand before it; two with the same mappings share the records."""
        made: dict[tuple[int, ...], Work] = {}
        for lane in lanes:
            if not lane.has_room() or lane.given(read.stream) != after:
                continue
            route = era.routes.get(lane.name)
            if lane.name in self._lanes.observers:
                work = made.get(()) or made.setdefault((), seen(read))
            elif route is None:
                work = Work(read.stream, read.start, read.end, [], [], [])
            else:
                work = made.get(route.mappings) or made.setdefault(route.mappings, work_of(read, mapped, route))
            lane.give(work, after)

    def _catch_up(self) -> int:
        """Reads the journal again for lanes that were left behind; how many events that was."""
        total = 0
        for lane in self.lanes():
            front = front_of(lane, self._read)
            stands = lane.positions_to_read(front) if lane.has_room() else None
            if stands is None:
                continue
            found = self._reader.read(stands, STEP_BYTES)
            batches = [batch for batch in found if batch.end <= front.get(batch.stream, 0)]
            for stream in front.keys() - {batch.stream for batch in batches}:
                # The journal has lost it, for a read has something of each stream that has anything.
                lane.skip(stream, stands[stream], front[stream])
            for batch in batches:
                total += self._map_again(batch, stands[batch.stream], lane)
                stands[batch.stream] = batch.end
        return total

    def _map_again(self, batch: JournalBatch, after: int, lane: Lane) -> int:
        """Maps for one lane what was counted before; not given if it does not stand at `after`, which it did.

        It may have failed since: what it then lacks begins before the batch.
        """
        era = self._eras.of(batch)
        try:
            read = self._reading.read(batch)
            marks = self._marks.of(batch.stream, batch.start)
            if marks is not None:
                read.obey(marks)
            mapped = map_batch(read.events, era.mappings)
        except Exception as error:  # task edge: it was set aside when it was counted
            self._fault("batch", error)
            read, mapped = self._reading.set_aside(batch, repr(error)), no_records(era.mappings)
        self._give(read, era, mapped, after, [lane])
        return len(read.events)

    def _refused(self) -> None:
        """Enters into the books what sinks refused; an event that several refuse only once."""
        for lane in self.lanes():
            for refusal in lane.take_refusals():
                marks = self._marks.set(refusal.stream, refusal.start)
                if marks.refused >> refusal.number & 1 or refusal.event.raw is None:
                    continue
                marks.refused |= 1 << refusal.number
                self._accounts.refused(refusal.event.source)
                self._telemetry.count("events_rejected", reason="record_does_not_fit", source=refusal.event.source)
                self._unkept_refused.append(Rejection("record_does_not_fit", refusal.detail, refusal.event.raw))

    def commit(self, now_ms: int) -> None:
        """Notes how far everything is, keeps what was rejected, releases what every lane has made durable.

        Raises:
            Retryable: the disk failed; commit again later.
        """
        self._refused()
        released = self._lanes.releasable(self._read)
        moved = self._read != self._committed or released != self._released or bool(self._unkept + self._unkept_refused)
        if not moved and not self._changed and now_ms - self._noted_ms < NOTE_EVERY_MS:
            return
        self._keep(now_ms)
        self._marks.prune(released)
        self._eras.prune(released, self._lanes.leaving())
        note = Note(
            windows=self.windows.state(),
            glance=self.glance.state(),
            moment_ms=now_ms,
            read=self._read,
            accounts=self._accounts.state(),
            marks=self._marks.state(KEPT_MARKS),
            seen=self._duplicates.fresh(),
            eras=self._eras.state(),
            kept=self._kept,
            counted=self.counted,
        )
        try:
            self._reader.save(Checkpoint(released, msgspec.msgpack.encode(note), dict(self.counted.numbers)))
        except OSError as error:
            raise Retryable(f"the checkpoint cannot be written: {error}") from error
        # Only now: what the memory keeps over a crash must never be ahead of the checkpoint.
        self._duplicates.settle()
        self._released, self._committed, self._noted_ms, self._uncommitted = released, dict(self._read), now_ms, 0
        self._changed = False

    def _keep(self, now_ms: int) -> None:
        if self._unkept:
            # By the clock, so that it is greater than that of a journal which is no more.
            self._kept = max(now_ms, self._kept + 1)
            self._rejected.keep(self._unkept, self._kept)
            self._unkept = []
        if self._unkept_refused:
            self._rejected.keep(self._unkept_refused)
            self._unkept_refused = []

    def progress(self) -> tuple[int, dict[str, int]]:
        """`counted_to_ms`, and where a lane must be to have everything from before; may be called by any thread.

        What no lane needs any more is left out.
        """
        # In this order: positions only grow, so they hold at least what the moment promises.
        moment, released, read = self.counted_to_ms, self._released, dict(self._read)
        return moment, {stream: upto for stream, upto in read.items() if upto > released.get(stream, 0)}

    def uncommitted(self) -> int:
        """How many events were counted since the last commit."""
        return self._uncommitted

    def is_behind(self) -> bool:
        """Whether a lane that is not away has not been given everything yet."""
        return self._lanes.is_behind(self._read)
