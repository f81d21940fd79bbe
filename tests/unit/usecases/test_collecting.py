"""Groups of events on their way into the journal."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from waiting import turns
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.collector.metrics import CollectorMetrics
from watchbell.domain.errors import Overloaded
from watchbell.domain.events.raw import RawEvent, RawKind, decode_batch
from watchbell.usecases.collecting import LARGEST, Collecting


class SlowJournal:
    """A writer that waits until the test lets it go on, and fails when told to."""

    def __init__(self) -> None:
        self.appended: list[list[RawEvent]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def append(self, payload: bytes) -> int:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.appended.append(decode_batch(payload))
        return len(self.appended)

    def end(self) -> int:
        return len(self.appended)

    def size(self) -> int:
        return 0

    def accepted(self) -> int:
        return 0

    def truncated(self) -> int:
        return 0

    async def close(self) -> None:
        pass


def raw(name: str = "x", body: bytes = b"") -> RawEvent:
    return RawEvent(RawKind.BROWSER, "browser", 1, "127.0.0.1", None, name, body)


@pytest.fixture
def metrics(tmp_path: Path) -> CollectorMetrics:
    return CollectorMetrics(tmp_path, "test")


def counted(metrics: CollectorMetrics, name: str) -> float:
    return sum(series.value for series in metrics.snapshot().counters if series.name == name)


async def test_an_event_is_done_when_the_journal_has_it(metrics):
    journal = SlowJournal()
    accepted = Collecting(journal, metrics).accept(raw())
    await turns()
    assert not accepted.done()
    journal.gate.set()
    await accepted
    assert journal.appended == [[raw()]]


async def test_events_of_one_turn_are_one_batch(metrics):
    memory = MemoryJournal()
    collecting = Collecting(memory.writer("a"), metrics)
    await asyncio.gather(*[collecting.accept(raw(str(n))) for n in range(50)])
    (batch,) = memory.read({}, 1 << 20)
    assert [event.query for event in decode_batch(batch.payload)] == [str(n) for n in range(50)]
    assert counted(metrics, "events_accepted") == 50


async def test_what_comes_while_the_disk_is_busy_is_the_next_batch(metrics):
    journal = SlowJournal()
    collecting = Collecting(journal, metrics)
    first = collecting.accept(raw("first"))
    await turns()
    later = [collecting.accept(raw("a")), collecting.accept_all([raw("b"), raw("c")])]
    journal.gate.set()
    await asyncio.gather(first, *later)
    assert [[event.query for event in batch] for batch in journal.appended] == [["first"], ["a", "b", "c"]]


async def test_a_full_journal_is_told_to_everyone_in_the_batch(metrics):
    collecting = Collecting(MemoryJournal(10).writer("a"), metrics)
    waiting = [collecting.accept(raw()) for _ in range(3)]
    assert all(isinstance(error, Overloaded) for error in await asyncio.gather(*waiting, return_exceptions=True))
    assert counted(metrics, "events_refused") == 3
    assert counted(metrics, "events_accepted") == 0


async def test_a_failing_disk_is_overload_and_passes(metrics):
    journal = SlowJournal()
    journal.gate.set()
    journal.error = OSError("no space left")
    collecting = Collecting(journal, metrics)
    with pytest.raises(Overloaded, match="no space left") as caught:
        await collecting.accept(raw())
    assert caught.value.retry_after > 0
    journal.error = None
    await collecting.accept(raw("after"))
    assert [event.query for event in journal.appended[0]] == ["after"]


async def test_nobody_waiting_for_the_error_is_no_error(metrics):
    """A client that hung up must not leave a warning behind (the test run turns warnings into errors)."""
    collecting = Collecting(MemoryJournal(10).writer("a"), metrics)
    collecting.accept(raw())
    await collecting.drain()


async def test_what_waits_is_bounded(metrics):
    journal = SlowJournal()
    collecting = Collecting(journal, metrics, max_waiting=2)
    first = collecting.accept(raw("flushing"))
    await turns()
    waiting = [collecting.accept(raw("1" * 11)), collecting.accept(raw("2" * 11))]
    with pytest.raises(Overloaded):
        collecting.accept(raw("3"))
    with pytest.raises(Overloaded):
        collecting.accept_all([raw("4")])
    journal.gate.set()
    await asyncio.gather(first, *waiting)
    assert sum(len(batch) for batch in journal.appended) == 3
    assert counted(metrics, "events_refused") == 2


async def test_the_bodies_that_wait_are_bounded(metrics):
    journal = SlowJournal()
    collecting = Collecting(journal, metrics, max_waiting_bytes=20)
    first = collecting.accept_all([raw("flushing")])
    await turns()
    second = collecting.accept_all([raw("a", b"x" * 15)])
    with pytest.raises(Overloaded):
        collecting.accept_all([raw("b", b"x" * 6)])
    journal.gate.set()
    await asyncio.gather(first, second)
    assert [[event.query for event in batch] for batch in journal.appended] == [["flushing"], ["a"]]


async def test_a_batch_is_taken_whole_or_not_at_all(metrics):
    journal = SlowJournal()
    journal.gate.set()
    collecting = Collecting(journal, metrics, max_waiting=3)
    with pytest.raises(Overloaded):
        collecting.accept_all([raw()] * 4)
    await collecting.drain()
    assert journal.appended == []


async def test_draining_waits_for_everything(metrics):
    journal = SlowJournal()
    collecting = Collecting(journal, metrics)
    for n in range(3):
        collecting.accept(raw(str(n)))
        await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.02, journal.gate.set)
    await collecting.drain()
    assert sum(len(batch) for batch in journal.appended) == 3


async def test_queries_and_headers_that_wait_are_bounded_too(metrics):
    journal = SlowJournal()
    collecting = Collecting(journal, metrics, max_waiting_bytes=2 * LARGEST + 100)
    first = collecting.accept(raw("flushing"))
    await turns()
    large = msgspec.structs.replace(raw("q" * (LARGEST // 2)), headers=(("cookie", "c" * (LARGEST // 2 - 6)),))
    waiting = [collecting.accept(large), collecting.accept_all([large])]
    for event in (raw("q" * 101), msgspec.structs.replace(raw(""), user_agent="u" * 101)):
        with pytest.raises(Overloaded):
            collecting.accept(event)
        with pytest.raises(Overloaded):
            collecting.accept_all([event])
    waiting.append(collecting.accept(raw("q" * 100)))
    with pytest.raises(Overloaded):
        collecting.accept(raw("q"))
    journal.gate.set()
    await asyncio.gather(first, *waiting)
    assert [len(batch) for batch in journal.appended] == [1, 3]
    await collecting.accept(large)
    assert counted(metrics, "events_refused") == 5


async def test_what_nobody_foresaw_is_told_to_everyone_and_passes(metrics):
    journal = SlowJournal()
    journal.gate.set()
    journal.error = RecursionError("too deep")
    collecting = Collecting(journal, metrics)
    waiting = [collecting.accept(raw()), collecting.accept_all([raw(), raw()])]
    found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 60)
    assert [type(error) for error in found] == [Overloaded] * 2
    assert [(series.labels, series.value) for series in metrics.snapshot().counters] == [
        ((("reason", "not_foreseen"),), 3)
    ]
    journal.error = None
    await collecting.accept(raw("after"))
