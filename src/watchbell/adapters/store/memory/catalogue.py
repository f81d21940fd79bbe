"""Managed objects, facts, the feed of changes, and the collectors' tallies, in memory."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.adapters.store.memory.tables import Tables
from watchbell.adapters.store.retention import BOOKS, EVENTS_KEPT
from watchbell.domain.errors import Conflict
from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.managed import Stored
from watchbell.ports.store import Change
from watchbell.ports.tally import MinuteCount, RecentEvents

_VERSION = "config_version"


class MemoryCatalogue:
    """Tables `objects` (by kind and id) and `object_versions` (kind and id → bodies, oldest first)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def version(self) -> int:
        return self._tables.read("sequences").get(_VERSION, 0)

    async def all(self, kind: str = "") -> list[Stored]:
        rows: list[Stored] = list(self._tables.read("objects").values())
        return sorted((row for row in rows if kind in ("", row.kind)), key=lambda row: (row.kind, row.name))

    async def get(self, kind: str, name_or_id: str) -> Stored | None:
        rows = self._tables.read("objects")
        by_name = (row for row in rows.values() if (row.kind, row.name) == (kind, name_or_id))
        return rows.get((kind, name_or_id)) or next(by_name, None)

    async def put(self, objects: Sequence[Stored]) -> int:
        if not objects:
            return await self.version()
        rows, versions = self._tables.edit("objects"), self._tables.edit("object_versions")
        number = self._tables.next_number(_VERSION)
        for item in objects:
            key = (item.kind, item.id)
            rows[key] = msgspec.structs.replace(item, version=number)
            versions[key] = (*versions.get(key, ()), rows[key])
        if len({(row.kind, row.name) for row in rows.values()}) < len(rows):
            raise self._tables.fail(Conflict("There is another object of this kind with the same name."))
        return number

    async def remove(self, kind: str, identifiers: Sequence[str]) -> int:
        if not self._tables.drop("objects", [(kind, identifier) for identifier in identifiers]):
            return await self.version()
        return self._tables.next_number(_VERSION)

    async def past(self, kind: str, identifier: str, limit: int = 50) -> list[Stored]:
        rows = self._tables.read("object_versions").get((kind, identifier), ())
        return list(rows[::-1][:limit])


class MemoryFacts:
    """Table `facts` (by name)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, name: str) -> str | None:
        return self._tables.read("facts").get(name)

    async def put(self, name: str, value: str) -> None:
        self._tables.edit("facts")[name] = value

    async def remove(self, name: str) -> bool:
        return self._tables.edit("facts").pop(name, None) is not None


class MemoryChanges:
    """Table `changes` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def since(self, change_id: int, limit: int = 500) -> list[Change]:
        rows = self._tables.read("changes")
        return [rows[number] for number in sorted(rows) if number > change_id][:limit]

    async def latest(self) -> int:
        return max(self._tables.read("changes"), default=0)

    async def trim(self, before: datetime) -> None:
        rows = self._tables.read("changes").items()
        self._tables.drop("changes", [number for number, change in rows if change.at < before])


class MemoryTallies:
    """What collectors reported.

    Tables `window_parts`, `minute_counts` (by what makes a count unique, time first) and `recent_events` (by number).
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def report(self, counts: Sequence[WindowPart]) -> None:
        rows = self._tables.edit("window_parts")
        for item in counts:
            key = item.window_start, item.node, item.rule_id, item.group
            if key not in rows or rows[key].told_ms <= item.told_ms:
                rows[key] = item

    async def recent(self, recent: RecentEvents) -> None:
        minutes = self._tables.edit("minute_counts")
        minutes.update({(item.minute, item.event_type, recent.node): item for item in recent.minutes})
        for event in recent.events:
            number = self._tables.next_number("recent_events")
            self._tables.edit("recent_events")[number] = {**event, "node": recent.node}

    async def books(self, books: NodeBooks) -> None:
        table = self._tables.edit("facts")
        before = table.get(BOOKS + books.node)
        if before is None or msgspec.json.decode(before, type=NodeBooks).at_ms <= books.at_ms:
            table[BOOKS + books.node] = msgspec.json.encode(books).decode()

    async def nodes(self) -> list[NodeBooks]:
        rows = sorted(self._tables.read("facts").items())
        return [msgspec.json.decode(value, type=NodeBooks) for name, value in rows if name.startswith(BOOKS)]

    async def windows(self, rule_id: str, since: datetime) -> list[WindowPart]:
        rows = self._tables.read("window_parts")
        return [rows[key] for key in sorted(rows) if key[2] == rule_id and key[0] >= since]

    async def tail(self, limit: int = 100) -> list[dict[str, Any]]:
        rows = self._tables.read("recent_events")
        return [rows[number] for number in sorted(rows, reverse=True)[:limit]]

    async def minutes(self, since: datetime) -> list[MinuteCount]:
        sums: dict[tuple[datetime, str], int] = {}
        for (minute, event_type, _), item in self._tables.read("minute_counts").items():
            if minute >= since:
                sums[minute, event_type] = sums.get((minute, event_type), 0) + item.count
        return [MinuteCount(*key, sums[key]) for key in sorted(sums)]

    async def forget(self, parties: frozenset[str]) -> int:
        rows = self._tables.read("recent_events")
        wrong = [number for number, event in rows.items() if event.get("party_id") in parties]
        self._tables.drop("recent_events", wrong)
        return len(wrong)

    async def trim(self, before: datetime) -> None:
        for table in ("window_parts", "minute_counts"):
            self._tables.drop(table, [key for key in self._tables.read(table) if key[0] < before])
        self._tables.drop("recent_events", sorted(self._tables.read("recent_events"))[:-EVENTS_KEPT])
