"""Mapping from a journal into sinks: exactly once, whatever fails in between."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.adapters.rejected import MemoryRejected
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.domain.events.record import DefaultMapping, UserAgent
from watchbell.domain.events.rule import Rule
from watchbell.ports.journal import Positions
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.mapping import NOTE_EVERY_MS, SETTLE_MS, Mapper

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
        self.published = 0

    def _fail(self, what: str) -> None:
        if what in self.failing:
            raise Retryable(f"{what} failed")

    def open(self) -> Positions:
        self._fail("open")
        self.waiting, self.upto = [], dict(self.positions)
        return dict(self.positions)

    def write(self, records: Sequence[dict[str, Any]], upto: Positions) -> None:
        self._fail("write")
        if any(record["eventType"] == "poison" for record in records):
            raise Permanent("poison")
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
        self.published += 1
        return ["file"]

    def events(self) -> list[str]:
        return [record["pageViewId"] for record in self.durable]


class Setting:
    """A journal, two sinks, and mappers that come and go."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.writer = self.journal.writer("a")
        self.sinks = [MemorySink(), MemorySink()]
        self.rejected = MemoryRejected()

    def mapper(self, now: int = NOW, decode: Callable[[RawEvent], Event | Rejection] = decode) -> Mapper:
        mapping = DefaultMapping(lambda _: UserAgent())
        mapper = Mapper(self.journal, self.sinks, mapping, self.rejected, NullTelemetry(), node="n", decode=decode)
        mapper.open(now)
        mapper.windows.use([RULE], now)
        return mapper

    async def accept(self, *names: str, event_type: str = "t", at: int = NOW) -> None:
        raws = [RawEvent(RawKind.BROWSER, "browser", at, "::1", None, query(name, event_type)) for name in names]
        await self.writer.append(encode_batch(raws))


def query(name: str, event_type: str) -> str:
    return "" if name == "bad" else f"p=0:1:p&s=0:1:s&v={name}&e={name}&c=1&n=t&f=f&t={event_type}"


@pytest.fixture
def setting() -> Setting:
    return Setting()


def counts(mapper: Mapper, now: int) -> list[tuple[int, int, bool, bool]]:
    return [
        (int(row.window_start.timestamp() * 1000) - NOW, row.count, row.complete, row.partial)
        for row in mapper.windows.report(now, mapper.counted_to_ms)
    ]


async def test_events_reach_every_sink_and_the_checkpoint(setting):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    await setting.accept("3")
    assert mapper.step(NOW) == 3
    assert mapper.uncommitted() == 3
    mapper.commit(NOW)
    assert [sink.events() for sink in setting.sinks] == [["1", "2", "3"]] * 2
    assert mapper.uncommitted() == 0
    assert setting.journal.read({}, 1 << 20) == []
    assert mapper.step(NOW) == 0


async def test_a_repeated_event_is_flagged(setting):
    mapper = setting.mapper()
    await setting.accept("1", "1")
    mapper.step(NOW)
    mapper.commit(NOW)
    assert [record["detectedDuplicate"] for record in setting.sinks[0].durable] == [False, True]


async def test_a_raw_request_that_is_no_event_is_kept_with_the_reason(setting):
    mapper = setting.mapper()
    await setting.accept("1", "bad", "2")
    mapper.step(NOW)
    mapper.commit(NOW)
    assert setting.sinks[0].events() == ["1", "2"]
    (rejection,) = setting.rejected.kept
    assert rejection.reason == "missing_parameter"


async def test_a_record_that_fits_no_schema_is_rejected_alone(setting):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    await setting.accept("3", event_type="poison")
    await setting.accept("4")
    mapper.step(NOW)
    mapper.commit(NOW)
    assert setting.sinks[0].events() == ["1", "2", "4"]
    assert [rejection.reason for rejection in setting.rejected.kept] == ["record_does_not_fit"] * 2


async def test_an_event_that_nobody_foresaw_is_rejected_alone(setting):
    def surprised(raw: RawEvent) -> Event | Rejection:
        if "v=2&" in raw.query:
            raise ZeroDivisionError("surprise")
        return decode(raw)

    mapper = setting.mapper(decode=surprised)
    await setting.accept("1", "2", "3")
    mapper.step(NOW)
    mapper.commit(NOW)
    assert setting.sinks[0].events() == ["1", "3"]
    assert [(each.reason, each.detail) for each in setting.rejected.kept] == [
        ("not_decodable", "ZeroDivisionError('surprise')")
    ]


