"""The collector's books: what became of every event, and the events that were rejected."""

from typing import Protocol

import msgspec

from watchbell.domain.events.accounts import Account


class RejectedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A rejected event, for people."""

    received_ms: int
    reason: str
    detail: str
    mapping: str
    """The mapping that has no record for it; empty: it could not be read."""
    source: str
    request: dict[str, str]
    """The request as it came: `query`, `body`, `user_agent`, `remote`; what is not UTF-8 is replaced."""


class RejectedPage(msgspec.Struct, frozen=True, kw_only=True):
    """The newest rejected events, and how many there are of each reason (among the newest `LOOKED_AT`)."""

    events: list[RejectedEvent]
    reasons: dict[str, int]
    trimmed: int = 0
    """How many older ones are no more kept: too many, or too old."""


class Books(Protocol):
    """Reads the books of the collectors of this machine."""

    async def accounts(self) -> dict[str, dict[str, Account]]:
        """Collector → source → what became of its events.

        Raises:
            Missing: no collector writes its books here; the message says why, and where to look.
        """
        ...

    async def rejected(self, reason: str, limit: int) -> RejectedPage:
        """The newest first; with `reason` only those.

        Raises:
            Missing: as `accounts`.
        """
        ...
