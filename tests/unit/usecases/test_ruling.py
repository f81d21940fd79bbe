"""A keeper judges what collectors counted; rules that are deleted end what they opened."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.events.rules.baseline import HOUR, HourRow
from watchbell.domain.events.rules.bounds import Outcome
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Measure, Rule
from watchbell.domain.ids import SHARDS
from watchbell.domain.managed import Stored
from watchbell.domain.signal import Signal
from watchbell.ports.store import Lease
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import HandClock
from watchbell.usecases.configuration import Configured
from watchbell.usecases.ruling import Ruling

RULE = Rule(id="r1", name="orders", threshold=5, late_s=0)


class Place:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.began = self.clock.now()
        self.store = MemoryStore(now=self.clock.now)
        self.signals: list[Signal] = []
        self.configured = Configured(self.store, self.clock, NullTelemetry())
        self.leases: list[Lease] = []
        self.ruling = self.another_keeper()
        self.broken = False

    def another_keeper(self) -> Ruling:
        async def take(_tx: Any, signals: Sequence[Signal], _now: Any) -> list[int]:
            if self.broken:
                raise RuntimeError
            self.signals += signals
            return [3]

        return Ruling(self.store, self.configured, take, self.clock)

    async def start(self, *rules: Rule) -> "Place":
        await self.put(*rules)
        async with self.store.transaction() as tx:
            for shard in range(SHARDS):
                now = self.clock.now()
                lease = await tx.leases.acquire(f"shard/{shard}", "k", now, now + timedelta(days=90))
                assert lease is not None
                self.leases.append(lease)
        return self

    async def put(self, *rules: Rule) -> None:
        async with self.store.transaction() as tx:
            for rule in rules:
                body = {**msgspec.to_builtins(rule)}
                row = Stored(
                    kind="rule", id=rule.id, name=rule.name, body=body, version=0,
                    updated_at=self.clock.now(), updated_by="t",
                )  # fmt: skip
                await tx.catalogue.put([row])
        self.configured.expire()

    async def remove(self, rule: Rule) -> None:
        async with self.store.transaction() as tx:
            await tx.catalogue.remove("rule", [rule.id])
        self.configured.expire()

    async def report(self, window: int, count: int, **changes: Any) -> None:
        length = changes.get("window_s", 60)
        start = self.began + timedelta(seconds=window * length)
        fields: dict[str, Any] = {"rule_id": "r1", "node": "n", "window_s": 60, "complete": True, **changes}
        async with self.store.transaction() as tx:
            await tx.tallies.report([WindowPart(window_start=start, count=count, **fields)])

    async def judge(self, seconds: float) -> list[str]:
        """Judges so many seconds after the beginning; the severities that were said."""
        self.clock.advance((self.began + timedelta(seconds=seconds) - self.clock.now()).total_seconds())
        self.signals.clear()
        await self.ruling.run(self.leases)
        return [signal.severity for signal in self.signals]


@pytest.fixture
def place() -> Place:
    return Place()


async def test_a_rule_is_judged_and_recorded(place: Place):
    await place.start(RULE)
    assert await place.judge(0) == []
    await place.report(0, 2)
    assert await place.judge(61) == ["major"]
    await place.report(1, 8)
    assert await place.judge(121) == ["normal"]
    async with place.store.reading() as tx:
        rows = await tx.rule_history.judged("r1", place.began, place.clock.now())
    assert [(row.value, row.low, row.outcome, row.state) for row in rows] == [
        (2, 5, Outcome.BREACH, "breach"), (8, 5, Outcome.OK, ""),
    ]  # fmt: skip


async def test_another_keeper_goes_on_where_this_one_was(place: Place):
    await place.start(RULE)
    await place.judge(0)
    await place.report(0, 2)
    assert await place.judge(61) == ["major"]
    place.ruling = place.another_keeper()
    assert await place.judge(62) == []
    await place.report(1, 8)
    assert await place.judge(121) == ["normal"]


@pytest.mark.parametrize("how", ["deleted", "disabled"])
async def test_a_rule_that_goes_ends_what_it_opened(place: Place, how: str):
    await place.start(RULE)
    await place.judge(0)
    await place.report(0, 2)
    assert await place.judge(61) == ["major"]
    if how == "deleted":
        await place.remove(RULE)
    else:
        await place.put(msgspec.structs.replace(RULE, enabled=False))
    place.ruling = place.another_keeper()
    assert await place.judge(65) == ["normal"]
    assert place.signals[0].text == "orders is not watched any more"
    assert await place.judge(70) == []


async def kept_of(place: Place) -> tuple[int, int]:
    """How many judgements and how many reported windows of the rule are kept."""
    async with place.store.reading() as tx:
        judged = await tx.rule_history.judged("r1", place.began, place.clock.now())
        return len(judged), len(await tx.tallies.windows("r1", place.began))


@pytest.mark.parametrize("first", ["deleted", "disabled"])
async def test_what_was_kept_about_a_rule_goes_when_it_is_deleted(place: Place, first: str):
    """A disabled one keeps it, for it may be enabled again."""
    await place.start(RULE)
    await place.judge(0)
    await place.report(0, 2)
    await place.judge(61)
    assert await kept_of(place) == (1, 1)
    if first == "disabled":
        await place.put(msgspec.structs.replace(RULE, enabled=False))
        await place.judge(65)
        assert await kept_of(place) == (1, 1)
    await place.remove(RULE)
    place.ruling = place.another_keeper()
    await place.judge(70)
    assert await kept_of(place) == (0, 0)


async def test_what_was_not_written_is_written_again(place: Place):
    await place.start(RULE)
    await place.judge(0)
    await place.report(0, 2)
    place.broken = True
    with pytest.raises(RuntimeError):
        await place.judge(61)
    place.broken = False
    assert await place.judge(62) == ["major"]
    async with place.store.reading() as tx:
        assert len(await tx.rule_history.judged("r1", place.began, place.clock.now())) == 1


async def test_an_hour_is_learned_when_it_cannot_change_any_more(place: Place):
    await place.start(msgspec.structs.replace(RULE, window_s=600))
    await place.judge(0)
    for window in range(8):
        await place.report(window, window + 10, window_s=600)
        await place.judge(600 * window + 602)
    async with place.store.reading() as tx:
        rows = await tx.rule_history.hours("r1", [place.began, place.began + HOUR])
    assert [(row.hour, row.points) for row in rows] == [(place.began, [10, 11, 12, 13, 14, 15])]


async def test_learned_bounds_come_from_the_history(place: Place):
    rule = msgspec.structs.replace(RULE, learn=True)
    await place.start(rule)
    async with place.store.transaction() as tx:
        await tx.rule_history.learn(
            [
                HourRow(rule_id="r1", group="", hour=place.began - timedelta(weeks=back), points=[99.0, 101.0])
                for back in range(1, 5)
            ]
        )
    await place.judge(0)
    await place.report(0, 95)
    assert await place.judge(61) == []
    await place.report(1, 20)
    assert await place.judge(121) == ["major"]
    assert place.signals[0].attributes["expected"] == "99"


async def test_an_absence_of_a_group_rule(place: Place):
    rule = msgspec.structs.replace(RULE, measure=Measure.ABSENCE, window_s=60, group_by="source")
    await place.start(rule)
    await place.judge(0)
    said: list[str] = []
    for slot in range(14):
        await place.report(slot, 1 if slot == 0 else 0, window_s=6)
        if slot == 0:
            await place.report(slot, 1, window_s=6, group="web", complete=False)
        said += await place.judge(slot * 6 + 7)
    assert said == ["major"]
    assert place.signals == []


async def test_without_rules_nothing_is_written(place: Place):
    await place.start()
    await place.judge(0)
    async with place.store.reading() as tx:
        before = await tx.changes.latest()
    assert await place.judge(10) == []
    async with place.store.reading() as tx:
        assert await tx.changes.latest() == before
