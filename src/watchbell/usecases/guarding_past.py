"""Past alerts and reports, of certain customers only."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.alerts.past import Archived, Life, PastAlert, PastQuery, Place
from watchbell.domain.alerts.report import AlertReport, ReportQuery
from watchbell.domain.customers import Customers, sees
from watchbell.domain.errors import Forbidden
from watchbell.ports.store import Transaction
from watchbell.usecases.guarding_alerts import NOT_YOURS, visible_ids


class GuardedPast:
    """The archive of alerts."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._inner, self._customers = tx.past, customers

    async def add(self, items: Sequence[Archived]) -> None:
        if not all(sees(self._customers, item.alert.customer) for item in items):
            raise Forbidden(NOT_YOURS)
        await self._inner.add(items)

    async def get(self, identifier: str, customers: Customers = None) -> PastAlert | None:
        return await self._inner.get(identifier, _both(self._customers, customers))

    async def of(self, alert_ids: Sequence[str]) -> list[str]:
        return [each for each in await self._inner.of(alert_ids) if await self._mine(each)]

    async def history(self, past_id: str) -> list[HistoryEntry]:
        return await self._inner.history(past_id) if await self._mine(past_id) else []

    async def find(self, query: PastQuery, limit: int, after: Place | None = None) -> list[PastAlert]:
        return await self._inner.find(_narrowed(query, self._customers), limit, after)

    async def delete(self, past_ids: Sequence[str]) -> int:
        return await self._inner.delete([each for each in past_ids if await self._mine(each)])

    async def expire(self, before: datetime, limit: int) -> int:
        """What is old enough goes, whosever it is: nobody sees anything of it."""
        return await self._inner.expire(before, limit)

    async def _mine(self, past_id: str) -> bool:
        found = await self._inner.get(past_id, self._customers)
        return found is not None and found.id == past_id


class GuardedEpisodes:
    """Episodes of live alerts, and reports."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._tx, self._inner, self._customers = tx, tx.episodes, customers

    async def settled(self, before: datetime, limit: int) -> list[str]:
        found = await self._inner.settled(before, limit)
        mine = await visible_ids(self._tx, self._customers, found)
        return [each for each in found if each in mine]

    async def lives(self, alert_ids: Sequence[str], severities: Sequence[str]) -> dict[str, Life]:
        mine = await visible_ids(self._tx, self._customers, alert_ids)
        return await self._inner.lives([each for each in alert_ids if each in mine], severities)

    async def report(self, query: ReportQuery) -> AlertReport:
        mine = _narrowed(query.chosen, self._customers)
        return await self._inner.report(msgspec.structs.replace(query, chosen=mine))


def _narrowed(query: PastQuery, customers: Customers) -> PastQuery:
    return msgspec.structs.replace(query, customers=_both(query.customers, customers))


def _both(one: Customers, other: Customers) -> Customers:
    if one is None or other is None:
        return other if one is None else one
    return one & other
