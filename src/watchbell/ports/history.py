"""The history of alerts, as part of a store's transaction."""

from collections.abc import Sequence
from typing import Protocol

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.query import AlertQuery


class AlertHistory(Protocol):
    """What happened to alerts, by receipt time; no entry is ever changed. Entries are numbered as they are added."""

    async def add(self, entries: Sequence[HistoryEntry]) -> None:
        """Append; entries of one alert keep their order."""
        ...

    async def of(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
        """The newest `limit` entries, oldest first."""
        ...

    async def of_many(self, alert_ids: Sequence[str], limit: int = 100) -> dict[str, list[HistoryEntry]]:
        """As `of`, for several alerts at once; those without entries are left out."""
        ...

    async def newest(self, query: AlertQuery) -> list[tuple[Alert, HistoryEntry]]:
        """One page of entries of the alerts that match, newest first."""
        ...

    async def grown(self, after: int, limit: int, keep: int) -> tuple[int, list[str]]:
        """Of the next `limit` entries behind number `after`: the last number, and which of their alerts are too long.

        Those have more than `keep` entries now. The number is `after` when there are no entries.
        """
        ...

    async def cut(self, alert_ids: Sequence[str], keep: int, limit: int) -> int:
        """Delete all but the newest `keep` entries of each, `limit` at most; returns how many went."""
        ...
