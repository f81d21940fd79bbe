"""Muting: what the beginning and the end of blackouts do to alerts that stand, by the clock and without any signal.

One keeper does it for all, fenced by its lease: losing that raises `Fenced`, losing the database `Retryable`; the next
run finds the same work again. It looks whenever the blackouts in force change, for `SETTLES` longer, because others
may know of the change a moment later, and every `AGAIN` in any case.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import msgspec

from watchbell.domain.accounts import Principal
from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.blackout import Blackout, Judge, covering, ended_at, matches
from watchbell.domain.alerts.matching import equal, narrowing
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.muting import counted_again, is_partly_muted, muted, unmuted
from watchbell.domain.alerts.phase import OVER, UNDER_BLACKOUT, WAITING
from watchbell.domain.alerts.query import AlertQuery, Filter
from watchbell.domain.errors import Conflict
from watchbell.domain.ids import new_id
from watchbell.domain.managed import Stored
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.usecases.configuration import Configured
from watchbell.usecases.managing import Managing
from watchbell.usecases.sweeping import AGAIN, MOST, SETTLES, fitting, sweep

KIND = "blackout"
_CORRELATED = AlertQuery(
    filters=(
        Filter(field="correlation", operator="exists", values=()),
        Filter(field="status", values=OVER, negate=True),
    )
)
"""Alerts that stand and that a rule made of several signals."""


class Muting:
    """Begins and ends blackouts."""

    def __init__(self, store: Store, configured: Configured, model: AlarmModel, clock: Clock) -> None:
        self._store = store
        self._configured = configured
        self._model = model
        self._clock = clock
        self._judge = Judge()
        self._seen: tuple[Blackout, ...] | None = None
        self._settled: datetime | None = None
        self._looked: datetime | None = None

    async def run(self, leases: Sequence[Lease]) -> set[int]:
        """Do what is due; returns the shards that have something to route now."""
        config = await self._configured.current()
        now = self._clock.now()
        blackouts = self._judge.at(config.version, config.blackouts.values(), now)
        if blackouts != self._seen or self._settled is None:
            self._settled = now + SETTLES
        settling = now <= self._settled
        if not settling and self._looked is not None and now - self._looked < AGAIN:
            return set()
        shards = await self._end(leases, blackouts, config.version)
        if settling:
            shards |= await self._begin(leases, blackouts, config.version)
        # Only now: what a lost database kept from being done is to be found again.
        self._seen, self._looked = blackouts, now
        return shards

    async def _end(self, leases: Sequence[Lease], blackouts: Sequence[Blackout], version: int) -> set[int]:
        """Open again what no blackout covers any more, and have members count again that none covers."""

        def change(alert: Alert, now: datetime) -> Acted | None:
            if is_partly_muted(alert):
                return counted_again(alert, blackouts, self._model, now, version)
            if alert.status not in UNDER_BLACKOUT or covering(blackouts, alert) is not None:
                return None
            return unmuted(alert, self._model, now, version)

        partly = await fitting(self._store, _CORRELATED, is_partly_muted)
        shards = await self._sweep(leases, partly, change)
        return shards | await self._change(leases, (equal("status", *UNDER_BLACKOUT),), change)

    async def _begin(self, leases: Sequence[Lease], blackouts: Sequence[Blackout], version: int) -> set[int]:
        """Silence what is open and covered."""
        shards: set[int] = set()
        for blackout in blackouts:
            if blackout.standing:
                query = AlertQuery(filters=standing_filters(blackout))
                ids = await fitting(self._store, query, partial(matches, blackout))
                shards |= await self._sweep(leases, ids, self._silencing(blackout, version))
        return shards

    def _silencing(self, blackout: Blackout, version: int) -> Callable[[Alert, datetime], Acted | None]:
        def change(alert: Alert, now: datetime) -> Acted | None:
            if alert.status not in WAITING or covering((blackout,), alert) is None:
                return None
            return muted(alert, blackout, self._model, now, version)

        return change

    async def _change(
        self,
        leases: Sequence[Lease],
        filters: tuple[Filter, ...],
        change: Callable[[Alert, datetime], Acted | None],
    ) -> set[int]:
        async with self._store.reading() as tx:
            ids = await tx.reports.ids(AlertQuery(filters=filters), MOST)
        return await self._sweep(leases, ids, change)

    async def _sweep(
        self, leases: Sequence[Lease], ids: Sequence[str], change: Callable[[Alert, datetime], Acted | None]
    ) -> set[int]:
        async def judge(_: Transaction, alerts: Sequence[Alert], now: datetime) -> list[Acted]:
            return [done for alert in alerts if (done := change(alert, now)) is not None]

        return await sweep(self._store, self._clock, leases, ids, judge)


async def made(managing: Managing, by: Principal, fields: Mapping[str, Any]) -> Stored:
    """Store a blackout that has no name yet under one that says what it is for."""
    name = name_for(fields)
    try:
        return await managing.create(by, KIND, {**fields, "name": name})
    except Conflict:
        return await managing.create(by, KIND, {**fields, "name": f"{name} {new_id()[:8]}"})


def name_for(fields: Mapping[str, Any]) -> str:
    """A name that says what a blackout with a `start` is for."""
    what = next((str(fields[field]) for field in ("resource", "event", "group", "origin") if fields.get(field)), "")
    words = [str(fields["environment"]), what or ", ".join([*fields.get("service", ()), *fields.get("tags", ())])]
    name = " ".join(word for word in words if word)[:150] + f" {fields['start'][:16].replace('T', ' ')}"
    return "".join(character for character in name if character.isprintable()).strip()


async def end_now(managing: Managing, by: Principal, identifier: str, now: datetime) -> Stored:
    """End a blackout that is in force. One that recurs comes again at its next time.

    Raises:
        Missing: there is none.
        Conflict: it is not in force, or somebody else changes it.
    """
    row, _ = await managing.get(KIND, identifier)
    before = msgspec.convert({**row.body, "id": row.id, "name": row.name}, Blackout)
    try:
        after = ended_at(before, now)
    except ValueError as error:
        raise Conflict(f"It {error} now.") from error
    fields = {"end": after.end, "duration": after.duration, "ended": after.ended}
    return await managing.update(by, KIND, row.id, {**row.body, "name": row.name, **fields}, row.version)


class Covered(NamedTuple):
    """Ids of alerts: open ones that a blackout would silence, were it in force, and silent ones that it covers."""

    standing: list[str]
    silent: list[str]


async def covered(store: Store, blackout: Blackout) -> Covered:
    """What a blackout is for now; none is looked at beyond `MOST`."""

    async def of(statuses: Sequence[str]) -> list[str]:
        query = AlertQuery(filters=standing_filters(blackout, statuses))
        return await fitting(store, query, lambda alert: matches(blackout, alert))

    return Covered(await of(WAITING), await of(UNDER_BLACKOUT))


def standing_filters(blackout: Blackout, statuses: Sequence[str] = WAITING) -> tuple[Filter, ...]:
    """What narrows the alerts in some statuses that a blackout may cover; `matches` decides."""
    customer = [equal("customer", blackout.customer)] if blackout.customer else []
    return (equal("status", *statuses), *narrowing(blackout), *customer)
