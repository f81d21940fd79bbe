"""Intake, operators and a keeper's muting over one memory store, and a clock that is moved by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from api_clock import SetClock
from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.blackout import Blackout
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.ids import new_id
from watchbell.domain.managed import Stored
from watchbell.domain.signal import Signal
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.configuration import Configured
from watchbell.usecases.intake import Intake
from watchbell.usecases.muting import Muting
from watchbell.usecases.operating import Operating
from watchbell.usecases.receiving import Receiving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR: dict[str, Any] = {"start": "2026-01-01T00:00:00Z", "duration": 3600}


class World:
    """Intake, operators and a keeper's muting over one memory store."""

    def __init__(self, model=None):
        self.store, self.clock, model = MemoryStore(), SetClock(NOW), model or AlertaModel()
        self.configured = Configured(self.store, self.clock, NullTelemetry())
        receiving = Receiving(model, Limits())
        self.intake = Intake(self.store, self.clock, receiving, NullTelemetry(), configured=self.configured)
        self.operating = Operating(self.store, self.clock, model)
        self.muting = Muting(self.store, self.configured, model, self.clock)

    async def define(self, name="night", **fields):
        chosen: dict[str, Any] = {"name": name, "environment": "Production", **HOUR, **fields}
        blackout = Blackout(**chosen)
        body = msgspec.to_builtins(blackout)
        row = Stored(kind="blackout", id=name, name=name, body=body, version=0, updated_at=NOW, updated_by="ann")
        async with self.store.transaction() as tx:
            await tx.catalogue.put([row])
        self.configured.expire()

    async def remove(self, name="night"):
        async with self.store.transaction() as tx:
            await tx.catalogue.remove("blackout", [name])
        self.configured.expire()

    async def send(self, severity="major", **more):
        fields: dict[str, Any] = {
            "environment": "Production",
            "resource": "web",
            "event": "Down",
            "id": new_id(),
            "service": ("Shop",),
        }
        chosen: dict[str, Any] = {**fields, "create_time": self.clock.time, **more}
        signal = Signal(severity=severity, **chosen)
        return (await self.intake.receive(signal)).alert

    async def keep(self, seconds):
        """Go to `seconds` after the start and let the keeper look; returns how many shards have something to route."""
        self.clock.time = NOW + timedelta(seconds=seconds)
        return len(await self.muting.run([]))

    async def status(self, alert):
        async with self.store.reading() as tx:
            (found,) = await tx.alerts.many([alert.id])
            return found.status

    async def reasons(self, alert):
        async with self.store.reading() as tx:
            return [entry.reason for entry in await tx.history.of(alert.id)]
