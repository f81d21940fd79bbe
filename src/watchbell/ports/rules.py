"""What keepers judged and learned of event rules, as the store keeps it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from watchbell.domain.events.rules.baseline import HourRow
from watchbell.domain.events.rules.watch import Judged


class RuleHistory(Protocol):
    """Judgements and learned hours. Written and read inside a transaction; every write may be repeated."""

    async def record(self, judged: Sequence[Judged]) -> None:
        """Stores judgements: one row per (rule_id, window_start, group), the latest holds."""
        ...

    async def judged(self, rule_id: str, since: datetime, until: datetime, group: str | None = None) -> list[Judged]:
        """The judgements over windows that start at `since` or later and before `until`, by (window_start, group).

        Of one group, or of all when it is None.
        """
        ...

    async def groups(self, rule_id: str, since: datetime) -> list[str]:
        """The groups with judgements since then, sorted."""
        ...

    async def learn(self, rows: Sequence[HourRow]) -> None:
        """Stores hours: one row per (rule_id, hour, group), the latest holds."""
        ...

    async def hours(self, rule_id: str, hours: Sequence[datetime]) -> list[HourRow]:
        """What was learned in these hours, of all groups, by (hour, group)."""
        ...

    async def forget(self, rule_id: str) -> None:
        """Drops everything about a rule, what collectors counted for it included."""
        ...

    async def trim(self, before: datetime, learned_before: datetime) -> None:
        """Drops judgements and hours that are older."""
        ...
