"""The way from the journal into two sinks, under failures, crashes and changes of the mappings at any point.

Each accepted event is in each sink that the mappings of its time name exactly once, with the same flags, and in the
books once. The two sides of a lane, the mapper and whoever runs the lane, meet in the middle of each other's calls: a
sink and the journal let the other side go on while they are asked.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from event_mapping import OTHER_SCHEMA, REVIVED, OtherMapping
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.adapters.rejected import MemoryRejected
from watchbell.domain.errors import Retryable
from watchbell.domain.events.duplicates import DuplicateMemory
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.domain.events.record import DEFAULT_SCHEMA
from watchbell.ports.journal import JournalBatch, Positions
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.lanes import Lane
from watchbell.usecases.mapping import Mapper

NOW = 1_700_000_000_000

Act = Callable[[], None]


class Place:
    """What a sink has made durable; it outlives the process. `meanwhile`: call → what happens in the midst of it."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.positions: dict[str, int] = {}
        self.away = False
        self.meanwhile: dict[str, Act] = {}

    def during(self, call: str) -> None:
        act = self.meanwhile.pop(call, None)
        if act is not None:
            act()


class PlaceSink:
    """A sink of one process, for records of one schema."""

    def __init__(self, place: Place, schema: dict[str, Any]) -> None:
        self.place = place
        self.schema = schema
        self.fresh: list[dict[str, Any]] = []
        self.upto: dict[str, int] = {}

    def _reach(self, call: str) -> None:
        self.place.during(f"before {call}")
        if self.place.away:
            raise Retryable("away")

    def open(self) -> Positions:
        self._reach("open")
        self.fresh, self.upto = [], dict(self.place.positions)
        self.place.during("after open")
        return dict(self.upto)

    def write(self, records: Sequence[dict[str, Any]], upto: Positions, about: Sequence[Event] = ()) -> None:
        self._reach("write")
        assert all(record["schema"] == self.schema["name"] for record in records)
        self.fresh += records
        self.upto.update(upto)
        self.place.during("after write")

    def sync(self) -> Positions:
        self._reach("sync")
        self._keep()
        self.place.during("after sync")
        return dict(self.place.positions)

    def _keep(self) -> None:
        self.place.records += self.fresh
        self.fresh, self.place.positions = [], dict(self.upto)

    def tend(self) -> list[str]:
        return []

    def close(self) -> list[str]:
        self._reach("close")
        self._keep()
        self.place.during("after close")
        return []


class Interrupted(MemoryJournal):
    """A journal that lets something happen while it is read."""

    meanwhile: Act | None = None

    def read(self, after: Positions, max_bytes: int) -> Sequence[JournalBatch]:
        found = super().read(after, max_bytes)
        act, self.meanwhile = self.meanwhile, None
        if act is not None:
            act()
        return found


class Version(OtherMapping):
    """The mapping in force for a time; its records say which one it was."""

    def record(self, event: Event) -> dict[str, Any] | None:
        return {
            "serial": event.page_view_id,
            "duplicate": event.duplicate,
            "version": self.name,
            "schema": self.schema["name"],
        }


