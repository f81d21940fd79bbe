"""Blackouts over a store: what falls silent, and what is told when they end."""

from datetime import timedelta

import msgspec
import pytest

from muting_world import NOW, World
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.usecases.muting import Muting
from watchbell.usecases.sweeping import AGAIN, SETTLES


@pytest.fixture
def world():
    return World()


async def test_a_signal_under_a_blackout_is_recorded_and_its_history_names_the_blackout(world):
    await world.define()
    alert = await world.send()
    assert alert.status == "blackout"
    assert await world.reasons(alert) == ["first signal of this identity (SET-*); under the blackout 'night'"]


async def test_what_outlasts_the_blackout_opens_at_its_end_without_any_signal(world):
    await world.define()
    alert = await world.send()
    assert await world.keep(3599) == 0
    assert await world.status(alert) == "blackout"
    assert await world.keep(3600) == 1
    assert await world.status(alert) == "open"
    assert (await world.reasons(alert))[-1] == "its blackout is over"
    assert await world.keep(3601) == 0, "it is told once"


async def test_a_recovery_inside_closes(world):
    await world.define()
    alert = await world.send()
    await world.send("normal")
    assert await world.status(alert) == "closed"
    await world.keep(3600)
    assert await world.status(alert) == "closed"


async def test_a_recovery_after_the_end_closes_before_the_keeper_looks(world):
    await world.define()
    alert = await world.send()
    world.clock.time = NOW + timedelta(seconds=3600)
    await world.send("normal")
    assert await world.status(alert) == "closed"


async def test_a_problem_that_was_over_before_and_came_back_inside_opens_at_the_end(world):
    alert = await world.send()
    await world.send("normal")
    await world.define()
    await world.send()
    assert await world.status(alert) == "blackout"
    await world.keep(3600)
    assert await world.status(alert) == "open"


@pytest.mark.parametrize("how", ["remove", "shorten"])
async def test_a_blackout_that_is_taken_back_opens_what_it_silenced(world, how):
    await world.define()
    alert = await world.send()
    await world.keep(60)
    if how == "remove":
        await world.remove()
    else:
        await world.define(duration=60)
    await world.keep(120)
    assert await world.status(alert) == "open"


async def test_another_blackout_that_covers_it_keeps_it_silent(world):
    await world.define()
    await world.define("longer", duration=7200, resource="w*")
    alert = await world.send()
    await world.keep(3600)
    assert await world.status(alert) == "blackout"
    await world.keep(7200)
    assert await world.status(alert) == "open"


async def test_an_acknowledged_alert_is_acknowledged_again_at_the_end(world):
    alert = await world.send()
    await world.operating.act(alert.id, "ack", user="ann")
    await world.define()
    await world.send()
    assert await world.status(alert) == "blackout"
    await world.keep(3600)
    assert await world.status(alert) == "ack"


async def test_what_is_open_falls_silent_when_a_blackout_begins(world):
    alert, other = await world.send(), await world.send(resource="db")
    await world.define(resource="web", start="2026-01-01T00:10:00Z")
    await world.keep(599)
    assert await world.status(alert) == "open"
    await world.keep(600)
    assert (await world.status(alert), await world.status(other)) == ("blackout", "open")
    assert (await world.reasons(alert))[-1] == "the blackout 'night' began"


async def test_what_is_open_stays_so_when_the_blackout_says_so(world):
    alert = await world.send()
    await world.define(standing=False)
    await world.keep(1)
    assert await world.status(alert) == "open"


async def test_a_blackout_is_judged_by_now_and_not_by_createtime(world):
    await world.define(start="2026-01-01T01:00:00Z")
    inside = await world.send(create_time=NOW + timedelta(seconds=5400))
    assert inside.status == "open"
    world.clock.time = NOW + timedelta(seconds=3601)
    late = await world.send(resource="db", create_time=NOW)
    assert late.status == "blackout"


async def test_an_accepted_severity_is_told(world):
    await world.define(accept=["critical"])
    alert = await world.send()
    await world.send("critical")
    assert await world.status(alert) == "open"


async def test_the_tags_that_an_alert_has_count(world):
    await world.define(tags=["zone=a"])
    alert = await world.send(tags=("zone=a",))
    await world.send()
    assert await world.status(alert) == "blackout"


async def test_what_was_recorded_by_a_node_that_knew_late_is_found(world):
    await world.define()
    alert = await world.send()
    await world.keep(3600)
    async with world.store.transaction() as tx:
        (found,) = await tx.alerts.many([alert.id])
        await tx.alerts.save([msgspec.structs.replace(found, status="blackout", version=found.version + 1)])
    await world.keep(3600 + SETTLES.total_seconds() - 1)
    assert await world.status(alert) == "open"
    async with world.store.transaction() as tx:
        (found,) = await tx.alerts.many([alert.id])
        await tx.alerts.save([msgspec.structs.replace(found, status="blackout", version=found.version + 1)])
    await world.keep(3600 + SETTLES.total_seconds() + AGAIN.total_seconds() + 1)
    assert await world.status(alert) == "open"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), "UNACK"),
        (("ack",), "ACKED"),
        (("shelve",), "SHLVD"),
        (("well",), "UNACK"),
        (("ack", "well"), "UNACK"),
    ],
)
async def test_by_isa_the_end_gives_the_state_back(before, after):
    world = World(IsaModel())
    world.clock.time = NOW - timedelta(seconds=60)
    alert = await world.send()
    for word in before:
        if word == "well":
            await world.send("normal")
        else:
            await world.operating.act(alert.id, word, user="ann")
    await world.define()
    world.clock.time = NOW
    assert (await world.send()).status == "OOSRV"
    await world.keep(3599)
    assert await world.status(alert) == "OOSRV"
    await world.keep(3600)
    assert await world.status(alert) == after


async def test_by_isa_what_waits_falls_silent_when_a_blackout_begins_and_a_recovery_inside_is_normal():
    world = World(IsaModel())
    world.clock.time = NOW - timedelta(seconds=60)
    waits = await world.send()
    taken = await world.send(event="Slow")
    await world.operating.act(taken.id, "ack", user="ann")
    await world.define()
    assert await world.keep(1) == 1
    assert (await world.status(waits), await world.status(taken)) == ("OOSRV", "ACKED")
    assert "the blackout 'night' began" in (await world.reasons(waits))[-1]
    assert (await world.send("normal")).status == "OOSRV"
    await world.keep(3600)
    assert await world.status(waits) == "NORM"


async def test_what_another_alarm_model_muted_is_let_go():
    world = World()
    await world.define()
    alert = await world.send()
    world.muting = Muting(world.store, world.configured, IsaModel(), world.clock)
    await world.keep(3600)
    assert await world.status(alert) == "UNACK"


async def test_one_by_a_search_silences_what_stands_and_what_comes_and_nothing_else(world):
    stood = await world.send(event="Stood", attributes={"region": "EU"})
    other = await world.send(event="Other", attributes={"region": "US"})
    await world.define(query="attributes.region:EU")
    await world.keep(0)
    came = await world.send(event="Came", attributes={"region": "EU"})
    assert [await world.status(each) for each in (stood, other, came)] == ["blackout", "open", "blackout"]
    await world.keep(3600)
    assert [await world.status(each) for each in (stood, other, came)] == ["open", "open", "open"]
