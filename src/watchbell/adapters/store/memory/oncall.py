"""Incidents with their timelines, and notifications with their attempts, in memory."""

from collections.abc import Sequence

from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.oncall.incident import Attempt, Incident, IncidentStatus, Notification, TimelineEntry


class MemoryIncidents:
    """Tables `incidents` (by id), `timelines` (incident id → entries) and `memberships` ((alert id, incident id))."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, incident_id: str) -> Incident | None:
        return self._tables.read("incidents").get(incident_id)

    async def unresolved(self, services: Sequence[str]) -> list[Incident]:
        found = [
            incident
            for incident in self._all()
            if incident.service in services and incident.status is not IncidentStatus.RESOLVED
        ]
        return found[::-1]

    async def save(self, incidents: Sequence[Incident]) -> None:
        rows, memberships = self._tables.edit("incidents"), self._tables.edit("memberships")
        for incident in incidents:
            rows[incident.id] = incident
            memberships.update({(alert_id, incident.id): True for alert_id in (*incident.alerts, *incident.active)})

    async def find(
        self, statuses: Sequence[IncidentStatus], service: str = "", page: int = 1, page_size: int = 50
    ) -> list[Incident]:
        found = [
            incident
            for incident in self._all()
            if (not statuses or incident.status in statuses) and service in ("", incident.service)
        ]
        offset = max(page - 1, 0) * max(page_size, 0)
        return found[offset : offset + max(page_size, 0)]

    async def counts(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for incident in self._all():
            counts[incident.status.value] = counts.get(incident.status.value, 0) + 1
        return counts

    async def add_entries(self, entries: Sequence[TimelineEntry]) -> None:
        timelines = self._tables.edit("timelines")
        for entry in entries:
            timelines[entry.incident_id] = (*timelines.get(entry.incident_id, ()), entry)

    async def timeline(self, incident_id: str) -> list[TimelineEntry]:
        return list(self._tables.read("timelines").get(incident_id, ()))

    async def of_alert(self, alert_id: str) -> list[Incident]:
        memberships = self._tables.read("memberships")
        return [incident for incident in self._all() if (alert_id, incident.id) in memberships]

    def _all(self) -> list[Incident]:
        """Newest first."""
        rows: list[Incident] = list(self._tables.read("incidents").values())
        return sorted(rows, key=lambda incident: (incident.opened_at, incident.id), reverse=True)


class MemoryNotifications:
    """Tables `notifications` (by id) and `attempts` (by notification id and number)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def save(self, notifications: Sequence[Notification]) -> None:
        self._tables.edit("notifications").update({item.id: item for item in notifications})

    async def get(self, notification_ids: Sequence[str]) -> dict[str, Notification]:
        return {item.id: item for item in self._tables.pick("notifications", notification_ids)}

    async def of_incident(self, incident_id: str) -> list[Notification]:
        rows: list[Notification] = list(self._tables.read("notifications").values())
        found = [item for item in rows if item.incident_id == incident_id]
        return sorted(found, key=lambda item: (item.created_at, item.id))

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        rows = self._tables.edit("attempts")
        for attempt in attempts:
            rows.setdefault((attempt.notification_id, attempt.number), attempt)

    async def attempts(self, notification_ids: Sequence[str]) -> list[Attempt]:
        rows = self._tables.read("attempts")
        return [rows[key] for key in sorted(rows) if key[0] in notification_ids]
