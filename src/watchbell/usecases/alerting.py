"""What time does to alerts: they expire, acknowledgements and shelvings run out, flapping ends, old ones go."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from watchbell.domain.alerts.act import Acted, act, lapsed
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.expire import lapse
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Lease, Store, Timer
from watchbell.usecases.intake import route_row
from watchbell.usecases.operating import record, set_timers

_log = structlog.get_logger("alerting")

BATCH = 500
"""Alerts deleted in one transaction."""


class Retained(msgspec.Struct, frozen=True):
    """Seconds after its last signal that an alert is deleted; 0 keeps it."""

    closed: float = 7200
    informational: float = 43200


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
            await tx.timers.cancel([(timer.kind, timer.subject) for timer in timers])
            # Rows are enough: who holds identities may wait for them, and here nobody waits for an identity.
            alerts = await tx.alerts.many([timer.subject for timer in timers])
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
        closed = await self._delete(leases, now, self._retained.closed, ("closed", "expired"), ())
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
            old = [
                alert.id
                for alert in found
                if alert.last_receive_time < before and (alert.status in statuses or alert.severity in severities)
            ]
            if old:
                await tx.alerts.delete(old)
                await tx.timers.cancel([("alert", alert_id) for alert_id in old])
                # An informational alert may still stand in an incident, which must hear that it is gone.
                await tx.outbox.add([route_row(alert_id, now) for alert_id in old])
                tx.changed("alert", *old)
        return len(old)


_WORDS = {
    "expired": "not heard of for as long as its timeout",
    "timeout": "the acknowledgement or shelving ran out",
}
