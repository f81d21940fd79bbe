"""Archiving: what is kept of alerts that are over, before they are deleted.

In the transaction of whoever deletes them, so that nothing is lost between the two; a few alerts at a time, so that
long histories need little memory.
"""

from collections.abc import Sequence
from datetime import datetime

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.past import MOST_LINES, Archived, Life, past_of
from watchbell.ports.store import Transaction

AT_ONCE = 100
"""Alerts whose histories are in memory together."""


async def archive(tx: Transaction, alerts: Sequence[Alert], severities: Sequence[str], now: datetime) -> int:
    """Keep the episodes of these alerts; those that never stood have none. `severities`, the worst first.

    Returns how many were kept.
    """
    over = [alert for alert in alerts if alert.opened_at is not None]
    for start in range(0, len(over), AT_ONCE):
        some = over[start : start + AT_ONCE]
        ids = [alert.id for alert in some]
        lives = await tx.episodes.lives(ids, severities)
        histories = await tx.history.of_many(ids, MOST_LINES)
        await tx.past.add(
            [
                Archived(
                    alert=past_of(alert, lives.get(alert.id, Life()), now),
                    history=_since(alert.opened_at, histories.get(alert.id, ())),
                )
                for alert in some
            ]
        )
    return len(over)


def _since(opened_at: datetime | None, history: Sequence[HistoryEntry]) -> tuple[HistoryEntry, ...]:
    return tuple(entry for entry in history if opened_at is None or entry.at >= opened_at)
