"""Reading what stands, for the pages: checks, services, incidents, heartbeats, events, and Watchbell itself.

Everything of one answer is read in one view of the store. Losing the database raises `Retryable`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import PHASES
from watchbell.domain.alerts.query import AlertQuery, Filter
from watchbell.domain.checks.check import Check
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.heartbeat import Heartbeat, Pulse
from watchbell.domain.checks.placement import place
from watchbell.domain.checks.result import Result
from watchbell.domain.errors import Missing
from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.oncall.incident import Attempt, Incident, IncidentStatus, Notification, TimelineEntry
from watchbell.domain.oncall.service import Service
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.configuration import Configuration, Configured

SPARKS = 30
RESULTS = 100
UNRESOLVED = (IncidentStatus.OPEN, IncidentStatus.ACKNOWLEDGED)
AT_ONCE = 10_000  # incidents of one service, or open ones of all


class CheckView(msgspec.Struct, frozen=True, kw_only=True):
    """A check with what is known of it; `recent` is oldest first, `results` newest first and only for one check."""

    check: Check
    health: Health | None
    recent: Sequence[Result] = ()
    results: Sequence[Result] = ()


class ServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """A service rolled up: the worst severity that stands (empty when all is well), how many alerts, who is on it."""

    service: Service
    severity: str
    alerts: int
    incident: Incident | None
    checks: Sequence[CheckView]


class IncidentPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of incidents, and how many there are."""

    incidents: Sequence[Incident]
    total: int
    counts: Mapping[str, int]


class IncidentView(msgspec.Struct, frozen=True, kw_only=True):
    """All of an incident."""

    incident: Incident
    timeline: Sequence[TimelineEntry]
    alerts: Sequence[Alert]
    notifications: Sequence[Notification]
    attempts: Mapping[str, Sequence[Attempt]]


