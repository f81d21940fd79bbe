"""Lanes: the way into one sink. Each has positions of its own, and may be slow or away without holding up the others.

The mapper gives a lane what it has mapped while the lane keeps up. What a lane cannot take it is not given; later the
mapper reads that part of the journal again for it alone. So nothing waits in memory beyond `MAX_WAITING` events, and
the journal is kept until the slowest lane has it.

The schema comes with the records: when it changes, the lane publishes what it has and goes on with another sink. A lane
that no mapping feeds any more leaves when it has everything from before.

Two callers: the mapper gives (`give`, `use`, `leave`), and whoever runs the lane turns it (`turn`, `failed`, `finish`),
perhaps in a thread of its own. What both touch is behind a lock.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.events.event import Event
from watchbell.domain.events.record import Record
from watchbell.ports.journal import Positions
from watchbell.ports.sink import Sink
from watchbell.ports.telemetry import Telemetry

MAX_WAITING = 20_000
"""Events that wait for a sink at most, but for the last batch."""

MAX_UNSYNCED = 50_000
"""Events that a sink holds at most before it is told to make them durable."""

MakeSink = Callable[[dict[str, Any]], Sink]
"""Makes the sink for records of a schema."""


class Work(msgspec.Struct):
    """The records of one batch for one lane, and the event behind each."""

    stream: str
    start: int
    end: int
    records: list[Record]
    about: list[Event]
    numbers: list[int]
    """The number of each event in its batch."""
    schema: dict[str, Any] = {}
    """Of the records, if there are any."""


class Refusal(msgspec.Struct):
    """A record that the sink does not take."""

    stream: str
    start: int
    number: int
    event: Event
    detail: str


class Lane:
    """One sink, and what waits for it. `released`: what lies before these positions is no longer in the journal."""

    def __init__(
        self, name: str, make: MakeSink, schema: dict[str, Any], telemetry: Telemetry, released: Positions
    ) -> None:
        self.name = name
        self._make = make
        self._telemetry = telemetry
        self._released = dict(released)
        self._lock = threading.Lock()
        self._schema = schema
        self._made_for = schema
        self._sink: Sink | None = None
        self._open = False
        self._queue: deque[Work] = deque()
        self._waiting = 0
        self._given: dict[str, int] = {}
        self._durable = dict(released)
        self._unsynced = 0
        self._wrote = False
        self._next_sync_ms = 0
        self._difficult: set[tuple[str, int]] = set()
        self._refusals: list[Refusal] = []
        self._used = False
        """Whether its sink was ever wanted open."""
        self._upto: dict[str, int] | None = None
        """Up to where mappings feed it; None: no end is known."""

    # ── for the mapper ────────────────────────────────────────────────────────────────────────────────────────────────

    def given(self, stream: str) -> int | None:
        """Up to where it was given, or needs nothing; None while it is away."""
        with self._lock:
            return self._stands(stream) if self._open else None

    def _stands(self, stream: str) -> int:
        return self._given.get(stream, self._released.get(stream, 0))

    def has_room(self) -> bool:
        """Whether another batch may wait."""
        return self._waiting < MAX_WAITING

    def give(self, work: Work, after: int) -> bool:
        """Gives what follows `after`; whether it was taken. It is not when the lane stands elsewhere by now."""
        with self._lock:
            if not self._open or self._stands(work.stream) != after:
                return False
            self._given[work.stream] = work.end
            self._queue.append(work)
            self._waiting += len(work.records)
            return True

    def use(self, schema: dict[str, Any]) -> None:
        """Mappings feed it, for now with records of this schema: for them its sink is opened, if it is not."""
        with self._lock:
            self._schema, self._upto = schema, None

    def leave(self, upto: Positions) -> None:
        """No mapping feeds it behind these positions: it ends when it has everything from before."""
        with self._lock:
            self._upto = dict(upto)

    def upto(self) -> dict[str, int] | None:
        """Where it leaves; None when it stays."""
        with self._lock:
            return self._upto

    def has_left(self) -> bool:
        """Whether it left, and was not called back meanwhile."""
        with self._lock:
            return not self._open and self._upto is not None and _reaches(self._durable, self._upto)

    def durable(self) -> dict[str, int]:
        """How far the sink is durable, as far as is known."""
        with self._lock:
            return dict(self._durable)

    def positions_to_read(self, front: Positions) -> dict[str, int] | None:
        """From where the journal must be read again for this lane; None when it has everything or is away."""
        with self._lock:
            if not self._open:
                return None
            stands = {stream: self._stands(stream) for stream in front}
        return stands if any(stands[stream] < position for stream, position in front.items()) else None

    def skip(self, stream: str, after: int, upto: int) -> None:
        """Between these positions there is nothing to give. Changes nothing when the lane stands elsewhere by now."""
        if after < upto:
            self.give(Work(stream, after, upto, [], [], []), after)

    def take_refusals(self) -> list[Refusal]:
        """What the sink refused since the last call."""
        with self._lock:
            found, self._refusals = self._refusals, []
            return found

    def waiting(self) -> int:
        """Events that wait for the sink, or that it has not made durable."""
        return self._waiting + self._unsynced

    # ── for whoever runs it ───────────────────────────────────────────────────────────────────────────────────────────

    def turn(self, now_ms: int, sync_every_ms: int) -> bool:
        """Opens the sink if need be, writes what waits, syncs when it is time; whether there was anything to write.

        Raises:
            Retryable: the sink failed; call `failed`, then turn again later.
        """
        self._opened()
        busy = False
        while not self._must_sync(now_ms) and self._write_next():
            busy = True
        sink = self._opened()
        if self._wrote and self._must_sync(now_ms):
            self.sync(now_ms, sync_every_ms)
        self._published(sink.tend())
        return busy or bool(self._queue)

    def _must_sync(self, now_ms: int) -> bool:
        return self._unsynced >= MAX_UNSYNCED or (self._wrote and now_ms >= self._next_sync_ms)

    def has_work(self) -> bool:
        """Whether something waits to be written."""
        return bool(self._queue)

    def sync(self, now_ms: int, sync_every_ms: int = 0) -> None:
        """Makes durable what was written.

        Raises:
            Retryable: as `turn`.
        """
        durable = self._opened().sync()
        self._unsynced, self._wrote = 0, False
        self._next_sync_ms = now_ms + sync_every_ms
        with self._lock:
            self._durable.update(durable)

    def failed(self) -> None:
        """The sink failed: what it has not made durable is read from the journal again when it is back."""
        with self._lock:
            self._away()

    def _away(self) -> None:
        self._open = False
        self._queue.clear()
        self._waiting = self._unsynced = 0
        self._wrote = False

    def may_leave(self) -> bool:
        """Whether it was given everything that it should have before it leaves: it is to be finished."""
        with self._lock:
            if self._upto is None or not self._used:
                return self._upto == {}
            return self._open and all(self._stands(stream) >= position for stream, position in self._upto.items())

    def finish(self, now_ms: int) -> None:
        """Writes what waits, makes everything durable, publishes it and releases the sink.

        What is given in the meantime is not taken, and read from the journal again if the lane is turned once more.

        Raises:
            Retryable: as `turn`.
        """
        if not self._used and self.may_leave():
            return
        self._opened()
        while self._write_next():
            pass
        self.sync(now_ms)
        self._published(self._opened().close())
        with self._lock:
            self._away()
            self._sink = None

    def publish(self, now_ms: int) -> None:
        """Makes everything durable and publishes it; the sink goes on with the next turn.

        Raises:
            Retryable: as `turn`.
        """
        self.finish(now_ms)

    def _opened(self) -> Sink:
        if self._open and self._sink is not None:
            return self._sink
        self._used = True
        if self._sink is None:
            with self._lock:
                schema = self._schema
            self._sink, self._made_for = self._make(schema), schema
        self._begin(self._sink.open())
        return self._sink

    def _begin(self, durable: Positions) -> None:
        """Goes on from where the sink is durable."""
        with self._lock:
            self._away()
            self._open, self._durable = True, self._known(durable)
            self._given = dict(self._durable)

    def _known(self, durable: Positions) -> dict[str, int]:
        """What the journal has released counts as durable: it was, or there was nothing for this sink."""
        streams = durable.keys() | self._released.keys()
        return {stream: max(durable.get(stream, 0), self._released.get(stream, 0)) for stream in streams}

    def _write_next(self) -> bool:
        """Writes the batch that waits longest; whether there was one."""
        with self._lock:
            work = self._queue[0] if self._queue else None
        if work is None:
            return False
        if work.records and work.schema is not self._made_for and work.schema != self._made_for:
            self._change_to(work.schema)
            return True
        self._write(self._opened(), work)
        self._unsynced += len(work.records)
        self._wrote = True
        with self._lock:
            if self._queue and self._queue[0] is work:
                self._queue.popleft()
                self._waiting -= len(work.records)
        return True

    def _change_to(self, schema: dict[str, Any]) -> None:
        """Publishes, and goes on with a sink for another schema. What waits, waits on: it follows what is durable."""
        sink = self._opened()
        self.sync(self._next_sync_ms)
        self._published(sink.close())
        self._sink = None
        sink = self._make(schema)
        durable = sink.open()
        self._sink, self._made_for = sink, schema
        if self._known(durable) != self._durable:
            self._begin(durable)

    def _write(self, sink: Sink, work: Work) -> None:
        upto = {work.stream: work.end}
        if (work.stream, work.start) in self._difficult:
            self._write_singly(sink, work)
            sink.write([], upto, [])
            return
        try:
            sink.write(work.records, upto, work.about)
        except Permanent:
            self._write_singly(sink, work)
            sink.write([], upto, [])
        except Retryable:
            raise
        except Exception as error:  # task edge: a sink that fails in a way that nobody foresaw must not stop for ever
            # What it took of the batch is unknown: it starts again from what is durable, and then singly.
            self._difficult.add((work.stream, work.start))
            raise Retryable(f"{self.name}: {error!r}") from error

    def _write_singly(self, sink: Sink, work: Work) -> None:
        """A record of the batch does not fit: the others must not suffer for it."""
        for record, event, number in zip(work.records, work.about, work.numbers, strict=True):
            try:
                sink.write([record], {}, [event])
            except Permanent as error:
                self._refuse(work, number, event, error.message)
            except Retryable:
                raise
            except Exception as error:  # task edge: the one record that a sink cannot bear is refused
                self._refuse(work, number, event, repr(error))

    def _refuse(self, work: Work, number: int, event: Event, detail: str) -> None:
        with self._lock:
            self._refusals.append(Refusal(work.stream, work.start, number, event, f"{self.name}: {detail}"))

    def _published(self, names: list[str]) -> None:
        if names:
            self._telemetry.count("event_files_published", len(names))


def _reaches(stands: Positions, upto: Positions) -> bool:
    return all(stands.get(stream, 0) >= position for stream, position in upto.items())
