"""Following what changes, for live pages: one reader for each process, any number of followers.

The reader looks at the feed while somebody follows, every `EVERY` seconds. A follower that does not keep up is told
to start again (`None`), as is one that comes back after the feed has forgotten its place. Changes may be repeated,
never lost.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import structlog

from watchbell.domain.errors import Retryable
from watchbell.ports.clock import Clock
from watchbell.ports.store import Change, Store, Transaction

EVERY = 0.3  # seconds
BACKLOG = 256  # changes that a follower may be behind

_log = structlog.get_logger("following")


class ChangeFeed:
    """Hands the changes of all processes to the followers of this one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._followers: set[asyncio.Queue[Change | None]] = set()
        self._joining = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None
        self._place = 0

    async def latest(self) -> int:
        """The newest change's id."""
        async with self._store.reading() as tx:
            return await tx.changes.latest()

    async def follow(self, after: int | None = None) -> AsyncGenerator[Change | None]:
        """Changes after the id `after` (None: from now on).

        None means that some were missed, and everything must be read again.
        """
        queue: asyncio.Queue[Change | None] = asyncio.Queue(BACKLOG)
        try:
            start, missed = await self._join(queue, after)
            if missed is None:
                yield None
            for change in missed or ():
                yield change
            while True:
                change = await queue.get()
                if change is None or change.id > start:
                    yield change
        finally:
            self._followers.discard(queue)

    async def _join(self, queue: asyncio.Queue[Change | None], after: int | None) -> tuple[int, list[Change] | None]:
        """The newest change, from which on the queue has all of them, and those since `after` (None: not all of them).

        The queue is there before the store is asked, because the reader may go on meanwhile. One joins after the other,
        so that the first, whose place the reader begins at, is behind none of them.
        """
        async with self._joining:
            self._followers.add(queue)
            async with self._store.reading() as tx:
                start = await tx.changes.latest()
                missed = await _since(tx, after, start) if after is not None else []
            if self._reader is None or self._reader.done():
                self._place = start
                self._reader = asyncio.create_task(self._read(), name="change-feed")
        return start, missed

    async def _read(self) -> None:
        while self._followers:
            await self._clock.sleep(EVERY)
            try:
                async with self._store.reading() as tx:
                    changes = await tx.changes.since(self._place)
            except Retryable as error:
                _log.warning("feed_unreadable", error=error.message)
                await self._clock.sleep(1)
                continue
            for change in changes:
                self._place = max(self._place, change.id)
                for queue in self._followers:
                    _offer(queue, change)

    async def close(self) -> None:
        """Stop reading, and end every follower's wait by telling it to start again elsewhere."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        for queue in self._followers:
            _offer(queue, None)


async def _since(tx: Transaction, after: int, start: int) -> list[Change] | None:
    """The changes since `after`; None when they are too many, or some are forgotten."""
    if after == start:
        return []
    # Ids have gaps, so only the change itself tells that none behind it is forgotten: the oldest are, first.
    found = await tx.changes.since(after - 1, BACKLOG + 1)
    known = bool(found) and found[0].id == after
    return found[1:] if known and len(found) <= BACKLOG else None


def _offer(queue: asyncio.Queue[Change | None], change: Change | None) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)
        return
    queue.put_nowait(change)
