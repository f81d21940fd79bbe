"""Waking keepers: whoever commits work for a shard says so, that nobody has to wait for the next look.

Best effort: a keeper that hears nothing looks by itself twice a second.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

from watchbell.domain.signal import Signal
from watchbell.ports.bus import Bus
from watchbell.ports.store import Transaction

TOPIC = "wake"
RUN_TOPIC = "run-check"
"""Broadcast with a check's id: whoever holds the check runs it now."""

Wake = Callable[[Sequence[int]], Awaitable[None]]
"""Tells keepers that these shards have something to do."""
TakeSignals = Callable[[Transaction, Sequence[Signal], datetime], Awaitable[Iterable[int]]]
"""Applies signals to alerts, in the same transaction; returns the shards that have something to route."""


class BusWake:
    """Wakes by broadcast."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def __call__(self, shards: Sequence[int]) -> None:
        if shards:
            await self._bus.broadcast(TOPIC, pack_shards(shards))


class Taken:
    """Takes signals and remembers which shards to wake once the transaction has ended."""

    def __init__(self, take: TakeSignals) -> None:
        self._take = take
        self._shards: set[int] = set()

    async def __call__(self, tx: Transaction, signals: Sequence[Signal], now: datetime) -> Iterable[int]:
        shards = set(await self._take(tx, signals, now))
        self._shards |= shards
        return shards

    def drain(self) -> set[int]:
        """The shards since the last call. Of a failed transaction some may be among them: nothing is found there."""
        shards, self._shards = self._shards, set()
        return shards


async def no_wake(shards: Sequence[int]) -> None:
    """Nobody to wake."""


def pack_shards(shards: Iterable[int]) -> bytes:
    """Shards as they travel."""
    return ",".join(str(shard) for shard in sorted(set(shards))).encode()


def unpack_shards(body: bytes) -> set[int]:
    """What `pack_shards` packed; what is not a number is left out."""
    return {int(part) for part in body.split(b",") if part.isdigit()}
