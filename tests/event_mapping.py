"""A journal, sinks in memory and mappers that come and go: for tests of mapping."""

from collections.abc import Callable, Sequence
from typing import Any

from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.adapters.rejected import MemoryRejected
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.events.decode import decode
from watchbell.domain.events.duplicates import DuplicateMemory
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.mapping.errors import Unmappable
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.domain.events.record import DefaultMapping
from watchbell.domain.events.routes import EventMapping
from watchbell.domain.events.rules.rule import Rule
from watchbell.ports.journal import Positions
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.lanes import MakeSink
from watchbell.usecases.mapping import Mapper
from watchbell.usecases.mapping_batches import BatchReading

NOW = 1_700_000_040_000
MINUTE = 60_000
RULE = Rule(id="r", name="r")


class MemorySink:
    """Keeps records; forgets at `open` what was not synced; fails or refuses when told to."""

    def __init__(self) -> None:
        self.durable: list[dict[str, Any]] = []
        self.positions: dict[str, int] = {}
        self.waiting: list[dict[str, Any]] = []
        self.upto: dict[str, int] = {}
        self.failing: set[str] = set()
        self.schemas: list[dict[str, Any]] = []
        self.published: list[list[str]] = []

    def made(self, schema: dict[str, Any]) -> "MemorySink":
        self.schemas.append(schema)
        return self

    def _fail(self, what: str) -> None:
        if what in self.failing:
            raise Retryable(f"{what} failed")

    def open(self) -> Positions:
        self._fail("open")
        self.waiting, self.upto = [], dict(self.positions)
        return dict(self.positions)

    def write(self, records: Sequence[dict[str, Any]], upto: Positions, about: Sequence[Event] = ()) -> None:
        self._fail("write")
        assert len(about) == len(records)
        assert all(
            record.get("partyId", event.party_id) == event.party_id
            for record, event in zip(records, about, strict=True)
        )
        if any(record.get("eventType") == "poison" for record in records):
            raise Permanent("poison")
        if any(record.get("eventType") == "surprise" for record in records):
            raise ZeroDivisionError("surprise")
        self.waiting.extend(records)
        self.upto.update(upto)

    def sync(self) -> Positions:
        self._fail("sync")
        self.durable.extend(self.waiting)
        self.waiting, self.positions = [], dict(self.upto)
        return dict(self.positions)

    def tend(self) -> list[str]:
        return []

    def close(self) -> list[str]:
        self._fail("close")
        self.sync()
        self.published.append(self.events())
        return ["file"]

    def events(self) -> list[str]:
        return [record["pageViewId"] for record in self.durable]


REVIVED: dict[bytes, EventMapping] = {b"": DefaultMapping()}
"""Every mapping of the tests, by what is kept of it."""


class OtherMapping(DefaultMapping):
    """A mapping that the tests shape."""

    def __init__(self, name: str, **shape: Any) -> None:
        self.name = name
        self.kept = f"{name} {len(REVIVED)}".encode()
        REVIVED[self.kept] = self
        for key, value in shape.items():
            setattr(self, key, value)

    def record(self, event: Event) -> dict[str, Any] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if event.event_type == "drop":
            return None
        if event.event_type == "unmappable":
            raise Unmappable("mandatory_field_unset", "'price'")
        if event.event_type == "surprising":
            raise ZeroDivisionError("surprise")
        return {"pageViewId": event.page_view_id, "mapping": self.name, "duplicate": event.duplicate}


OTHER_SCHEMA = {"type": "record", "name": "Other", "fields": []}


class Setting:
    """A journal, two sinks, and mappers that come and go."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.writer = self.journal.writer("a")
        self.sinks = [MemorySink(), MemorySink()]
        self.rejected = MemoryRejected()
        self.table = [0] * 10_007
        self.telemetry = NullTelemetry()
        self.failures = 0
        self.kind: type[Mapper] = Mapper
        self.reading: BatchReading | None = None
        """Reads instead of what `mapper` would make."""

    def mapper(
        self,
        now: int = NOW,
        decode: Callable[[RawEvent], Event | Rejection] = decode,
        mappings: Sequence[EventMapping] = (DefaultMapping(),),
        forgotten: dict[str, int] | None = None,
    ) -> Mapper:
        makers: dict[str, MakeSink] = {str(number): sink.made for number, sink in enumerate(self.sinks)}
        mapper = self.kind(
            self.journal,
            makers,
            self.rejected,
            self.telemetry,
            node="n",
            mappings=mappings,
            duplicates=DuplicateMemory(table=self.table),
            reading=self.reading or BatchReading(forgotten=forgotten, decode=decode),
        )
        mapper.open(now, REVIVED.__getitem__)
        self.turn(mapper, now)
        mapper.windows.use([RULE], now)
        return mapper

    def turn(self, mapper: Mapper, now: int = NOW, every: int = 1 << 40) -> None:
        """Each lane once, as the role does it."""
        for lane in mapper.lanes():
            try:
                if not lane.may_leave():
                    lane.turn(now, every)
                if lane.may_leave():
                    lane.finish(now)
                    mapper.left(lane)
            except Retryable:
                self.failures += 1
                lane.failed()

    def run(self, mapper: Mapper, now: int = NOW) -> None:
        """Everything that there is, made durable and noted."""
        while mapper.step(now) or mapper.is_behind() or any(lane.has_work() for lane in mapper.lanes()):
            self.turn(mapper, now)
        self.turn(mapper, now)
        for lane in mapper.lanes():
            if lane.given("") is not None:
                try:
                    lane.sync(now)
                except Retryable:
                    lane.failed()
        mapper.commit(now)

    async def accept(self, *names: str, event_type: str = "t", at: int = NOW, source: str = "browser") -> None:
        raws = [RawEvent(RawKind.BROWSER, source, at, "::1", None, query(name, event_type)) for name in names]
        await self.writer.append(encode_batch(raws))


def query(name: str, event_type: str) -> str:
    return "" if name == "bad" else f"p=0:1:p&s=0:1:s&v={name}&e={name}&c=1&n=t&f=f&t={event_type}"


def counts(mapper: Mapper, now: int) -> list[tuple[int, int, bool, bool]]:
    return [
        (int(row.window_start.timestamp() * 1000) - NOW, row.count, row.complete, row.partial)
        for row in mapper.windows.report(now, mapper.counted_to_ms)
    ]


def book(mapper: Mapper, source: str = "browser") -> tuple[int, ...]:
    """(received, stored, rejected, dropped, discarded)."""
    found = mapper.accounts()[source]
    assert found.received == found.stored + found.rejected + found.dropped + found.discarded
    return found.received, found.stored, found.rejected, found.dropped, found.discarded
