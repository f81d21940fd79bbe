"""Where formats and mappings are tried: in few threads of their own, so that nobody else's work waits for a thread."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from watchbell.ports.threads import NoThreads, Threads

T = TypeVar("T")
AT_ONCE: Final = 2
"""Tries of a kind at once."""
PATIENCE: Final = 10.0
"""Seconds that one may take."""


class Tries(NamedTuple):
    """Tries at once, in lanes."""

    threads: Threads = NoThreads()

    async def run(self, kind: str, work: Callable[[], T]) -> T:
        """What it comes to.

        Raises:
            Late: it was not done in time.
            Overloaded: others are tried.
        """
        return await self.threads.run(f"Trying a {kind}", work, PATIENCE)
