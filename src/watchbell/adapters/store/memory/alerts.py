"""Alerts, their history, and the aggregates over them, in memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from watchbell.adapters.store import alert_counts, alert_filter, lines
from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.alerts.alert import Alert, HistoryEntry, Identity
from watchbell.domain.alerts.query import MOST_RESOURCES, AlertCounts, AlertQuery, Measure, Offender
from watchbell.domain.errors import Conflict

_Subject = tuple[str, str, str]


class MemoryAlerts:
    """Tables `alerts` (by id), `alert_identities` (to ids) and `subjects` (environment, resource, customer → ids)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def lock(self, identities: Iterable[Identity]) -> None:
        del identities  # writing transactions follow one another already
        self._tables.must_write()

    async def related(self, identities: Iterable[Identity]) -> list[Alert]:
        alerts = self._tables.read("alerts")
        subjects = self._tables.read("subjects")
        wanted: dict[_Subject, set[str]] = {}
        for identity in identities:
            wanted.setdefault(identity.subject, set()).add(identity.event)
        found = [alerts[key] for subject in wanted for key in subjects.get(subject, ())]
        held = [each for each in found if each.correlate or each.identity.event in wanted[each.identity.subject]]
        return sorted(held, key=lambda alert: alert.id)

    async def get(self, identifier: str) -> Alert | None:
        alerts = self._tables.read("alerts")
        if identifier in alerts:
            return alerts[identifier]
        found = [alert for alert in alerts.values() if alert.last_receive_id == identifier]
        if not found and identifier:
            ways = alert_filter.spellings(identifier)
            found = [
                alert
                for alert in alerts.values()
                if alert.id.startswith(ways) or alert.last_receive_id.startswith(ways)
            ]
        return alert_filter.only(found, identifier)

    async def many(
        self,
        identifiers: Sequence[str],
        *,
        locking: bool = True,  # noqa: ARG002 - who writes is alone
    ) -> list[Alert]:
        return sorted(self._tables.pick("alerts", identifiers), key=lambda alert: alert.id)

    async def save(self, alerts: Sequence[Alert]) -> None:
        rows, identities = self._tables.edit("alerts"), self._tables.edit("alert_identities")
        for alert in alerts:
            self._forget(alert.id)
            if identities.get(alert.identity, alert.id) != alert.id:
                raise self._tables.fail(Conflict("There is another alert of the same identity."))
            rows[alert.id] = alert
            identities[alert.identity] = alert.id
            subjects = self._tables.edit("subjects")
            key = alert.identity.subject
            subjects[key] = (*subjects.get(key, ()), alert.id)

    async def delete(self, identifiers: Sequence[str]) -> None:
        for identifier in identifiers:
            self._forget(identifier)
        self._tables.drop("history", identifiers)
        gone = set(identifiers)
        notes = self._tables.read("notes").values()
        self._tables.drop("notes", [note.id for note in notes if note.alert_id in gone])

    def _forget(self, identifier: str) -> None:
        former: Alert | None = self._tables.edit("alerts").pop(identifier, None)
        if former is None:
            return
        del self._tables.edit("alert_identities")[former.identity]
        subjects = self._tables.edit("subjects")
        key = former.identity.subject
        subjects[key] = tuple(other for other in subjects[key] if other != identifier)
        if not subjects[key]:
            del subjects[key]

    async def find(self, query: AlertQuery) -> list[Alert]:
        return alert_filter.page_of(query, alert_filter.sorted_by(query, matching(self._tables, query)))

    async def counts(self, query: AlertQuery) -> AlertCounts:
        return alert_counts.count(matching(self._tables, query))


def matching(tables: Tables, query: AlertQuery) -> list[Alert]:
    """All alerts that match, in no order."""
    return list(filter(alert_filter.matches(query), tables.read("alerts").values()))


