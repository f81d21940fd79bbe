"""Incidents with their timelines, and notifications with their attempts, in SQL."""

from collections.abc import Sequence

from sqlalchemy import func, select

from watchbell.adapters.store.sql.codec import Codec, lock_key
from watchbell.adapters.store.sql.tables import (
    incident_alerts,
    incident_timeline,
    incidents,
    notification_attempts,
    notifications,
)
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.oncall.incident import Attempt, Incident, IncidentStatus, Notification, TimelineEntry

_INCIDENTS = Codec(Incident, incidents)
_TIMELINE = Codec(TimelineEntry, incident_timeline)
_NOTIFICATIONS = Codec(Notification, notifications)
_ATTEMPTS = Codec(Attempt, notification_attempts)
_SELECT = select(*_INCIDENTS.columns)
_NEWEST = (incidents.c.opened_at.desc(), incidents.c.id.desc())


class SqlIncidents:
    """Tables `incidents`, `incident_timeline`, and `incident_alerts` (alerts that ever belonged to an incident)."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, incident_id: str) -> Incident | None:
        rows = await self._work.locked(_SELECT.where(incidents.c.id == incident_id), incidents)
        return _INCIDENTS.struct(rows[0]) if rows else None

    async def unresolved(self, services: Sequence[str]) -> list[Incident]:
        if not services:
            return []
        await self._work.lock([lock_key("service", service) for service in services])
        any_of = self._work.dialect.any_of
        standing = [status.value for status in IncidentStatus if status is not IncidentStatus.RESOLVED]
        statement = _SELECT.where(any_of(incidents.c.service, list(services)), incidents.c.status.in_(standing))
        rows = await self._work.locked(statement.order_by(incidents.c.opened_at, incidents.c.id), incidents)
        return _INCIDENTS.structs(rows)

    async def save(self, incidents: Sequence[Incident]) -> None:
        await self._work.insert(_INCIDENTS.table, _INCIDENTS.rows(incidents), conflict=("id",))
        members = [
            {"alert_id": alert_id, "incident_id": incident.id}
            for incident in incidents
            for alert_id in dict.fromkeys((*incident.alerts, *incident.active))
        ]
        await self._work.insert_new(incident_alerts, members, conflict=("alert_id", "incident_id"))

    async def find(
        self, statuses: Sequence[IncidentStatus], service: str = "", page: int = 1, page_size: int = 50
    ) -> list[Incident]:
        limit = max(page_size, 0)
        statement = _SELECT.order_by(*_NEWEST).limit(limit).offset(max(page - 1, 0) * limit)
        if statuses:
            statement = statement.where(incidents.c.status.in_([status.value for status in statuses]))
        if service:
            statement = statement.where(incidents.c.service == service)
        return _INCIDENTS.structs(await self._work.rows(statement))

    async def counts(self) -> dict[str, int]:
        rows = await self._work.rows(select(incidents.c.status, func.count()).group_by(incidents.c.status))
        return {status.value: number for status, number in rows}

    async def add_entries(self, entries: Sequence[TimelineEntry]) -> None:
        await self._work.insert(incident_timeline, _TIMELINE.rows(entries))

    async def timeline(self, incident_id: str) -> list[TimelineEntry]:
        statement = select(*_TIMELINE.columns).where(incident_timeline.c.incident_id == incident_id)
        return _TIMELINE.structs(await self._work.rows(statement.order_by(incident_timeline.c.seq)))

    async def of_alert(self, alert_id: str) -> list[Incident]:
        mine = incident_alerts.c.alert_id == alert_id
        statement = _SELECT.join(incident_alerts, incident_alerts.c.incident_id == incidents.c.id).where(mine)
        return _INCIDENTS.structs(await self._work.rows(statement.order_by(*_NEWEST)))


class SqlNotifications:
    """Tables `notifications` and `notification_attempts`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def save(self, notifications: Sequence[Notification]) -> None:
        await self._work.insert(_NOTIFICATIONS.table, _NOTIFICATIONS.rows(notifications), conflict=("id",))

    async def get(self, notification_ids: Sequence[str]) -> dict[str, Notification]:
        if not notification_ids:
            return {}
        statement = select(*_NOTIFICATIONS.columns).order_by(notifications.c.id)
        statement = statement.where(self._work.dialect.any_of(notifications.c.id, list(notification_ids)))
        found = _NOTIFICATIONS.structs(await self._work.locked(statement, notifications))
        return {item.id: item for item in found}

    async def of_incident(self, incident_id: str) -> list[Notification]:
        statement = select(*_NOTIFICATIONS.columns).where(notifications.c.incident_id == incident_id)
        rows = await self._work.rows(statement.order_by(notifications.c.created_at, notifications.c.id))
        return _NOTIFICATIONS.structs(rows)

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        rows = _ATTEMPTS.rows(attempts)
        await self._work.insert_new(notification_attempts, rows, conflict=("notification_id", "number"))

    async def attempts(self, notification_ids: Sequence[str]) -> list[Attempt]:
        table = notification_attempts
        mine = self._work.dialect.any_of(table.c.notification_id, list(notification_ids))
        statement = select(*_ATTEMPTS.columns).where(mine).order_by(table.c.notification_id, table.c.number)
        return _ATTEMPTS.structs(await self._work.rows(statement))
