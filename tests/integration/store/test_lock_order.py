"""Keepers and people lock in one order: alerts (or pulses) before incidents, and both before timers.

Each test stops one of them between two locks; in another order the database would have to end one of the two.
"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from alert_bench import AlertBench
from store_fixtures import OpenStore
from watchbell.domain.checks.heartbeat import Heartbeat, Pulse
from watchbell.domain.ids import SHARDS, shard_of
from watchbell.domain.oncall.service import Policy, Step, Target
from watchbell.ports.store import Timer
from watchbell.usecases.pulsing import Pulsing

LONG = 0.3
"""Seconds in which the other gets as far as it can."""


@pytest.fixture
async def bench(opening: OpenStore) -> AlertBench:
    """Alerts and a keeper; `other` is the store of another process."""
    return await AlertBench(store=opening()).start()


@pytest.fixture
def other(bench: AlertBench, opening: OpenStore) -> Any:
    return opening()


async def due(bench: AlertBench, kind: str) -> list[Timer]:
    async with bench.store.reading() as tx:
        found = await tx.timers.due(range(SHARDS), bench.clock.time, 100)
    return [timer for timer in found if timer.kind == kind]


async def test_an_alert_is_locked_before_its_timer(bench: AlertBench, other: Any):
    alert = await bench.send(timeout=60)
    bench.at(60)
    timers = await due(bench, "alert")
    async with other.transaction() as tx:
        await tx.alerts.many([alert.id])
        firing = asyncio.create_task(bench.alerting.fire(timers, [], bench.clock.time))
        await asyncio.sleep(LONG)
        await tx.timers.set(timers)
    await firing
    assert await bench.status(alert) == "expired"


async def test_an_alert_is_locked_before_its_incident_by_a_step_of_a_policy(bench: AlertBench, other: Any):
    steps = [Step(after=0, targets=[Target(channel="mail", to="a@example.com")])]
    steps.append(Step(after=60, targets=[Target(channel="mail", to="b@example.com")]))
    await bench.configure("policy", Policy(name="office", id="p1", steps=steps))
    alert = await bench.send()
    await bench.keep(1)
    (incident,) = await bench.incidents()
    bench.at(61)
    timers = await due(bench, "escalate")
    async with other.transaction() as tx:
        await tx.alerts.many([alert.id])
        firing = asyncio.create_task(bench.escalating.fire(timers, bench.leases))
        await asyncio.sleep(LONG)
        await tx.incidents.get(incident.id)
    await firing
    assert await bench.told() == ["alert", "alert"]


async def test_an_alert_is_locked_before_its_incident_by_the_router(bench: AlertBench, other: Any):
    first, second = await bench.send(), await bench.send(event="Slow")
    await bench.keep(1)
    (incident,) = await bench.incidents()
    await bench.act(first, "ack")
    async with other.transaction() as tx:
        await tx.alerts.many([second.id])
        routing = asyncio.create_task(bench.routing.run(bench.leases))
        await asyncio.sleep(LONG)
        await tx.incidents.get(incident.id)
    assert (await routing).rows == 1
    assert [each.status.value for each in await bench.incidents()] == ["open"]


async def test_a_pulse_is_locked_before_its_timer(bench: AlertBench, other: Any):
    async def take(*_: Any) -> list[int]:
        return []

    pulsing = Pulsing(bench.store, bench.configured, take, bench.clock)
    await bench.configure("heartbeat", Heartbeat(name="backup", id="h1", every=60, grace=0))
    now = bench.clock.time
    timer = Timer(kind="heartbeat", subject="h1", shard=shard_of("h1"), due=now + timedelta(seconds=60))
    async with bench.store.transaction() as tx:
        await tx.pulses.save([Pulse(heartbeat_id="h1", last_ping=now, version=1)])
        await tx.timers.set([timer])
    bench.at(60)
    async with other.transaction() as tx:
        await tx.pulses.get(["h1"])
        firing = asyncio.create_task(pulsing.fire([timer], bench.leases))
        await asyncio.sleep(LONG)
        await tx.timers.set([timer])
    await firing
