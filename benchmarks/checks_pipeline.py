"""The way of a check through one process, for the benchmarks of checks: schedule, bus, worker, judging, store."""

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from watchbell.adapters.bus.memory import MemoryBus
from watchbell.adapters.clock import SystemClock
from watchbell.adapters.store.memory.store import MemoryStore
from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.adapters.vault import AesVault
from watchbell.domain.checks.check import Check
from watchbell.domain.checks.placement import place_all
from watchbell.domain.checks.result import Result, Status
from watchbell.domain.ids import SHARDS
from watchbell.ports.bus import Envelope
from watchbell.ports.telemetry import NullTelemetry
from watchbell.roles.worker import Worker, pack_runs, unpack_results
from watchbell.usecases.judging import Judging
from watchbell.usecases.probing import MakeCheck, Prober
from watchbell.usecases.scheduling import Schedule, results_topic

GATHER_SECONDS = 0.02


async def no_alerts(*_: object) -> None:
    """Every check of these benchmarks is well."""


async def made_store(kind: str, folder: str) -> Any:
    if kind == "memory":
        return MemoryStore()
    url = f"sqlite:///{Path(folder) / 'bench.db'}"
    await migrate(url)
    return open_store(url)


class Pipeline:
    """Checks that are due each second. `round` sends all of them and returns when all are judged and stored."""

    def __init__(
        self, checks: Sequence[Check], types: Mapping[str, MakeCheck], store: str, concurrency: int = 100
    ) -> None:
        self._placed = place_all(checks, {})
        self._store_kind = store
        self._bus = MemoryBus()
        self._schedule = Schedule()
        telemetry = NullTelemetry()
        prober = Prober(
            types,
            clock=SystemClock(),
            vault=AesVault("x" * 32),
            telemetry=telemetry,
            worker="bench",
            concurrency=concurrency,
        )
        self._worker = Worker(self._bus, prober, telemetry, site="default", pool="default", concurrency=concurrency)
        self._results: list[Result] = []
        self._batch: asyncio.Future[None] | None = None
        self._folder = tempfile.TemporaryDirectory()
        self._subscriptions: list[Any] = []
        self.judged = 0
        self.statuses: dict[Status, int] = {}

    async def __aenter__(self) -> Self:
        self._store = await made_store(self._store_kind, self._folder.name)
        self._judging = Judging(self._store, no_alerts, NullTelemetry())
        await self._worker.start()
        for shard in range(SHARDS):
            self._subscriptions.append(await self._bus.consume(results_topic(shard), self._take))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._worker.stop()
        await self._bus.close()
        await self._store.close()
        self._folder.cleanup()

    async def round(self, now: datetime) -> None:
        """Everything that is due by `now`, to the end."""
        if not len(self._schedule):
            self._schedule.load(self._placed, {}, now)
            return
        dispatches = self._schedule.due(now)
        wanted = self.judged + len(dispatches)
        for topic, envelopes in pack_runs(dispatches).items():
            await self._bus.publish(topic, envelopes)
        limit = time.monotonic() + 120
        while self.judged < wanted:
            if time.monotonic() > limit:
                raise SystemExit(f"{wanted - self.judged} results are missing: {self._bus.dead}")
            await asyncio.sleep(0.002)

    def expect_all_ok(self, least: int) -> None:
        """Fail unless every check was well, and there were some."""
        if set(self.statuses) != {Status.OK} or self.judged < least:
            raise SystemExit(f"not every check was well: {self.statuses}")

    async def _take(self, envelope: Envelope) -> None:
        """Group commit: what comes within a moment is judged in one transaction, and acknowledged after it."""
        self._results += unpack_results(envelope)
        if self._batch is None:
            self._batch = asyncio.ensure_future(self._judge())
        await self._batch

    async def _judge(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        results, self._results, self._batch = self._results, [], None
        now = SystemClock().now()
        verdicts = await self._judging.judge(self._placed, results, [], now)
        self._schedule.judged(results, verdicts.healths, now)
        for result in verdicts.accepted:
            self.statuses[result.outcome.status] = self.statuses.get(result.outcome.status, 0) + 1
        self.judged += len(verdicts.accepted)
