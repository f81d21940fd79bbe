"""Telling the keepers what was counted, and asking which rules there are.

Once a second; a failure is made good with the next report.
"""

import asyncio

import msgspec

from watchbell.domain.errors import Retryable
from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.rules.part import moment_of
from watchbell.domain.events.rules.paths import is_funnel
from watchbell.ports.tally import MinuteCount, RecentEvents, RuleSource, TallyReports
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.mapping import Mapper
from watchbell.usecases.pathing import Paths

PATIENCE_S = 10.0
"""How long one question or report may take."""

SHOWN_EVENTS = 20
"""How many events one report shows at most."""


class Tallying:
    """Reports what one mapper counted. `paths`: who counts funnels in its stead; None: it counts its own part."""

    def __init__(
        self,
        mapper: Mapper,
        tallies: TallyReports,
        rules: RuleSource,
        telemetry: Telemetry,
        node: str,
        paths: Paths | None = None,
    ) -> None:
        self._mapper = mapper
        self._tallies = tallies
        self._rules = rules
        self._telemetry = telemetry
        self._node = node
        self._paths = paths
        self._known = False
        self._told_ms = 0
        self._books: NodeBooks | None = None
        self._blind_since_ms: int | None = None

    async def refresh(self, now_ms: int) -> None:
        """Counts for the rules as they are now; keeps to the old ones when they cannot be asked for.

        Until they were known once, nothing is counted: windows of that time have been watched only in part.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                rules = await self._rules.current()
        except (Retryable, TimeoutError):
            self._telemetry.count("event_rules_not_refreshed")
            if not self._known and self._blind_since_ms is None:
                self._blind_since_ms = now_ms
            return
        if self._blind_since_ms is not None:
            self._mapper.windows.away(self._blind_since_ms, now_ms)
            self._blind_since_ms = None
        self._known = True
        if self._paths is not None:
            self._paths.use(rules)
            rules = [rule for rule in rules if not is_funnel(rule)]
        self._mapper.windows.use(rules, now_ms)

    async def report(self, now_ms: int) -> None:
        """Reports every count that changed, and shows the newest events."""
        await self._report_counts(now_ms)
        await self._report_glance()

    async def report_books(self, books: NodeBooks) -> None:
        """Tells the books, when they changed."""
        if self._books is not None and books == msgspec.structs.replace(self._books, at_ms=books.at_ms):
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._tallies.books(books)
        except (Retryable, TimeoutError):
            self._telemetry.count("event_books_not_reported")
        else:
            # What the mapper goes on counting in must not count as told.
            sources = {name: msgspec.structs.replace(book) for name, book in books.sources.items()}
            self._books = msgspec.structs.replace(books, sources=sources)

    async def _report_counts(self, now_ms: int) -> None:
        changed = self._mapper.windows.report(now_ms, self._mapper.counted_to_ms)
        if not changed:
            return
        self._told_ms = max(now_ms, self._told_ms + 1)
        rows = [msgspec.structs.replace(row, told_ms=self._told_ms) for row in changed]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._tallies.report(rows)
        except (Retryable, TimeoutError):
            self._mapper.windows.again(rows)
            self._telemetry.count("event_tallies_not_reported")

    async def _report_glance(self) -> None:
        events, skipped, minutes = self._mapper.glance.take(SHOWN_EVENTS)
        if not events and not minutes:
            return
        counts = [MinuteCount(moment_of(minute), event_type, count) for minute, event_type, count in minutes]
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._tallies.recent(
                    RecentEvents(node=self._node, events=events, skipped=skipped, minutes=counts)
                )
        except (Retryable, TimeoutError):
            self._mapper.glance.again(minutes)
            self._telemetry.count("event_glances_not_reported")
