"""Sweeping: changing many alerts by the clock, without any signal, some hundreds in a transaction.

Fenced by the leases of whoever does it: losing one raises `Fenced`, losing the database `Retryable`; what was not
changed by then is found again.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.query import AlertQuery
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.usecases.operating import record

SETTLES = timedelta(seconds=10)
"""Others may know of a change a moment later; so long is looked again."""
AGAIN = timedelta(seconds=60)
"""How often is looked in any case."""
BATCH = 500
"""Alerts looked at in one transaction."""
MOST = 100_000
"""Alerts looked at in one run."""

Judge = Callable[[Transaction, Sequence[Alert], datetime], Awaitable[Sequence[Acted]]]


async def sweep(store: Store, clock: Clock, leases: Sequence[Lease], ids: Sequence[str], judge: Judge) -> set[int]:
    """Change the alerts as `judge` says; returns the shards that have something to route now."""
    shards: set[int] = set()
    for start in range(0, len(ids), BATCH):
        async with store.transaction() as tx:
            await tx.leases.verify(leases)
            now = clock.now()
            # Looked at again under lock: a signal may have changed it meanwhile.
            found = await tx.alerts.many(ids[start : start + BATCH])
            shards |= set(await record(tx, await judge(tx, found, now), now))
    return shards


async def count(store: Store, query: AlertQuery, fits: Callable[[Alert], bool]) -> int:
    """How many alerts of a query fit; none is looked at beyond `MOST`."""
    return len(await fitting(store, query, fits))


async def fitting(store: Store, query: AlertQuery, fits: Callable[[Alert], bool]) -> list[str]:
    """The ids of the alerts of a query that fit; none is looked at beyond `MOST`."""
    found: list[str] = []
    async with store.reading() as tx:
        ids = await tx.reports.ids(query, MOST)
        for start in range(0, len(ids), BATCH):
            found += [alert.id for alert in await tx.alerts.many(ids[start : start + BATCH]) if fits(alert)]
    return found
