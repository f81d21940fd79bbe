"""A small installation in memory for tests of on-call: store, bus, clock, one service with a policy, one channel."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from watchbell.adapters.bus.memory import MemoryBus
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.vault import AesVault
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.inhibition import Inhibition
from watchbell.domain.errors import WatchbellError
from watchbell.domain.ids import SHARDS, AlertId, new_id, shard_of
from watchbell.domain.managed import Managed, Stored
from watchbell.domain.oncall.incident import Incident, Notification, TimelineEntry
from watchbell.domain.oncall.message import Message
from watchbell.domain.oncall.service import Channel, Policy, Service, Step, Target
from watchbell.ports.channel import Channel as ChannelPort
from watchbell.ports.store import Lease, OutboxRow
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import START, HandClock, RecordingChannel
from watchbell.usecases.configuration import Configured
from watchbell.usecases.delivering import Delivering, Patience
from watchbell.usecases.escalating import Escalating
from watchbell.usecases.recording import Rulebook
from watchbell.usecases.relaying import Relay, Sender
from watchbell.usecases.routing import Routing

RANKS: Mapping[str, int] = {
    "security": 0,
    "critical": 1,
    "major": 2,
    "minor": 3,
    "warning": 4,
    "informational": 6,
    "normal": 7,
}
RULES = Rulebook(RANKS, "https://watchbell.example")
SERVICE = Service(name="checkout", id="s1", policy="office", runbook="https://wiki.example/checkout")
POLICY = Policy(
    name="office",
    id="p1",
    steps=[
        Step(after=0, targets=[Target(channel="mail", to="anna@example.org")]),
        Step(after=300, targets=[Target(channel="mail", to="boss@example.org")]),
    ],
)
CHANNEL = Channel(name="mail", id="c1", type="recording")


class Recorder(RecordingChannel):
    """A recording channel that fails first, as often as there are `failures`."""

    def __init__(self, failures: Sequence[WatchbellError] = ()) -> None:
        super().__init__()
        self.failures = list(failures)

    @property
    def messages(self) -> list[Message]:
        return self.sent


def one_channel(channel: ChannelPort) -> Callable[[str, dict[str, Any]], ChannelPort]:
    """A maker of channels that hands out the same one, whatever is asked for."""

    def make(kind: str, settings: dict[str, Any]) -> ChannelPort:
        return channel

    return make


def alert(
    event: str = "Down", *, severity: str = "critical", status: str = "open", version: int = 1, **more: Any
) -> Alert:
    """An alert that names the service `checkout`."""
    fields: dict[str, Any] = {
        "id": AlertId(f"alert-{event}"),
        "environment": "Production",
        "resource": "web01",
        "event": event,
        "severity": severity,
        "status": status,
        "service": ("checkout",),
        "text": f"{event} is true",
        "create_time": START,
        "receive_time": START,
        "last_receive_id": "r1",
        "last_receive_time": START,
        "update_time": START,
        "version": version,
    }
    return Alert(**{**fields, **more})


def changed(before: Alert, **changes: Any) -> Alert:
    """The alert's next version."""
    if "status" in changes and "previous_status" not in changes:
        changes["previous_status"] = before.status
    return msgspec.structs.replace(before, version=before.version + 1, **changes)


class Bench:
    """Everything in one place. `send` puts alerts in and routes them; `deliver` delivers what is due."""

    def __init__(self, *, patience: Patience | None = None, channel: Recorder | None = None) -> None:
        self.clock = HandClock()
        self.store = MemoryStore(now=self.clock.now)
        self.bus = MemoryBus(delay=lambda tries: 0.0)
        self.channel = channel or Recorder()
        telemetry = NullTelemetry()
        self.configured = Configured(self.store, self.clock, telemetry)
        self.held: dict[int, Lease] = {}
        self.vault = AesVault("k" * 32)
        self.sender = Sender(one_channel(self.channel), self.vault, self.clock, telemetry)
        self.routing = Routing(self.store, self.configured, RULES, self.clock, telemetry, AlertaModel())
        self.escalating = Escalating(self.store, self.configured, RULES, self.clock)
        self.delivering = Delivering(
            self.store,
            self.bus,
            self.configured,
            self.sender,
            self.clock,
            telemetry,
            held=self.held,
            patience=patience,
            luck=Random(1),
        )
        self.relay = Relay(self.bus, self.sender, self.clock, telemetry)

    async def start(self, *objects: Managed) -> "Bench":
        """Hold every shard, and configure `objects` or the usual ones."""
        await self.configure(*(objects or (SERVICE, POLICY, CHANNEL)))
        await self.hold("keeper-1")
        return self

    async def hold(self, keeper: str) -> None:
        """Take (or renew) every shard for a keeper of this name."""
        async with self.store.transaction() as tx:
            for shard in range(SHARDS):
                now = self.clock.now()
                lease = await tx.leases.acquire(f"shard/{shard}", keeper, now, now + timedelta(days=30))
                assert lease is not None
                self.held[shard] = lease

    async def configure(self, *objects: Managed) -> None:
        """Write managed objects."""
        kinds: dict[type[Managed], str] = {
            Service: "service",
            Policy: "policy",
            Channel: "channel",
            Inhibition: "inhibition",
        }
        rows = [
            Stored(
                kind=kinds[type(item)],
                id=item.id,
                name=item.name,
                body=msgspec.to_builtins(item),
                version=0,
                updated_at=self.clock.now(),
                updated_by="test",
            )
            for item in objects
        ]
        async with self.store.transaction() as tx:
            await tx.catalogue.put(rows)
        self.configured.expire()

    @property
    def leases(self) -> list[Lease]:
        return list(self.held.values())

    async def put(self, *alerts: Alert) -> None:
        """Store alerts with the message that they changed."""
        now = self.clock.now()
        async with self.store.transaction() as tx:
            await tx.alerts.save(alerts)
            rows = [
                OutboxRow(
                    id=new_id(), kind="route", subject=a.id, shard=shard_of(a.id), created_at=now, available_at=now
                )
                for a in alerts
            ]
            await tx.outbox.add(rows)

    async def send(self, *alerts: Alert) -> None:
        """Store alerts and route them."""
        await self.put(*alerts)
        await self.routing.run(self.leases)

    async def escalate(self) -> None:
        """Fire the timers that are due."""
        async with self.store.reading() as tx:
            due = await tx.timers.due(list(range(SHARDS)), self.clock.now(), 100)
        await self.escalating.fire(due, self.leases)

    async def incidents(self) -> list[Incident]:
        """Newest first."""
        async with self.store.reading() as tx:
            return await tx.incidents.find(())

    async def timeline(self, incident: Incident) -> list[TimelineEntry]:
        async with self.store.reading() as tx:
            return await tx.incidents.timeline(incident.id)

    async def notifications(self) -> list[Notification]:
        """Of all incidents, oldest incident first."""
        found: list[Notification] = []
        for incident in reversed(await self.incidents()):
            async with self.store.reading() as tx:
                found += await tx.notifications.of_incident(incident.id)
        return found

    async def outbox(self, kind: str) -> list[OutboxRow]:
        """What waits, in no order."""
        rows: dict[str, OutboxRow] = self.store._state.get("outbox", {})
        return [row for row in rows.values() if row.kind == kind]


def kinds(entries: Sequence[TimelineEntry]) -> list[str]:
    return [entry.kind for entry in entries]


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)
