"""What must be done later and by whom, in memory: outbox, timers and leases."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.adapters.store.leasing import NEVER, shards_of
from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.errors import Conflict, Fenced
from watchbell.ports.store import Lease, OutboxRow, Timer


class MemoryOutbox:
    """Table `outbox` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, rows: Sequence[OutboxRow]) -> None:
        table = self._tables.edit("outbox")
        for row in rows:
            if row.id in table:
                raise self._tables.fail(Conflict("There is such a message in the outbox already."))
            table[row.id] = row

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
        table = self._tables.edit("outbox")
        tokens = shards_of(leases)
        free = [
            row
            for row in table.values()
            if row.kind == kind
            and row.shard in tokens
            and row.available_at <= now
            and (
                row.claimed_until is None
                or row.claimed_until <= now
                or (taking_over and row.token != tokens[row.shard])
            )
        ]
        free.sort(key=lambda row: (row.available_at, row.id))
        claimed = [
            msgspec.structs.replace(row, claimed_until=until, claims=row.claims + 1, token=tokens[row.shard])
            for row in free[:limit]
        ]
        table.update({row.id: row for row in claimed})
        return claimed

    async def done(self, row_ids: Sequence[str]) -> None:
        self._tables.drop("outbox", row_ids)

    async def postpone(self, row_id: str, available_at: datetime) -> None:
        table = self._tables.edit("outbox")
        if row_id in table:
            row = table[row_id]
            table[row_id] = msgspec.structs.replace(
                row, available_at=available_at, claimed_until=None, claims=0, attempts=row.attempts + 1
            )

    async def get(self, row_ids: Sequence[str]) -> dict[str, OutboxRow]:
        return {row.id: row for row in self._tables.pick("outbox", row_ids)}

    async def backlog(self, now: datetime) -> dict[str, tuple[int, float]]:
        ages: dict[str, list[float]] = {}
        for row in self._tables.read("outbox").values():
            if row.available_at <= now:
                ages.setdefault(row.kind, []).append((now - row.created_at).total_seconds())
        return {kind: (len(found), max(found)) for kind, found in ages.items()}


class MemoryTimers:
    """Table `timers` (by kind and subject)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def set(self, timers: Sequence[Timer]) -> None:
        self._tables.edit("timers").update({(timer.kind, timer.subject): timer for timer in timers})

    async def cancel(self, keys: Sequence[tuple[str, str]]) -> None:
        self._tables.drop("timers", keys)

    async def due(self, shards: Sequence[int], now: datetime, limit: int) -> list[Timer]:
        rows = self._tables.read("timers").values()
        found = [timer for timer in rows if timer.shard in shards and timer.due <= now]
        return sorted(found, key=lambda timer: (timer.due, timer.kind, timer.subject))[:limit]


class MemoryLeases:
    """Table `leases` (by name). A lease that was given back has no holder and keeps its token."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def now(self, own: datetime) -> datetime:
        return own

    async def acquire(self, name: str, holder: str, now: datetime, until: datetime) -> Lease | None:
        table = self._tables.edit("leases")
        former: Lease = table.get(name) or Lease(name=name, holder="", token=0, expires_at=NEVER)
        held = former.holder != "" and former.expires_at > now
        if held and former.holder != holder:
            return None
        # Once it has run out, another might have had it meanwhile: only an unbroken hold keeps the token.
        token = former.token if held else former.token + 1
        table[name] = Lease(name=name, holder=holder, token=token, expires_at=until)
        return table[name]

    async def release(self, lease: Lease) -> None:
        table = self._tables.edit("leases")
        if self._ours(lease):
            table[lease.name] = msgspec.structs.replace(table[lease.name], holder="", expires_at=NEVER)

    async def verify(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            if not self._ours(lease):
                raise self._tables.fail(Fenced(f"The lease {lease.name} is held by another now; nothing was written."))

    async def all(self) -> list[Lease]:
        table = self._tables.read("leases")
        return [table[name] for name in sorted(table)]

    def _ours(self, lease: Lease) -> bool:
        present: Lease | None = self._tables.read("leases").get(lease.name)
        return present is not None and (present.holder, present.token) == (lease.holder, lease.token)
