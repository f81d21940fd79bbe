"""What time does to alerts: they expire, acknowledgements and shelvings run out, flapping ends, old ones go.

What goes is archived first: the archive is what months are reported from.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from watchbell.domain.alerts.act import Acted, act, lapsed
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.expire import lapse
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import DONE
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Lease, Store, Timer, Transaction
from watchbell.usecases.archiving import archive
from watchbell.usecases.operating import record, set_timers
from watchbell.usecases.receiving import route_row

_log = structlog.get_logger("alerting")

BATCH = 500
"""Alerts deleted in one transaction."""
PRUNED = 1000
"""Past alerts deleted in one transaction."""


class Retained(msgspec.Struct, frozen=True):
    """Seconds after its last signal that an alert is deleted; 0 keeps it.

    `past` is how many seconds it is in the archive then; with 0 there is none. `undone` is how many seconds after a
    person closed it an alert is kept in any case, because they may take that back.
    """

    closed: float = 7200
    informational: float = 43200
    past: float = 400 * 86400.0
    undone: float = 600


SETTLES = 7200.0
"""Seconds after which an episode is over whose alert is still heard of, where closed alerts are kept for ever."""


class Alerting:
    """The timers and the housekeeping of alerts. `informs` is whether plug-ins are told of what time does."""

    def __init__(
        self, store: Store, model: AlarmModel, retained: Retained | None = None, *, informs: bool = False
    ) -> None:
        self._store = store
        self._model = model
        self._retained = retained or Retained()
        self._informs = informs

    async def fire(self, timers: Sequence[Timer], leases: Sequence[Lease], now: datetime) -> list[int]:
        """Look at alerts whose time has come; one that is not due after all is set anew.

        One that the model cannot decide about (its severity is no longer on the map) is left as it is. Returns shards
        to wake. Raises `Fenced` when a lease is lost; nothing is written then.
        """
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            # Rows are enough: who holds identities may wait for them, and here nobody waits for an identity. They come
            # before their timers, as they do for whoever changes an alert: else two could wait for each other.
            alerts = await tx.alerts.many([timer.subject for timer in timers])
            await tx.timers.cancel([(timer.kind, timer.subject) for timer in timers])
            # One that is made anew just now must not lose its timer to the one that had its id.
            alerts += await tx.alerts.many(sorted({timer.subject for timer in timers} - {each.id for each in alerts}))
            changes: list[Acted] = []
            waiting: list[Alert] = []
            for alert in alerts:
                action = lapse(alert, now)
                if not action:
                    waiting.append(alert)
                    continue
                if action not in _WORDS:
                    changes.append(lapsed(alert, action, now))
                    continue
                try:
                    changes.append(act(alert, action, self._model, now, text=_WORDS[action]))
                except Invalid as error:
                    _log.warning("alert_stuck", alert=alert.id, error=error.message)
            shards = await record(tx, changes, now, informs=self._informs)
            await set_timers(tx, waiting)
        return shards

    async def delete_old(self, leases: Sequence[Lease], now: datetime) -> int:
        """Delete what has been closed, expired or informational for long enough, at most `BATCH` of each kind.

        Returns how many went.
        """
        closed = await self._delete(leases, now, self._retained.closed, DONE, ())
        informational = tuple(filter(None, (self._model.severities.informational,)))
        return closed + await self._delete(leases, now, self._retained.informational, (), informational)

    async def _delete(
        self,
        leases: Sequence[Lease],
        now: datetime,
        seconds: float,
        statuses: Sequence[str],
        severities: Sequence[str],
    ) -> int:
        if not seconds or not (statuses or severities):
            return 0
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            before = now - timedelta(seconds=seconds)
            # Looked at again under lock: one that was heard of meanwhile must stay.
            found = await tx.alerts.many(await tx.reports.lapsed(statuses, severities, before, BATCH))
            gone = [
                alert
                for alert in found
                if alert.last_receive_time < before and (alert.status in statuses or alert.severity in severities)
            ]
            kept = await _just_closed(tx, gone, now - timedelta(seconds=self._retained.undone))
            gone = [alert for alert in gone if alert.id not in kept]
            old = [alert.id for alert in gone]
            if old:
                await self._archive(tx, gone, now)
                await tx.alerts.delete(old)
                await tx.timers.cancel([("alert", alert_id) for alert_id in old])
                # An informational alert may still stand in an incident, which must hear that it is gone.
                await tx.outbox.add([route_row(alert_id, now) for alert_id in old])
                tx.changed("alert", *old)
        return len(old)

    async def settle(self, leases: Sequence[Lease], now: datetime) -> int:
        """Archive the episodes of alerts that are over for long enough but still heard of, at most `BATCH`.

        Their senders go on saying that all is well. The alerts stay; what comes begins another episode. Returns how
        many there were.
        """
        before = now - timedelta(seconds=max(self._retained.closed or SETTLES, self._retained.undone))
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            found = await tx.alerts.many(await tx.episodes.settled(before, BATCH))
            over = [alert for alert in found if alert.status in DONE and alert.update_time < before]
            await self._archive(tx, over, now)
            after = [msgspec.structs.replace(alert, opened_at=None, version=alert.version + 1) for alert in over]
            await tx.alerts.save(after)
        return len(over)

    async def prune(self, leases: Sequence[Lease], now: datetime) -> int:
        """Delete at most `PRUNED` past alerts that were in the archive for long enough; returns how many went."""
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            return await tx.past.expire(now - timedelta(seconds=self._retained.past), PRUNED)

    async def _archive(self, tx: Transaction, alerts: Sequence[Alert], now: datetime) -> None:
        if self._retained.past:
            await archive(tx, alerts, self._model.severities.ordered, now)


async def _just_closed(tx: Transaction, alerts: Sequence[Alert], since: datetime) -> set[str]:
    """Those that somebody closed after that."""
    late = [alert.id for alert in alerts if alert.status in DONE and alert.update_time > since]
    histories = await tx.history.of_many(late, 1) if late else {}
    return {alert_id for alert_id, lines in histories.items() if lines[-1].type == "close"}


_WORDS = {
    "expired": "not heard of for as long as its timeout",
    "timeout": "the acknowledgement or shelving ran out",
}
