"""Episodes of alerts, those of the present and those of the past, as parts of a store's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.alerts.past import Archived, Life, PastAlert, PastQuery, Place
from watchbell.domain.alerts.report import AlertReport, ReportQuery
from watchbell.domain.customers import Customers


class PastAlerts(Protocol):
    """The archive of alerts: episodes that are over. Nothing in it is ever changed."""

    async def add(self, items: Sequence[Archived]) -> None:
        """Append."""
        ...

    async def get(self, identifier: str, customers: Customers = None) -> PastAlert | None:
        """By id, else the last episode of the alert with this id; None when it belongs to another customer."""
        ...

    async def of(self, alert_ids: Sequence[str]) -> list[str]:
        """Ids of the episodes of these alerts."""
        ...

    async def history(self, past_id: str) -> list[HistoryEntry]:
        """Oldest first; entries keep their order."""
        ...

    async def find(self, query: PastQuery, limit: int, after: Place | None = None) -> list[PastAlert]:
        """Newest first by `opened_at`, then by id; from behind `after` on."""
        ...

    async def delete(self, past_ids: Sequence[str]) -> int:
        """Delete with their history; how many went."""
        ...

    async def expire(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` that were archived before `before`, the oldest first; how many went."""
        ...


class Episodes(Protocol):
    """Episodes of live alerts, and reports over all."""

    async def settled(self, before: datetime, limit: int) -> list[str]:
        """Ids of alerts with an episode that are over since before `before`, oldest first."""
        ...

    async def lives(self, alert_ids: Sequence[str], severities: Sequence[str]) -> dict[str, Life]:
        """What the histories tell of their episodes; alerts without one are left out. The worst severity is first."""
        ...

    async def report(self, query: ReportQuery) -> AlertReport:
        """A report; episodes of live alerts that were opened in the span count, too."""
        ...
