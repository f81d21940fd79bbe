"""A segment that is written to, and when what stands in it is safe from a crash of the machine.

After a sync that failed, the system may have dropped what it could not write and call the next sync a success. So
nothing that stands in such a segment, and was not yet known to be safe, is ever called safe: the writer goes on in
another one.
"""

import asyncio
import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

Sync = Callable[[int], None]
"""Makes what was written to a descriptor safe. Raises OSError."""


class Segment:
    """An open file. With an `executor`, which has one thread, it can be synced."""

    def __init__(self, descriptor: int, executor: ThreadPoolExecutor | None, sync: Sync) -> None:
        self._descriptor = descriptor
        self._executor = executor
        self._sync = sync
        self._syncing: asyncio.Future[None] | None = None
        self._users = 0
        self._is_closing = False
        self._lost = False
        """Whether a sync has failed."""
        self.broken = False
        """Whether nothing more may be written here: what stands before it may be lost, or unfinished."""

    def write(self, data: bytes) -> None:
        """Appends.

        Raises:
            OSError: a part of it may stand there.
        """
        written = 0
        try:
            while written < len(data):
                written += os.write(self._descriptor, memoryview(data)[written:])
        except OSError:
            # A full disk may have taken a part. The next batch begins a segment, so that it cannot stand behind it.
            self.broken = True
            raise

    async def safe(self) -> None:
        """Waits until everything that was written before this call is safe.

        Who calls while the disk syncs shares the next sync with the others.

        Raises:
            OSError: the disk failed; nothing is known of what was written.
        """
        if self._executor is None:
            return
        self._users += 1
        try:
            running = self._syncing
            if running is not None and not running.done():
                await self._wait(running)
            if self._syncing is None or self._syncing is running:
                self._syncing = asyncio.get_running_loop().run_in_executor(self._executor, self._sync, self._descriptor)
                self._syncing.add_done_callback(self._done)
            await self._wait(self._syncing)
        finally:
            self._users -= 1
            self._close_if_unused()

    def _done(self, syncing: asyncio.Future[None]) -> None:
        if not syncing.cancelled() and syncing.exception() is not None:
            self._lost = True
            self.broken = True

    async def _wait(self, syncing: asyncio.Future[None]) -> None:
        await asyncio.shield(syncing)
        if self._lost:
            raise OSError(errno.EIO, "the disk failed before, and may have lost what stands in this segment")

    def close(self) -> None:
        """Releases the file, when nobody waits for it any more."""
        self._is_closing = True
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if not self._is_closing or self._users:
            return
        self._is_closing = False
        if self._executor is None:
            os.close(self._descriptor)
        else:
            # Behind a sync that nobody waits for any more.
            self._executor.submit(os.close, self._descriptor)
