from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.errors import Fenced
from watchbell.domain.ids import SHARDS, new_id
from watchbell.domain.signal import Signal
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.alerting import Alerting, Retained
from watchbell.usecases.housekeeping import Housekeeping
from watchbell.usecases.intake import Intake
from watchbell.usecases.operating import Operating
from watchbell.usecases.receiving import Receiving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ALL = range(SHARDS)


class Clock:
    def __init__(self):
        self.time = NOW

    def now(self):
        return self.time

    async def sleep(self, seconds):
        raise NotImplementedError


class World:
    """Intake, operators and time over one memory store."""

    def __init__(self, retained=None, model=None):
        self.store = MemoryStore()
        self.clock = Clock()
        model = model or AlertaModel()
        self.intake = Intake(self.store, self.clock, Receiving(model, Limits()), NullTelemetry())
        self.operating = Operating(self.store, self.clock, model)
        self.alerting = Alerting(self.store, model, retained)

    async def send(self, event="Down", severity="major", **more):
        fields: dict[str, Any] = {
            "environment": "Production",
            "resource": "web",
            "service": ("Shop",),
            "create_time": self.clock.time,
        }
        chosen: dict[str, Any] = {"id": new_id(), **fields, **more}
        sent = Signal(event=event, severity=severity, **chosen)
        return (await self.intake.receive(sent)).alert

    async def pass_to(self, seconds):
        """Go to `seconds` after the start and fire what is due."""
        self.clock.time = NOW + timedelta(seconds=seconds)
        async with self.store.reading() as tx:
            due = await tx.timers.due(ALL, self.clock.time, 100)
        return await self.alerting.fire(due, [], self.clock.time)

    async def alert(self, alert):
        async with self.store.reading() as tx:
            return await tx.alerts.get(alert.id)

    async def history(self, alert):
        async with self.store.reading() as tx:
            return [entry.type for entry in await tx.history.of(alert.id)]

    async def timers(self):
        async with self.store.reading() as tx:
            return [timer.due for timer in await tx.timers.due(ALL, NOW + timedelta(days=999), 100)]


@pytest.fixture
def world():
    return World()


async def test_an_alert_that_nobody_repeats_expires(world):
    alert = await world.send(timeout=60)
    assert await world.pass_to(59) == []
    assert (await world.alert(alert)).status == "open"
    assert len(await world.pass_to(60)) == 1
    assert (await world.alert(alert)).status == "expired"
    assert await world.history(alert) == ["new", "expired"]
    assert await world.timers() == []


async def test_a_repetition_puts_the_expiry_off(world):
    alert = await world.send(timeout=60)
    world.clock.time = NOW + timedelta(seconds=30)
    await world.send(timeout=60)
    await world.pass_to(60)
    assert (await world.alert(alert)).status == "open"
    assert await world.timers() == [NOW + timedelta(seconds=90)]
    await world.pass_to(90)
    assert (await world.alert(alert)).status == "expired"


async def test_a_shorter_time_out_brings_the_expiry_forward(world):
    alert = await world.send(timeout=3600)
    await world.send(timeout=10)
    await world.pass_to(10)
    assert (await world.alert(alert)).status == "expired"


async def test_what_expired_and_comes_back_expires_again(world):
    alert = await world.send(timeout=60)
    await world.pass_to(60)
    await world.send(timeout=60)
    assert (await world.alert(alert)).status == "open"
    await world.pass_to(120)
    assert await world.history(alert) == ["new", "expired", "status", "expired"]


@pytest.mark.parametrize(("action", "back"), [("ack", "open"), ("shelve", "open")])
async def test_acknowledgements_and_shelvings_run_out(world, action, back):
    alert = await world.send(timeout=0)
    await world.operating.act(alert.id, action, user="ann", timeout=30)
    await world.pass_to(29)
    assert (await world.alert(alert)).status != back
    await world.pass_to(30)
    assert (await world.alert(alert)).status == back
    assert (await world.history(alert))[-1] == "timeout"


async def test_what_was_shelved_while_acknowledged_is_acknowledged_again(world):
    alert = await world.send(timeout=0)
    await world.operating.act(alert.id, "ack", user="ann")
    await world.operating.act(alert.id, "shelve", user="ann", timeout=30)
    await world.pass_to(30)
    assert (await world.alert(alert)).status == "ack"


async def test_timers_of_alerts_that_are_gone_are_dropped(world):
    alert = await world.send(timeout=60)
    async with world.store.transaction() as tx:
        await tx.alerts.delete([alert.id])
    assert await world.pass_to(60) == []
    assert await world.timers() == []


async def test_who_lost_the_lease_changes_nothing(world):
    alert = await world.send(timeout=60)
    async with world.store.transaction() as tx:
        stale = await tx.leases.acquire("shard/0", "a", NOW, NOW + timedelta(seconds=1))
        await tx.leases.acquire("shard/0", "b", NOW + timedelta(seconds=2), NOW + timedelta(days=1))
    world.clock.time = NOW + timedelta(seconds=60)
    async with world.store.reading() as tx:
        due = await tx.timers.due(ALL, world.clock.time, 100)
    with pytest.raises(Fenced):
        await world.alerting.fire(due, [stale], world.clock.time)
    assert (await world.alert(alert)).status == "open"
    assert len(await world.timers()) == 1


