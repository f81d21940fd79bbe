"""The loop that counts funnels over several collectors: the log is read in a thread of its own, counts are reported.

A log that is away stands still; nothing is lost by that. What could not be reported is reported later.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from watchbell.domain.errors import Retryable
from watchbell.domain.events.rules.part import WindowPart
from watchbell.ports.tally import TallyReports
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.pathing import Paths
from watchbell.usecases.tallying import PATIENCE_S

log = structlog.get_logger("collector")

WAIT_S = 0.5
STOP_WITHIN_S = 15.0
LONGEST_DELAY_S = 10.0


class PathLoop:
    """Turns one collector's share of the paths; None: there is nothing to turn."""

    def __init__(
        self,
        paths: Paths | None,
        tallies: TallyReports,
        telemetry: Telemetry,
        now_ms: Callable[[], int],
        wait_s: float = WAIT_S,
    ) -> None:
        self._paths = paths
        self._tallies = tallies
        self._telemetry = telemetry
        self._now_ms = now_ms
        self._wait_s = wait_s
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="paths")
        self._stopping = asyncio.Event()
        self._closed = asyncio.Event()

    async def run(self) -> None:
        """Turns until it is cancelled, or `stop` was called."""
        paths, delay = self._paths, 0.1
        try:
            while paths is not None and not self._stopping.is_set():
                try:
                    await self._turn(paths)
                    delay = 0.1
                except Exception as error:  # task edge: a log that fails in a new way must not stop the collector
                    self._telemetry.count("event_path_failures")
                    reason = error.message if isinstance(error, Retryable) else repr(error)
                    log.warning("collector_paths_failed", reason=reason, retry_in_s=delay)
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, LONGEST_DELAY_S)
            if paths is not None:
                await self._call(partial(paths.close, self._now_ms()))
            self._closed.set()
            # Not done: whoever waits for the tasks would take that for an error.
            await asyncio.Event().wait()
        finally:
            self._executor.shutdown(wait=False)

    async def stop(self) -> None:
        """Gives the partitions to others. What that cannot be kept for in time they read again."""
        self._stopping.set()
        if self._paths is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._closed.wait()

    async def _turn(self, paths: Paths) -> None:
        rows = await self._call(partial(paths.turn, self._now_ms(), self._wait_s))
        if not rows:
            await asyncio.sleep(0.05)
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._tallies.report(rows)
        except (Retryable, TimeoutError):
            await self._call(partial(paths.again, rows))
            self._telemetry.count("event_tallies_not_reported")

    async def _call(self, work: Callable[[], list[WindowPart] | None]) -> list[WindowPart]:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work) or []
