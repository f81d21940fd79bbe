"""Episodes of alerts, live and past ones, in memory."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.adapters.store import lines, report_parts
from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.past import (
    Archived,
    Life,
    PastAlert,
    PastQuery,
    Place,
    life_of,
    past_of,
    searched_text,
)
from watchbell.domain.alerts.phase import DONE
from watchbell.domain.alerts.report import AlertReport, ReportQuery, Standing
from watchbell.domain.customers import Customers, sees


class MemoryPastAlerts:
    """Table `past` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, items: Sequence[Archived]) -> None:
        self._tables.edit("past").update({item.alert.id: item for item in items})

    async def get(self, identifier: str, customers: Customers = None) -> PastAlert | None:
        rows = [item.alert for item in self._tables.read("past").values()]
        named = [past for past in rows if identifier in (past.id, past.alert_id) and sees(customers, past.customer)]
        named.sort(key=lambda past: past.id)
        named.sort(key=lambda past: (past.id == identifier, past.opened_at), reverse=True)
        return named[0] if named else None

    async def of(self, alert_ids: Sequence[str]) -> list[str]:
        rows = [item.alert for item in self._tables.read("past").values()]
        return sorted(past.id for past in rows if past.alert_id in alert_ids)

    async def history(self, past_id: str) -> list[HistoryEntry]:
        item: Archived | None = self._tables.read("past").get(past_id)
        return list(item.history) if item else []

    async def find(self, query: PastQuery, limit: int, after: Place | None = None) -> list[PastAlert]:
        fits = matches(query)
        found = [item.alert for item in self._tables.read("past").values() if fits(item.alert)]
        found = [past for past in found if all(word in searched_text(past) for word in query.words)]
        found.sort(key=lambda past: (past.opened_at, past.id), reverse=True)
        return [past for past in found if after is None or (past.opened_at, past.id) < after][:limit]

    async def delete(self, past_ids: Sequence[str]) -> int:
        return self._tables.drop("past", past_ids)

    async def expire(self, before: datetime, limit: int) -> int:
        rows = [item.alert for item in self._tables.read("past").values()]
        old = sorted((past.archived_at, past.id) for past in rows if past.archived_at < before)
        return await self.delete([identifier for _, identifier in old[:limit]])


def matches(query: PastQuery) -> Callable[[PastAlert], bool]:
    """The test that an episode passes, but for its words."""

    def fits(past: PastAlert) -> bool:
        pairs = (
            (query.environments, past.environment),
            (query.resources, past.resource),
            (query.events, past.event),
            (query.severities, past.highest_severity),
        )
        return (
            (query.since is None or past.opened_at >= query.since)
            and (query.before is None or past.opened_at < query.before)
            and all(not wanted or value in wanted for wanted, value in pairs)
            and (not query.services or not set(query.services).isdisjoint(past.service))
            and sees(query.customers, past.customer)
        )

    return fits


class MemoryEpisodes:
    """Over the alerts, their history, and table `past`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def settled(self, before: datetime, limit: int) -> list[str]:
        found = sorted(
            (alert.update_time, alert.id)
            for alert in self._live()
            if alert.status in DONE and alert.update_time < before
        )
        return [identifier for _, identifier in found[:limit]]

    async def lives(self, alert_ids: Sequence[str], severities: Sequence[str]) -> dict[str, Life]:
        wanted = set(alert_ids)
        return {
            alert.id: life
            for alert in self._live()
            if alert.id in wanted and (life := self._life(alert, severities)) is not None
        }

    async def report(self, query: ReportQuery) -> AlertReport:
        fits = matches(query.chosen)
        past = [item.alert for item in self._tables.read("past").values() if fits(item.alert)]
        listed = [_standing(each, each.id, each.stood) for each in past]
        for alert in self._live():
            life = self._life(alert, query.severities) or Life()
            one = past_of(alert, life, query.now)
            if fits(one):
                until = one.resolved_at or query.now
                stood = max((until - one.opened_at).total_seconds(), 0)
                listed.append(_standing(one, "", stood))
                past.append(_replaced(one, stood))
        return report_parts.read(list(_parts(past, query)), _ranked(past), listed, query.most)

    def _live(self) -> list[Alert]:
        return [alert for alert in self._tables.read("alerts").values() if alert.opened_at is not None]

    def _life(self, alert: Alert, severities: Sequence[str]) -> Life | None:
        since = alert.opened_at or alert.receive_time
        entries = [entry for _, entry in self._tables.read("history").get(alert.id, ()) if entry.at >= since]
        return life_of(entries, severities, since) if entries else None


def _replaced(past: PastAlert, stood: float) -> PastAlert:
    return msgspec.structs.replace(past, stood=stood)


def _standing(past: PastAlert, past_id: str, stood: float) -> Standing:
    names = ("environment", "resource", "event", "highest_severity", "opened_at", "resolved_at")
    return report_parts.standing((past.alert_id, past_id, *(getattr(past, name) for name in names), stood))


def _parts(found: Sequence[PastAlert], query: ReportQuery) -> Iterable[report_parts.Row]:
    points: dict[tuple[str, int], list[PastAlert]] = {}
    for past in found:
        index = math.floor((past.opened_at - query.since).total_seconds() / query.step)
        points.setdefault((past.highest_severity, index), []).append(past)
    for (severity, index), some in points.items():
        sums = [each for name in report_parts.SPREADS for each in _sums(_values(some, name))]
        yield "volume", severity, index, len(some), sum(past.flapped for past in some), *sums
    yield from _worst("resources", [(past.resource, past) for past in found], query.most, by=0)
    yield from _worst("events", [(past.event, past) for past in found], query.most, by=0)
    by_services = [(lines.encode(past.service), past) for past in found if past.service]
    yield from _worst("services", by_services, len(found), by=0)
    yield from _worst("flapping", [(past.resource, past) for past in found if past.flapped], query.most, by=2)


def _values(found: Sequence[PastAlert], name: str) -> list[float]:
    return sorted(value for past in found if (value := getattr(past, name)) is not None)


def _sums(values: Sequence[float]) -> tuple[int, float]:
    return len(values), math.fsum(values)


def _ranked(found: Sequence[PastAlert]) -> Iterable[report_parts.Row]:
    for name in report_parts.SPREADS:
        values = _values(found, name)
        if values:
            yield from ((name, place, values[place - 1]) for place in report_parts.places(len(values)))


def _worst(part: str, named: Sequence[tuple[str, PastAlert]], most: int, *, by: int) -> Iterable[report_parts.Row]:
    sums: dict[str, list[Any]] = {}
    for name, past in named:
        row = sums.setdefault(name, [0, 0.0, 0])
        row[0] += 1
        row[1] += past.stood
        row[2] += past.severity_changes
    worst = sorted(sums.items(), key=lambda item: (-item[1][by], item[0]))
    return [(part, name, 0, number, stood, changes, 0) for name, (number, stood, changes) in worst[:most]]
