"""Threads for work of others, in lanes.

Each call has a daemon thread of its own: one that never ends costs its lane a place, and does not keep the process from
ending. Python runs one thread at a time: work that computes without a pause slows the process down, work that waits
does not.
"""

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from watchbell.domain.errors import Overloaded
from watchbell.ports.threads import Late

T = TypeVar("T")
WAITING = 1000
"""Calls that wait for each lane."""


class _Lane:
    """What one lane is doing; `late` counts the threads whose work nobody waits for any more."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.turns = asyncio.Semaphore(at_once)
        self.waiting = 0
        self.late = 0


class LaneThreads:
    """At most `at_once` threads for each lane."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lanes: dict[str, _Lane] = {}

    async def run(self, lane: str, work: Callable[[], T], timeout: float) -> T:
        place = self._lanes.get(lane)
        if place is None:
            place = self._lanes[lane] = _Lane(self._at_once)
        await _turn(lane, place, timeout)
        return await _Call(lane, place).result(work, timeout)


async def _turn(lane: str, place: _Lane, timeout: float) -> None:
    if place.late >= place.at_once:
        raise Overloaded(f"{lane} is stuck: all of its {place.at_once} calls are late", retry_after=timeout)
    if place.waiting >= WAITING:
        raise Overloaded(f"{WAITING} calls wait for {lane} already")
    place.waiting += 1
    try:
        async with asyncio.timeout(timeout):
            await place.turns.acquire()
    except TimeoutError:
        raise Overloaded(f"{lane} was busy for {timeout:g} s") from None
    finally:
        place.waiting -= 1


class _Call:
    """One call, in a thread of its own; gives the lane's place back when the thread ends."""

    def __init__(self, lane: str, place: _Lane) -> None:
        self._lane = lane
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[Any] = self._loop.create_future()
        self._awaited = True

    async def result(self, work: Callable[[], T], timeout: float) -> T:
        self._start(work)
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(self._done)
        except TimeoutError:
            if self._done.done():
                return self._done.result()  # or its own error
            self._abandon()
            raise Late(f"{self._lane} did not end within {timeout:g} s") from None
        except asyncio.CancelledError:
            if not self._done.done():
                self._abandon()
            raise

    def _start(self, work: Callable[[], Any]) -> None:
        context = contextvars.copy_context()
        try:
            threading.Thread(target=context.run, args=(self._body, work), name=self._lane, daemon=True).start()
        except RuntimeError as error:
            self._place.turns.release()
            raise Overloaded(f"no thread can be had for {self._lane}: {error}") from error

    def _body(self, work: Callable[[], Any]) -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # task edge: what somebody else's code raises is its caller's to hear
            error = _ordinary(raised)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._ended, result, error)

    def _ended(self, result: Any, error: Exception | None) -> None:
        self._place.turns.release()
        if not self._awaited:
            self._place.late -= 1
        elif error is not None:
            self._done.set_exception(error)
        else:
            self._done.set_result(result)

    def _abandon(self) -> None:
        """Nobody waits for it any more; it keeps its place until it ends."""
        self._awaited = False
        self._place.late += 1


def _ordinary(raised: BaseException) -> Exception:
    """What can be handed to whoever waits: nothing that would end them, and nothing that a future does not take."""
    if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
        return raised
    return RuntimeError(f"{type(raised).__name__}: {raised}")
