"""Correlations that are gone: what becomes of the alerts that they made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.correlation import Correlation, Correlator
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.receive import Received
from watchbell.domain.errors import Fenced
from watchbell.domain.ids import new_id
from watchbell.domain.managed import Stored
from watchbell.domain.signal import Signal
from watchbell.ports.store import Lease
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import HandClock
from watchbell.usecases.configuration import Configured
from watchbell.usecases.in_force import InForce
from watchbell.usecases.intake import Intake
from watchbell.usecases.receiving import Receiving, apply_signals
from watchbell.usecases.retiring import Retiring
from watchbell.usecases.sweeping import AGAIN, SETTLES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNAL = Signal(
    id="",
    environment="Production",
    resource="web1",
    event="Down",
    severity="major",
    service=("Shop",),
    tags=("cluster=eu",),
    create_time=NOW,
)


class World:
    """Intake and a keeper over one memory store."""

    def __init__(self, model: AlarmModel | None = None):
        self.store, self.clock, self.model = MemoryStore(), HandClock(NOW), model or AlertaModel()
        self.configured = Configured(self.store, self.clock, NullTelemetry())
        receiving = Receiving(self.model, Limits())
        self.intake = Intake(self.store, self.clock, receiving, NullTelemetry(), configured=self.configured)
        self.retiring = Retiring(self.store, self.model, self.clock)

    async def rule(self, name: str = "cluster", **fields: Any) -> None:
        body: dict[str, Any] = {"key": "tag(tags, 'cluster')", **fields}
        row = Stored(kind="correlation", id="c", name=name, body=body, version=0, updated_at=NOW, updated_by="ann")
        async with self.store.transaction() as tx:
            await tx.catalogue.put([row])
        self.configured.expire()

    async def drop(self) -> None:
        async with self.store.transaction() as tx:
            await tx.catalogue.remove("correlation", ["c"])
        self.configured.expire()

    async def send(
        self, resource: str = "web1", severity: str = "major", tags: tuple[str, ...] = ("cluster=eu",)
    ) -> Alert:
        fields: dict[str, Any] = {"id": new_id(), "resource": resource, "severity": severity, "tags": tags}
        signal = msgspec.structs.replace(SIGNAL, create_time=self.clock.now(), **fields)
        return (await self.intake.receive(signal)).alert

    async def send_late(self) -> Alert:
        """A signal that meets the rule that is gone."""
        rules = InForce(correlator=Correlator([Correlation(name="cluster", key="tag(tags, 'cluster')")]))
        signal = msgspec.structs.replace(SIGNAL, id=new_id(), resource=new_id(), create_time=self.clock.now())
        receiving = Receiving(self.model, Limits())
        async with self.store.transaction() as tx:
            (received,) = (await apply_signals(tx, [signal], self.clock.now(), receiving, rules)).outcomes
        assert isinstance(received, Received)
        return received.alert

    async def kept(self, alert: Alert) -> tuple[str, str]:
        """Its status, and the reason of the last line of its history."""
        async with self.store.reading() as tx:
            (found,) = await tx.alerts.many([alert.id])
            return found.status, (await tx.history.of(alert.id))[-1].reason


@pytest.fixture
def world() -> World:
    return World()


async def test_a_deleted_rule_closes_its_alerts_and_says_why(world: World):
    await world.rule()
    made, plain = await world.send(), await world.send("db", tags=())
    assert await world.retiring.run([]) == set()
    await world.drop()
    world.clock.advance(1)
    assert len(await world.retiring.run([])) == 1, "it is routed"
    status, why = await world.kept(made)
    assert (status, why) == ("closed", "the correlation 'cluster' that made it was deleted or renamed")
    assert (await world.kept(plain))[0] == "open"
    assert await world.retiring.run([]) == set(), "once"
    alone = await world.send()
    assert alone.id != made.id
    assert alone.correlation is None
    assert alone.status == "open"


async def test_a_renamed_rule_closes_them_and_makes_others(world: World):
    await world.rule()
    made = await world.send()
    await world.rule("by cluster")
    other = await world.send()
    await world.retiring.run([])
    assert (await world.kept(made))[0] == "closed"
    assert (await world.kept(other))[0] == "open"
    assert other.id != made.id


async def test_a_rule_that_is_switched_off_closes_them(world: World):
    await world.rule()
    made = await world.send()
    await world.rule(enabled=False)
    await world.retiring.run([])
    assert await world.kept(made) == ("closed", "the correlation 'cluster' that made it is switched off")


async def test_a_changed_rule_and_one_that_cannot_be_read_here_close_nothing(world: World):
    await world.rule()
    made = await world.send()
    await world.rule(key="event", alerts={"event": "D*"})
    await world.retiring.run([])
    await world.rule(key="(", later="a field of a newer release")
    await world.retiring.run([])
    assert (await world.kept(made))[0] == "open"


async def test_what_a_process_makes_that_knows_late_is_found(world: World):
    """A process that has not heard of the change yet makes such alerts for a moment more, or, frozen, much later."""
    await world.rule()
    await world.send()
    await world.drop()
    await world.retiring.run([])
    for seconds, closed in ((SETTLES.total_seconds() - 1, True), (5, False), (AGAIN.total_seconds(), True)):
        late = await world.send_late()
        world.clock.advance(seconds)
        await world.retiring.run([])
        assert ((await world.kept(late))[0] == "closed") is closed


async def test_another_keeper_finds_what_is_left_to_do_and_one_without_the_lease_does_nothing(world: World):
    await world.rule()
    made = await world.send()
    await world.drop()
    gone = Lease(name="shard/0", holder="gone", token=1, expires_at=NOW)
    async with world.store.transaction() as tx:
        await tx.leases.acquire("shard/0", "gone", NOW, NOW)
    async with world.store.transaction() as tx:
        held = await tx.leases.acquire("shard/0", "other", NOW + timedelta(seconds=9), NOW + timedelta(days=1))
    assert held is not None
    with pytest.raises(Fenced):
        await world.retiring.run([gone])
    assert (await world.kept(made))[0] == "open"
    await Retiring(world.store, world.model, world.clock).run([held])
    assert (await world.kept(made))[0] == "closed"


async def test_by_isa_they_are_normal():
    world = World(IsaModel())
    await world.rule()
    made = await world.send()
    await world.drop()
    await world.retiring.run([])
    assert (await world.kept(made))[0] == "NORM"
