"""What keepers judged and learned of event rules, in SQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables_rules import rule_hours, rule_windows, window_parts
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.events.rules.baseline import HourRow
from watchbell.domain.events.rules.watch import Judged

_JUDGED = Codec(Judged, rule_windows)
_HOURS = Codec(HourRow, rule_hours)


class SqlRuleHistory:
    """Tables `rule_windows` and `rule_hours`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def record(self, judged: Sequence[Judged]) -> None:
        await self._work.insert(rule_windows, _JUDGED.rows(judged), ("rule_id", "window_start", "group"))

    async def judged(self, rule_id: str, since: datetime, until: datetime, group: str | None = None) -> list[Judged]:
        columns = rule_windows.c
        wanted = select(*_JUDGED.columns).where(
            columns.rule_id == rule_id, columns.window_start >= since, columns.window_start < until
        )
        if group is not None:
            wanted = wanted.where(columns.group == group)
        return _JUDGED.structs(await self._work.rows(wanted.order_by(columns.window_start, columns.group)))

    async def groups(self, rule_id: str, since: datetime) -> list[str]:
        columns = rule_windows.c
        wanted = select(columns.group).where(columns.rule_id == rule_id, columns.window_start >= since).distinct()
        return [row[0] for row in await self._work.rows(wanted.order_by(columns.group))]

    async def learn(self, rows: Sequence[HourRow]) -> None:
        await self._work.insert(rule_hours, _HOURS.rows(rows), ("rule_id", "hour", "group"))

    async def hours(self, rule_id: str, hours: Sequence[datetime]) -> list[HourRow]:
        if not hours:
            return []
        columns = rule_hours.c
        wanted = select(*_HOURS.columns).where(columns.rule_id == rule_id, columns.hour.in_(hours))
        return _HOURS.structs(await self._work.rows(wanted.order_by(columns.hour, columns.group)))

    async def forget(self, rule_id: str) -> None:
        for table in (window_parts, rule_windows, rule_hours):
            await self._work.delete(table, table.c.rule_id == rule_id)

    async def trim(self, before: datetime, learned_before: datetime) -> None:
        await self._work.delete(rule_windows, rule_windows.c.window_start < before)
        await self._work.delete(rule_hours, rule_hours.c.hour < learned_before)
