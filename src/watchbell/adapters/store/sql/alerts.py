"""Alerts, their history, and the aggregates over them, in SQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, func, or_, select, type_coerce, union

from watchbell.adapters.store import alert_filter, lines
from watchbell.adapters.store.sql import alert_query
from watchbell.adapters.store.sql.codec import AlertCodec, HistoryCodec, subject_key
from watchbell.adapters.store.sql.tables import alert_history, alerts
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.alerts.alert import Alert, HistoryEntry, Identity
from watchbell.domain.alerts.query import AlertCounts, AlertQuery

_ALERTS = AlertCodec()
_HISTORY = HistoryCodec()
_SELECT = select(*_ALERTS.columns)


class SqlAlerts:
    """Table `alerts`. Rows are locked in order of id, after the advisory locks of their identities."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def lock(self, identities: Iterable[Identity]) -> None:
        self._work.must_write()
        await self._work.lock([subject_key(identity) for identity in identities])

    async def related(self, identities: Iterable[Identity]) -> list[Alert]:
        wanted: dict[int, set[Identity]] = {}
        for identity in identities:
            wanted.setdefault(subject_key(identity), set()).add(identity)
        if not wanted:
            return []
        statement = _SELECT.where(self._work.dialect.any_of(alerts.c.subject_key, list(wanted))).order_by(alerts.c.id)
        found = _ALERTS.structs(await self._work.locked(statement, alerts))
        return [alert for alert in found if _is_related(alert, wanted[subject_key(alert.identity)])]

    async def get(self, identifier: str) -> Alert | None:
        exact = _SELECT.where(or_(alerts.c.id == identifier, alerts.c.last_receive_id == identifier))
        # The alert whose own id it is comes first, whatever else was received under it.
        own = (alerts.c.id == identifier).desc()
        newest = (alerts.c.last_receive_time.desc(), alerts.c.id.desc())
        row = await self._work.first(exact.order_by(own, *newest).limit(1))
        if row is None and len(identifier) >= alert_filter.MINIMUM_PREFIX:
            columns = (alerts.c.id, alerts.c.last_receive_id)
            begins = or_(*(alert_query.starts_with(column, identifier) for column in columns))
            row = await self._work.first(_SELECT.where(begins).order_by(*newest).limit(1))
        return None if row is None else _ALERTS.struct(row)

    async def many(self, identifiers: Sequence[str]) -> list[Alert]:
        if not identifiers:
            return []
        statement = _SELECT.where(self._work.dialect.any_of(alerts.c.id, list(identifiers))).order_by(alerts.c.id)
        return _ALERTS.structs(await self._work.locked(statement, alerts))

    async def save(self, alerts: Sequence[Alert]) -> None:
        await self._work.insert_later(_ALERTS.table, _ALERTS.rows(alerts), conflict=("id",))

    async def delete(self, identifiers: Sequence[str]) -> None:
        self._work.must_write()
        if identifiers:
            any_of = self._work.dialect.any_of
            await self._work.delete(alert_history, any_of(alert_history.c.alert_id, list(identifiers)))
            await self._work.delete(alerts, any_of(alerts.c.id, list(identifiers)))

    async def find(self, query: AlertQuery) -> list[Alert]:
        offset, limit = alert_filter.window(query)
        dialect = self._work.dialect
        # Sorting ids alone keeps wide rows out of the sort; only those of the page are read.
        ids = select(alerts.c.id).where(alert_query.where(dialect, query)).order_by(*alert_query.order(dialect, query))
        statement = _SELECT.where(alerts.c.id.in_(ids.limit(limit).offset(offset)))
        return alert_filter.sorted_by(query, _ALERTS.structs(await self._work.rows(statement)))

    async def counts(self, query: AlertQuery) -> AlertCounts:
        groups = (alerts.c.severity, alerts.c.status)
        condition = alert_query.where(self._work.dialect, query)
        rows = await self._work.rows(select(*groups, func.count()).where(condition).group_by(*groups))
        return alert_filter.tally(tuple(row) for row in rows)


