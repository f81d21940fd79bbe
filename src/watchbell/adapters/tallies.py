"""Tallies and rules in memory: for tests, for benchmarks, and for a collector that runs without a database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Rule
from watchbell.ports.tally import MinuteCount, RecentEvents

_SHOWN = 1000


class MemoryTallies:
    """Keeps the latest report of each (rule, node, window, group), and the newest events."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, datetime, str, str], WindowPart] = {}
        self._minutes: dict[tuple[str, datetime, str], int] = {}
        self._shown: list[dict[str, Any]] = []
        self._books: dict[str, NodeBooks] = {}

    async def report(self, counts: Sequence[WindowPart]) -> None:
        """See TallyReports."""
        for row in counts:
            key = row.rule_id, row.window_start, row.node, row.group
            if key not in self._windows or self._windows[key].told_ms <= row.told_ms:
                self._windows[key] = row

    async def recent(self, recent: RecentEvents) -> None:
        """See TallyReports."""
        self._shown = [*self._shown, *({**event, "node": recent.node} for event in recent.events)][-_SHOWN:]
        for minute in recent.minutes:
            self._minutes[recent.node, minute.minute, minute.event_type] = minute.count

    async def books(self, books: NodeBooks) -> None:
        """See TallyReports."""
        self._books[books.node] = books

    async def nodes(self) -> list[NodeBooks]:
        """See Tallies."""
        return [self._books[node] for node in sorted(self._books)]

    async def windows(self, rule_id: str, since: datetime) -> list[WindowPart]:
        """See Tallies."""
        return [row for key, row in sorted(self._windows.items()) if key[0] == rule_id and row.window_start >= since]

    async def tail(self, limit: int = 100) -> list[dict[str, Any]]:
        """See Tallies."""
        return list(reversed(self._shown))[:limit]

    async def minutes(self, since: datetime) -> list[MinuteCount]:
        """See Tallies."""
        totals: dict[tuple[datetime, str], int] = {}
        for (_, minute, event_type), count in self._minutes.items():
            if minute >= since:
                totals[minute, event_type] = totals.get((minute, event_type), 0) + count
        return [MinuteCount(minute, event_type, count) for (minute, event_type), count in sorted(totals.items())]

    async def forget(self, parties: frozenset[str]) -> int:
        """See Tallies."""
        kept = [event for event in self._shown if event.get("party_id") not in parties]
        removed, self._shown = len(self._shown) - len(kept), kept
        return removed

    async def trim(self, before: datetime) -> None:
        """See Tallies."""
        self._windows = {key: row for key, row in self._windows.items() if row.window_start >= before}
        self._minutes = {key: count for key, count in self._minutes.items() if key[1] >= before}


class FixedRules:
    """The rules that it was made with; `rules` may be replaced."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = list(rules)

    async def current(self) -> Sequence[Rule]:
        """See RuleSource."""
        return self.rules