async def test_old_alerts_are_deleted_by_kind():
    world = World(Retained(closed=100, informational=200))
    closed = await world.send("Closed", "normal")
    told = await world.send("Told", "informational")
    stands = await world.send("Stands", "critical", timeout=0)
    assert await world.alerting.delete_old([], NOW + timedelta(seconds=100)) == 0
    assert await world.alerting.delete_old([], NOW + timedelta(seconds=101)) == 1
    assert await world.alert(closed) is None
    assert await world.alerting.delete_old([], NOW + timedelta(seconds=201)) == 1
    assert await world.alert(told) is None
    assert await world.alerting.delete_old([], NOW + timedelta(days=9)) == 0
    assert await world.alert(stands) == stands


async def test_what_a_person_closed_is_kept_until_they_cannot_want_it_back():
    world = World(Retained(closed=100))
    closed, over = await world.send("A", timeout=0), await world.send("B", "normal")
    world.clock.time = NOW + timedelta(hours=3)
    await world.operating.act(closed.id, "close", user="ann")
    assert await world.alerting.delete_old([], NOW + timedelta(hours=3)) == 1
    assert await world.alert(over) is None
    assert await world.alerting.delete_old([], NOW + timedelta(hours=3, minutes=9)) == 0
    assert await world.alerting.settle([], NOW + timedelta(hours=3, minutes=9)) == 0, "its episode is not over either"
    assert await world.alerting.delete_old([], NOW + timedelta(hours=3, minutes=10)) == 1


async def test_who_asks_for_housekeeping_waits_for_nobody_to_change_their_mind():
    world = World()
    closed = await world.send("A", timeout=0)
    await world.operating.act(closed.id, "close", user="ann")
    world.clock.time = NOW + timedelta(seconds=5)
    housekeeping = Housekeeping(world.store, world.clock, AlertaModel())
    assert await housekeeping.run(closed_hours=1) == 0
    assert await housekeeping.run(closed_hours=0.001) == 1


async def test_zero_keeps_them():
    world = World(Retained(closed=0, informational=0))
    await world.send("Closed", "normal")
    await world.send("Told", "informational")
    assert await world.alerting.delete_old([], NOW + timedelta(days=999)) == 0


async def test_an_alert_that_goes_is_routed_once_more():
    world = World(Retained(informational=100))
    told = await world.send("Told", "informational")
    async with world.store.reading() as tx:
        before = (await tx.outbox.backlog(NOW))["route"][0]
    await world.alerting.delete_old([], NOW + timedelta(seconds=101))
    assert await world.alert(told) is None
    async with world.store.reading() as tx:
        assert (await tx.outbox.backlog(NOW + timedelta(days=1)))["route"][0] == before + 1


async def test_a_shared_message_id_costs_nobody_its_timer(world):
    """Senders choose ids, so one alert's last message may bear the id of another alert."""
    first = await world.send("A", id="m1", timeout=60)
    for number in range(5):
        other = await world.send(f"B{number}", timeout=0)
        await world.send(f"B{number}", id=first.id, timeout=0)
        assert (await world.alert(other)).last_receive_id == first.id
    await world.pass_to(60)
    assert (await world.alert(first)).status == "expired"


@pytest.fixture
def isa_world():
    return World(Retained(closed=100), IsaModel())


async def test_by_isa_acknowledgements_and_shelvings_run_out(isa_world):
    world = isa_world
    alert = await world.send()
    await world.operating.act(alert.id, "ack", user="ann", timeout=60)
    await world.pass_to(59)
    assert (await world.alert(alert)).status == "ACKED"
    await world.pass_to(60)
    assert (await world.alert(alert)).status == "UNACK"
    await world.operating.act(alert.id, "shelve", user="ann")
    await world.pass_to(60 + 7199)
    assert (await world.alert(alert)).status == "SHLVD"
    await world.pass_to(60 + 7200)
    assert (await world.alert(alert)).status == "UNACK"
    assert await world.history(alert) == ["new", "ack", "timeout", "shelve", "timeout"]


async def test_by_isa_what_cleared_while_shelved_is_normal_afterwards(isa_world):
    world = isa_world
    alert = await world.send()
    await world.operating.act(alert.id, "shelve", user="ann", timeout=60)
    await world.send(severity="normal")
    assert (await world.alert(alert)).status == "SHLVD"
    await world.pass_to(60)
    assert (await world.alert(alert)).status == "NORM"


@pytest.mark.parametrize("action", [None, "ack", "shelve"])
async def test_by_isa_what_nobody_repeats_returns_to_normal_and_goes(isa_world, action):
    world = isa_world
    alert = await world.send(timeout=60)
    if action:
        await world.operating.act(alert.id, action, user="ann")
    await world.pass_to(60)
    assert (await world.alert(alert)).status == "NORM"
    assert await world.timers() == []
    assert await world.alerting.delete_old([], NOW + timedelta(seconds=100)) == 0
    assert await world.alerting.delete_old([], NOW + timedelta(seconds=101)) == 1
    assert await world.alert(alert) is None


async def test_by_isa_what_returned_to_normal_alarms_again(isa_world):
    world = isa_world
    alert = await world.send(timeout=60)
    await world.pass_to(60)
    assert (await world.send(timeout=60)).status == "UNACK"
    await world.pass_to(120)
    assert (await world.alert(alert)).status == "NORM"


async def test_by_isa_what_nobody_acknowledges_waits_until_it_is_not_heard_of(isa_world):
    world = isa_world
    alert = await world.send(timeout=3600)
    await world.send(severity="normal", timeout=3600)
    assert (await world.alert(alert)).status == "RTNUN"
    assert await world.alerting.delete_old([], NOW + timedelta(seconds=3599)) == 0
    await world.pass_to(3600)
    assert (await world.alert(alert)).status == "NORM"
    assert await world.alerting.delete_old([], NOW + timedelta(seconds=3601)) == 1
