"""What nobody foresaw: the event, or at worst its batch, is rejected with the reason, and everything else goes on."""

from collections.abc import Iterable, Sequence

import pytest

from event_mapping import NOW, Setting, book, counts
from watchbell.domain.events.enrich import Enricher
from watchbell.domain.events.event import Event
from watchbell.domain.events.glance import Glance
from watchbell.domain.events.raw import RawEvent, RawKind, encode_batch
from watchbell.domain.events.rules.rule import Measure, Rule
from watchbell.domain.events.rules.windows import Failure, WindowCounter
from watchbell.ports.journal import JournalBatch
from watchbell.usecases.mapping_batches import BatchReading, ReadBatch

BATCH = b'{"party_id":"0:1:p","session_id":"0:1:s","event_id":"e","event_type":"vitals","parameters":'
NUMBERS = Rule(id="n", name="n", measure=Measure.PERCENTILE, field="parameters.lcp", percentile=75)


class Picky(WindowCounter):
    """Counts, but for events of one type."""

    def add(self, events: Iterable[Event]) -> list[Failure]:
        found = list(events)
        super().add([event for event in found if event.event_type != "picky"])
        return [Failure(event, ZeroDivisionError("surprise")) for event in found if event.event_type == "picky"]


class Blind(Glance):
    def add(self, events: list[Event]) -> None:
        raise ZeroDivisionError("blind")


class Careless(BatchReading):
    """Fails for a batch as a whole."""

    def read(self, batch: JournalBatch) -> ReadBatch:
        if b"careless" in batch.payload:
            raise ZeroDivisionError("surprise")
        return super().read(batch)


@pytest.fixture
def setting() -> Setting:
    return Setting()


def reasons(setting: Setting) -> Sequence[str]:
    return [each.reason for each in setting.rejected.kept]


async def test_an_event_of_the_journal_that_is_not_utf8_is_rejected_with_the_reason(setting):
    mapper = setting.mapper()
    mapper.windows.use([NUMBERS], NOW)
    raws = [
        RawEvent(RawKind.BATCH, "browser", NOW, "::1", None, "", BATCH + text + b"}")
        for text in (b'{"a":"\xff"}', b'{"lcp":1}')
    ]
    await setting.writer.append(encode_batch(raws))
    setting.run(mapper)
    assert book(mapper) == (2, 1, 1, 0, 0)
    (rejection,) = setting.rejected.kept
    assert (rejection.reason, "not UTF-8 (byte 9" in rejection.detail) == ("invalid_batch_event", True)
    assert [row.count for row in mapper.windows.report(NOW, NOW)] == [1]


async def test_an_event_that_a_rule_cannot_bear_is_rejected_alone(setting):
    mapper = setting.mapper()
    mapper.windows = Picky("n")
    mapper.windows.use([Rule(id="r", name="r")], NOW)
    await setting.accept("1")
    await setting.accept("2", event_type="picky")
    await setting.accept("3")
    setting.run(mapper)
    assert [sink.events() for sink in setting.sinks] == [["1", "3"]] * 2
    assert book(mapper) == (3, 2, 1, 0, 0)
    assert [(each.reason, each.detail) for each in setting.rejected.kept] == [
        ("not_countable", "ZeroDivisionError('surprise')")
    ]
    assert counts(mapper, NOW) == [(0, 2, False, False)]


async def test_what_was_rejected_while_it_was_counted_comes_to_no_sink_later(setting):
    setting.sinks[1].failing = {"open"}
    mapper = setting.mapper()
    mapper.windows = Picky("n")
    raws = [RawEvent(RawKind.BATCH, "browser", NOW, "::1", None, "", BATCH.replace(b"vitals", b"picky") + b"1}")]
    raws.append(RawEvent(RawKind.BATCH, "browser", NOW, "::1", None, "", BATCH + b"2}"))
    await setting.writer.append(encode_batch(raws))
    setting.run(mapper)
    setting.sinks[1].failing = set()
    again = setting.mapper(NOW + 1)  # which counts everything
    setting.run(again, NOW + 1)
    assert [[record["eventType"] for record in sink.durable] for sink in setting.sinks] == [["vitals"]] * 2
    assert book(again) == (2, 1, 1, 0, 0)


async def test_what_cannot_be_shown_is_mapped_all_the_same(setting):
    mapper = setting.mapper()
    mapper.glance = Blind()
    await setting.accept("1")
    setting.run(mapper)
    assert book(mapper) == (1, 1, 0, 0, 0)


async def test_a_batch_that_nobody_foresaw_is_rejected_as_a_whole(setting):
    setting.reading = Careless()
    mapper = setting.mapper()
    await setting.accept("1")
    await setting.accept("2", "3", event_type="careless")
    await setting.accept("4")
    setting.run(mapper)
    assert [sink.events() for sink in setting.sinks] == [["1", "4"]] * 2
    assert book(mapper) == (4, 2, 2, 0, 0)
    assert reasons(setting) == ["not_processed"] * 2
    assert setting.journal.read({}, 1 << 20) == []


async def test_a_batch_that_nobody_foresaw_does_not_stop_a_lane_that_catches_up(setting):
    setting.reading = Careless()
    setting.sinks[1].failing = {"open"}
    mapper = setting.mapper()
    await setting.accept("2", event_type="careless")
    await setting.accept("4")
    setting.run(mapper)
    setting.sinks[1].failing = set()
    setting.turn(mapper)
    setting.run(mapper)
    assert [sink.events() for sink in setting.sinks] == [["4"]] * 2
    assert book(mapper) == (2, 1, 1, 0, 0)


async def test_an_event_that_cannot_be_enriched_is_rejected_alone(setting):
    def parse(_agent: str, _hints: object) -> None:
        raise ZeroDivisionError("agent")

    setting.reading = BatchReading(Enricher(parse))  # pyright: ignore[reportArgumentType]
    mapper = setting.mapper()
    await setting.accept("1")
    raws = [RawEvent(RawKind.BATCH, "browser", NOW, "::1", "an agent", "", BATCH + b"1}")]
    await setting.writer.append(encode_batch(raws))
    setting.run(mapper)
    assert reasons(setting) == ["not_enrichable"]
    assert book(mapper) == (2, 1, 1, 0, 0)


async def test_what_is_lost_from_the_journal_is_in_the_books_and_stays(setting):
    mapper = setting.mapper()
    await setting.accept("1", "2")
    lost = await setting.writer.append(encode_batch([]))
    await setting.accept("3", "4", "5")
    await setting.accept("6")
    setting.journal.remove("a", lost)
    await setting.writer.append(b"\x92 rubbish that says it is two")
    setting.run(mapper)
    assert book(mapper) == (3, 3, 0, 0, 0)
    assert (mapper.counted.lost, mapper.counted.accepted({"a": setting.writer.accepted()})) == (5, 8)
    again = setting.mapper(NOW + 1)
    assert (again.counted.lost, again.counted.accepted({})) == (5, 8)
    assert setting.journal.checkpoint().numbers == {"a": 8}