class Lanes(RuleBasedStateMachine):
    """One journal with two streams."""

    @initialize()
    def begin(self) -> None:
        self.journal = Interrupted()
        self.writers = [self.journal.writer(name) for name in ("a", "b")]
        self.places = [Place(), Place()]
        self.table = [0] * 100_003
        self.accepted: list[list[str]] = [[], []]
        self.serial = 0
        self.invalid = 0
        self.rejected = MemoryRejected()
        self.versions: dict[str, tuple[str, ...]] = {}
        self.is_mapping = False
        self.turning: set[str] = set()
        self.version = self.new_version(("0", "1"), DEFAULT_SCHEMA)
        self.start()

    def new_version(self, sinks: tuple[str, ...], schema: dict[str, Any]) -> Version:
        name = f"v{len(self.versions)}"
        self.versions[name] = sinks
        return Version(name, sinks=sinks, schema=schema)

    def start(self) -> None:
        makers = {
            str(number): (lambda schema, place=place: PlaceSink(place, schema))
            for number, place in enumerate(self.places)
        }
        memory = DuplicateMemory(table=self.table)
        self.mapper = Mapper(
            self.journal,
            makers,
            self.rejected,
            NullTelemetry(),
            node="n",
            mappings=[self.version],
            duplicates=memory,
        )
        self.mapper.open(NOW, REVIVED.__getitem__)

    @rule(stream=st.integers(0, 1), names=st.lists(st.integers(0, 30), max_size=5), invalid=st.booleans())
    def accept(self, stream: int, names: list[int], invalid: bool) -> None:
        serials = range(self.serial, self.serial + len(names))
        self.serial += len(names)
        queries = [
            f"p=0:1:p&s=0:1:{stream}&v={serial}&e={name}&c=1&n=t&f=f&t=t"
            for serial, name in zip(serials, names, strict=True)
        ] + ["?"] * invalid
        raws = [RawEvent(RawKind.BROWSER, "browser", NOW, "::1", None, query) for query in queries]
        asyncio.run(self.writers[stream].append(encode_batch(raws)))
        self.accepted[stream] += [str(name) for name in names]
        self.invalid += invalid

    @rule()
    def step(self) -> None:
        if not self.is_mapping:
            self.is_mapping = True
            try:
                self.mapper.step(NOW)
            finally:
                self.is_mapping = False

    @rule(sinks=st.sampled_from([("0",), ("1",), ("0", "1")]), schema=st.sampled_from([DEFAULT_SCHEMA, OTHER_SCHEMA]))
    def change(self, sinks: tuple[str, ...], schema: dict[str, Any]) -> None:
        if not self.is_mapping:
            self.version = self.new_version(sinks, schema)
            self.mapper.use_mappings([self.version])

    def lane(self, number: int) -> Lane | None:
        return next((lane for lane in self.mapper.lanes() if lane.name == str(number)), None)

    @rule(number=st.integers(0, 1), call=st.sampled_from(["turn", "sync", "publish"]))
    def turn(self, number: int, call: str) -> None:
        """As whoever runs it does it."""
        lane = self.lane(number)
        if lane is None or lane.name in self.turning:
            return
        self.turning.add(lane.name)
        try:
            if not lane.may_leave():
                lane.turn(NOW, 1 << 50)
                if call == "sync":
                    lane.sync(NOW)
                elif call == "publish":
                    lane.publish(NOW)
            if lane.may_leave():
                lane.finish(NOW)
        except Retryable:
            lane.failed()
        finally:
            self.turning.discard(lane.name)
        if lane.has_left() and not self.is_mapping:
            self.mapper.left(lane)

    @rule(
        number=st.integers(0, 1),
        when=st.sampled_from(["before", "after"]),
        call=st.sampled_from(["open", "write", "sync", "close"]),
        what=st.sampled_from(["step", "change", "away", "failed", "leave"]),
    )
    def in_the_midst_of_a_sink(self, number: int, when: str, call: str, what: str) -> None:
        """The mapper goes on, or the sink fails, when it is asked the next time."""
        place = self.places[number]
        acts: dict[str, Act] = {
            "step": self.step,
            "change": lambda: self.change(("0", "1"), OTHER_SCHEMA),
            "leave": lambda: self.change((str(1 - number),), DEFAULT_SCHEMA),
            "away": lambda: self.reach(number, away=True),
            "failed": lambda: self.fail(number),
        }
        place.meanwhile[f"{when} {call}"] = acts[what]

    def fail(self, number: int) -> None:
        lane = self.lane(number)
        if lane is not None:
            lane.failed()

    @rule(number=st.integers(0, 1), calls=st.lists(st.sampled_from(["turn", "sync", "publish", "failed"]), max_size=3))
    def in_the_midst_of_a_reading(self, number: int, calls: list[str]) -> None:
        """Whoever runs a lane goes on while the journal is read."""

        def act() -> None:
            for call in calls:
                if call == "failed":
                    self.fail(number)
                else:
                    self.turn(number, call)

        self.journal.meanwhile = act

    @rule(number=st.integers(0, 1), away=st.booleans())
    def reach(self, number: int, away: bool) -> None:
        self.places[number].away = away

    @rule()
    def commit(self) -> None:
        self.mapper.commit(NOW)

    @rule()
    def crash(self) -> None:
        """It is counted again before the mappings change the next time."""
        self.forget_what_happens_meanwhile()
        self.start()
        while self.mapper.step(NOW):
            pass

    def forget_what_happens_meanwhile(self) -> None:
        self.journal.meanwhile = None
        for place in self.places:
            place.meanwhile.clear()

    @invariant()
    def nothing_is_released_that_a_sink_lacks(self) -> None:
        if not hasattr(self, "journal"):
            return
        released = self.journal.checkpoint().positions
        for lane in self.mapper.lanes():
            upto = lane.upto()
            for stream, position in released.items():
                wanted = position if upto is None else min(position, upto.get(stream, 0))
                assert lane.durable().get(stream, 0) >= wanted

    def teardown(self) -> None:
        if not hasattr(self, "journal"):
            return
        self.forget_what_happens_meanwhile()
        for place in self.places:
            place.away = False
        for _ in range(10_000):
            self.turn(0, "turn")
            self.turn(1, "turn")
            leaving = any(lane.upto() is not None for lane in self.mapper.lanes())
            waits = any(lane.has_work() for lane in self.mapper.lanes())
            if not (self.mapper.step(NOW) or self.mapper.is_behind() or leaving or waits):
                break
        else:
            raise AssertionError("there is always more to do")
        for lane in self.mapper.lanes():
            lane.finish(NOW)
        self.mapper.commit(NOW)
        self.check()

    def check(self) -> None:
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for number, place in enumerate(self.places):
            for record in place.records:
                sinks = found.setdefault(record["serial"], {})
                assert str(number) not in sinks, f"{record} is twice in {number}"
                sinks[str(number)] = record
        assert sorted(found, key=int) == [str(serial) for serial in range(self.serial)]
        fresh = 0
        for sinks in found.values():
            record = next(iter(sinks.values()))
            assert all(each == record for each in sinks.values())
            assert tuple(sorted(sinks)) == self.versions[record["version"]]
            fresh += not record["duplicate"]
        # A name that is new in its stream is never taken for a duplicate; one that comes again always is.
        assert fresh >= sum(len(set(stream)) for stream in self.accepted)
        book = self.mapper.accounts().get("browser")
        if book is not None:
            received = self.serial + self.invalid
            assert (book.received, book.stored, book.rejected) == (received, self.serial, self.invalid)
        assert self.journal.read({}, 1 << 20) == []
        assert len(self.rejected.kept) >= self.invalid


TestLanes = Lanes.TestCase
TestLanes.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)
