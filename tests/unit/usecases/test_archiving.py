"""What is kept of alerts that housekeeping deletes, and for how long."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.past import PastAlert, PastQuery
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.errors import Fenced
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.store import Lease
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases import alerting, archiving
from watchbell.usecases.alerting import Alerting, Retained
from watchbell.usecases.intake import Intake
from watchbell.usecases.receiving import Receiving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 86400


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class Clock:
    time = NOW

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


class World:
    """Intake and housekeeping over one memory store."""

    def __init__(self, retained: Retained | None = None) -> None:
        self.store = MemoryStore()
        self.clock = Clock()
        model = AlertaModel()
        self.intake = Intake(self.store, self.clock, Receiving(model, Limits()), NullTelemetry())
        self.alerting = Alerting(self.store, model, retained)

    async def send(self, severity: str, at: float, resource: str = "web") -> None:
        self.clock.time = later(at)
        fields: dict[str, Any] = {"environment": "Production", "resource": resource, "service": ("Shop",)}
        await self.intake.receive(
            Signal(id=new_id(), event="Down", severity=severity, create_time=self.clock.time, **fields)
        )

    async def past(self) -> list[PastAlert]:
        async with self.store.reading() as tx:
            return await tx.past.find(PastQuery(), 100)

    async def live(self) -> int:
        async with self.store.reading() as tx:
            return len(await tx.reports.lapsed(("open", "closed"), (), later(999 * DAY), 100))


async def test_informational_alerts_are_archived_as_they_were(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(archiving, "AT_ONCE", 2)
    world = World()
    for number in range(5):
        await world.send("informational", number, f"web{number}")
    assert await world.alerting.delete_old([], later(43300)) == 5
    past = await world.past()
    assert sorted((each.resource, each.status, each.resolved_at, each.stood) for each in past) == [
        (f"web{number}", "open", None, 0) for number in range(5)
    ]


async def test_nothing_is_archived_where_nothing_is_kept():
    world = World(Retained(past=0))
    await world.send("major", 0)
    await world.send("normal", 10)
    await world.send("normal", 7000)
    assert await world.alerting.settle([], later(7211)) == 1
    assert await world.alerting.delete_old([], later(99_999)) == 1
    assert await world.past() == []


async def test_the_archive_ends(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(alerting, "PRUNED", 2)
    world = World(Retained(past=30 * DAY))
    for number in range(5):
        await world.send("informational", 0, f"web{number}")
    await world.alerting.delete_old([], later(DAY))
    assert await world.alerting.prune([], later(31 * DAY)) == 0
    assert [await world.alerting.prune([], later(31 * DAY + 1)) for _ in range(4)] == [2, 2, 1, 0]
    assert await world.past() == []


async def test_an_alert_that_is_over_but_heard_of_begins_another_episode():
    world = World()
    await world.send("major", 0)
    await world.send("normal", 100)
    await world.send("normal", 7000)
    assert await world.alerting.settle([], later(7300)) == 0
    assert await world.alerting.settle([], later(7301)) == 1
    assert await world.alerting.settle([], later(9999)) == 0
    assert [(each.opened_at, each.resolved_at) for each in await world.past()] == [(NOW, later(100))]
    await world.send("normal", 8000)
    await world.send("critical", 9000)
    await world.send("normal", 9010)
    await world.alerting.delete_old([], later(99_999))
    found = [(each.opened_at, each.resolved_at, each.highest_severity) for each in await world.past()]
    assert found == [(later(9000), later(9010), "critical"), (NOW, later(100), "major")]
    assert await world.live() == 0


async def test_one_that_opens_again_at_once_goes_on():
    world = World()
    for severity, at in (("major", 0), ("normal", 100), ("minor", 150), ("normal", 200)):
        await world.send(severity, at)
    assert await world.alerting.delete_old([], later(7401)) == 1
    (past,) = await world.past()
    assert (past.opened_at, past.resolved_at, past.severity_changes, past.highest_severity) == (
        NOW,
        later(200),
        3,
        "major",
    )


async def test_where_closed_alerts_are_kept_for_ever_episodes_end_all_the_same():
    world = World(Retained(closed=0))
    await world.send("major", 0)
    await world.send("normal", 10)
    assert await world.alerting.settle([], later(7211)) == 1
    assert (len(await world.past()), await world.live()) == (1, 1)


async def test_who_lost_the_lease_archives_and_deletes_nothing():
    world = World()
    await world.send("major", 0)
    await world.send("normal", 10)
    lost = [Lease(name="shard-0", holder="other", token=1, expires_at=NOW)]
    for work in (world.alerting.delete_old, world.alerting.settle, world.alerting.prune):
        with pytest.raises(Fenced):
            await work(lost, later(9999))
    assert (await world.past(), await world.live()) == ([], 1)