def _is_related(alert: Alert, wanted: set[Identity]) -> bool:
    # Other subjects may have the same key, so the texts decide.
    mine = alert.identity
    return any(
        (mine.environment, mine.resource, mine.customer) == (other.environment, other.resource, other.customer)
        and (alert.correlate or mine.event == other.event)
        for other in wanted
    )


class SqlAlertReports:
    """Aggregates over the table of alerts."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def by_environment(self, query: AlertQuery) -> dict[str, AlertCounts]:
        groups = (alerts.c.environment, alerts.c.severity, alerts.c.status)
        condition = alert_query.where(self._work.dialect, query)
        rows = await self._work.rows(select(*groups, func.count()).where(condition).group_by(*groups))
        counts: dict[str, list[tuple[str, str, int]]] = {}
        for environment, severity, status, number in rows:
            counts.setdefault(environment, []).append((severity, status, number))
        return {name: alert_filter.tally(counts[name]) for name in sorted(counts)}

    async def by_service(self, query: AlertQuery) -> dict[tuple[str, str], AlertCounts]:
        # Many alerts share one list of services: the database groups by the list, and here the lists are taken apart.
        services = type_coerce(alerts.c.service, Text())
        groups = (alerts.c.environment, services, alerts.c.severity, alerts.c.status)
        condition = alert_query.where(self._work.dialect, query)
        rows = await self._work.rows(select(*groups, func.count()).where(condition).group_by(*groups))
        counts: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
        for environment, listed, severity, status, number in rows:
            for service in dict.fromkeys(lines.decode(listed)):
                counts.setdefault((environment, service), []).append((severity, status, number))
        return {key: alert_filter.tally(counts[key]) for key in sorted(counts)}

    async def lapsed(
        self, statuses: Sequence[str], severities: Sequence[str], before: datetime, limit: int
    ) -> list[str]:
        def oldest(condition: ColumnElement[bool]) -> Select[Any]:
            chosen = select(alerts.c.id, alerts.c.last_receive_time).where(condition)
            chosen = chosen.where(alerts.c.last_receive_time < before)
            return select(chosen.order_by(alerts.c.last_receive_time, alerts.c.id).limit(limit).subquery())

        any_of = self._work.dialect.any_of
        either = union(
            oldest(any_of(alerts.c.status, list(statuses))),
            oldest(any_of(alerts.c.severity, list(severities))),
        ).subquery()
        ordered = select(either.c.id).order_by(either.c.last_receive_time, either.c.id).limit(limit)
        return [row[0] for row in await self._work.rows(ordered)]


class SqlAlertHistory:
    """Table `alert_history`; `seq` keeps the order in which entries were added."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, entries: Sequence[HistoryEntry]) -> None:
        await self._work.insert_later(alert_history, _HISTORY.rows(entries))

    async def of(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
        statement = select(*_HISTORY.columns).where(alert_history.c.alert_id == alert_id)
        rows = await self._work.rows(statement.order_by(alert_history.c.seq.desc()).limit(max(limit, 0)))
        return _HISTORY.structs(reversed(rows))

    async def newest(self, query: AlertQuery) -> list[tuple[Alert, HistoryEntry]]:
        offset, limit = alert_filter.window(query)
        statement = (
            select(*_ALERTS.columns, *_HISTORY.columns)
            .join_from(alert_history, alerts, alert_history.c.alert_id == alerts.c.id)
            .where(alert_query.where(self._work.dialect, query))
            .order_by(alert_history.c.at.desc(), alert_history.c.seq.desc())
            .limit(limit)
            .offset(offset)
        )
        width = len(_ALERTS.columns)
        rows = await self._work.rows(statement)
        return [(_ALERTS.struct(row[:width]), _HISTORY.struct(row[width:])) for row in rows]
