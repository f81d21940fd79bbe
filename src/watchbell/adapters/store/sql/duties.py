"""What must be done later and by whom, in SQL: outbox, timers and leases."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, case, func, literal, or_, select, tuple_, update

from watchbell.adapters.store.leasing import NEVER, shards_of
from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables import leases, outbox, timers
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.errors import Fenced
from watchbell.ports.store import Lease, OutboxRow, Timer

_OUTBOX = Codec(OutboxRow, outbox)
_TIMERS = Codec(Timer, timers)
_LEASES = Codec(Lease, leases)


class SqlOutbox:
    """Table `outbox`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, rows: Sequence[OutboxRow]) -> None:
        await self._work.insert_later(outbox, _OUTBOX.rows(rows))
        # Who adds is told at once when an id is taken; what was put off goes with it.
        await self._work.finish(None)

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
        self._work.must_write()
        tokens = shards_of(leases)
        if not tokens:
            return []
        token = case(tokens, value=outbox.c.shard)
        unclaimed = or_(outbox.c.claimed_until.is_(None), outbox.c.claimed_until <= now)
        free = (
            select(outbox.c.id)
            .where(outbox.c.kind == kind, outbox.c.available_at <= now)
            .where(self._work.dialect.any_of(outbox.c.shard, list(tokens)))
            .where(or_(unclaimed, outbox.c.token != token) if taking_over else unclaimed)
            .order_by(outbox.c.available_at, outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("free")
        )
        claim = update(outbox).where(outbox.c.id.in_(select(free.c.id)))
        claim = claim.values(
            claimed_until=until,
            claims=outbox.c.claims + 1,
            token=token,
        )
        found = _OUTBOX.structs(await self._work.rows(claim.returning(*_OUTBOX.columns)))
        return sorted(found, key=lambda row: (row.available_at, row.id))

    async def done(self, row_ids: Sequence[str]) -> None:
        await self._work.delete(outbox, self._work.dialect.any_of(outbox.c.id, list(row_ids)))

    async def postpone(self, row_id: str, available_at: datetime) -> None:
        later = update(outbox).where(outbox.c.id == row_id)
        await self._work.write(
            later.values(available_at=available_at, claimed_until=None, claims=0, attempts=outbox.c.attempts + 1)
        )

    async def get(self, row_ids: Sequence[str]) -> dict[str, OutboxRow]:
        if not row_ids:
            return {}
        statement = select(*_OUTBOX.columns).where(self._work.dialect.any_of(outbox.c.id, list(row_ids)))
        rows = _OUTBOX.structs(await self._work.locked(statement.order_by(outbox.c.id), outbox))
        return {row.id: row for row in rows}

    async def backlog(self, now: datetime) -> dict[str, tuple[int, float]]:
        oldest = func.min(outbox.c.created_at, type_=outbox.c.created_at.type)
        statement = select(outbox.c.kind, func.count(), oldest).where(outbox.c.available_at <= now)
        rows = await self._work.rows(statement.group_by(outbox.c.kind))
        return {kind: (number, (now - created_at).total_seconds()) for kind, number, created_at in rows}


class SqlTimers:
    """Table `timers`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def set(self, timers: Sequence[Timer]) -> None:
        await self._work.insert_later(_TIMERS.table, _TIMERS.rows(timers), conflict=("kind", "subject"))

    async def cancel(self, keys: Sequence[tuple[str, str]]) -> None:
        self._work.must_write()
        if keys:
            columns = {"kind": [kind for kind, _ in keys], "subject": [subject for _, subject in keys]}
            given = self._work.dialect.rows_of("given", columns)
            wanted = select(given.c.kind, given.c.subject)
            await self._work.delete(timers, tuple_(timers.c.kind, timers.c.subject).in_(wanted))

    async def due(self, shards: Sequence[int], now: datetime, limit: int) -> list[Timer]:
        if not shards:
            return []
        mine = and_(self._work.dialect.any_of(timers.c.shard, list(shards)), timers.c.due <= now)
        statement = select(*_TIMERS.columns).where(mine)
        rows = await self._work.rows(statement.order_by(timers.c.due, timers.c.kind, timers.c.subject).limit(limit))
        return _TIMERS.structs(rows)


class SqlLeases:
    """Table `leases`. A lease that was given back has no holder and keeps its token."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def now(self, own: datetime) -> datetime:
        clock = self._work.dialect.clock()
        return own if clock is None else (await self._work.first(select(clock)))[0]

    async def acquire(self, name: str, holder: str, now: datetime, until: datetime) -> Lease | None:
        statement = self._work.dialect.insert(leases).values(name=name, holder=holder, token=1, expires_at=until)
        moment = literal(now, leases.c.expires_at.type)
        mine = and_(leases.c.holder == holder, leases.c.expires_at > moment)
        free = or_(leases.c.holder == "", leases.c.expires_at <= moment, leases.c.holder == holder)
        # Once it has run out, another might have had it meanwhile: only an unbroken hold keeps the token.
        token = case((mine, leases.c.token), else_=leases.c.token + 1)
        statement = statement.on_conflict_do_update(
            index_elements=("name",), set_={"holder": holder, "expires_at": until, "token": token}, where=free
        )
        row = await self._work.first_written(statement.returning(*_LEASES.columns))
        return None if row is None else _LEASES.struct(row)

    async def release(self, lease: Lease) -> None:
        ours = and_(leases.c.name == lease.name, leases.c.holder == lease.holder, leases.c.token == lease.token)
        await self._work.write(update(leases).where(ours).values(holder="", expires_at=NEVER))

    async def verify(self, leases: Sequence[Lease]) -> None:
        if not leases:
            return
        table = _LEASES.table
        names = sorted({lease.name for lease in leases})
        statement = select(*_LEASES.columns).where(self._work.dialect.any_of(table.c.name, names))
        statement = statement.order_by(table.c.name)
        if self._work.writable:
            # A takeover waits until this transaction has ended; others who only verify do not.
            statement = statement.with_for_update(read=True)
        present = {lease.name: lease for lease in _LEASES.structs(await self._work.rows(statement))}
        for lease in leases:
            now = present.get(lease.name)
            if now is None or (now.holder, now.token) != (lease.holder, lease.token):
                raise self._work.fail(Fenced(f"The lease {lease.name} is held by another now; nothing was written."))

    async def all(self) -> list[Lease]:
        return _LEASES.structs(await self._work.rows(select(*_LEASES.columns).order_by(leases.c.name)))
