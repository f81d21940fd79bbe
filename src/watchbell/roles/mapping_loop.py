"""The loops behind the journal: one that maps and commits, and one for each lane, which writes in a thread of its own.

A sink that fails is opened again until it works, while the others go on; what it missed stays in the journal. A disk
that is full makes mapping stand still until there is room again. On a stop everything is mapped and published first;
what a sink does not take within the time stays in the journal.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf
from typing import TypeVar

import structlog

from watchbell.domain.errors import Retryable
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.lanes import Lane
from watchbell.usecases.mapping import Mapper

log = structlog.get_logger("collector")

IDLE_S = 0.03
TEND_EVERY_S = 0.5
LONGEST_DELAY_S = 10.0
MAX_UNCOMMITTED = 50_000
_Result = TypeVar("_Result")


class LaneLoop:
    """Turns one lane."""

    def __init__(self, lane: Lane, telemetry: Telemetry, now_ms: Callable[[], int], sync_every_s: float) -> None:
        self.lane = lane
        self._telemetry = telemetry
        self._now_ms = now_ms
        self._sync_every_ms = int(sync_every_s * 1000)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=f"lane-{lane.name}")
        self._finish_until = inf
        self._publish = False
        self._idle_until = 0.0
        self.is_away = False
        """Whether the sink failed the last time."""

    def finish(self, within_s: float) -> None:
        """Nothing more comes: write what waits, publish and end, or end when the time is over."""
        self._finish_until = time.monotonic() + within_s

    def publish(self) -> None:
        """Publishes what the sink holds, as soon as it can."""
        self._publish = True

    async def run(self) -> None:
        """Turns until it is finished."""
        delay = 0.1
        try:
            while True:
                try:
                    if await self._turn():
                        return
                    delay = 0.1
                    self._is(away=False)
                except Exception as error:  # task edge: a sink that fails in a new way must not stop the others
                    self._failed(error, delay)
                    if time.monotonic() > self._finish_until:
                        log.warning("collector_not_drained", sink=self.lane.name, hint="the rest stays in the journal")
                        return
                    await asyncio.sleep(min(delay, max(0.1, self._finish_until - time.monotonic())))
                    delay = min(delay * 2, LONGEST_DELAY_S)
        finally:
            self._executor.shutdown(wait=False)

    async def _turn(self) -> bool:
        """One turn; whether the lane has ended."""
        if self._finish_until < inf or self.lane.may_leave():
            await self._call(partial(self.lane.finish, self._now_ms()))
            return True
        if self._publish:
            await self._call(partial(self.lane.publish, self._now_ms()))
            self._publish = False
        if not self.lane.has_work() and time.monotonic() < self._idle_until:
            await asyncio.sleep(IDLE_S)
            return False
        busy = await self._call(partial(self.lane.turn, self._now_ms(), self._sync_every_ms))
        self._idle_until = 0.0 if busy else time.monotonic() + TEND_EVERY_S
        return False

    async def _call(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _failed(self, error: Exception, delay: float) -> None:
        self.lane.failed()
        self._is(away=True)
        self._telemetry.count("event_sink_failures", sink=self.lane.name)
        reason = error.message if isinstance(error, Retryable) else repr(error)
        log.warning("collector_sink_failed", sink=self.lane.name, reason=reason, retry_in_s=delay)

    def _is(self, *, away: bool) -> None:
        self.is_away = away
        self._telemetry.gauge("event_sink_away", float(away), sink=self.lane.name)


class MappingLoop:
    """Maps and commits until drained; starts and ends the loops of the lanes."""

    def __init__(self, mapper: Mapper, telemetry: Telemetry, now_ms: Callable[[], int], commit_every_s: float) -> None:
        self._mapper = mapper
        self._telemetry = telemetry
        self._now_ms = now_ms
        self._commit_every_s = commit_every_s
        self._drain_until = inf
        """When to leave although there is more to map; infinite while nobody asked to leave."""
        self._next_commit = 0.0
        self._lanes: dict[Lane, tuple[LaneLoop, asyncio.Task[None]]] = {}

    def drain(self, within_s: float) -> None:
        """No more events come: end when everything is mapped, or the time is over."""
        self._drain_until = time.monotonic() + within_s

    def publish(self) -> None:
        """Publishes the files of every sink, as soon as each can."""
        for loop, _ in self._lanes.values():
            loop.publish()

    async def run(self) -> None:
        """Maps until drained."""
        delay = 0.1
        try:
            while True:
                try:
                    self._tend_lanes()
                    if await self._turn():
                        return
                    delay = 0.1
                except Exception as error:  # task edge: whatever fails here is tried again; the journal keeps the rest
                    self._failed(error, delay)
                    if time.monotonic() > self._drain_until:
                        return
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, LONGEST_DELAY_S)
        finally:
            for _, task in self._lanes.values():
                task.cancel()

    def _failed(self, error: Exception, delay: float) -> None:
        if isinstance(error, Retryable):
            self._telemetry.count("event_commit_failures")
            log.warning("collector_commit_failed", reason=error.message, retry_in_s=delay)
        else:
            self._telemetry.count("event_mapping_faults", where="loop")
            log.error("collector_mapping_failed", reason=repr(error), retry_in_s=delay, exc_info=error)

    def _tend_lanes(self) -> None:
        """Every lane has its loop; a lane that left is let go."""
        for lane in self._mapper.lanes():
            known = self._lanes.get(lane)
            if known is not None and known[1].done():
                known[1].result()
                del self._lanes[lane]
                if lane.has_left():
                    self._mapper.left(lane)
                    continue
                known = None  # mappings feed it again
            if known is None:
                loop = LaneLoop(lane, self._telemetry, self._now_ms, self._commit_every_s)
                self._lanes[lane] = loop, asyncio.create_task(loop.run())

    async def _turn(self) -> bool:
        """One step; whether the end is reached."""
        now_ms, now = self._now_ms(), time.monotonic()
        if self._mapper.uncommitted() >= MAX_UNCOMMITTED or now >= self._next_commit:
            self._next_commit = now + self._commit_every_s
            self._mapper.commit(now_ms)
        mapped = self._mapper.step(now_ms)
        if self._drain_until < inf and self._is_drained(mapped):
            await self._finish()
            return True
        await asyncio.sleep(0 if mapped else IDLE_S)
        return False

    def _is_drained(self, mapped: int) -> bool:
        if time.monotonic() > self._drain_until:
            log.warning("collector_not_drained", hint="what was not mapped stays in the journal")
            return True
        opening = any(not loop.is_away and lane.given("") is None for lane, (loop, _) in self._lanes.items())
        return mapped == 0 and not opening and not self._mapper.is_behind()

    async def _finish(self) -> None:
        """Ends the lanes, then notes how far everything is."""
        left = max(1.0, self._drain_until - time.monotonic())
        for loop, _ in self._lanes.values():
            loop.finish(left)
        tasks = [task for _, task in self._lanes.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=left + 1.0)
        self._mapper.commit(self._now_ms())
