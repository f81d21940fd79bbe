"""Alerts from before a correlation: what becomes of those whose messages go to another alert from now on."""

from datetime import UTC, datetime
from typing import Any

import pytest

from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.ids import new_id
from watchbell.domain.managed import Stored
from watchbell.domain.signal import Signal
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import HandClock, MemoryStore
from watchbell.usecases.configuration import Configured
from watchbell.usecases.intake import Intake
from watchbell.usecases.receiving import Receiving

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """Intake over one store."""

    def __init__(self, store: Any = None, model: Any = None):
        self.store, self.clock = store or MemoryStore(), HandClock(NOW)
        self.configured = Configured(self.store, self.clock, NullTelemetry())
        receiving = Receiving(model or AlertaModel(), Limits())
        self.intake = Intake(self.store, self.clock, receiving, NullTelemetry(), configured=self.configured)

    async def rule(self) -> None:
        body = {"key": "tag(tags, 'cluster')"}
        row = Stored(kind="correlation", id="c", name="cluster", body=body, version=0, updated_at=NOW, updated_by="ann")
        async with self.store.transaction() as tx:
            await tx.catalogue.put([row])
        self.configured.expire()

    async def send(self, *said: tuple[str, str]) -> list[Alert]:
        """What of a resource is told, each as (resource, severity), all in one batch."""
        fields: dict[str, Any] = {"environment": "Production", "event": "Down", "service": ("Shop",)}
        fields |= {"tags": ("cluster=eu",), "create_time": NOW}
        signals = [Signal(id=new_id(), resource=resource, severity=severity, **fields) for resource, severity in said]
        return [received.alert for received in await self.intake.receive_many(signals)]

    async def found(self, alert: Alert) -> Alert:
        async with self.store.reading() as tx:
            (found,) = await tx.alerts.many([alert.id])
            return found

    async def routed(self) -> int:
        async with self.store.reading() as tx:
            return (await tx.outbox.backlog(NOW)).get("route", (0, 0.0))[0]


@pytest.mark.parametrize("url", [None, "sqlite"])
@pytest.mark.parametrize("together", [True, False])
async def test_the_second_of_two_alerts_from_before_the_rule_is_over(tmp_path, url, together):
    store = None
    if url is not None:
        address = f"sqlite:///{tmp_path / 'w.db'}"
        await migrate(address)
        store = open_store(address)
    world = World(store)
    first, second = await world.send(("web1", "critical"), ("web2", "major"))
    await world.rule()
    before = await world.routed()
    if together:
        (taken, into) = await world.send(("web1", "critical"), ("web2", "major"))
    else:
        (taken,) = await world.send(("web1", "critical"))
        (into,) = await world.send(("web2", "major"))
    assert taken.id == into.id == first.id
    assert [member.resource for member in into.correlation.members] == ["web1", "web2"]
    over = await world.found(second)
    assert (over.status, over.severity, over.version) == ("closed", "major", second.version + 1)
    assert await world.routed() == before + 1, "on-call looks at what is over"
    async with world.store.reading() as tx:
        entry = (await tx.history.of(second.id))[-1]
    assert (entry.status, entry.reason) == (
        "closed",
        f"it is part of the alert {first.id} now, by the correlation 'cluster'",
    )
    await world.send(("web2", "major"))
    assert (await world.found(second)).version == over.version, "once"
    (done, _) = await world.send(("web1", "normal"), ("web2", "normal"))
    async with world.store.reading() as tx:
        assert {alert.status for alert in await tx.alerts.find(AlertQuery())} == {"closed"}
        assert done.id == first.id
    await world.store.close()


async def test_a_recovery_ends_what_was_there_before_the_rule_too():
    world = World(model=IsaModel())
    first, second = await world.send(("web1", "High"), ("web2", "Low"))
    await world.rule()
    await world.send(("web1", "High"), ("web2", "OK"))
    assert (await world.found(second)).status == "NORM"
    assert (await world.found(first)).status == "UNACK"
