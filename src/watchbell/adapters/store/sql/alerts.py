"""Alerts, their history, and the aggregates over them, in SQL."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    Text,
    func,
    or_,
    select,
    text,
    type_coerce,
    union,
)

from watchbell.adapters.store import alert_counts, alert_filter, lines
from watchbell.adapters.store.sql import alert_query
from watchbell.adapters.store.sql.codec import AlertCodec, HistoryCodec, subject_key
from watchbell.adapters.store.sql.tables import alert_history, alerts
from watchbell.adapters.store.sql.tables_notes import notes
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.alerts.alert import Alert, HistoryEntry, Identity
from watchbell.domain.alerts.query import MOST_RESOURCES, AlertCounts, AlertQuery, Measure, Offender

_ALERTS = AlertCodec()
_HISTORY = HistoryCodec()
_SELECT = select(*_ALERTS.columns)
_SEQ = alert_history.c.seq


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
        found = _ALERTS.structs(await self._work.rows(exact.order_by(own, alerts.c.id).limit(2)))
        if found and found[0].id == identifier:
            return found[0]
        if not found and identifier:
            begins = _SELECT.where(alert_query.known_by(identifier)).limit(2)
            found = _ALERTS.structs(await self._work.rows(begins))
        return alert_filter.only(found, identifier)

    async def many(self, identifiers: Sequence[str], *, locking: bool = True) -> list[Alert]:
        if not identifiers:
            return []
        statement = _SELECT.where(self._work.dialect.any_of(alerts.c.id, list(identifiers))).order_by(alerts.c.id)
        rows = await (self._work.locked(statement, alerts) if locking else self._work.rows(statement))
        return _ALERTS.structs(rows)

    async def save(self, alerts: Sequence[Alert]) -> None:
        await self._work.insert_later(_ALERTS.table, _ALERTS.rows(alerts), conflict=("id",))

    async def delete(self, identifiers: Sequence[str]) -> None:
        self._work.must_write()
        if identifiers:
            any_of = self._work.dialect.any_of
            await self._work.delete(notes, any_of(notes.c.alert_id, list(identifiers)))
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
        return alert_counts.tally(tuple(row) for row in rows)


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
        return {name: alert_counts.tally(counts[name]) for name in sorted(counts)}

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
        return {key: alert_counts.tally(counts[key]) for key in sorted(counts)}

    async def by_value(self, field: str, query: AlertQuery) -> dict[tuple[str, str], int]:
        column = alert_query.grouped(field)
        condition = alert_query.where(self._work.dialect, query)
        groups = (alerts.c.environment, column)
        rows = await self._work.rows(select(*groups, func.count()).where(condition).group_by(*groups))
        return alert_counts.by_value(field, (tuple(row) for row in rows))

    async def by_field(self, field: str, query: AlertQuery) -> dict[str, AlertCounts]:
        column = alert_query.grouped(field)
        condition = alert_query.where(self._work.dialect, query)
        groups = (column, alerts.c.severity, alerts.c.status)
        rows = await self._work.rows(select(*groups, func.count()).where(condition).group_by(*groups))
        return alert_counts.by_field(field, (tuple(row) for row in rows))

    async def worst(self, measure: Measure, field: str, limit: int, query: AlertQuery) -> list[Offender]:
        dialect = self._work.dialect
        column, condition = alert_query.single(field), alert_query.where(dialect, query)
        number: ColumnElement[Any] = func.count()
        if measure == "standing":
            number = func.sum(dialect.seconds(alerts.c.last_receive_time, alerts.c.create_time))
        groups = select(column, number.label("number"), func.sum(alerts.c.duplicate_count)).where(condition)
        if measure == "flapping":
            changes = alert_history.c.alert_id == alerts.c.id
            groups = groups.join_from(alerts, alert_history, changes).where(alert_history.c.type == "severity")
            # Joined to its history, an alert stands there more than once; its duplicates do not.
            groups = groups.with_only_columns(column, number.label("number"))
        worst = groups.group_by(column).order_by(text("number DESC"), column).limit(limit)
        rows = [tuple(row) for row in await self._work.rows(worst)]
        names = dialect.any_of(column, [row[0] for row in rows])
        shown = select(column, alerts.c.id, alerts.c.resource, alerts.c.environment, alerts.c.service)
        shown = shown.add_columns(alerts.c.duplicate_count).where(condition, names).order_by(alerts.c.id)
        members: Sequence[Any] = await self._work.rows(shown.limit(MOST_RESOURCES)) if rows else ()
        return alert_counts.offenders(rows, (tuple(row) for row in members))

    async def identities(self, ids: Sequence[str]) -> list[Identity]:
        if not ids:
            return []
        statement = _SELECT.where(self._work.dialect.any_of(alerts.c.id, list(ids)))
        return [alert.identity for alert in _ALERTS.structs(await self._work.rows(statement))]

    async def ids(self, query: AlertQuery, limit: int) -> list[str]:
        condition = alert_query.where(self._work.dialect, query)
        return [
            row[0]
            for row in await self._work.rows(select(alerts.c.id).where(condition).order_by(alerts.c.id).limit(limit))
        ]

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


def _newest(alert_id: str, limit: int) -> Any:
    mine = select(*_HISTORY.columns, alert_history.c.seq).where(alert_history.c.alert_id == alert_id)
    return mine.order_by(alert_history.c.seq.desc()).limit(max(limit, 0))


class SqlAlertHistory:
    """Table `alert_history`; `seq` keeps the order in which entries were added."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, entries: Sequence[HistoryEntry]) -> None:
        await self._work.insert_later(alert_history, _HISTORY.rows(entries))

    async def of(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
        rows = await self._work.rows(_newest(alert_id, limit))
        return _HISTORY.structs(values for *values, _ in reversed(rows))

    async def of_many(self, alert_ids: Sequence[str], limit: int = 100) -> dict[str, list[HistoryEntry]]:
        found: dict[str, list[HistoryEntry]] = {}
        if not alert_ids or limit <= 0:
            return found
        wanted = self._wanted(alert_ids)
        # One short look into the index for each alert finds where its newest ones begin; a second reads them.
        first = func.coalesce(_nth(wanted.c.alert_id, limit - 1), 0)
        mine = (alert_history.c.alert_id == wanted.c.alert_id) & (alert_history.c.seq >= first)
        rows = await self._work.rows(select(*_HISTORY.columns).join_from(wanted, alert_history, mine).order_by(_SEQ))
        for entry in _HISTORY.structs(rows):
            found.setdefault(entry.alert_id, []).append(entry)
        return found

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

    async def grown(self, after: int, limit: int, keep: int) -> tuple[int, list[str]]:
        next_ones = select(alert_history.c.seq, alert_history.c.alert_id, alert_history.c.type)
        rows = await self._work.rows(
            next_ones.where(alert_history.c.seq > after).order_by(alert_history.c.seq).limit(limit)
        )
        last = rows[-1][0] if rows else after
        # The first entry of an alert is none too many, and most alerts have no other.
        names = list(dict.fromkeys(alert_id for _, alert_id, kind in rows if kind != "new"))
        return last, list(await self._surplus(names, keep))

    async def cut(self, alert_ids: Sequence[str], keep: int, limit: int) -> int:
        gone = 0
        for alert_id, newest in (await self._surplus(alert_ids, keep)).items():
            old = select(alert_history.c.seq).where(alert_history.c.alert_id == alert_id, alert_history.c.seq <= newest)
            first = old.order_by(alert_history.c.seq).limit(limit - gone)
            gone += await self._work.delete(alert_history, alert_history.c.seq.in_(first))
            if gone >= limit:
                break
        return gone

    async def _surplus(self, alert_ids: Sequence[str], keep: int) -> dict[str, int]:
        """Of alerts with more than `keep` entries, the newest one that is too many."""
        if not alert_ids:
            return {}
        wanted = self._wanted(alert_ids)
        each = select(wanted.c.alert_id, _nth(wanted.c.alert_id, keep).label("newest")).subquery()
        rows = await self._work.rows(select(each).where(each.c.newest.is_not(None)))
        return dict(tuple(row) for row in rows)

    def _wanted(self, alert_ids: Sequence[str]) -> FromClause:
        return self._work.dialect.rows_of("wanted", {"alert_id": list(dict.fromkeys(alert_ids))})


def _nth(alert_id: ColumnElement[str], newer: int) -> ScalarSelect[int]:
    """The entry of an alert than which so many are newer; NULL when there are not so many."""
    entries = alert_history.alias("counted")
    mine = select(entries.c.seq).where(entries.c.alert_id == alert_id)
    return mine.order_by(entries.c.seq.desc()).offset(newer).limit(1).scalar_subquery()
