"""Routing: alerts that changed open, change and end the incidents of the services that they name.

A batch of `route` rows is one transaction: claimed, decided, recorded and done, or nothing of it. Losing a lease raises
`Fenced`, losing the database `Retryable`; the rows are then routed again, here or by another keeper, with the same end.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.blackout import Judge
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.muting import hushed
from watchbell.domain.alerts.phase import TAKEN
from watchbell.domain.oncall.decision import Decision, former_incident_id, incident_id
from watchbell.domain.oncall.incident import Incident, IncidentStatus
from watchbell.domain.oncall.route import route
from watchbell.domain.oncall.service import Service
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.configuration import Configuration, Configured
from watchbell.usecases.inhibiting import judged
from watchbell.usecases.operating import record
from watchbell.usecases.recording import ROUTE, Ledger, Rulebook, circumstances

BATCH = 200
CLAIM = timedelta(seconds=30)


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows were routed, and the shards that have something to deliver now."""

    rows: int = 0
    shards: frozenset[int] = frozenset()


class _Batch(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts that changed, those that are gone, and the unresolved incidents that may be touched, by service."""

    alerts: list[Alert]
    gone: list[str]
    incidents: dict[str, Incident]
    services: list[str]


class Routing:
    """Routes what is waiting."""

    def __init__(
        self,
        store: Store,
        configured: Configured,
        rules: Rulebook,
        clock: Clock,
        telemetry: Telemetry,
        model: AlarmModel,
    ) -> None:
        self._store = store
        self._configured = configured
        self._rules = rules
        self._clock = clock
        self._telemetry = telemetry
        self._model = model
        self._judge = Judge()

    async def run(self, leases: Sequence[Lease], limit: int = BATCH) -> Routed:
        """Route up to `limit` rows of the leases' shards."""
        if not leases:
            return Routed()
        now = self._clock.now()
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            rows = await tx.outbox.claim(ROUTE, leases, now, now + CLAIM, limit)
            if not rows:
                return Routed()
            # Not from memory: an alert may name a service that was made a moment before it, and is routed only once.
            config = await self._configured.within(tx)
            shards: set[int] = set()
            ledger = Ledger()
            batch = await self._load(tx, config, list(dict.fromkeys(row.subject for row in rows)), now)
            for service in batch.services:
                decision = await self._decide(tx, config, service, batch)
                if decision is not None:
                    shards |= ledger.decided(decision, now)
            await ledger.write(tx)
            await tx.outbox.done([row.id for row in rows])
        for row in rows:
            self._telemetry.observe("stage_seconds", max((now - row.available_at).total_seconds(), 0.0), stage="route")
        return Routed(rows=len(rows), shards=frozenset(shards))

    async def _load(self, tx: Transaction, config: Configuration, alert_ids: Sequence[str], now: datetime) -> _Batch:
        alerts = await self._hushed(tx, config, await tx.alerts.many(alert_ids), now)
        alerts = await _inhibited(tx, config, alerts, now)
        gone = sorted(set(alert_ids) - {alert.id for alert in alerts})
        services = {name for alert in alerts for name in alert.service if name in config.services}
        # A new alert belongs to nothing yet; another may belong to a service that it no longer names.
        for key in [*(alert.id for alert in alerts if alert.version > 1), *gone]:
            services |= {i.service for i in await tx.incidents.of_alert(key) if i.status is not IncidentStatus.RESOLVED}
        ordered = sorted(services)
        unresolved = await tx.incidents.unresolved(ordered) if ordered else []
        incidents = {incident.service: incident for incident in unresolved}
        return _Batch(alerts=alerts, gone=gone, incidents=incidents, services=ordered)

    async def _hushed(self, tx: Transaction, config: Configuration, alerts: list[Alert], now: datetime) -> list[Alert]:
        """The alerts as blackouts leave them: nobody is told inside one, whatever opened the alert."""
        blackouts = self._judge.at(config.version, config.blackouts.values(), now)
        if not blackouts:
            return alerts
        found = (hushed(alert, blackouts, self._model, now, config.version) for alert in alerts)
        return await _written(tx, alerts, [change for change in found if change is not None], now)

    async def _decide(self, tx: Transaction, config: Configuration, service: str, batch: _Batch) -> Decision | None:
        incident = batch.incidents.get(service)
        held = frozenset(incident.alerts) if incident is not None else frozenset[str]()
        alerts = [alert for alert in batch.alerts if service in alert.service or alert.id in held]
        if incident is not None and incident.status is IncidentStatus.OPEN and any(a.status in TAKEN for a in alerts):
            # Only here the others matter: the incident is acknowledged when all that stand are.
            known = {alert.id for alert in alerts}
            others = [key for key in incident.active if key not in known]
            # Not locked: alerts come before incidents everywhere. One that changes just now is routed for itself.
            alerts += await tx.alerts.many(others, locking=False)
        at = circumstances(config, service, incident, self._rules, self._clock.now())
        decision = route(incident, alerts, at, [key for key in batch.gone if key in held])
        if decision is None or incident is not None:
            return decision
        return None if await _opened_before(tx, decision, alerts, at.service) else decision


async def _opened_before(tx: Transaction, decision: Decision, alerts: Sequence[Alert], service: Service) -> bool:
    """Whether the same state of the same alert opened it before, and it is over: someone resolved it by hand."""
    if await tx.incidents.get(decision.incident.id) is not None:
        return True
    opener = next(alert for alert in alerts if incident_id(service, alert) == decision.incident.id)
    former = await tx.incidents.get(former_incident_id(service, opener))
    return former is not None and former.opened_at >= opener.receive_time


async def _inhibited(tx: Transaction, config: Configuration, alerts: list[Alert], now: datetime) -> list[Alert]:
    """The alerts as inhibitions leave them."""
    return await _written(tx, alerts, await judged(tx, config, alerts, now), now)


async def _written(tx: Transaction, alerts: list[Alert], changes: Sequence[Acted], now: datetime) -> list[Alert]:
    """The alerts with what changed, which is recorded. They are routed here and now, so not once more."""
    if not changes:
        return alerts
    await record(tx, [msgspec.structs.replace(each, to_route=False, status_changed=False) for each in changes], now)
    after = {change.alert.id: change.alert for change in changes}
    return [after.get(alert.id, alert) for alert in alerts]
