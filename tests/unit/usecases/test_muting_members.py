"""Blackouts of some of the problems that a rule made one alert of."""

import msgspec
import pytest

from muting_world import NOW, World
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.managed import Stored
from watchbell.usecases.muting import Muting


@pytest.fixture
def world():
    return World()


async def found(world, alert):
    async with world.store.reading() as tx:
        return (await tx.alerts.many([alert.id]))[0]


async def correlate(world, **fields):
    body = {"key": "tag(tags, 'cluster')", "worst": True, **fields}
    row = Stored(kind="correlation", id="c", name="cluster", body=body, version=0, updated_at=NOW, updated_by="ann")
    async with world.store.transaction() as tx:
        await tx.catalogue.put([row])
    world.configured.expire()


async def one_of(world, resource, severity, **more):
    return await world.send(severity, resource=resource, tags=("cluster=eu", *more.pop("tags", ())), **more)


async def test_a_member_counts_again_when_its_blackout_is_over_without_a_message(world):
    await correlate(world)
    await world.define(resource="web2")
    alert = await one_of(world, "web1", "minor")
    assert (await one_of(world, "web2", "critical", text="no disk")).severity == "minor"
    assert await world.keep(3599) == 0
    assert (await found(world, alert)).severity == "minor"
    world.muting = Muting(world.store, world.configured, AlertaModel(), world.clock)  # another keeper
    assert await world.keep(3600) == 1, "it is routed"
    after = await found(world, alert)
    assert (after.resource, after.severity, after.text, after.status) == ("web2", "critical", "no disk", "open")
    assert after.previous_severity == "minor"
    assert [each.muted for each in after.correlation.members] == [False, False]
    assert (await world.reasons(alert))[-1] == "a blackout of one of the correlated problems is over"
    assert await world.keep(3601) == 0, "once"
    assert (await found(world, alert)).version == after.version
    await one_of(world, "web2", "normal")
    assert (await found(world, alert)).severity == "minor"


async def test_an_acknowledged_alert_opens_when_a_worse_member_counts_again(world):
    await correlate(world)
    await world.define("two", resource="web2")
    await world.define("three", resource="web3")
    alert = await one_of(world, "web1", "major")
    await one_of(world, "web2", "minor")
    await one_of(world, "web3", "critical")
    await world.operating.act(alert.id, "ack", user="ann")
    await world.remove("two")
    await world.keep(60)
    assert (await found(world, alert)).status == "ack", "a lesser one changes nothing that is told"
    assert (await world.reasons(alert))[-1] == "a blackout of one of the correlated problems is over"
    await world.remove("three")
    await world.keep(120)
    assert ((await found(world, alert)).status, (await found(world, alert)).severity) == ("open", "critical")


async def test_a_silent_alert_opens_with_the_first_member_that_counts_again(world):
    await correlate(world)
    await world.define("short", resource="web1", duration=600)
    await world.define("long", resource="web2")
    alert = await one_of(world, "web1", "minor")
    await one_of(world, "web2", "critical")
    assert await world.status(alert) == "blackout"
    await world.keep(599)
    assert await world.status(alert) == "blackout"
    await world.keep(600)
    after = await found(world, alert)
    assert (after.status, after.resource, after.severity) == ("open", "web1", "minor")
    await world.keep(3600)
    after = await found(world, alert)
    assert (after.status, after.resource, after.severity) == ("open", "web2", "critical")


async def test_a_member_stays_silent_while_any_blackout_that_covered_it_is_in_force(world):
    await correlate(world)
    await world.define("host", resource="web2", duration=600)
    await world.define("zone", tags=["zone=a"], duration=1200)
    alert = await one_of(world, "web1", "minor")
    await one_of(world, "web2", "critical", tags=("zone=a",))
    await world.keep(600)
    assert (await found(world, alert)).severity == "minor"
    await world.keep(1200)
    assert (await found(world, alert)).severity == "critical"


