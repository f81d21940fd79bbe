"""Group commit: what arrives while one commit is under way is applied by the next, in one transaction.

Whoever submits waits until its item is applied or refused. A batch that fails as a whole is tried once more item by
item, so that one poison item fails alone. The queue is bounded: a full one raises `Overloaded` at once. After `close`
nothing is taken, and what was taken is applied.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from watchbell.domain.errors import Overloaded, Retryable, WatchbellError

T = TypeVar("T")
R = TypeVar("R")

Apply = Callable[[Sequence[T]], Awaitable[Sequence[R | WatchbellError]]]
"""Applies a batch and returns, for each item, its outcome or the error that concerns it alone."""


class GroupCommit(Generic[T, R]):
    """One queue and one committer.

    `max_batch` and `max_waiting` count items.
    """

    def __init__(self, apply: Apply[T, R], *, max_batch: int = 256, max_waiting: int = 10_000) -> None:
        self._apply = apply
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._committer: asyncio.Task[None] | None = None
        self._closed = False

    async def submit(self, item: T) -> R:
        """Apply one item with others; its outcome, or the error that it met."""
        if self._closed:
            raise Overloaded("shutting down", retry_after=1)
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded(f"{self._max_waiting} are waiting already", retry_after=1)
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._committer is None or self._committer.done():
            self._committer = asyncio.create_task(self._commit(), name="group-commit")
        return await done

    async def close(self) -> None:
        """Take nothing more, and return when everything taken is applied."""
        self._closed = True
        if self._committer is not None:
            await self._committer

    async def _commit(self) -> None:
        # One turn of the loop lets those who became ready together travel together.
        await asyncio.sleep(0)
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_batch))]
            await self._apply_batch(batch)

    async def _apply_batch(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            outcomes = await self._apply([item for item, _ in batch])
        except Retryable as error:
            for _, done in batch:
                _fail(done, error)
        except Exception as error:  # task edge: whoever submitted hears of it, and the committer goes on
            if len(batch) == 1:
                _fail(batch[0][1], error)
                return
            for one in batch:
                await self._apply_batch([one])
        else:
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, WatchbellError):
                    _fail(done, outcome)
                elif not done.done():
                    done.set_result(outcome)


def _fail(done: "asyncio.Future[R]", error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
