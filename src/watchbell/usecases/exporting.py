"""Exporting: all alerts that a query finds, a piece at a time, so that a large answer needs little memory.

The ids are chosen first and the alerts are read behind them: each piece has a transaction of its own, an alert that is
deleted meanwhile is left out, and a slow reader holds up nobody. What the caller may see is decided for each piece.
"""

from collections.abc import AsyncIterator

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Store
from watchbell.usecases.calling import Caller, called_by, caller_now

MOST = 200_000
"""How many alerts one file may have."""
AT_ONCE = 500


async def chosen(store: Store, query: AlertQuery) -> list[str]:
    """Ids of the alerts that a file will have, by id.

    Raises:
        Invalid: there are more than `MOST`.
    """
    async with store.reading() as tx:
        ids = await tx.reports.ids(query, MOST + 1)
    if len(ids) > MOST:
        raise Invalid(f"more than {MOST} alerts match; narrow the filter, for example by from-date and to-date")
    return ids


def read(store: Store, ids: list[str]) -> AsyncIterator[list[Alert]]:
    """The alerts, in pieces, as whoever calls now may see them; empty pieces are possible."""
    return _pieces(store, ids, caller_now())


async def _pieces(store: Store, ids: list[str], caller: Caller) -> AsyncIterator[list[Alert]]:
    for start in range(0, len(ids), AT_ONCE):
        with called_by(caller):
            opened = store.reading()
        async with opened as tx:
            found = await tx.alerts.many(ids[start : start + AT_ONCE])
        yield found
