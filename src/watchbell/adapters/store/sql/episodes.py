"""Episodes of live alerts, and reports over live and past ones, in SQL.

One statement makes a report: the live episodes are read once, what is past is read where it lies.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    FromClause,
    Integer,
    Select,
    Subquery,
    Text,
    case,
    cast,
    func,
    literal,
    not_,
    null,
    select,
    type_coerce,
    union_all,
)

from watchbell.adapters.store import report_parts
from watchbell.adapters.store.sql.dialect import Dialect
from watchbell.adapters.store.sql.past import conditions
from watchbell.adapters.store.sql.tables import alert_history, alerts
from watchbell.adapters.store.sql.tables_past import past_alerts
from watchbell.adapters.store.sql.types import Moment
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.alerts.past import Life
from watchbell.domain.alerts.phase import DONE, TAKEN
from watchbell.domain.alerts.report import AlertReport, ReportQuery, Standing

_LISTED = ("alert_id", "past_id", "environment", "resource", "event", "highest_severity", "opened_at", "resolved_at")


class SqlEpisodes:
    """Tables `alerts` and `alert_history`, and for reports `past_alerts`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def settled(self, before: datetime, limit: int) -> list[str]:
        # Written as in the index, whose condition it must repeat.
        over = alerts.c.status.in_([literal(status, literal_execute=True) for status in DONE])
        chosen = select(alerts.c.id).where(alerts.c.opened_at.is_not(None), over, alerts.c.update_time < before)
        rows = await self._work.rows(chosen.order_by(alerts.c.update_time, alerts.c.id).limit(limit))
        return [row[0] for row in rows]

    async def lives(self, alert_ids: Sequence[str], severities: Sequence[str]) -> dict[str, Life]:
        if not alert_ids:
            return {}
        told = _told(severities, [self._work.dialect.any_of(alerts.c.id, list(alert_ids))])
        by = select(alert_history.c.user).where(alert_history.c.seq == told.c.acked_seq).scalar_subquery()
        names = (told.c.alert_id, told.c.severity, _at(told.c.acked_seq), by, _resolved(told))
        rows = await self._work.rows(select(*names, told.c.changes, told.c.flapped))
        return {
            alert_id: Life(
                highest_severity=severity or "",
                acknowledged_at=acknowledged_at,
                acknowledged_by=user or "",
                resolved_at=resolved_at,
                severity_changes=int(changes),
                flapped=bool(flapped),
            )
            for alert_id, severity, acknowledged_at, user, resolved_at, changes, flapped in rows
        }

    async def report(self, query: ReportQuery) -> AlertReport:
        sources = _Sources(self._work.dialect, query)
        counted = [tuple(row) for row in await self._work.rows(union_all(*_parts(sources, query)))]
        among = report_parts.among(counted)
        placed = [_placed(sources, part, number) for part, number in among.items() if number]
        ranked = [tuple(row) for row in await self._work.rows(union_all(*placed))] if placed else []
        longest = await self._longest(sources.live, sources.past, query.most)
        return report_parts.read(counted, ranked, longest, query.most)

    async def _longest(self, live: CTE, past: Subquery, most: int) -> list[Standing]:
        found: list[Standing] = []
        for source in (past, live):
            listed = select(*(_column(source, name) for name in _LISTED), source.c.stood)
            rows = await self._work.rows(listed.order_by(source.c.stood.desc(), source.c.alert_id).limit(most))
            found += [report_parts.standing(row) for row in rows]
        return found


def _column(source: FromClause, name: str) -> ColumnElement[Any]:
    if name == "past_id":
        return source.c.id
    return source.c[name]


class _Sources:
    """Where episodes are: past ones where they lie, live ones as they are put together once for each statement."""

    def __init__(self, dialect: Dialect, query: ReportQuery) -> None:
        self.dialect = dialect
        self.live = _live(dialect, query)
        self.past = select(past_alerts).where(*conditions(dialect, query.chosen)).subquery("past")

    def every(self, *names: str) -> Subquery:
        """All of them with these columns alone: what is not asked for is not read."""
        parts = (select(*(source.c[name] for name in names)) for source in (self.past, self.live))
        return union_all(*parts).subquery("every")


def _told(severities: Sequence[str], chosen: Sequence[ColumnElement[bool]]) -> Subquery:
    """What the histories of the chosen alerts say since their episodes began."""
    line = alert_history.c
    stood = not_(line.status.in_(DONE))
    rank = func.min(_ranked(line.severity, severities))
    return (
        select(
            line.alert_id,
            _named(rank, severities).label("severity"),
            func.min(case((line.status.in_(sorted(TAKEN)), line.seq))).label("acked_seq"),
            func.coalesce(func.max(case((stood, line.seq))), func.min(line.seq) - 1).label("stood_seq"),
            func.sum(case((line.type == "severity", 1), else_=0)).label("changes"),
            func.max(case((line.type == "flapping", 1), else_=0)).label("flapped"),
        )
        .join_from(alert_history, alerts, line.alert_id == alerts.c.id)
        .where(alerts.c.opened_at.is_not(None), line.at >= alerts.c.opened_at, *chosen)
        .group_by(line.alert_id)
        .subquery("told")
    )


def _ranked(column: ColumnElement[str], severities: Sequence[str]) -> ColumnElement[Any]:
    ranks = {name: rank for rank, name in reversed(list(enumerate(severities)))}
    return case(ranks, value=column) if ranks else cast(null(), Integer())


