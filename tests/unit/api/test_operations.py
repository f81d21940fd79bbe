import pytest
from litestar.testing import TestClient

from watchbell.adapters.telemetry import PrometheusTelemetry
from watchbell.api import operations
from watchbell.api.app import at_the_edge, create_app
from watchbell.domain.errors import Retryable
from watchbell.domain.managed import Stored
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import START, HandClock, MemoryBus, MemoryStore
from watchbell.usecases.configuration import Configured


class AwayBus(MemoryBus):
    def available(self):
        return False


class AwayStore(MemoryStore):
    async def ping(self):
        raise Retryable("the database does not answer")


@pytest.fixture
def telemetry():
    return PrometheusTelemetry()


def client(telemetry, store=None, bus=None, clock=None):
    store, clock = store or MemoryStore(), clock or HandClock()
    needs = {
        "clock": clock,
        "configured": Configured(store, clock, NullTelemetry()),
        "exposition": telemetry,
        "readiness": operations.Readiness(store, bus or MemoryBus()),
        "started": START,
        "store": store,
    }
    return TestClient(at_the_edge(create_app(operations.routes, needs), telemetry, ()))


def test_alive_and_ready(telemetry):
    with client(telemetry) as api:
        assert api.get("/healthz").text == "ok"
        assert api.get("/readyz").json() == {"store": "ok", "bus": "ok"}


def test_a_missing_database_is_named(telemetry):
    with client(telemetry, AwayStore()) as api:
        answer = api.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["store"] == "the database does not answer"


def test_a_missing_broker_delays_and_stops_nothing_where_there_is_a_database(telemetry):
    with client(telemetry, bus=AwayBus()) as api:
        answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["bus"]) == (200, "away")


async def test_a_missing_broker_stops_a_role_without_database():
    assert await operations.Readiness(None, AwayBus()).state() == (False, {"bus": "away"})


def test_metrics_are_prometheus_text(telemetry):
    telemetry.count("signals_received", 3)
    with client(telemetry) as api:
        answer = api.get("/metrics")
    assert "watchbell_signals_received_total 3.0" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


async def test_status_is_cabots_text_and_strict_is_a_code(telemetry):
    store, clock = MemoryStore(), HandClock()
    async with store.transaction() as tx:
        await tx.leases.acquire("shard/0", "k", START, START.replace(year=2030))
        body = {"type": "http", "interval": 60}
        await tx.catalogue.put(
            [Stored(kind="check", id="1", name="c", body=body, version=0, updated_at=START, updated_by="t")]
        )
    with client(telemetry, store, clock=clock) as api:
        assert api.get("/status/").text == "Checks running"
        clock.advance(3600)
        late = api.get("/status/")
        assert (late.status_code, late.text) == (200, "Checks not running")
        assert late.headers["x-watchbell-reason"] == "1 of 1 checks are late, first c"
        assert api.get("/status/?strict").status_code == 503
