"""What must happen later, and who may do it: the outbox, timers and leases, as parts of a store's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A claim that runs out by itself. `token` grows each time the lease changes hands; it fences the former holder."""

    name: str
    holder: str
    token: int
    expires_at: datetime


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at again at `due`. One timer for each (kind, subject). Shard: `shard_of(subject)`."""

    kind: str
    subject: str
    shard: int
    due: datetime


class OutboxRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message that must leave. `kind` is `route` (subject: an alert), `deliver` (a notification) or `letter`.

    Or `plugin` (subject: an alert) or `nudge` (a user): then `body` is what is told, as text. Or `forward:<name>` (an
    alert, too): then it is what another installation is told.

    `claims` counts how often it was claimed; more than once without a `postpone` between means that a holder vanished
    with it.
    `token` is that of the lease under which it was last claimed.
    """

    id: str
    kind: str
    subject: str
    shard: int
    created_at: datetime
    available_at: datetime
    claimed_until: datetime | None = None
    claims: int = 0
    attempts: int = 0
    token: int = 0
    body: str | None = None


class Outbox(Protocol):
    """Messages that must leave, written with the state that caused them."""

    async def add(self, rows: Sequence[OutboxRow]) -> None:
        """Append."""
        ...

    async def claim(
        self,
        kind: str,
        leases: Sequence[Lease],
        now: datetime,
        until: datetime,
        limit: int,
        *,
        taking_over: bool = False,
    ) -> list[OutboxRow]:
        """Claim rows of the leases' shards (lease name `shard/<n>`) that are available and not claimed, oldest first.

        They are claimed until `until` under the lease's token, with `claims` one more. A row whose claim ran out counts
        as not claimed; with `taking_over` so does one that was claimed under another token: its holder lost the lease.
        """
        ...

    async def done(self, row_ids: Sequence[str]) -> None:
        """Delete."""
        ...

    async def postpone(self, row_id: str, available_at: datetime) -> None:
        """Try again then: attempts one more, claims back to 0."""
        ...

    async def get(self, row_ids: Sequence[str]) -> dict[str, OutboxRow]:
        """By id; in a writing transaction the rows are locked until its end."""
        ...

    async def backlog(self, now: datetime) -> dict[str, tuple[int, float]]:
        """For each kind how many rows are available, and the age in seconds of the oldest."""
        ...


class Timers(Protocol):
    """When to look at things again."""

    async def set(self, timers: Sequence[Timer]) -> None:
        """Insert or overwrite by (kind, subject)."""
        ...

    async def cancel(self, keys: Sequence[tuple[str, str]]) -> None:
        """Delete by (kind, subject)."""
        ...

    async def due(self, shards: Sequence[int], now: datetime, limit: int) -> list[Timer]:
        """Timers of the shards that are due, earliest first."""
        ...


class Leases(Protocol):
    """Claims with fencing tokens."""

    async def now(self, own: datetime) -> datetime:
        """The time to go by in `acquire`: the database's, where several machines share one; else the caller's `own`."""
        ...

    async def acquire(self, name: str, holder: str, now: datetime, until: datetime) -> Lease | None:
        """The lease if it is free, has run out, or is the holder's own (then the token stays).

        None if another holds it.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give it back if it is still ours."""
        ...

    async def verify(self, leases: Sequence[Lease]) -> None:
        """Raise `Fenced` unless every token is still the newest.

        Until the transaction ends nobody can take them over.
        """
        ...

    async def all(self) -> list[Lease]:
        """Every lease there ever was, by name."""
        ...