class Minute(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one minute, by type."""

    minute: datetime
    counts: Mapping[str, int]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """How Watchbell itself is: shards by keeper, when the newest check ran, what waits to leave."""

    keepers: Mapping[str, Sequence[int]]
    last_result_at: datetime | None
    backlog: Mapping[str, tuple[int, float]]


class Inspecting:
    """Read models."""

    def __init__(self, store: Store, configured: Configured, clock: Clock, model: AlarmModel) -> None:
        self._store = store
        self._configured = configured
        self._clock = clock
        self._model = model

    async def checks(self) -> list[CheckView]:
        """All checks, by name."""
        config = await self._configured.current()
        checks = _placed(config)
        async with self._store.reading() as tx:
            healths = await tx.checks.healths()
            recent = await tx.checks.recent([check.id for check in checks], SPARKS)
        return [
            CheckView(check=check, health=healths.get(check.id), recent=recent.get(check.id, ())) for check in checks
        ]

    async def check(self, name_or_id: str) -> CheckView:
        """One check with its results."""
        check = await self.find_check(name_or_id)
        async with self._store.reading() as tx:
            healths = await tx.checks.healths([check.id])
            results = await tx.checks.results(check.id, RESULTS)
        recent = list(reversed(results[:SPARKS]))
        return CheckView(check=check, health=healths.get(check.id), recent=recent, results=results)

    async def find_check(self, name_or_id: str) -> Check:
        """The check as it is configured, its site filled in; raises `Missing`."""
        for fresh in (False, True):
            if fresh:
                self._configured.expire()
            config = await self._configured.current()
            for check in config.checks.values():
                if name_or_id in (check.id, check.name):
                    return place(check, config.hosts).check
        raise Missing(f"There is no check {name_or_id[:200]!r}.")

    async def heartbeats(self) -> list[tuple[Heartbeat, Pulse | None]]:
        """All heartbeats with what is known of them, by name."""
        config = await self._configured.current()
        async with self._store.reading() as tx:
            pulses = await tx.pulses.get()
        return [(config.heartbeats[name], pulses.get(config.heartbeats[name].id)) for name in sorted(config.heartbeats)]

    async def services(self) -> list[ServiceView]:
        """All services, by name."""
        config = await self._configured.current()
        async with self._store.reading() as tx:
            healths = await tx.checks.healths()
            standing = await self._standing(tx)
            unresolved = await tx.incidents.find(UNRESOLVED, "", 1, AT_ONCE)
        incidents = {incident.service: incident for incident in reversed(unresolved)}
        checks: dict[str, list[CheckView]] = {}
        for check in _placed(config):
            for service in check.services:
                checks.setdefault(service, []).append(CheckView(check=check, health=healths.get(check.id)))
        return [
            self._rolled_up(service, standing, incidents.get(service.name), checks.get(service.name, []))
            for _, service in sorted(config.services.items())
        ]

    async def incidents(
        self, statuses: Sequence[IncidentStatus], service: str, page: int, page_size: int
    ) -> IncidentPage:
        """One page, newest first."""
        async with self._store.reading() as tx:
            counts = await tx.incidents.counts()
            if service:
                matching = await tx.incidents.find(statuses, service, 1, AT_ONCE)
                start = (page - 1) * page_size
                return IncidentPage(incidents=matching[start : start + page_size], total=len(matching), counts=counts)
            found = await tx.incidents.find(statuses, "", page, page_size)
        total = sum(count for status, count in counts.items() if not statuses or status in statuses)
        return IncidentPage(incidents=found, total=total, counts=counts)

    async def incident(self, identifier: str) -> IncidentView:
        """One incident with all that belongs to it."""
        async with self._store.reading() as tx:
            incident = await tx.incidents.get(identifier)
            if incident is None:
                raise Missing("There is no such incident.")
            notifications = await tx.notifications.of_incident(incident.id)
            attempts: dict[str, list[Attempt]] = {}
            for attempt in await tx.notifications.attempts([n.id for n in notifications]):
                attempts.setdefault(attempt.notification_id, []).append(attempt)
            return IncidentView(
                incident=incident,
                timeline=await tx.incidents.timeline(incident.id),
                alerts=await tx.alerts.many(incident.alerts),
                notifications=notifications,
                attempts=attempts,
            )

    async def events(self, limit: int) -> list[dict[str, Any]]:
        """The newest events that collectors showed, newest first."""
        async with self._store.reading() as tx:
            return await tx.tallies.tail(limit)

    async def books(self) -> list[NodeBooks]:
        """The books of every collector, by its name, as it told them last."""
        async with self._store.reading() as tx:
            return await tx.tallies.nodes()

    async def minutes(self, minutes: int) -> list[Minute]:
        """Events by type in each of the last minutes, the present one included; oldest first, without gaps."""
        last = self._clock.now().astimezone(UTC).replace(second=0, microsecond=0)
        first = last - timedelta(minutes=minutes - 1)
        counts: dict[datetime, dict[str, int]] = {}
        async with self._store.reading() as tx:
            for row in await tx.tallies.minutes(first):
                counts.setdefault(row.minute.astimezone(UTC), {})[row.event_type] = row.count
        wanted = (first + timedelta(minutes=number) for number in range(minutes))
        return [Minute(minute=minute, counts=counts.get(minute, {})) for minute in wanted]

    async def overview(self) -> Overview:
        """How Watchbell itself is."""
        now = self._clock.now()
        keepers: dict[str, list[int]] = {}
        async with self._store.reading() as tx:
            present = await tx.leases.now(now)
            for lease in await tx.leases.all():
                kind, _, shard = lease.name.partition("/")
                if kind == "shard" and shard.isdecimal() and lease.expires_at > present:
                    keepers.setdefault(lease.holder, []).append(int(shard))
            healths = await tx.checks.healths()
            backlog = await tx.outbox.backlog(now)
        newest = max((h.last_run for h in healths.values() if h.last_run is not None), default=None)
        return Overview(
            keepers={holder: sorted(shards) for holder, shards in sorted(keepers.items())},
            last_result_at=newest,
            backlog=backlog,
        )

    async def _standing(self, tx: Transaction) -> dict[tuple[str, str], Mapping[str, int]]:
        """(environment, service) → severity → how many alerts stand."""
        over = tuple(s for s in PHASES if not self._model.stands(s, self._worst()))
        query = AlertQuery(filters=(Filter(field="status", values=over, negate=True),) if over else ())
        found = await tx.reports.by_service(query)
        return {key: counts.by_severity for key, counts in found.items()}

    def _worst(self) -> str:
        return self._model.severities.ordered[0]

    def _rolled_up(
        self,
        service: Service,
        standing: Mapping[tuple[str, str], Mapping[str, int]],
        incident: Incident | None,
        checks: Sequence[CheckView],
    ) -> ServiceView:
        ranks = self._model.severities.known
        least = ranks.get(service.minimum_severity, max(ranks.values()))
        totals: dict[str, int] = {}
        for (environment, name), counts in standing.items():
            if name != service.name or (service.environments and environment not in service.environments):
                continue
            for severity, count in counts.items():
                if count and not self._model.severities.is_normal(severity) and ranks.get(severity, least) <= least:
                    totals[severity] = totals.get(severity, 0) + count
        worst = min(totals, key=lambda severity: ranks.get(severity, least)) if totals else ""
        return ServiceView(
            service=service, severity=worst, alerts=sum(totals.values()), incident=incident, checks=checks
        )


def _placed(config: Configuration) -> list[Check]:
    return [place(check, config.hosts).check for _, check in sorted(config.checks.items())]