class MemoryAlertReports:
    """Aggregates over the alerts."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def by_environment(self, query: AlertQuery) -> dict[str, AlertCounts]:
        groups: dict[str, list[Alert]] = {}
        for alert in matching(self._tables, query):
            groups.setdefault(alert.environment, []).append(alert)
        return {name: alert_counts.count(groups[name]) for name in sorted(groups)}

    async def by_service(self, query: AlertQuery) -> dict[tuple[str, str], AlertCounts]:
        groups: dict[tuple[str, str], list[Alert]] = {}
        for alert in matching(self._tables, query):
            for service in dict.fromkeys(alert.service):
                groups.setdefault((alert.environment, service), []).append(alert)
        return {key: alert_counts.count(groups[key]) for key in sorted(groups)}

    async def by_value(self, field: str, query: AlertQuery) -> dict[tuple[str, str], int]:
        kind, _ = alert_filter.kind_of(field)
        read = lines.encode if kind is alert_filter.Kind.LIST else alert_counts.single_text(field)
        found = matching(self._tables, query)
        return alert_counts.by_value(field, ((alert.environment, read(getattr(alert, field)), 1) for alert in found))

    async def by_field(self, field: str, query: AlertQuery) -> dict[str, AlertCounts]:
        kind, _ = alert_filter.kind_of(field)
        read = lines.encode if kind is alert_filter.Kind.LIST else alert_counts.single_text(field)
        found = matching(self._tables, query)
        return alert_counts.by_field(field, ((read(getattr(one, field)), one.severity, one.status, 1) for one in found))

    async def worst(self, measure: Measure, field: str, limit: int, query: AlertQuery) -> list[Offender]:
        read = alert_counts.single_text(field)
        found = sorted(matching(self._tables, query), key=lambda alert: alert.id)
        history = self._tables.read("history")
        sums: dict[str, float] = {}
        for alert in found:
            number = 1.0
            if measure == "flapping":
                number = sum(entry.type == "severity" for _, entry in history.get(alert.id, ()))
            elif measure == "standing":
                number = (alert.last_receive_time - alert.create_time).total_seconds()
            if number or measure != "flapping":
                name = read(getattr(alert, field))
                sums[name] = sums.get(name, 0) + number
        rows = sorted(sums.items(), key=lambda row: (-row[1], row[0]))[:limit]
        names = {name for name, _ in rows}
        members = [
            (read(getattr(one, field)), one.id, one.resource, one.environment, one.service, one.duplicate_count)
            for one in found
            if read(getattr(one, field)) in names
        ]
        return alert_counts.offenders(rows, members[:MOST_RESOURCES])

    async def identities(self, ids: Sequence[str]) -> list[Identity]:
        return [alert.identity for alert in self._tables.pick("alerts", ids)]

    async def ids(self, query: AlertQuery, limit: int) -> list[str]:
        return sorted(str(alert.id) for alert in matching(self._tables, query))[:limit]

    async def lapsed(
        self, statuses: Sequence[str], severities: Sequence[str], before: datetime, limit: int
    ) -> list[str]:
        found = sorted(
            (alert.last_receive_time, alert.id)
            for alert in self._tables.read("alerts").values()
            if alert.last_receive_time < before and (alert.status in statuses or alert.severity in severities)
        )
        return [identifier for _, identifier in found[:limit]]


class MemoryAlertHistory:
    """Table `history`: alert id → (sequence, entry), in order."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, entries: Sequence[HistoryEntry]) -> None:
        history = self._tables.edit("history")
        for entry in entries:
            row = (self._tables.next_number("history"), entry)
            history[entry.alert_id] = (*history.get(entry.alert_id, ()), row)

    async def of(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
        rows = self._tables.read("history").get(alert_id, ())
        return [entry for _, entry in rows[max(len(rows) - limit, 0) :]]

    async def of_many(self, alert_ids: Sequence[str], limit: int = 100) -> dict[str, list[HistoryEntry]]:
        found = {identifier: await self.of(identifier, limit) for identifier in alert_ids}
        return {identifier: entries for identifier, entries in found.items() if entries}

    async def newest(self, query: AlertQuery) -> list[tuple[Alert, HistoryEntry]]:
        history = self._tables.read("history")
        found = [
            (entry.at, number, alert, entry)
            for alert in matching(self._tables, query)
            for number, entry in history.get(alert.id, ())
        ]
        found.sort(key=lambda row: row[:2], reverse=True)
        return [(alert, entry) for _, _, alert, entry in alert_filter.page_of(query, found)]

    async def grown(self, after: int, limit: int, keep: int) -> tuple[int, list[str]]:
        history = self._tables.read("history")
        rows = (row for rows in history.values() for row in rows if row[0] > after)
        found = sorted(rows, key=lambda row: row[0])[:limit]
        last = found[-1][0] if found else after
        names = dict.fromkeys(entry.alert_id for _, entry in found)
        return last, [name for name in names if len(history[name]) > keep]

    async def cut(self, alert_ids: Sequence[str], keep: int, limit: int) -> int:
        history = self._tables.edit("history")
        gone = 0
        for alert_id in alert_ids:
            rows = history.get(alert_id, ())
            over = min(max(len(rows) - keep, 0), limit - gone)
            if over:
                history[alert_id] = rows[over:]
            gone += over
        return gone