@pytest.mark.parametrize("recovery", [{"severity": "normal"}, {"severity": "minor", "status": "closed"}])
async def test_what_is_left_under_its_blackout_is_silent_until_that_is_over(world, recovery):
    await correlate(world)
    await world.define(resource="web2")
    alert = await one_of(world, "web1", "minor")
    await one_of(world, "web2", "critical")
    await one_of(world, "web1", **recovery)
    assert await world.status(alert) == "blackout"
    await world.keep(3599)
    assert await world.status(alert) == "blackout"
    assert await world.keep(3600) == 1, "it is routed"
    after = await found(world, alert)
    assert (after.status, after.resource, after.severity) == ("open", "web2", "critical")


async def test_a_member_that_counts_again_brings_its_services(world):
    await correlate(world)
    await world.define(resource="web2")
    alert = await one_of(world, "web1", "critical")
    assert (await one_of(world, "web2", "minor", service=("Bank",))).service == ("Shop",)
    assert await world.keep(3600) == 1, "it is routed although it is no worse"
    assert (await found(world, alert)).service == ("Shop", "Bank")


async def test_a_blackout_of_the_service_of_another_member_does_not_silence_the_whole(world):
    await correlate(world)
    alert = await one_of(world, "web1", "critical")
    await one_of(world, "web2", "minor", service=("Bank",))
    await world.define(service=["Bank"])
    await world.keep(1)
    assert await world.status(alert) == "open"
    await world.define("shop", service=["Shop"])
    await world.keep(2)
    assert await world.status(alert) == "blackout"


async def test_the_end_of_a_blackout_of_the_whole_opens_it_although_another_member_stays_muted(world):
    await correlate(world)
    await world.define("long", resource="web2")
    alert = await one_of(world, "web1", "critical")
    await one_of(world, "web2", "major")
    await world.keep(1)
    await world.define("short", resource="web1", duration=600)
    await world.keep(2)
    assert await world.status(alert) == "blackout"
    await world.keep(599)
    assert await world.status(alert) == "blackout"
    assert await world.keep(600) == 1, "it is routed"
    after = await found(world, alert)
    assert (after.status, after.resource, [each.muted for each in after.correlation.members]) == (
        "open",
        "web1",
        [False, True],
    )
    assert await world.keep(601) == 0, "once"


async def test_what_is_left_is_not_acknowledged_when_it_is_worse_than_what_was(world):
    await correlate(world)
    await world.define(resource="web2")
    alert = await one_of(world, "web1", "minor")
    await one_of(world, "web2", "critical")
    await world.operating.act(alert.id, "ack", user="ann")
    await one_of(world, "web1", "normal")
    assert await world.status(alert) == "blackout"
    await world.keep(3600)
    assert ((await found(world, alert)).status, (await found(world, alert)).severity) == ("open", "critical")


async def test_what_was_closed_meanwhile_stays_closed(world):
    await correlate(world)
    await world.define(resource="web2")
    alert = await one_of(world, "web1", "minor")
    await one_of(world, "web2", "critical")
    await world.operating.act(alert.id, "close", user="ann")
    assert await world.keep(3600) == 0
    assert await world.status(alert) == "closed"


async def test_a_member_that_a_former_release_wrote_counts_again(world):
    await correlate(world)
    await world.define(resource="web2")
    alert = await one_of(world, "web1", "minor")
    before = await one_of(world, "web2", "critical")
    members = tuple(msgspec.structs.replace(each, muted_by=()) for each in before.correlation.members)
    async with world.store.transaction() as tx:
        held = msgspec.structs.replace(before.correlation, members=members)
        await tx.alerts.save([msgspec.structs.replace(before, correlation=held, version=before.version + 1)])
    await world.keep(3000)
    assert (await found(world, alert)).severity == "minor"
    await world.keep(3600)
    assert (await found(world, alert)).severity == "critical"
