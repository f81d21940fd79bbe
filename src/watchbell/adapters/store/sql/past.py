"""The archive of alerts, in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, literal, or_, select, type_coerce
from sqlalchemy.types import Text

from watchbell.adapters.store import lines, past_lines
from watchbell.adapters.store.sql.codec import pack, unpack
from watchbell.adapters.store.sql.dialect import Dialect
from watchbell.adapters.store.sql.tables_past import past_alerts, past_details
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.alerts.past import Archived, PastAlert, PastQuery, Place, searched_text
from watchbell.domain.customers import Customers

_NAMES = PastAlert.__struct_fields__
_FACTS = frozenset(column.name for column in past_alerts.columns)
_COLUMNS = [past_alerts.c[name] if name in _FACTS else past_details.c[name] for name in _NAMES]
_SELECT = select(*_COLUMNS, past_details.c.value_is_json).join_from(
    past_alerts, past_details, past_alerts.c.id == past_details.c.id
)


class SqlPastAlerts:
    """Tables `past_alerts` and `past_details`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, items: Sequence[Archived]) -> None:
        rows = [_row(item) for item in items]
        for table in (past_alerts, past_details):
            names = [column.name for column in table.columns]
            await self._work.insert_later(table, [{name: row[name] for name in names} for row in rows])

    async def get(self, identifier: str, customers: Customers = None) -> PastAlert | None:
        named = or_(past_alerts.c.id == identifier, past_alerts.c.alert_id == identifier)
        own = (past_alerts.c.id == identifier).desc()
        found = _SELECT.where(named, *_of(customers)).order_by(own, past_alerts.c.opened_at.desc(), past_alerts.c.id)
        row = await self._work.first(found.limit(1))
        return None if row is None else _struct(row)

    async def of(self, alert_ids: Sequence[str]) -> list[str]:
        if not alert_ids:
            return []
        theirs = self._work.dialect.any_of(past_alerts.c.alert_id, list(alert_ids))
        rows = await self._work.rows(select(past_alerts.c.id).where(theirs).order_by(past_alerts.c.id))
        return [row[0] for row in rows]

    async def history(self, past_id: str) -> list[HistoryEntry]:
        kept = select(past_details.c.lines, past_alerts.c.alert_id)
        kept = kept.join_from(past_details, past_alerts, past_alerts.c.id == past_details.c.id)
        row = await self._work.first(kept.where(past_details.c.id == past_id))
        return [] if row is None else past_lines.decode(*row)

    async def find(self, query: PastQuery, limit: int, after: Place | None = None) -> list[PastAlert]:
        found = _SELECT.where(*conditions(self._work.dialect, query))
        for word in query.words:
            found = found.where(self._work.dialect.position(past_details.c.searched, literal(word)) > 0)
        if after is not None:
            at, identifier = after
            same = and_(past_alerts.c.opened_at == at, past_alerts.c.id < identifier)
            found = found.where(past_alerts.c.opened_at <= at, or_(past_alerts.c.opened_at < at, same))
        found = found.order_by(past_alerts.c.opened_at.desc(), past_alerts.c.id.desc()).limit(limit)
        return [_struct(row) for row in await self._work.rows(found)]

    async def delete(self, past_ids: Sequence[str]) -> int:
        self._work.must_write()
        if not past_ids:
            return 0
        any_of = self._work.dialect.any_of
        await self._work.delete(past_details, any_of(past_details.c.id, list(past_ids)))
        return await self._work.delete(past_alerts, any_of(past_alerts.c.id, list(past_ids)))

    async def expire(self, before: datetime, limit: int) -> int:
        old: Select[Any] = select(past_alerts.c.id).where(past_alerts.c.archived_at < before)
        rows = await self._work.rows(old.order_by(past_alerts.c.archived_at, past_alerts.c.id).limit(limit))
        return await self.delete([row[0] for row in rows])


def conditions(dialect: Dialect, query: PastQuery, table: Any = past_alerts) -> list[ColumnElement[bool]]:
    """What an episode must fulfil, but for its severity of a live alert and its words."""
    columns = table.c
    found: list[ColumnElement[bool]] = []
    if query.since is not None:
        found.append(columns.opened_at >= query.since)
    if query.before is not None:
        found.append(columns.opened_at < query.before)
    for name, values in (
        ("environment", query.environments),
        ("resource", query.resources),
        ("event", query.events),
        ("highest_severity", query.severities),
    ):
        if values and name in columns:
            found.append(dialect.any_of(columns[name], list(values)))
    if query.services:
        listed = type_coerce(columns.service, Text())
        found.append(or_(*(dialect.position(listed, literal(lines.member(each))) > 0 for each in query.services)))
    return [*found, *_of(query.customers, columns.customer)]


def _of(customers: Customers, column: ColumnElement[Any] = past_alerts.c.customer) -> list[ColumnElement[bool]]:
    # An alert of nobody's is for those only who see everything.
    return [] if customers is None else [column.in_(sorted(customers)), column != ""]


def _row(item: Archived) -> dict[str, Any]:
    past = item.alert
    value, value_is_json = pack(past.value)
    return msgspec.structs.asdict(past) | {
        "customer": past.customer or "",
        "value": value,
        "value_is_json": value_is_json,
        "searched": searched_text(past),
        "lines": past_lines.encode(item.history),
    }


def _struct(row: Sequence[Any]) -> PastAlert:
    *plain, value_is_json = row
    fields = dict(zip(_NAMES, plain, strict=True))
    fields["customer"] = fields["customer"] or None
    fields["value"] = unpack(fields["value"], value_is_json)
    return PastAlert(**fields)
