"""Alerts from the message to who is told: intake, operators and all that a keeper does, over one store."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.blackout import Blackout
from watchbell.domain.alerts.flapping import FlapRule
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.ids import SHARDS, new_id
from watchbell.domain.managed import Managed, Stored
from watchbell.domain.oncall.incident import Incident
from watchbell.domain.oncall.service import Channel, Policy, Service, Step, Target
from watchbell.domain.signal import Signal
from watchbell.ports.store import Lease, Store
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.alerting import Alerting
from watchbell.usecases.configuration import Configured
from watchbell.usecases.escalating import Escalating, acting
from watchbell.usecases.inhibiting import Inhibiting
from watchbell.usecases.intake import Intake
from watchbell.usecases.muting import Muting
from watchbell.usecases.operating import Operating, Swept
from watchbell.usecases.receiving import Receiving
from watchbell.usecases.recording import Rulebook
from watchbell.usecases.retiring import Retiring
from watchbell.usecases.routing import Routing
from watchbell.usecases.undoing import undo_closing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OFFICE = Policy(name="office", id="p1", steps=[Step(after=0, targets=[Target(channel="mail", to="a@example.com")])])
USUAL: tuple[tuple[str, Managed], ...] = (
    ("service", Service(name="Shop", id="s1", policy="office")),
    ("policy", OFFICE),
    ("channel", Channel(name="mail", id="c1", type="recording")),
)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


class AlertBench:
    """Everything in one place; `keep` does what a keeper does until nothing is left."""

    def __init__(
        self,
        model: AlarmModel | None = None,
        *,
        store: Store | None = None,
        clock: Clock | None = None,
        flapping: FlapRule | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.store = store or MemoryStore(now=self.clock.now)
        self.model = model or AlertaModel()
        telemetry = NullTelemetry()
        self.configured = Configured(self.store, self.clock, telemetry)
        receiving = Receiving(self.model, Limits(), flapping or FlapRule())
        self.intake = Intake(self.store, self.clock, receiving, telemetry, configured=self.configured)
        self.operating = Operating(self.store, self.clock, self.model)
        self.muting = Muting(self.store, self.configured, self.model, self.clock)
        self.inhibiting = Inhibiting(self.store, self.configured, self.clock)
        self.retiring = Retiring(self.store, self.model, self.clock)
        self.alerting = Alerting(self.store, self.model)
        rules = Rulebook(self.model.severities.known, "https://w.example")
        self.routing = Routing(self.store, self.configured, rules, self.clock, telemetry, self.model)
        self.escalating = Escalating(self.store, self.configured, rules, self.clock, acting(self.model))
        self.leases: list[Lease] = []

    async def start(self) -> "AlertBench":
        """Hold every shard, and configure a service whose alerts are mailed at once."""
        async with self.store.transaction() as tx:
            for shard in range(SHARDS):
                until = self.clock.now() + timedelta(days=3000)
                lease = await tx.leases.acquire(f"shard/{shard}", "keeper-1", self.clock.now(), until)
                assert lease is not None
                self.leases.append(lease)
        for kind, item in USUAL:
            await self.configure(kind, item)
        return self

    async def configure(self, kind: str, item: Managed) -> None:
        body = msgspec.to_builtins(item)
        at = self.clock.now()
        row = Stored(kind=kind, id=item.id, name=item.name, body=body, version=0, updated_at=at, updated_by="ann")
        async with self.store.transaction() as tx:
            await tx.catalogue.put([row])
        self.configured.expire()

    async def blackout(self, **fields: Any) -> None:
        """One that begins now and lasts an hour, unless `fields` say otherwise."""
        usual: dict[str, Any] = {"environment": "Production", "start": self.clock.time.isoformat(), "duration": 3600}
        chosen: dict[str, Any] = {**usual, **fields}
        await self.configure("blackout", Blackout(name="night", id="night", **chosen))

    def signal(self, severity: str = "critical", **more: Any) -> Signal:
        fields: dict[str, Any] = {"environment": "Production", "resource": "web", "event": "Down", "service": ("Shop",)}
        chosen: dict[str, Any] = {**fields, "id": new_id(), "create_time": self.clock.time, **more}
        return Signal(severity=severity, **chosen)

    async def send(self, severity: str = "critical", **more: Any) -> Alert:
        return (await self.intake.receive(self.signal(severity, **more))).alert

    async def act(self, alert: Alert, action: str, **more: Any) -> Alert:
        return await self.operating.act(alert.id, action, user="ann", **more)

    async def undo(self, *alerts: Alert) -> Swept:
        ids = [alert.id for alert in alerts]
        return await undo_closing(self.store, self.operating, self.model, ids, self.clock.now(), user="bob")

    def at(self, seconds: float) -> None:
        """So many seconds after the start."""
        self.clock.time = NOW + timedelta(seconds=seconds)

    async def keep(self, seconds: float | None = None) -> None:
        """A keeper looks at everything, `seconds` after the start, until nothing is left to do."""
        if seconds is not None:
            self.at(seconds)
        for _ in range(20):
            for sweeper in (self.muting, self.inhibiting, self.retiring):
                await sweeper.run([])
            async with self.store.reading() as tx:
                due = await tx.timers.due(range(SHARDS), self.clock.time, 500)
            alerts = [timer for timer in due if timer.kind == "alert"]
            steps = [timer for timer in due if timer.kind == "escalate"]
            await self.alerting.fire(alerts, [], self.clock.time)
            await self.escalating.fire(steps, self.leases)
            routed = await self.routing.run(self.leases)
            if not alerts and not steps and not routed.rows:
                return
        raise AssertionError("a keeper finds something to do for ever")

    async def get(self, alert: Alert) -> Alert:
        async with self.store.reading() as tx:
            (found,) = await tx.alerts.many([alert.id])
        return found

    async def status(self, alert: Alert) -> str:
        return (await self.get(alert)).status

    async def history(self, alert: Alert) -> list[HistoryEntry]:
        async with self.store.reading() as tx:
            return await tx.history.of(alert.id)

    async def incidents(self) -> list[Incident]:
        """Newest first."""
        async with self.store.reading() as tx:
            return await tx.incidents.find(())

    async def told(self) -> list[str]:
        """Why people were told, oldest incident first."""
        found: list[str] = []
        for incident in reversed(await self.incidents()):
            async with self.store.reading() as tx:
                found += [each.purpose.value for each in await tx.notifications.of_incident(incident.id)]
        return found
