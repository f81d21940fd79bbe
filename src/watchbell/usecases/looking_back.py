"""Looking back: lists, files and reports of alerts that are over."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.past import PastAlert, PastQuery, Place
from watchbell.domain.alerts.report import AlertReport, ReportQuery
from watchbell.domain.errors import Invalid, Missing
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.usecases.auditing import entry
from watchbell.usecases.calling import Caller, called_by, caller_now

AT_ONCE = 500
"""Past alerts that one transaction reads for a file."""
STEPS = (60, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 604_800, 2_592_000)
"""Seconds; lengths of a point that a report chooses from by itself."""
POINTS = 100
"""A report has about so many points at most, unless it is told their length."""
MOST_POINTS = 1000
USUAL_SPAN = timedelta(days=30)


class Told(msgspec.Struct, frozen=True):
    """A report and what it is about."""

    query: ReportQuery
    report: AlertReport


class LookingBack:
    """The archive of alerts, and what is reported of it and of the live ones."""

    def __init__(self, store: Store, clock: Clock, model: AlarmModel) -> None:
        self._store = store
        self._clock = clock
        self._model = model

    async def page(self, query: PastQuery, size: int, after: Place | None) -> tuple[list[PastAlert], Place | None]:
        """One page, newest first, and where the next one begins; None when there is none."""
        async with self._store.reading() as tx:
            found = await tx.past.find(query, size + 1, after)
        page = found[:size]
        return page, (page[-1].opened_at, page[-1].id) if len(found) > size else None

    async def one(self, identifier: str) -> tuple[PastAlert, list[HistoryEntry]]:
        """By its own id or that of its alert, with its history.

        Raises `Missing`.
        """
        async with self._store.reading() as tx:
            past = await tx.past.get(identifier)
            if past is None:
                raise Missing("not found")
            return past, await tx.past.history(past.id)

    async def remove(self, identifier: str) -> None:
        """Delete one for good.

        Raises `Missing`.
        """
        async with self._store.transaction() as tx:
            past = await tx.past.get(identifier)
            if past is None:
                raise Missing("not found")
            await tx.past.delete([past.id])
            caller = caller_now().principal
            if caller is not None:
                subject = f"{past.environment} {past.resource} {past.event}"
                told = (("past alert", "delete"), subject)
                line = entry(self._clock.now(), caller, *told, subject_id=past.id, category="write")
                await tx.audit.add([line])

    def every(self, query: PastQuery) -> AsyncIterator[list[PastAlert]]:
        """All that match, newest first, in pieces, each as whoever calls now may see it."""
        return self._pieces(query, caller_now())

    async def _pieces(self, query: PastQuery, caller: Caller) -> AsyncIterator[list[PastAlert]]:
        after: Place | None = None
        while True:
            with called_by(caller):
                opened = self._store.reading()
            async with opened as tx:
                found = await tx.past.find(query, AT_ONCE, after)
            yield found
            if len(found) < AT_ONCE:
                return
            after = found[-1].opened_at, found[-1].id

    async def report(self, query: PastQuery, step: float | None, most: int) -> Told:
        """A report over the span of the query; without `before` up to now, without `since` a month.

        Raises `Invalid` when it would have more than `MOST_POINTS` points.
        """
        now = self._clock.now()
        before = query.before or now
        since = query.since or _earlier(before)
        if since >= before:
            raise Invalid("must be before `to`", "from")
        length = (before - since).total_seconds()
        if step is not None and length / step > MOST_POINTS:
            raise Invalid(f"makes more than {MOST_POINTS} points of this span", "interval")
        asked = ReportQuery(
            chosen=msgspec.structs.replace(query, since=since, before=before),
            since=since,
            step=step or _step(length),
            now=now,
            severities=tuple(self._model.severities.ordered),
            most=most,
        )
        async with self._store.reading() as tx:
            return Told(asked, await tx.episodes.report(asked))


def _earlier(before: datetime) -> datetime:
    try:
        return before - USUAL_SPAN
    except OverflowError:
        raise Invalid("is too early", "to") from None


def _step(length: float) -> float:
    return next((float(step) for step in STEPS if length / step <= POINTS), length / POINTS)
