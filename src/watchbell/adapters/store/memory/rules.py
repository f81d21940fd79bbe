"""What keepers judged and learned of event rules, in memory."""

from collections.abc import Sequence
from datetime import datetime

from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.events.rules.baseline import HourRow
from watchbell.domain.events.rules.watch import Judged


class MemoryRuleHistory:
    """Tables `rule_windows` and `rule_hours` (by what makes a row unique, time first)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def record(self, judged: Sequence[Judged]) -> None:
        rows = self._tables.edit("rule_windows")
        rows.update({(item.window_start, item.group, item.rule_id): item for item in judged})

    async def judged(self, rule_id: str, since: datetime, until: datetime, group: str | None = None) -> list[Judged]:
        rows = self._tables.read("rule_windows")
        return [
            rows[key]
            for key in sorted(rows)
            if key[2] == rule_id and since <= key[0] < until and group in {None, key[1]}
        ]

    async def groups(self, rule_id: str, since: datetime) -> list[str]:
        rows = self._tables.read("rule_windows")
        return sorted({key[1] for key in rows if key[2] == rule_id and key[0] >= since})

    async def learn(self, rows: Sequence[HourRow]) -> None:
        self._tables.edit("rule_hours").update({(item.hour, item.group, item.rule_id): item for item in rows})

    async def hours(self, rule_id: str, hours: Sequence[datetime]) -> list[HourRow]:
        rows, wanted = self._tables.read("rule_hours"), set(hours)
        return [rows[key] for key in sorted(rows) if key[2] == rule_id and key[0] in wanted]

    async def forget(self, rule_id: str) -> None:
        for table, place in (("window_parts", 2), ("rule_windows", 2), ("rule_hours", 2)):
            self._tables.drop(table, [key for key in self._tables.read(table) if key[place] == rule_id])

    async def trim(self, before: datetime, learned_before: datetime) -> None:
        for table, moment in (("rule_windows", before), ("rule_hours", learned_before)):
            self._tables.drop(table, [key for key in self._tables.read(table) if key[0] < moment])
