"""Retiring: alerts that a correlation made are over when it is: deleted, renamed or switched off.

No signal reaches them any more, so nothing else would end them before they expire. What they stood for comes as alerts
of its own with the next messages. One keeper does it for all, fenced by its lease: losing that raises `Fenced`, losing
the database `Retryable`; the next run finds the same work again. It looks when the configuration changes, for `SETTLES`
longer, because others may know of the change a moment later, and every `AGAIN` in any case.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from watchbell.domain.alerts.act import Acted, set_status
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.correlation import KIND
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import DONE
from watchbell.domain.alerts.query import AlertQuery, Filter
from watchbell.domain.managed import Stored
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.usecases.sweeping import AGAIN, SETTLES, fitting, sweep

_CORRELATED = AlertQuery(
    filters=(
        Filter(field="correlation", operator="exists", values=()),
        Filter(field="status", values=DONE, negate=True),
    )
)


class Retiring:
    """Closes what no correlation feeds any more."""

    def __init__(self, store: Store, model: AlarmModel, clock: Clock) -> None:
        self._store = store
        self._model = model
        self._clock = clock
        self._version: int | None = None
        self._settled: datetime | None = None
        self._looked: datetime | None = None

    async def run(self, leases: Sequence[Lease]) -> set[int]:
        """Do what is due; returns the shards that have something to route now."""
        now = self._clock.now()
        async with self._store.reading() as tx:
            version = await tx.catalogue.version()
        if version != self._version or self._settled is None:
            self._settled = now + SETTLES
        if now > self._settled and self._looked is not None and now - self._looked < AGAIN:
            return set()
        rules = await self._rules()
        ids = await fitting(self._store, _CORRELATED, lambda alert: _why(alert, rules) is not None)

        async def judge(tx: Transaction, alerts: Sequence[Alert], at: datetime) -> list[Acted]:
            # A rule may have come back meanwhile.
            present = _by_name(await tx.catalogue.all(KIND))
            return [done for alert in alerts if (done := self._retired(alert, present, at, version)) is not None]

        shards = await sweep(self._store, self._clock, leases, ids, judge)
        # Only now: what a lost database kept from being done is to be found again.
        self._version, self._looked = version, now
        return shards

    async def _rules(self) -> Mapping[str, bool]:
        """Every rule by name, whether or not this release can read it, and whether it is switched on."""
        async with self._store.reading() as tx:
            return _by_name(await tx.catalogue.all(KIND))

    def _retired(self, alert: Alert, rules: Mapping[str, bool], now: datetime, version: int) -> Acted | None:
        why = _why(alert, rules)
        if why is None or alert.status in DONE:
            return None
        done = set_status(alert, self._model.closed, self._model, now, text=why, config_version=version)
        entries = tuple(msgspec.structs.replace(entry, reason=why) for entry in done.entries)
        return msgspec.structs.replace(done, entries=entries)


def _by_name(rows: Sequence[Stored]) -> dict[str, bool]:
    return {row.name: row.body.get("enabled", True) is not False for row in rows}


def _why(alert: Alert, rules: Mapping[str, bool]) -> str | None:
    """Why the alert is over; None while its rule is in force, and when there never was one."""
    if alert.correlation is None:
        return None
    name = alert.correlation.rule
    if name not in rules:
        return f"the correlation {name!r} that made it was deleted or renamed"
    return None if rules[name] else f"the correlation {name!r} that made it is switched off"
