"""The archive: the events of the past, for questions."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from watchbell.domain.events.question import Answer, Question

OnProgress = Callable[[float], None]
"""Told how much of the work is done, 0 to 1; not called when that is unknown."""


class ArchiveState(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to ask. `missing` says in a sentence why there is nothing, and what to do."""

    missing: str = ""
    oldest_ms: int | None = None
    """Start of the oldest hour that is kept (milliseconds since 1970)."""
    newest_ms: int | None = None
    """End of the newest hour that has events; that hour may still grow."""
    files: int = 0
    bytes: int = 0
    keep_days: float = 0


class Archive(Protocol):
    """Answers questions. Any number of callers; a bounded number of questions is worked on, some more wait."""

    async def state(self) -> ArchiveState:
        """What there is. Raises Retryable when the place cannot be reached."""
        ...

    async def ask(self, question: Question, on_progress: OnProgress) -> Answer:
        """Answers a question that `check_question` let pass. Cancelling the call stops the work.

        Raises:
            Missing: there is no archive here; the message says why.
            Overloaded: too many questions wait already.
            Retryable: the place cannot be reached, or the answer takes too long or too much memory; the message says
            which, and what to ask instead.
        """
        ...

    async def close(self) -> None:
        """Stops everything."""
        ...
