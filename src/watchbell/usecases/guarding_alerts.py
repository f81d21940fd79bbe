"""Alerts, their history, their notes and the aggregates over them, of certain customers only."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from watchbell.domain.alerts.alert import Alert, HistoryEntry, Identity
from watchbell.domain.alerts.note import Note
from watchbell.domain.alerts.query import AlertCounts, AlertQuery, Filter, Measure, Offender
from watchbell.domain.customers import Customers, narrowed, sees
from watchbell.domain.errors import Forbidden
from watchbell.ports.store import Transaction

NOT_YOURS = "It belongs to another customer."
AT_ONCE = 100
MOST_FOUND = 1_000


async def visible_ids(tx: Transaction, customers: Customers, ids: Sequence[str]) -> set[str]:
    """Those of the alerts that are there for whoever has these customers; locks nothing."""
    wanted = list(dict.fromkeys(ids))
    found: set[str] = set()
    for start in range(0, len(wanted), AT_ONCE):
        some = tuple(wanted[start : start + AT_ONCE])
        # Filters compare ids by their beginning, so others may be found besides.
        query = AlertQuery(filters=(Filter(field="id", values=some),))
        found.update(await tx.reports.ids(narrowed(query, customers), MOST_FOUND))
    return found.intersection(wanted)


class GuardedAlerts:
    """Alerts."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._tx, self._inner, self._customers = tx, tx.alerts, customers

    async def lock(self, identities: Iterable[Identity]) -> None:
        await self._inner.lock(identities)

    async def related(self, identities: Iterable[Identity]) -> list[Alert]:
        return await self._inner.related(identities)

    async def get(self, identifier: str) -> Alert | None:
        found = await self._inner.get(identifier)
        if found is not None and sees(self._customers, found.customer):
            return found
        # The newest that begins so is somebody else's; there may be one of the caller's as well.
        mine = AlertQuery(filters=(Filter(field="id", values=(identifier,)),), page_size=1)
        rows = await self._inner.find(narrowed(mine, self._customers)) if found is not None else []
        return rows[0] if rows else None

    async def many(self, identifiers: Sequence[str], *, locking: bool = True) -> list[Alert]:
        mine = await visible_ids(self._tx, self._customers, identifiers)
        return await self._inner.many([each for each in identifiers if each in mine], locking=locking)

    async def save(self, alerts: Sequence[Alert]) -> None:
        if not all(sees(self._customers, alert.customer) for alert in alerts):
            raise Forbidden(NOT_YOURS)
        await self._inner.save(alerts)

    async def delete(self, identifiers: Sequence[str]) -> None:
        mine = await visible_ids(self._tx, self._customers, identifiers)
        await self._inner.delete([each for each in identifiers if each in mine])

    async def find(self, query: AlertQuery) -> list[Alert]:
        return await self._inner.find(narrowed(query, self._customers))

    async def counts(self, query: AlertQuery) -> AlertCounts:
        return await self._inner.counts(narrowed(query, self._customers))


class GuardedReports:
    """Aggregates over alerts."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._tx, self._inner, self._customers = tx, tx.reports, customers

    async def by_environment(self, query: AlertQuery) -> dict[str, AlertCounts]:
        return await self._inner.by_environment(narrowed(query, self._customers))

    async def by_service(self, query: AlertQuery) -> dict[tuple[str, str], AlertCounts]:
        return await self._inner.by_service(narrowed(query, self._customers))

    async def by_value(self, field: str, query: AlertQuery) -> dict[tuple[str, str], int]:
        return await self._inner.by_value(field, narrowed(query, self._customers))

    async def by_field(self, field: str, query: AlertQuery) -> dict[str, AlertCounts]:
        return await self._inner.by_field(field, narrowed(query, self._customers))

    async def worst(self, measure: Measure, field: str, limit: int, query: AlertQuery) -> list[Offender]:
        return await self._inner.worst(measure, field, limit, narrowed(query, self._customers))

    async def identities(self, ids: Sequence[str]) -> list[Identity]:
        found = await self._inner.identities(ids)
        return [identity for identity in found if sees(self._customers, identity.customer)]

    async def ids(self, query: AlertQuery, limit: int) -> list[str]:
        return await self._inner.ids(narrowed(query, self._customers), limit)

    async def lapsed(
        self, statuses: Sequence[str], severities: Sequence[str], before: datetime, limit: int
    ) -> list[str]:
        found = await self._inner.lapsed(statuses, severities, before, limit)
        mine = await visible_ids(self._tx, self._customers, found)
        return [each for each in found if each in mine]


class GuardedHistory:
    """What happened to alerts."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._tx, self._inner, self._customers = tx, tx.history, customers

    async def add(self, entries: Sequence[HistoryEntry]) -> None:
        await self._inner.add(entries)

    async def of(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
        mine = await visible_ids(self._tx, self._customers, [alert_id])
        return await self._inner.of(alert_id, limit) if mine else []

    async def of_many(self, alert_ids: Sequence[str], limit: int = 100) -> dict[str, list[HistoryEntry]]:
        mine = await visible_ids(self._tx, self._customers, alert_ids)
        return await self._inner.of_many([each for each in alert_ids if each in mine], limit)

    async def newest(self, query: AlertQuery) -> list[tuple[Alert, HistoryEntry]]:
        return await self._inner.newest(narrowed(query, self._customers))

    async def grown(self, after: int, limit: int, keep: int) -> tuple[int, list[str]]:
        last, found = await self._inner.grown(after, limit, keep)
        mine = await visible_ids(self._tx, self._customers, found)
        return last, [each for each in found if each in mine]

    async def cut(self, alert_ids: Sequence[str], keep: int, limit: int) -> int:
        mine = await visible_ids(self._tx, self._customers, alert_ids)
        return await self._inner.cut([each for each in alert_ids if each in mine], keep, limit)


class GuardedNotes:
    """Notes on alerts."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._tx, self._inner, self._customers = tx, tx.notes, customers

    async def get(self, note_id: str) -> Note | None:
        found = await self._inner.get(note_id)
        return found if found is not None and await self._sees(found.alert_id) else None

    async def of(self, alert_id: str) -> list[Note]:
        return await self._inner.of(alert_id) if await self._sees(alert_id) else []

    async def save(self, note: Note) -> None:
        if not await self._sees(note.alert_id):
            raise Forbidden(NOT_YOURS)
        await self._inner.save(note)

    async def delete(self, note_id: str) -> None:
        if await self.get(note_id) is not None:
            await self._inner.delete(note_id)

    async def _sees(self, alert_id: str) -> bool:
        return bool(await visible_ids(self._tx, self._customers, [alert_id]))
