"""Leasing: which shards this keeper holds.

Living keepers share the shards evenly. Each sits on a numbered seat (lease `keeper/<n>`), so that the others can count
it; what it holds (`shard/<n>`) it renews long before it runs out, and gives back what is more than its share. A keeper
that dies loses its shards when its leases run out; one that only believes to live is refused by the token when it
writes. Who comes too late is said by the store's clock, which is the same for all; a keeper goes by its own only to
measure how long ago it renewed.
"""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
import structlog

from watchbell.domain.errors import Retryable
from watchbell.domain.ids import SHARDS
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.ports.telemetry import Telemetry

TTL = timedelta(seconds=6)
"""How long a lease lasts. With a renewal every `RENEW` seconds a dead keeper's shards are taken over within 10 s."""
RENEW = 2.0
SEATS = 64
"""More keepers than this find no seat, and hold nothing."""

_log = structlog.get_logger("leasing")


class Shards:
    """The shards of one keeper. `held` is a live view: shard → lease, which runs out by the keeper's own clock."""

    def __init__(self, store: Store, clock: Clock, telemetry: Telemetry, keeper: str) -> None:
        self._store = store
        self._clock = clock
        self._telemetry = telemetry
        self._keeper = keeper
        self._seat: Lease | None = None
        self._held: dict[int, Lease] = {}

    @property
    def held(self) -> Mapping[int, Lease]:
        """The shards that are held, as far as is known."""
        return self._held

    def leases(self) -> list[Lease]:
        """The leases of all shards held."""
        return list(self._held.values())

    async def renew(self) -> None:
        """Renew what is held, take what is free up to the fair share, give back what is more.

        While the database is away, what has run out is let go.
        """
        own = self._clock.now()
        try:
            async with self._store.transaction() as tx:
                now = await tx.leases.now(own)
                seat = await self._sit(tx, now)
                held = await self._share(tx, now) if seat is not None else {}
        except Retryable as error:
            _log.warning("leases_not_renewed", keeper=self._keeper, error=error.message)
            held = {shard: lease for shard, lease in self._held.items() if lease.expires_at > own}
            seat = self._seat
        else:
            # From before the store was asked, so that they run out here no later than there.
            held = {shard: msgspec.structs.replace(lease, expires_at=own + TTL) for shard, lease in held.items()}
        self._seat = seat
        self._note(held)

    async def release(self) -> None:
        """Give everything back, so that others take over at once."""
        leases = [*self._held.values(), *([self._seat] if self._seat is not None else [])]
        self._note({})
        self._seat = None
        if not leases:
            return
        try:
            async with self._store.transaction() as tx:
                for lease in sorted(leases, key=lambda lease: lease.name):
                    await tx.leases.release(lease)
        except Retryable as error:
            _log.warning("leases_not_released", keeper=self._keeper, error=error.message)

    async def _sit(self, tx: Transaction, now: datetime) -> Lease | None:
        """Keep the seat, or find one."""
        mine = [self._seat.name] if self._seat is not None else []
        for name in [*mine, *(f"keeper/{number}" for number in range(SEATS))]:
            seat = await tx.leases.acquire(name, self._keeper, now, now + TTL)
            if seat is not None:
                return seat
        _log.error("no_seat_left", keeper=self._keeper, seats=SEATS)
        return None

    async def _share(self, tx: Transaction, now: datetime) -> dict[int, Lease]:
        standing = {lease.name: lease for lease in await tx.leases.all() if lease.holder and lease.expires_at > now}
        keepers = {lease.holder for name, lease in standing.items() if name.startswith("keeper/")}
        share = math.ceil(SHARDS / max(len(keepers), 1))
        mine = [s for s in range(SHARDS) if _holder(standing, s) == self._keeper]
        free = [s for s in range(SHARDS) if _holder(standing, s) == ""]
        wanted = {*mine[:share], *free[: max(share - len(mine), 0)]}
        held: dict[int, Lease] = {}
        # By name, as `verify` locks them: in another order a keeper and its own work would wait for each other.
        for shard in sorted({*mine, *wanted}, key=_name):
            if shard not in wanted:
                await tx.leases.release(standing[_name(shard)])
                continue
            lease = await tx.leases.acquire(_name(shard), self._keeper, now, now + TTL)
            if lease is not None:
                held[shard] = lease
        return held

    def _note(self, held: dict[int, Lease]) -> None:
        won, lost = sorted(held.keys() - self._held.keys()), sorted(self._held.keys() - held.keys())
        if won or lost:
            _log.info("shards_changed", keeper=self._keeper, won=won, lost=lost)
        # In place: others look at the same mapping.
        for shard in lost:
            del self._held[shard]
        self._held.update(held)
        self._telemetry.gauge("shards_held", len(self._held))


def _name(shard: int) -> str:
    return f"shard/{shard}"


def _holder(standing: Mapping[str, Lease], shard: int) -> str:
    lease = standing.get(_name(shard))
    return lease.holder if lease is not None else ""
