"""Heartbeats by origin, from the first one to the alert and back."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.errors import Fenced, Invalid, Missing, Refused
from watchbell.ports.store import Lease, Timer
from watchbell.usecases.heartbeating import ORIGIN, Heartbeating, Sent
from watchbell.usecases.receiving import Receiving, apply_signals

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Bench:
    """The use case over a memory store, with a clock to set."""

    def __init__(self) -> None:
        self.time = NOON
        self.store = MemoryStore(self.now)
        self.woken: list[int] = []
        self.heartbeating = Heartbeating(self.store, self.take, self, AlertaModel(), wake=self.wake)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    async def wake(self, shards: Any) -> None:
        self.woken += shards

    async def take(self, tx: Any, signals: Any, now: datetime) -> Any:
        return (await apply_signals(tx, signals, now, Receiving(AlertaModel(), Limits()))).shards

    async def beat(self, origin: str = "cron/db1", timeout: int = 60, **more: Any) -> str:
        return (await self.heartbeating.take(Sent(origin=origin, timeout=timeout, **more))).id

    async def due(self) -> list[Timer]:
        async with self.store.reading() as tx:
            found = await tx.timers.due(range(16), self.time, 100)
        return [timer for timer in found if timer.kind == ORIGIN]

    async def alerts(self) -> list[Alert]:
        async with self.store.reading() as tx:
            return await tx.alerts.find(AlertQuery())


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_the_same_origin_keeps_its_id_and_another_customer_is_another_one(bench: Bench):
    first = await bench.beat()
    assert await bench.beat(tags=("x", "x")) == first
    assert await bench.beat(customer="acme") != first
    assert (await bench.heartbeating.get(first)).tags == ("x",)
    assert len(await bench.heartbeating.all()) == 2
    assert await bench.alerts() == []


@pytest.mark.parametrize(
    "said",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=10))),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-10))),
    ],
)
async def test_a_time_that_no_clock_shows_is_that_of_receipt(bench: Bench, said: datetime):
    found = await bench.heartbeating.get(await bench.beat(create_time=said))
    assert (found.create_time, found.status(bench.time)) == (NOON, "ok")


async def test_silence_raises_an_alert_and_the_next_heartbeat_closes_it(bench: Bench):
    await bench.beat()
    bench.time += timedelta(seconds=60)
    assert await bench.due() == []
    bench.time += timedelta(seconds=1)
    shards = await bench.heartbeating.fire(await bench.due(), [])
    (alert,) = await bench.alerts()
    assert (alert.event, alert.status, alert.resource) == ("HeartbeatFail", "open", "cron/db1")
    assert shards
    assert await bench.due() == []
    await bench.beat()
    (alert,) = await bench.alerts()
    assert (alert.event, alert.status) == ("HeartbeatOK", "closed")
    assert bench.woken


async def test_a_heartbeat_moves_the_moment_at_which_it_is_missed(bench: Bench):
    await bench.beat()
    bench.time += timedelta(seconds=50)
    await bench.beat()
    bench.time += timedelta(seconds=50)
    assert await bench.due() == []


async def test_an_origin_that_is_forgotten_leaves_no_alert_open(bench: Bench):
    beat = await bench.beat()
    bench.time += timedelta(seconds=61)
    await bench.heartbeating.fire(await bench.due(), [])
    await bench.heartbeating.forget(beat)
    (alert,) = await bench.alerts()
    assert (alert.status, alert.text) == ("closed", "cron/db1 is not watched any more")
    bench.time += timedelta(days=2)
    assert await bench.due() == []
    with pytest.raises(Missing):
        await bench.heartbeating.get(beat)
    with pytest.raises(Missing):
        await bench.heartbeating.forget(beat)


@pytest.mark.parametrize(
    ("attributes", "error"),
    [({"environment": "Nowhere"}, Refused), ({"severity": "bad"}, Invalid), ({"a.b": 1}, Invalid)],
)
async def test_a_heartbeat_whose_alert_would_be_refused_is_refused_now(bench: Bench, attributes: Any, error: Any):
    with pytest.raises(error):
        await bench.beat(attributes=attributes)
    assert await bench.heartbeating.all() == []


async def test_without_the_lease_nothing_is_written(bench: Bench):
    await bench.beat()
    bench.time += timedelta(seconds=61)
    lost = Lease(name="shard/0", holder="me", token=7, expires_at=bench.time)
    with pytest.raises(Fenced):
        await bench.heartbeating.fire(await bench.due(), [lost])
    assert await bench.alerts() == []
    assert len(await bench.due()) == 1


@pytest.mark.parametrize(
    ("allowed", "environment"),
    [(("Production",), "Production"), ((".*",), "Production"), (("prod-[0-9]+", "prod", "dev"), "prod")],
)
async def test_a_heartbeat_without_an_environment_gets_one_that_is_allowed(
    bench: Bench, allowed: tuple[str, ...], environment: str
):
    bench.heartbeating = Heartbeating(
        bench.store, bench.take, bench, AlertaModel(), limits=Limits(environments=allowed)
    )
    await bench.beat()
    bench.time += timedelta(seconds=61)
    await bench.heartbeating.fire(await bench.due(), [])
    (found,) = await bench.alerts()
    assert found.environment == environment
