"""What collectors reported, in SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select

from watchbell.adapters.store.retention import BOOKS, EVENTS_KEPT
from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables import facts, minute_counts, recent_events, window_counts
from watchbell.adapters.store.sql.tables_rules import window_parts
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.rules.part import WindowPart
from watchbell.ports.tally import MinuteCount, RecentEvents

_PARTS = Codec(WindowPart, window_parts)
_MINUTES = Codec(MinuteCount, minute_counts)


class SqlTallies:
    """Tables `window_parts`, `minute_counts` and `recent_events`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def report(self, counts: Sequence[WindowPart]) -> None:
        # In one order for all collectors, so that two that report the same windows never wait for each other.
        ordered = sorted(counts, key=lambda item: (item.rule_id, item.window_start, item.node, item.group))
        key = ("rule_id", "window_start", "node", "group")
        await self._work.insert(window_parts, _PARTS.rows(ordered), key, newest_by="told_ms")

    async def recent(self, recent: RecentEvents) -> None:
        minutes = [_MINUTES.row(item) | {"node": recent.node} for item in recent.minutes]
        await self._work.insert(minute_counts, minutes, ("minute", "event_type", "node"))
        events = [{"node": recent.node, "event": {**event, "node": recent.node}} for event in recent.events]
        await self._work.insert(recent_events, events)

    async def windows(self, rule_id: str, since: datetime) -> list[WindowPart]:
        table = window_parts
        statement = select(*_PARTS.columns).where(table.c.rule_id == rule_id, table.c.window_start >= since)
        ordered = statement.order_by(table.c.window_start, table.c.node, table.c.group)
        return _PARTS.structs(await self._work.rows(ordered))

    async def tail(self, limit: int = 100) -> list[dict[str, Any]]:
        statement = select(recent_events.c.event).order_by(recent_events.c.seq.desc()).limit(max(limit, 0))
        return [row[0] for row in await self._work.rows(statement)]

    async def minutes(self, since: datetime) -> list[MinuteCount]:
        table = minute_counts
        key = (table.c.minute, table.c.event_type)
        statement = select(*key, func.sum(table.c.count)).where(table.c.minute >= since).group_by(*key).order_by(*key)
        rows = await self._work.rows(statement)
        return [MinuteCount(minute, event_type, int(count)) for minute, event_type, count in rows]

    async def books(self, books: NodeBooks) -> None:
        # Books come in any order: those of an earlier moment must not stand in place of later ones.
        name = BOOKS + books.node
        row = await self._work.first(select(facts.c.value).where(facts.c.name == name))
        if row is None or msgspec.json.decode(row[0], type=NodeBooks).at_ms <= books.at_ms:
            value = msgspec.json.encode(books).decode()
            await self._work.insert(facts, [{"name": name, "value": value}], conflict=("name",))

    async def nodes(self) -> list[NodeBooks]:
        statement = select(facts.c.name, facts.c.value).where(facts.c.name.startswith(BOOKS, autoescape=True))
        rows = sorted(await self._work.rows(statement))
        return [msgspec.json.decode(value, type=NodeBooks) for _, value in rows]

    async def forget(self, parties: frozenset[str]) -> int:
        rows = await self._work.rows(select(recent_events.c.seq, recent_events.c.event))
        wrong = [seq for seq, event in rows if event.get("party_id") in parties]
        if wrong:
            await self._work.delete(recent_events, recent_events.c.seq.in_(wrong))
        return len(wrong)

    async def trim(self, before: datetime) -> None:
        for table in (window_parts, window_counts):
            await self._work.delete(table, table.c.window_start < before)
        await self._work.delete(minute_counts, minute_counts.c.minute < before)
        newest = select(recent_events.c.seq).order_by(recent_events.c.seq.desc()).limit(EVENTS_KEPT).subquery()
        oldest_kept = select(func.min(newest.c.seq)).scalar_subquery()
        await self._work.delete(recent_events, recent_events.c.seq < oldest_kept)
