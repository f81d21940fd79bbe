"""Accepting events: what comes within one turn of the event loop, or while the disk is busy, is one batch.

Who accepts an event waits until the journal has it. When the journal is full, or fails, everyone in the batch is told;
when too much waits for a slow disk, who comes is told at once. Nothing here looks into an event.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import NoReturn

import structlog

from watchbell.domain.errors import Overloaded
from watchbell.domain.events.raw import RawEvent, encode_batch
from watchbell.ports.journal import JournalWriter
from watchbell.ports.telemetry import Telemetry

MAX_WAITING = 50_000
"""Most events that wait for the disk."""

MAX_WAITING_BYTES = 32 * 1024 * 1024
"""Most bytes of queries, headers and bodies that wait for the disk, besides those that are being written."""

LARGEST = 128 * 1024
"""No event that comes alone is larger: it has no body, and its head is bounded by the server."""

_log = structlog.get_logger("collector")


def size_of(event: RawEvent) -> int:
    """About how many bytes an event is."""
    size = len(event.query) + len(event.body) + len(event.user_agent or "")
    for name, value in event.headers:
        size += len(name) + len(value)
    return size


class Collecting:
    """The way into one journal stream. Belongs to one event loop."""

    def __init__(
        self,
        journal: JournalWriter,
        telemetry: Telemetry,
        *,
        max_waiting: int = MAX_WAITING,
        max_waiting_bytes: int = MAX_WAITING_BYTES,
    ) -> None:
        self._journal = journal
        self._telemetry = telemetry
        self._max_waiting = max_waiting
        self._max_bytes = max_waiting_bytes
        self._waiting: list[RawEvent] = []
        self._group: asyncio.Future[None] | None = None
        self._bytes = 0
        self._measured = 0
        """Of so many of those that wait `_bytes` is the size."""
        self._room = 0
        """So many may wait before their sizes must be looked at: measuring each would cost more than taking it."""
        self._empty()
        self._began = 0.0
        self._flushing: asyncio.Task[None] | None = None

    def accept(self, event: RawEvent) -> asyncio.Future[None]:
        """Takes an event; await the result: it is done when the journal has it.

        Raises:
            Overloaded: too much waits for the disk; the event was not taken. Awaiting raises it when the journal is
                full.
        """
        waiting = self._waiting
        if len(waiting) >= self._room:
            self._measure(1, size_of(event))
        waiting.append(event)
        return self._group or self._begin()

    def accept_all(self, events: Sequence[RawEvent]) -> asyncio.Future[None]:
        """Takes several events, all of them or none; otherwise as `accept`."""
        size = sum([size_of(event) for event in events])
        self._measure(len(events), size)
        group = self._group or self._begin()
        self._waiting.extend(events)
        return group

    def _empty(self) -> None:
        """Nobody waits any more."""
        self._waiting, self._group = [], None
        self._bytes = self._measured = 0
        self._room = min(self._max_waiting, self._max_bytes // LARGEST)

    def _measure(self, more: int, size: int) -> None:
        """Whether `more` events of together `size` may wait, too; they are not measured yet.

        Raises:
            Overloaded: they may not.
        """
        waiting = self._waiting
        self._bytes += sum([size_of(event) for event in waiting[self._measured :]])
        self._measured = count = len(waiting)
        if count + more > self._max_waiting or self._bytes + size > self._max_bytes:
            self._refuse(more)
        self._room = min(self._max_waiting, count + more + (self._max_bytes - self._bytes - size) // LARGEST)

    def _refuse(self, events: int) -> NoReturn:
        self._telemetry.count("events_refused", events, reason="disk_slow")
        raise Overloaded("too many events wait for the journal")

    def _begin(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        self._group = loop.create_future()
        self._began = time.perf_counter()
        if self._flushing is None:
            loop.call_soon(self._start)
        return self._group

    def _start(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        """Writes group after group until nobody waits."""
        try:
            while self._group is not None:
                events, group, began = self._waiting, self._group, self._began
                self._empty()
                await self._write(events, group, began)
        finally:
            self._flushing = None

    async def _write(self, events: list[RawEvent], group: asyncio.Future[None], began: float) -> None:
        try:
            await self._journal.append(encode_batch(events))
        except Overloaded as error:
            self._telemetry.count("events_refused", len(events), reason="journal_full")
            self._fail(group, error)
        except OSError as error:
            self._telemetry.count("events_refused", len(events), reason="journal_failed")
            self._fail(group, Overloaded(f"the journal cannot be written: {error}", 5.0))
        except Exception as error:  # task edge: whoever waits must hear of it, and those who come later be served
            self._telemetry.count("events_refused", len(events), reason="not_foreseen")
            _log.error("collector_not_written", events=len(events), reason=repr(error), exc_info=error)
            self._fail(group, Overloaded("the events cannot be written just now", 5.0))
        else:
            self._telemetry.count("events_accepted", len(events))
            self._telemetry.observe("event_accept_seconds", time.perf_counter() - began)
            group.set_result(None)

    @staticmethod
    def _fail(group: asyncio.Future[None], error: Overloaded) -> None:
        group.set_exception(error)
        # Who waited may have gone (a client that hung up); the error is not lost for the others.
        group.exception()

    async def drain(self) -> None:
        """Waits until the journal has everything that was taken."""
        while (task := self._flushing) is not None or self._group is not None:
            if task is None:
                await asyncio.sleep(0)
            else:
                await asyncio.wait([task])
