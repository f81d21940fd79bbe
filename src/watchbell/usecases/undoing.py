"""Undoing: alerts that somebody closed are again what they were. Losing the database raises `Retryable`."""

from collections.abc import Sequence
from datetime import datetime

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.undo import GONE, LOOKED_AT, unclosed
from watchbell.ports.store import Store
from watchbell.usecases.operating import CHUNK, Operating, Swept


async def undo_closing(
    store: Store, operating: Operating, model: AlarmModel, ids: Sequence[str], now: datetime, *, user: str | None
) -> Swept:
    """Take the closing of each back.

    Those that changed since are left as they are, and named with why, as are those that are gone.
    """
    histories: dict[str, list[HistoryEntry]] = {}
    for start in range(0, len(ids), CHUNK):
        async with store.reading() as tx:
            histories |= await tx.history.of_many(ids[start : start + CHUNK], LOOKED_AT)

    # The history is read before the lock: one that has grown since belongs to an alert that has changed since.
    def change(alert: Alert) -> Acted:
        return unclosed(alert, histories.get(alert.id, ()), model, now, user=user)

    swept = await operating.set_each(ids, change, now)
    gone = dict.fromkeys(set(ids) - {*swept.updated, *swept.refused}, GONE)
    return Swept(updated=swept.updated, refused=swept.refused | gone)
