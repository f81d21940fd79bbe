"""What a collector tells the keepers (counts, a glance at recent events), and the rules that it counts for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Rule


class MinuteCount(msgspec.Struct, frozen=True):
    """How many events of one type a node mapped in one minute."""

    minute: datetime
    event_type: str
    count: int


class RecentEvents(msgspec.Struct, frozen=True, kw_only=True):
    """A glance at the stream of one node: the newest events, or a sample of them, and the minutes that changed."""

    node: str
    events: list[dict[str, Any]]
    """Oldest first.

    Keys: received_at (ISO 8601), event_type, location, party_id, session_id, event_id, source, remote, user_agent,
    parameters (JSON as text, empty when there are none or too many), corrupt, duplicate.
    """
    skipped: int
    """Events that were left out of the sample since the last report."""
    minutes: list[MinuteCount]
    """Absolute counts of this node; a later report for a minute replaces an earlier one."""


class TallyReports(Protocol):
    """Where a collector reports to.

    All are idempotent and may be repeated; a failure is retried with the next report.
    """

    async def report(self, counts: Sequence[WindowPart]) -> None:
        """Stores the counts: one row per (rule_id, node, window_start, group).

        The one that was told last holds, in whatever order they come.

        Raises:
            Retryable: not reachable just now; nothing or a part was stored.
        """
        ...

    async def recent(self, recent: RecentEvents) -> None:
        """Shows the newest events to whoever watches. May be dropped.

        Raises:
            Retryable: not reachable just now.
        """
        ...

    async def books(self, books: NodeBooks) -> None:
        """Stores the books of a node; a later report replaces an earlier one.

        Raises:
            Retryable: not reachable just now.
        """
        ...


class Tallies(TallyReports, Protocol):
    """What collectors reported, as the store keeps it: written and read inside a transaction."""

    async def windows(self, rule_id: str, since: datetime) -> list[WindowPart]:
        """What every node reported for the rule's windows that start at `since` or later.

        By (window_start, node, group).
        """
        ...

    async def tail(self, limit: int = 100) -> list[dict[str, Any]]:
        """The newest events that any node showed, newest first; each as in `RecentEvents.events`, with its `node`."""
        ...

    async def minutes(self, since: datetime) -> list[MinuteCount]:
        """Events per (minute, event type) since then, added up over the nodes; oldest first."""
        ...

    async def nodes(self) -> list[NodeBooks]:
        """The books of every node that ever told them, by its name."""
        ...

    async def forget(self, parties: frozenset[str]) -> int:
        """Drop the shown events of these parties; how many there were."""
        ...

    async def trim(self, before: datetime) -> None:
        """Drop windows and minutes that are older, and all but the newest 1,000 shown events."""
        ...


class RuleSource(Protocol):
    """The rules as they are configured now."""

    async def current(self) -> Sequence[Rule]:
        """All rules, disabled ones included.

        Raises:
            Retryable: not reachable just now; the caller goes on with those that it has.
        """
        ...
