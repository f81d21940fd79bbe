"""What collectors reported, in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from watchbell.adapters.store.retention import EVENTS_KEPT
from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables import minute_counts, recent_events, window_counts
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.events.rule import WindowCount
from watchbell.ports.tally import MinuteCount, RecentEvents

_WINDOWS = Codec(WindowCount, window_counts)
_MINUTES = Codec(MinuteCount, minute_counts)


class SqlTallies:
    """Tables `window_counts`, `minute_counts` and `recent_events`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def report(self, counts: Sequence[WindowCount]) -> None:
        # In one order for all collectors, so that two that report the same windows never wait for each other.
        ordered = sorted(counts, key=lambda item: (item.rule_id, item.window_start, item.node))
        await self._work.insert(window_counts, _WINDOWS.rows(ordered), ("rule_id", "window_start", "node"))

    async def recent(self, recent: RecentEvents) -> None:
        minutes = [_MINUTES.row(item) | {"node": recent.node} for item in recent.minutes]
        await self._work.insert(minute_counts, minutes, ("minute", "event_type", "node"))
        events = [{"node": recent.node, "event": {**event, "node": recent.node}} for event in recent.events]
        await self._work.insert(recent_events, events)

    async def windows(self, rule_id: str, since: datetime) -> list[WindowCount]:
        table = window_counts
        statement = select(*_WINDOWS.columns).where(table.c.rule_id == rule_id, table.c.window_start >= since)
        return _WINDOWS.structs(await self._work.rows(statement.order_by(table.c.window_start, table.c.node)))

    async def tail(self, limit: int = 100) -> list[dict[str, Any]]:
        statement = select(recent_events.c.event).order_by(recent_events.c.seq.desc()).limit(max(limit, 0))
        return [row[0] for row in await self._work.rows(statement)]

    async def minutes(self, since: datetime) -> list[MinuteCount]:
        table = minute_counts
        key = (table.c.minute, table.c.event_type)
        statement = select(*key, func.sum(table.c.count)).where(table.c.minute >= since).group_by(*key).order_by(*key)
        rows = await self._work.rows(statement)
        return [MinuteCount(minute, event_type, int(count)) for minute, event_type, count in rows]

    async def trim(self, before: datetime) -> None:
        await self._work.delete(window_counts, window_counts.c.window_start < before)
        await self._work.delete(minute_counts, minute_counts.c.minute < before)
        newest = select(recent_events.c.seq).order_by(recent_events.c.seq.desc()).limit(EVENTS_KEPT).subquery()
        oldest_kept = select(func.min(newest.c.seq)).scalar_subquery()
        await self._work.delete(recent_events, recent_events.c.seq < oldest_kept)