async def test_an_unreadable_batch_does_not_stop_the_rest(setting):
    mapper = setting.mapper()
    await setting.writer.append(b"\xc1 rubbish")
    await setting.accept("1")
    mapper.step(NOW)
    mapper.commit(NOW)
    assert setting.sinks[0].events() == ["1"]


@pytest.mark.parametrize("when", ["before commit", "one sink synced", "synced, not noted"])
async def test_a_crash_repeats_and_loses_nothing(setting, when):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    mapper.step(NOW)
    mapper.commit(NOW)
    await setting.accept("3", "4")
    mapper.step(NOW)
    if when != "before commit":
        setting.sinks[0].sync()
    if when == "synced, not noted":
        setting.sinks[1].sync()
    again = setting.mapper(NOW + 1)
    again.step(NOW + 1)
    again.commit(NOW + 1)
    assert [sink.events() for sink in setting.sinks] == [["1", "2", "3", "4"]] * 2
    assert not any(record["detectedDuplicate"] for record in setting.sinks[0].durable)


async def test_counts_survive_a_crash_exactly(setting):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    mapper.step(NOW)
    mapper.commit(NOW)
    await setting.accept("3")
    mapper.step(NOW)
    again = setting.mapper(NOW + 1)
    again.step(NOW + 1)
    assert counts(again, NOW + 1) == [(0, 3, False, True)]


@pytest.mark.parametrize("failing", ["write", "sync"])
async def test_a_failing_sink_is_given_again_what_it_lost(setting, failing):
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW)
    mapper.commit(NOW)
    await setting.accept("2")
    mapper.step(NOW)
    await setting.accept("3")
    setting.sinks[1].failing = {failing, "open"}
    if failing == "sync":
        mapper.step(NOW)
    with pytest.raises(Retryable):
        mapper.commit(NOW) if failing == "sync" else mapper.step(NOW)
    with pytest.raises(Retryable):
        mapper.open(NOW)
    setting.sinks[1].failing = set()
    mapper.open(NOW)
    mapper.step(NOW)
    mapper.commit(NOW)
    assert [sink.events() for sink in setting.sinks] == [["1", "2", "3"]] * 2
    assert counts(mapper, NOW) == [(0, 3, False, False)]
    assert not any(record["detectedDuplicate"] for record in setting.sinks[1].durable)


async def test_rejections_that_cannot_be_kept_hold_the_checkpoint(setting):
    class Failing(MemoryRejected):
        def keep(self, rejections):
            raise Retryable("full")

    kept, setting.rejected = setting.rejected, Failing()
    mapper = setting.mapper()
    await setting.accept("1", "bad")
    mapper.step(NOW)
    with pytest.raises(Retryable):
        mapper.commit(NOW)
    assert setting.journal.checkpoint().positions == {}
    setting.rejected = kept
    again = setting.mapper()
    again.step(NOW)
    again.commit(NOW)
    assert setting.sinks[0].events() == ["1"]
    assert len(kept.kept) == 1


async def test_windows_complete_when_everything_before_their_end_is_counted(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW + MINUTE + SETTLE_MS)
    assert counts(mapper, NOW + MINUTE + SETTLE_MS)[0] == (0, 1, False, False)
    mapper.step(NOW + MINUTE + SETTLE_MS)
    assert counts(mapper, NOW + MINUTE + SETTLE_MS)[0] == (0, 1, True, False)


async def test_a_restart_marks_the_windows_in_which_it_was_away(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW)
    mapper.commit(NOW)
    mapper.commit(NOW + NOTE_EVERY_MS)
    now = NOW + MINUTE + NOTE_EVERY_MS
    again = setting.mapper(now)
    again.step(now + 2 * MINUTE)
    assert [row[3] for row in counts(again, now + 2 * MINUTE)] == [True, True, False, False]


async def test_closing_publishes(setting):
    mapper = setting.mapper()
    await setting.accept("1")
    mapper.step(NOW)
    mapper.close(NOW)
    assert [sink.published for sink in setting.sinks] == [1, 1]
    assert setting.sinks[0].events() == ["1"]
