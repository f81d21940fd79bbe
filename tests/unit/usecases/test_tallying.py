"""What is told to the keepers, and when telling fails."""

from collections.abc import Sequence

from event_mapping import NOW, RULE, Setting
from watchbell.adapters.tallies import FixedRules, MemoryTallies
from watchbell.domain.errors import Retryable
from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.rules.part import WindowPart, moment_of
from watchbell.domain.events.rules.rule import Rule
from watchbell.ports.tally import MinuteCount, RecentEvents
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.tallying import SHOWN_EVENTS, Tallying


class Unreachable(MemoryTallies):
    """Fails while `away`."""

    away = True

    async def report(self, counts: Sequence[WindowPart]) -> None:
        if self.away:
            raise Retryable("away")
        await super().report(counts)

    async def recent(self, recent: RecentEvents) -> None:
        if self.away:
            raise Retryable("away")
        await super().recent(recent)

    async def books(self, books: NodeBooks) -> None:
        if self.away:
            raise Retryable("away")
        await super().books(books)


class NoRules(FixedRules):
    """Cannot be asked while `away`."""

    away = True

    async def current(self) -> Sequence[Rule]:
        if self.away:
            raise Retryable("away")
        return await super().current()


async def test_counts_and_events_are_reported():
    setting, tallies = Setting(), MemoryTallies()
    mapper = setting.mapper()
    tallying = Tallying(mapper, tallies, FixedRules([RULE]), NullTelemetry(), "n")
    await tallying.refresh(NOW)
    await setting.accept(*[str(n) for n in range(SHOWN_EVENTS + 5)])
    mapper.step(NOW)
    await tallying.report(NOW)
    (row,) = await tallies.windows("r", moment_of(0))
    assert (row.count, row.node, row.window_start) == (SHOWN_EVENTS + 5, "n", moment_of(NOW))
    tail = await tallies.tail()
    assert len(tail) == SHOWN_EVENTS
    assert tail[0]["event_id"] == str(SHOWN_EVENTS + 4)
    assert await tallies.minutes(moment_of(0)) == [MinuteCount(moment_of(NOW), "t", SHOWN_EVENTS + 5)]


async def test_what_could_not_be_told_is_told_later():
    setting, tallies = Setting(), Unreachable()
    mapper = setting.mapper()
    tallying = Tallying(mapper, tallies, FixedRules([RULE]), NullTelemetry(), "n")
    await setting.accept("1")
    mapper.step(NOW)
    await tallying.report(NOW)
    tallies.away = False
    await tallying.report(NOW)
    (row,) = await tallies.windows("r", moment_of(0))
    assert row.count == 1
    assert await tallies.minutes(moment_of(0)) == [MinuteCount(moment_of(NOW), "t", 1)]


async def test_windows_before_the_rules_were_known_are_partial():
    setting, tallies = Setting(), MemoryTallies()
    mapper = setting.mapper()
    rules = NoRules([RULE])
    tallying = Tallying(mapper, tallies, rules, NullTelemetry(), "n")
    await tallying.refresh(NOW)
    await tallying.refresh(NOW + 10)
    rules.away = False
    await tallying.refresh(NOW + 20)
    await tallying.report(NOW + 120_000)
    rows = await tallies.windows("r", moment_of(0))
    assert [row.partial for row in rows] == [True, False, False]


async def test_rules_that_cannot_be_asked_for_stay_as_they_were():
    setting, tallies = Setting(), MemoryTallies()
    mapper = setting.mapper()
    tallying = Tallying(mapper, tallies, NoRules(), NullTelemetry(), "n")
    await tallying.refresh(NOW)
    await setting.accept("1")
    mapper.step(NOW)
    await tallying.report(NOW)
    assert len(await tallies.windows("r", moment_of(0))) == 1


async def test_books_are_told_when_they_changed_and_again_when_nobody_heard():
    setting, tallies = Setting(), Unreachable()
    mapper = setting.mapper()
    tallying = Tallying(mapper, tallies, FixedRules([]), NullTelemetry(), "n")

    def books(at_ms: int, accepted: int = 1) -> NodeBooks:
        return NodeBooks(node="n", at_ms=at_ms, sources=mapper.accounts(), accepted=accepted)

    await tallying.report_books(books(1))
    assert await tallies.nodes() == []
    tallies.away = False
    await tallying.report_books(books(2))
    await tallying.report_books(books(3))
    assert [each.at_ms for each in await tallies.nodes()] == [2]
    await setting.accept("1")
    mapper.step(NOW)
    await tallying.report_books(books(4))
    assert [(each.at_ms, each.received) for each in await tallies.nodes()] == [(4, 1)]
    await tallying.report_books(books(5, 2))
    assert [(each.at_ms, each.waiting) for each in await tallies.nodes()] == [(5, 1)]
