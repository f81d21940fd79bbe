"""Looking: what plug-ins may look up in the store, from the threads of their hooks."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as TooLate
from typing import Any, TypeVar

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.errors import Retryable
from watchbell.ports.store import Store

T = TypeVar("T")


class StoreLookup:
    """Looks up by the event loop that the store belongs to. `patience` is in seconds."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._store = store
        self._loop = loop
        self._patience = patience

    def alert(self, name: str) -> Alert | None:
        return self._wait(lambda: self._alert(name))

    def history(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
        return self._wait(lambda: self._history(alert_id, limit))

    def _wait(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            raise RuntimeError("alerts are looked up from the thread of a hook only")
        asked = asyncio.run_coroutine_threadsafe(ask(), self._loop)
        try:
            return asked.result(self._patience)
        except TooLate as error:
            asked.cancel()
            raise Retryable("the store did not answer in time") from error

    async def _alert(self, name: str) -> Alert | None:
        async with self._store.reading() as tx:
            return await tx.alerts.get(name)

    async def _history(self, alert_id: str, limit: int) -> list[HistoryEntry]:
        async with self._store.reading() as tx:
            return await tx.history.of(alert_id, limit)
