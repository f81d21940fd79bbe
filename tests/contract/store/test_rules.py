"""Event rules: parts of windows by group, judgements, hours."""

from datetime import timedelta

import msgspec

from contract.store.samples import after, new_window
from watchbell.domain.events.rules.baseline import HourRow
from watchbell.domain.events.rules.bounds import Outcome
from watchbell.domain.events.rules.watch import Judged
from watchbell.ports.store import Store

DAY = timedelta(days=1)


def new_judged(seconds: float, group: str = "", rule_id: str = "r1", **changes: object) -> Judged:
    row = Judged(
        rule_id=rule_id,
        group=group,
        window_start=after(seconds),
        value=3.5,
        low=1.25,
        high=None,
        expected=2.0,
        outcome=Outcome.OK,
        reason="as ünusual",
    )
    return msgspec.structs.replace(row, **changes)


def new_hour(hours: int, group: str = "", rule_id: str = "r1") -> HourRow:
    return HourRow(rule_id=rule_id, group=group, hour=after(hours * 3600), points=[0.5, 2.0, 2.0], odd=hours == 2)


async def test_of_two_reports_of_one_part_the_later_told_holds(store):
    """They may come in any order: a keeper that dies gives back what it took to another, behind newer ones."""
    first, second = (
        msgspec.structs.replace(new_window("r1", "n1", 0, count), told_ms=told)
        for count, told in ((5, 1000), (7, 2000))
    )
    other = msgspec.structs.replace(new_window("r1", "n2", 0, 1), told_ms=500)
    for report in ([first], [second, other], [first], [first, other]):
        async with store.transaction() as tx:
            await tx.tallies.report(report)
    async with store.reading() as tx:
        assert await tx.tallies.windows("r1", after(0)) == [second, other]


async def test_parts_of_groups_stand_beside_each_other(store: Store):
    whole = new_window("r1", "n1", 0, 5)
    app = msgspec.structs.replace(whole, group="app", count=2, of=7, sketch="ZGF0YQ==", complete=False)
    web = msgspec.structs.replace(whole, group="web", count=3, partial=True)
    async with store.transaction() as tx:
        await tx.tallies.report([web, whole, app])
        await tx.tallies.report([msgspec.structs.replace(app, count=4)])
    async with store.reading() as tx:
        assert await tx.tallies.windows("r1", after(0)) == [whole, msgspec.structs.replace(app, count=4), web]


async def test_the_newest_judgement_of_a_window_holds(store: Store):
    breach = new_judged(60, value=None, low=None, expected=None, outcome=Outcome.BREACH, state="breach")
    async with store.transaction() as tx:
        await tx.rule_history.record([new_judged(0, "b"), new_judged(0, "a"), new_judged(60), new_judged(0, "a", "r2")])
        await tx.rule_history.record([breach])
        await tx.rule_history.record([])
    async with store.reading() as tx:
        history = tx.rule_history
        assert await history.judged("r1", after(0), after(61)) == [new_judged(0, "a"), new_judged(0, "b"), breach]
        assert await history.judged("r1", after(0), after(60), "a") == [new_judged(0, "a")]
        assert await history.judged("r1", after(0), after(61), "") == [breach]
        assert await history.judged("r1", after(61), after(90)) == []
        assert await history.groups("r1", after(0)) == ["", "a", "b"]
        assert await history.groups("r1", after(1)) == [""]


async def test_hours_are_found_by_hour(store: Store):
    async with store.transaction() as tx:
        await tx.rule_history.learn([new_hour(1), new_hour(2, "g"), new_hour(2), new_hour(3), new_hour(2, "", "r2")])
        await tx.rule_history.learn([msgspec.structs.replace(new_hour(1), points=[9.0])])
    async with store.reading() as tx:
        found = await tx.rule_history.hours("r1", [after(7200), after(3600), after(99)])
        assert found == [msgspec.structs.replace(new_hour(1), points=[9.0]), new_hour(2), new_hour(2, "g")]
        assert await tx.rule_history.hours("r1", []) == []


async def test_a_rule_is_forgotten_alone(store: Store):
    async with store.transaction() as tx:
        for rule_id in ("r1", "r2"):
            await tx.tallies.report([new_window(rule_id, "n1", 0, 5)])
            await tx.rule_history.record([new_judged(0, rule_id=rule_id)])
            await tx.rule_history.learn([new_hour(1, rule_id=rule_id)])
        await tx.rule_history.forget("r1")
    async with store.reading() as tx:
        assert await tx.tallies.windows("r1", after(0)) == []
        assert await tx.rule_history.groups("r1", after(0)) == []
        assert await tx.rule_history.hours("r1", [after(3600)]) == []
        assert len(await tx.tallies.windows("r2", after(0))) == 1
        assert len(await tx.rule_history.judged("r2", after(0), after(60))) == 1
        assert len(await tx.rule_history.hours("r2", [after(3600)])) == 1


async def test_what_is_old_is_trimmed(store: Store):
    async with store.transaction() as tx:
        await tx.rule_history.record([new_judged(0), new_judged(60)])
        await tx.rule_history.learn([new_hour(1), new_hour(2)])
        await tx.rule_history.trim(after(60), after(7200))
    async with store.reading() as tx:
        assert await tx.rule_history.judged("r1", after(0), after(0) + DAY) == [new_judged(60)]
        assert await tx.rule_history.hours("r1", [after(3600), after(7200)]) == [new_hour(2)]
