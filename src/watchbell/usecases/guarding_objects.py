"""Heartbeats, incidents, blackouts and what changed, of certain customers only."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from watchbell.domain.checks.heartbeat import ANY_HEARTBEAT
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat
from watchbell.domain.customers import Customers, sees
from watchbell.domain.errors import Forbidden
from watchbell.domain.managed import Stored
from watchbell.domain.oncall.incident import Attempt, Incident, IncidentStatus, Notification, TimelineEntry
from watchbell.domain.webhooks.received import ReceivedCall
from watchbell.ports.store import Transaction
from watchbell.usecases.guarding_alerts import NOT_YOURS, visible_ids

BLACKOUT = "blackout"
AT_ONCE = 500


def sees_object(customers: Customers, row: Stored) -> bool:
    """Whether a managed object is there for whoever has these customers: only blackouts belong to somebody."""
    return customers is None or row.kind != BLACKOUT or sees(customers, row.body.get("customer"))


class GuardedHeartbeats:
    """Heartbeats by origin."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._inner, self._customers = tx.origin_heartbeats, customers

    async def get(self, heartbeat_ids: Sequence[str]) -> list[OriginHeartbeat]:
        return self._mine(await self._inner.get(heartbeat_ids))

    async def of(self, origin: str, customer: str | None) -> OriginHeartbeat | None:
        return await self._inner.of(origin, customer)

    async def all(self) -> list[OriginHeartbeat]:
        return self._mine(await self._inner.all())

    async def save(self, heartbeats: Sequence[OriginHeartbeat]) -> None:
        await self._inner.save(heartbeats)

    async def delete(self, heartbeat_id: str) -> None:
        if await self.get([heartbeat_id]):
            await self._inner.delete(heartbeat_id)

    def _mine(self, found: Sequence[OriginHeartbeat]) -> list[OriginHeartbeat]:
        return [each for each in found if sees(self._customers, each.customer)]


class GuardedIncidents:
    """Incidents: those whose alerts are all there for the caller.

    One with alerts of several customers, or of which an alert was deleted, is not.
    """

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._tx, self._inner, self._customers = tx, tx.incidents, customers

    async def get(self, incident_id: str) -> Incident | None:
        found = await self._inner.get(incident_id)
        return found if found is not None and await self._mine([found]) else None

    async def unresolved(self, services: Sequence[str]) -> list[Incident]:
        return await self._inner.unresolved(services)

    async def save(self, incidents: Sequence[Incident]) -> None:
        await self._inner.save(incidents)

    async def find(
        self, statuses: Sequence[IncidentStatus], service: str = "", page: int = 1, page_size: int = 50
    ) -> list[Incident]:
        found = await self._all(statuses, service)
        return found[(page - 1) * page_size : page * page_size]

    async def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for incident in await self._all((), ""):
            found[incident.status.value] = found.get(incident.status.value, 0) + 1
        return found

    async def add_entries(self, entries: Sequence[TimelineEntry]) -> None:
        await self._inner.add_entries(entries)

    async def timeline(self, incident_id: str) -> list[TimelineEntry]:
        return await self._inner.timeline(incident_id) if await self.get(incident_id) is not None else []

    async def of_alert(self, alert_id: str) -> list[Incident]:
        return await self._mine(await self._inner.of_alert(alert_id))

    async def _all(self, statuses: Sequence[IncidentStatus], service: str) -> list[Incident]:
        mine: list[Incident] = []
        page = 1
        while found := await self._inner.find(statuses, service, page, AT_ONCE):
            mine += await self._mine(found)
            page += 1
        return mine

    async def _mine(self, incidents: Sequence[Incident]) -> list[Incident]:
        ids = [str(each) for incident in incidents for each in incident.alerts]
        seen = await visible_ids(self._tx, self._customers, ids)
        return [incident for incident in incidents if incident.alerts and seen.issuperset(incident.alerts)]


class GuardedNotifications:
    """Messages to people."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._inner, self._incidents = tx.notifications, GuardedIncidents(tx, customers)

    async def save(self, notifications: Sequence[Notification]) -> None:
        await self._inner.save(notifications)

    async def get(self, notification_ids: Sequence[str]) -> dict[str, Notification]:
        return await self._inner.get(notification_ids)

    async def of_incident(self, incident_id: str) -> list[Notification]:
        mine = await self._incidents.get(incident_id) is not None
        return await self._inner.of_incident(incident_id) if mine else []

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        await self._inner.add_attempts(attempts)

    async def attempts(self, notification_ids: Sequence[str]) -> list[Attempt]:
        return await self._inner.attempts(notification_ids)


class GuardedCatalogue:
    """Managed objects. The list of all kinds is whole: the configuration in force is made of it."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._inner, self._customers = tx.catalogue, customers

    async def version(self) -> int:
        return await self._inner.version()

    async def all(self, kind: str = "") -> list[Stored]:
        found = await self._inner.all(kind)
        return [row for row in found if not kind or sees_object(self._customers, row)]

    async def get(self, kind: str, name_or_id: str) -> Stored | None:
        found = await self._inner.get(kind, name_or_id)
        return found if found is not None and sees_object(self._customers, found) else None

    async def put(self, objects: Sequence[Stored]) -> int:
        for row in objects:
            present = await self._inner.get(row.kind, row.id) if row.kind == BLACKOUT else None
            if present is not None and not sees_object(self._customers, present):
                raise Forbidden(NOT_YOURS)
        return await self._inner.put(objects)

    async def remove(self, kind: str, identifiers: Sequence[str]) -> int:
        for identifier in identifiers if kind == BLACKOUT else ():
            present = await self._inner.get(kind, identifier)
            if present is not None and not sees_object(self._customers, present):
                raise Forbidden(NOT_YOURS)
        return await self._inner.remove(kind, identifiers)

    async def past(self, kind: str, identifier: str, limit: int = 50) -> list[Stored]:
        found = await self._inner.past(kind, identifier, limit)
        return [row for row in found if sees_object(self._customers, row)]


async def visible_items(
    tx: Transaction, customers: Customers, items: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """What of a change is to be told to whoever has these customers: topic → ids.

    Of the configuration only that it changed. What was deleted is not told, for nobody can say any more whose it was.
    """
    if customers is None:
        return {topic: list(ids) for topic, ids in items.items()}
    told: dict[str, list[str]] = {}
    for topic, ids in items.items():
        if topic == "alert":
            told[topic] = sorted(await visible_ids(tx, customers, ids))
        elif topic == "incident":
            incidents = GuardedIncidents(tx, customers)
            told[topic] = [each for each in ids if await incidents.get(each) is not None]
        elif topic == "check":
            beats = {each.id for each in await GuardedHeartbeats(tx, customers).get(ids)}
            known = beats | set(await tx.checks.healths(ids)) | {ANY_HEARTBEAT}
            told[topic] = [each for each in ids if each in known]
        else:
            told[topic] = []
    return {topic: ids for topic, ids in told.items() if ids or topic not in {"alert", "incident", "check"}}


class GuardedCalls:
    """Messages of webhooks say of whom they are only when they are read: who has customers sees none of them."""

    def __init__(self, tx: Transaction) -> None:
        self._calls = tx.received_calls

    async def add(self, call: ReceivedCall) -> None:
        await self._calls.add(call)

    async def of(self, name: str) -> list[ReceivedCall]:  # noqa: ARG002 - nothing is theirs, whatever the name
        return []

    async def names(self) -> list[str]:
        return []

    async def trim(self, name: str, keep: int, before: datetime) -> None:
        await self._calls.trim(name, keep, before)
