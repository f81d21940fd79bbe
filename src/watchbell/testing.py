"""Fakes that ship, for our tests and for those of plug-ins.

Each passes the same contract suite as what it stands for.
"""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from watchbell.adapters.bus.memory import MemoryBus
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.errors import WatchbellError
from watchbell.domain.oncall.message import Message, Receipt

__all__ = ["START", "HandClock", "MemoryBus", "MemoryJournal", "MemoryStore", "RecordingChannel"]

START = datetime(2026, 1, 1, tzinfo=UTC)


class HandClock:
    """A clock that stands until it is moved. Who sleeps wakes when it has been moved far enough."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + timedelta(seconds=seconds), next(self._order), wake))
        await wake

    def advance(self, seconds: float) -> None:
        """Move on, and wake those whose time has come, in order."""
        end = self._now + timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
        self._now = end


class RecordingChannel:
    """A channel that keeps what it is given, or fails as it is told to."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.failures: list[WatchbellError] = []
        """Raised by the next sends, in turn."""

    async def send(self, message: Message) -> Receipt:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(message)
        return Receipt(reference=f"recorded-{len(self.sent)}")

    async def close(self) -> None:
        """Nothing is held."""