def _named(rank: ColumnElement[Any], severities: Sequence[str]) -> ColumnElement[Any]:
    return case(dict(enumerate(severities)), value=rank) if severities else cast(null(), Text())


def _at(seq: ColumnElement[Any]) -> ColumnElement[Any]:
    return select(alert_history.c.at).where(alert_history.c.seq == seq).scalar_subquery()


def _resolved(told: Subquery) -> ColumnElement[Any]:
    """When it was over for good: the first line behind the last in which it stood."""
    line = alert_history.alias("later")
    behind = (line.c.alert_id == told.c.alert_id, line.c.seq > told.c.stood_seq)
    return select(line.c.at).where(*behind).order_by(line.c.seq).limit(1).scalar_subquery()


def _live(dialect: Dialect, query: ReportQuery) -> CTE:
    """Episodes of live alerts, with the columns of past ones."""
    chosen = (alerts.c.opened_at.is_not(None), *conditions(dialect, query.chosen, alerts))
    told = _told(query.severities, chosen)
    over = alerts.c.status.in_(DONE)
    resolved_at = case((over, func.coalesce(_resolved(told), alerts.c.update_time)))
    acknowledged_at = _at(told.c.acked_seq)
    columns = ("environment", "resource", "event", "service", "opened_at")
    found = (
        select(
            alerts.c.id.label("alert_id"),
            literal("", Text()).label("id"),
            *(alerts.c[name] for name in columns),
            func.coalesce(told.c.severity, alerts.c.severity).label("highest_severity"),
            type_coerce(resolved_at, Moment()).label("resolved_at"),
            dialect.seconds(acknowledged_at, alerts.c.opened_at).label("seconds_to_acknowledge"),
            func.coalesce(told.c.changes, 0).label("severity_changes"),
            (func.coalesce(told.c.flapped, 0) == 1).label("flapped"),
        )
        .outerjoin_from(alerts, told, told.c.alert_id == alerts.c.id)
        .where(*chosen)
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    until = func.coalesce(found.c.resolved_at, literal(query.now, Moment()), type_=Moment())
    seconds = dialect.seconds(until, found.c.opened_at)
    listed = select(
        *found.c,
        case((found.c.resolved_at.is_not(None), seconds)).label("seconds_to_resolve"),
        case((seconds > 0, seconds), else_=0.0).label("stood"),
    )
    if query.chosen.severities:
        listed = listed.where(dialect.any_of(found.c.highest_severity, list(query.chosen.severities)))
    return listed.cte("live")


def _parts(sources: _Sources, query: ReportQuery) -> list[Select[Any]]:
    """Selects that have one shape: part, name, index, number, and five numbers more."""
    return [
        _volume(sources, query),
        _worst("resources", "resource", sources, query.most),
        _worst("events", "event", sources, query.most),
        _services(sources),
        _worst("flapping", "resource", sources, query.most),
    ]


def _part(part: str, name: ColumnElement[Any], *numbers: ColumnElement[Any]) -> Select[Any]:
    index, number, *more = numbers
    rest = [*more, *([literal(0.0)] * (report_parts.MORE - len(more)))]
    columns = [literal(part, Text()), name, cast(index, Integer()), number, *(cast(each, Float()) for each in rest)]
    return select(*(column.label(f"column{place}") for place, column in enumerate(columns)))


def _volume(sources: _Sources, query: ReportQuery) -> Select[Any]:
    spreads = ("seconds_to_acknowledge", "seconds_to_resolve")
    every = sources.every("opened_at", "highest_severity", "flapped", *spreads)
    index = sources.dialect.steps(every.c.opened_at, query.since, query.step)
    flapped = func.sum(case((every.c.flapped, 1), else_=0))
    sums = [each for name in spreads for each in (func.count(every.c[name]), func.coalesce(func.sum(every.c[name]), 0))]
    severity = every.c.highest_severity
    return _part("volume", severity, index, func.count(), flapped, *sums).group_by(severity, index)


def _worst(part: str, name: str, sources: _Sources, most: int) -> Select[Any]:
    flapping = part == "flapping"
    every = sources.every(name, "stood", "severity_changes", *(["flapped"] if flapping else []))
    number, changes = func.count(), func.sum(every.c.severity_changes)
    chosen = _part(part, every.c[name], literal(0), number, func.sum(every.c.stood), changes).group_by(every.c[name])
    if flapping:
        chosen = chosen.where(every.c.flapped)
    order = changes if flapping else number
    return select(chosen.order_by(order.desc(), every.c[name]).limit(most).subquery(f"worst_{part}"))


def _services(sources: _Sources) -> Select[Any]:
    """Every list of services that there is: few, so they are taken apart where the report is read."""
    every = sources.every("service", "stood", "severity_changes")
    listed = type_coerce(every.c.service, Text())
    numbers = (func.count(), func.sum(every.c.stood), func.sum(every.c.severity_changes))
    return _part("services", listed, literal(0), *numbers).where(listed != "").group_by(listed)


def _placed(sources: _Sources, column: str, number: int) -> Select[str, Any, Any]:
    """The values of a column at the places that `report_parts` asks for."""
    every = sources.every(column)
    value = every.c[column]
    values = select(value.label("value"), func.row_number().over(order_by=value).label("place"))
    ordered = values.where(value.is_not(None)).subquery(column)
    places = report_parts.places(number)
    return select(literal(column, Text()).label("part"), ordered.c.place.label("place"), ordered.c.value).where(
        ordered.c.place.in_(places)
    )
