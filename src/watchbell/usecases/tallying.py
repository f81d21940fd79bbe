"""Telling the keepers what was counted, and asking which rules there are.

Once a second; a failure is made good with the next report.
"""

import asyncio

from watchbell.domain.errors import Retryable
from watchbell.domain.events.rule import WindowCount, moment_of
from watchbell.ports.tally import MinuteCount, RecentEvents, RuleSource, TallyReports
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.mapping import Mapper

PATIENCE_S = 10.0
"""How long one question or report may take."""

SHOWN_EVENTS = 20
"""How many events one report shows at most."""


class Tallying:
    """Reports what one mapper counted."""

    def __init__(
        self, mapper: Mapper, tallies: TallyReports, rules: RuleSource, telemetry: Telemetry, node: str
    ) -> None:
        self._mapper = mapper
        self._tallies = tallies
        self._rules = rules
        self._telemetry = telemetry
        self._node = node
        self._known = False
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
        self._mapper.windows.use(rules, now_ms)

    async def report(self, now_ms: int) -> None:
        """Reports every count that changed, and shows the newest events."""
        await self._report_counts(now_ms)
        await self._report_glance()

    async def _report_counts(self, now_ms: int) -> None:
        rows: list[WindowCount] = self._mapper.windows.report(now_ms, self._mapper.counted_to_ms)
        if not rows:
            return
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
