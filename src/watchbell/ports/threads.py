"""Work of others that blocks, kept off the event loop."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from watchbell.domain.errors import Retryable

T = TypeVar("T")


class Late(Retryable):
    """It was not done in time, and may still be running."""


class Threads(Protocol):
    """Threads in lanes. A lane that is busy, or stuck, holds up no other lane and not the end of the process."""

    async def run(self, lane: str, work: Callable[[], T], timeout: float) -> T:
        """Do `work` in a thread of the lane; what it returns or raises. `timeout` is in seconds.

        It waits as long for its turn as it may run. What raises no `Exception` raises `RuntimeError` here.

        Raises:
            Late: it was begun, and not done in time. It keeps its thread until it ends by itself.
            Overloaded: its turn did not come, too many wait, or every thread of the lane has work that is late.
        """
        ...


class NoThreads:
    """Does the work at once, on the event loop: for where there is no work of others."""

    async def run(self, lane: str, work: Callable[[], T], timeout: float) -> T:
        """Do it."""
        del lane, timeout
        return work()
