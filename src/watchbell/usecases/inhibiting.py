"""Inhibiting: which alerts tell nobody because another stands, decided when they are routed and when time passes.

`judged` decides inside the transaction of whoever routes or sweeps. `Inhibiting` is done by one keeper for all, fenced
by its lease: losing that raises `Fenced`, losing the database `Retryable`; the next run finds the same work again. It
looks for sources that are over and graces that have ended, at all that is inhibited every `AGAIN` and for `SETTLES`
after the inhibitions changed. All that it must remember is in the store.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.inhibition import (
    MOST_HOPS,
    STANDING,
    Inhibition,
    circles,
    cleared,
    enabled,
    holds,
    inhibited,
    over,
    released,
    selects,
    source_of,
    sources_for,
    stands,
    targeting,
    tells,
)
from watchbell.domain.alerts.matching import narrowing
from watchbell.domain.alerts.query import AlertQuery, Filter
from watchbell.domain.oncall.incident import IncidentStatus
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.usecases.configuration import Configuration, Configured
from watchbell.usecases.sweeping import AGAIN, MOST, SETTLES, count, sweep

PAGE = 200
"""Possible sources read at once."""

_INHIBITED = Filter(field="inhibited_by", operator="exists", values=())
_IN_GRACE = Filter(field="inhibited_until", operator="exists", values=())


async def judged(tx: Transaction, config: Configuration, alerts: Sequence[Alert], now: datetime) -> list[Acted]:
    """What becomes of the alerts, those that change only. The last that stood is looked at first.

    So of several that would inhibit each other, the first goes on telling. Asks the store nothing for alerts that no
    inhibition is about.
    """
    rules = enabled(config.inhibitions)
    if not rules and not any(alert.inhibited for alert in alerts):
        return []
    court = _Court(tx, rules, config.version, now)
    newest_first = sorted(alerts, key=lambda alert: (alert.receive_time, alert.id), reverse=True)
    return [done for alert in newest_first if (done := await court.decide(alert)) is not None]


class _Court:
    """Decides about the alerts of one transaction."""

    def __init__(self, tx: Transaction, rules: Sequence[Inhibition], version: int, now: datetime) -> None:
        self._tx = tx
        self._rules = rules
        self._version = version
        self._now = now
        self._pages: dict[AlertQuery, list[Alert]] = {}
        self._decided: dict[str, str | None] = {}

    async def decide(self, alert: Alert) -> Acted | None:
        if not tells(alert):
            done = cleared(alert) if alert.inhibited else None
        else:
            done = await self._telling(alert, targeting(self._rules, alert))
        if done is not None:
            self._decided[alert.id] = done.alert.inhibited_by
        return done

    async def _telling(self, alert: Alert, rules: Sequence[Inhibition]) -> Acted | None:
        if rules and (alert.inhibited or not await self._told(alert)):
            for rule in rules:
                source = await self._source(rule, alert)
                if source is not None:
                    return inhibited(alert, rule, source, self._now, self._version)
        return await self._without_source(alert, rules) if alert.inhibited else None

    async def _told(self, alert: Alert) -> bool:
        """Whether people know of it: what they were told is not taken back."""
        incidents = await self._tx.incidents.of_alert(alert.id)
        return any(each.status is not IncidentStatus.RESOLVED and alert.id in each.active for each in incidents)

    async def _source(self, rule: Inhibition, alert: Alert) -> Alert | None:
        asked = sources_for(rule, alert)
        page = 0
        while asked is not None:
            page += 1
            found = await self._page(msgspec.structs.replace(asked, page=page, page_size=PAGE))
            for candidate in found:
                if holds(rule, candidate, alert) and not await self._leads_back(candidate, alert):
                    return candidate
            if len(found) < PAGE:
                break
        return None

    async def _page(self, query: AlertQuery) -> list[Alert]:
        if query not in self._pages:
            self._pages[query] = await self._tx.alerts.find(query)
        return self._pages[query]

    async def _leads_back(self, source: Alert, alert: Alert) -> bool:
        """Whether the source is inhibited by the alert, itself or by others; a way that is too long counts as one."""
        here: Alert | None = source
        for _ in range(MOST_HOPS):
            above = self._decided.get(here.id, here.inhibited_by)
            if above is None or above == alert.id:
                return above is not None
            here = await self._tx.alerts.get(above)
            if here is None:
                return False
        return True

    async def _without_source(self, alert: Alert, rules: Sequence[Inhibition]) -> Acted | None:
        rule = next((each for each in rules if each.name == alert.inhibition), None)
        if rule is None:
            why = f"it is no target of the inhibition {alert.inhibition!r} any more"
            return released(alert, why, self._now, self._version)
        source = await self._tx.alerts.get(alert.inhibited_by or "")
        if source is not None and stands(source) and holds(rule, source, alert):
            why = "of several alerts that inhibit each other it stood first"
            return released(alert, why, self._now, self._version)
        return over(alert, rule, self._now, self._version)


class Inhibiting:
    """Ends inhibitions when their sources do, and knows the sources of those that begin."""

    def __init__(self, store: Store, configured: Configured, clock: Clock) -> None:
        self._store = store
        self._configured = configured
        self._clock = clock
        self._seen: tuple[Inhibition, ...] | None = None
        self._settled: datetime | None = None
        self._looked: datetime | None = None

    async def run(self, leases: Sequence[Lease]) -> set[int]:
        """Do what is due; returns the shards that have something to route now."""
        config = await self._configured.current()
        now = self._clock.now()
        rules = enabled(config.inhibitions)
        if rules != self._seen or self._settled is None:
            self._settled = now + SETTLES
        settling = now <= self._settled
        everything = settling or self._looked is None or now - self._looked >= AGAIN
        if not (rules or everything):
            return set()
        if settling:
            await self._find_sources(leases, rules)
        ids = await self._ids(_INHIBITED) if everything else await self._due(rules, now)

        async def judge(tx: Transaction, alerts: Sequence[Alert], at: datetime) -> list[Acted]:
            # As those who route see it: an inhibition that is a moment old must not let go what it holds.
            newest = await self._configured.within(tx)
            return await judged(tx, newest, [alert for alert in alerts if alert.inhibited], at)

        shards = await sweep(self._store, self._clock, leases, ids, judge)
        # Only now: what a lost database kept from being done is to be found again.
        self._seen = rules
        self._looked = now if everything else self._looked
        return shards

    async def _find_sources(self, leases: Sequence[Lease], rules: Sequence[Inhibition]) -> None:
        """Mark what stands already as a source; later, each message does."""
        unmarked = Filter(field="inhibits", operator="exists", values=(), negate=True)

        async def mark(_: Transaction, alerts: Sequence[Alert], at: datetime) -> list[Acted]:
            del at
            named = [(alert, source_of(rules, alert)) for alert in alerts if alert.inhibits is None]
            return [
                Acted(alert=msgspec.structs.replace(alert, inhibits=name, version=alert.version + 1))
                for alert, name in named
                if name is not None
            ]

        for rule in rules:
            async with self._store.reading() as tx:
                query = AlertQuery(filters=(unmarked, *narrowing(rule.source)), search=STANDING)
                ids = await tx.reports.ids(query, MOST)
            await sweep(self._store, self._clock, leases, ids, mark)

    async def _due(self, rules: Sequence[Inhibition], now: datetime) -> list[str]:
        """Those whose source is over, whose grace has ended, or who must tell because they go round in a circle."""
        ungraced = msgspec.structs.replace(_IN_GRACE, negate=True)
        async with self._store.reading() as tx:
            by = await tx.reports.by_field("inhibited_by", AlertQuery(filters=(_INHIBITED, ungraced)))
            sources = await tx.alerts.many(list(by))
        standing = {alert.id for alert in sources if stands(alert) and source_of(rules, alert) is not None}
        found = circles(sources)
        gone = tuple(by.keys() - standing)
        if gone:
            found.update(await self._ids(Filter(field="inhibited_by", values=gone), ungraced))
        ended = Filter(field="inhibited_until", operator="lte", values=(now.isoformat(),))
        found.update(await self._ids(_INHIBITED, ended))
        return sorted(found)

    async def _ids(self, *filters: Filter) -> list[str]:
        async with self._store.reading() as tx:
            return await tx.reports.ids(AlertQuery(filters=filters), MOST)


async def foreseen(store: Store, inhibition: Inhibition) -> tuple[int, int]:
    """How many alerts that stand now are its sources, and how many its targets."""
    sides = (inhibition.source, inhibition.target)
    sources, targets = [
        await count(
            store,
            AlertQuery(filters=tuple(narrowing(side)), search=STANDING),
            lambda alert, side=side: stands(alert) and selects(side, alert),
        )
        for side in sides
    ]
    return sources, targets
