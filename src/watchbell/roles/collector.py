"""The collector role: processes that accept events, and this one, which maps what they accepted.

    clients → acceptor 1..n → journal/<acceptor> → mapper (here) → sinks, counts for rules

An acceptor that dies is started again; what it had accepted is in its journal. A sink that fails is opened again until
it works, while the journal fills. On a stop the acceptors leave first, then the journal is mapped to its end and files
are published; what a failing sink does not take stays in the journal.
"""

import asyncio
import multiprocessing
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec
import structlog

from watchbell.collector.client import parse_networks
from watchbell.collector.metrics import CollectorMetrics
from watchbell.collector.server import OpenWriter, accept_in_process
from watchbell.collector.settings import CollectorSettings
from watchbell.domain.errors import Permanent, Retryable
from watchbell.ports.journal import JournalReader
from watchbell.ports.rejected import RejectedEvents
from watchbell.ports.sink import Sink
from watchbell.ports.tally import RuleSource, TallyReports
from watchbell.usecases.mapping import SETTLE_MS, Mapper, Mapping
from watchbell.usecases.tallying import Tallying

log = structlog.get_logger("collector")

IDLE_S = 0.03
REPORT_EVERY_S = 1.0
RESTART_AFTER_S = 1.0
START_WITHIN_S = 30.0
STOP_WITHIN_S = 30.0
MAX_UNCOMMITTED = 50_000


def no_preparation() -> None:
    """An acceptor that needs nothing before it starts."""


@dataclass(frozen=True, kw_only=True)
class CollectorParts:
    """Everything the role works with; made by bootstrap."""

    settings: CollectorSettings
    node: str
    """Name of this collector, unique in the installation."""
    open_writer: OpenWriter
    reader: JournalReader
    sinks: Sequence[Sink]
    mapping: Mapping
    rejected: RejectedEvents
    tallies: TallyReports
    rules: RuleSource
    shared: Path
    """Folder in which the processes leave their metrics for each other."""
    prepare: Callable[[], None] = no_preparation
    """Called first in each accepting process (logs); picklable."""
    now_ms: Callable[[], int] = field(default=lambda: time.time_ns() // 1_000_000)


async def run_collector(
    parts: CollectorParts, stop: asyncio.Event, *, ready: Callable[[int], None] | None = None
) -> None:
    """Runs until `stop` is set, and everything accepted is mapped and published. `ready` is told the port.

    Cancelling it stops at once: what was accepted stays in the journal, files in flight are recovered at the next
    start.

    Raises:
        OSError: the port is taken.
        Invalid: a setting cannot be used.
        Permanent: the acceptors do not start.
    """
    parse_networks(parts.settings.trusted_proxies)
    metrics = CollectorMetrics(parts.shared, "mapper")
    mapper = Mapper(parts.reader, parts.sinks, parts.mapping, parts.rejected, metrics, node=parts.node)
    with _reserved_port(parts.settings) as reserved:
        settings = msgspec.structs.replace(parts.settings, port=reserved.getsockname()[1])
        acceptors = _Acceptors(parts, settings, metrics)
        mapping, telling = _Mapping(parts, mapper, metrics), _Telling(parts, mapper, metrics)
        await telling.begin()
        tasks = [asyncio.create_task(work) for work in (mapping.run(), telling.run(), acceptors.watch())]
        try:
            await acceptors.start(ready)
            await _until(stop, tasks)
            await acceptors.stop()
            mapping.drain(STOP_WITHIN_S)
            await tasks[0]
            await telling.report()
        finally:
            for task in tasks:
                task.cancel()
            acceptors.kill()


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Waits for `stop`; a task that ends before is an error and raises."""
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    finally:
        stopping.cancel()


def _reserved_port(settings: CollectorSettings) -> socket.socket:
    """The acceptors' address, bound but not listened on: finds a free port, fails early when it is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((settings.host, settings.port))
    except OSError as error:
        reserved.close()
        raise OSError(error.errno, f"collector.port {settings.host}:{settings.port}: {error.strerror}") from error
    return reserved


class _Mapping:
    """The loop that maps and commits."""

    def __init__(self, parts: CollectorParts, mapper: Mapper, metrics: CollectorMetrics) -> None:
        self._parts = parts
        self._mapper = mapper
        self._metrics = metrics
        self._drain_until = inf
        """When to leave although there is more to map; infinite while nobody asked to leave."""
        self._open = False
        self._next_commit = 0.0

    def drain(self, within_s: float) -> None:
        """No more events come: end when everything is mapped, or the time is over."""
        self._drain_until = time.monotonic() + within_s

    async def run(self) -> None:
        """Maps until drained."""
        delay = 0.1
        while True:
            try:
                if await self._turn():
                    return
                delay = 0.1
            except Retryable as error:
                # The mapper keeps what the sink has not made durable; the journal keeps the rest.
                self._open = False
                self._metrics.count("event_sink_failures")
                log.warning("collector_sink_failed", reason=error.message, retry_in_s=delay)
                if time.monotonic() > self._drain_until:
                    log.warning("collector_not_drained", hint="what the sink did not take stays in the journal")
                    return
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10.0)

    async def _turn(self) -> bool:
        """One step; whether the end is reached."""
        now_ms, now = self._parts.now_ms(), time.monotonic()
        if not self._open:
            self._mapper.open(now_ms)
            self._open = True
        mapped = self._mapper.step(now_ms)
        if self._mapper.uncommitted() >= MAX_UNCOMMITTED or now >= self._next_commit:
            self._mapper.commit(now_ms)
            self._next_commit = time.monotonic() + self._parts.settings.commit_every_s
        if self._drain_until < inf and (mapped == 0 or now > self._drain_until):
            if mapped:
                log.warning("collector_not_drained", hint="what was not mapped stays in the journal")
            self._mapper.close(now_ms)
            return True
        await asyncio.sleep(0 if mapped else IDLE_S)
        return False


class _Telling:
    """The loop that asks for rules and reports counts: beside the mapping, which must not wait for a database."""

    def __init__(self, parts: CollectorParts, mapper: Mapper, metrics: CollectorMetrics) -> None:
        self._parts = parts
        self._mapper = mapper
        self._metrics = metrics
        self._tallying = Tallying(mapper, parts.tallies, parts.rules, metrics, parts.node)

    async def begin(self) -> None:
        """Asks for the rules the first time: what is mapped before they are known is not counted."""
        await self._guarded(self._tallying.refresh(self._parts.now_ms()))

    async def run(self) -> None:
        """Reports until it is cancelled."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            await self._guarded(self._tallying.refresh(self._parts.now_ms()))
            await self.report()

    async def report(self) -> None:
        """Reports now."""
        await self._guarded(self._tallying.report(self._parts.now_ms()))
        lag_ms = self._parts.now_ms() - SETTLE_MS - self._mapper.counted_to_ms
        self._metrics.gauge("event_mapping_lag_seconds", max(0.0, lag_ms / 1000))
        self._metrics.gauge("event_journal_damaged", self._parts.reader.damaged())
        self._metrics.share()

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # task edge: a report that fails in a new way must not stop the reports after it
            self._metrics.count("event_report_errors")
            log.exception("collector_report_failed", reason=repr(error))


class _Acceptors:
    """The accepting processes."""

    def __init__(self, parts: CollectorParts, settings: CollectorSettings, metrics: CollectorMetrics) -> None:
        self._parts = parts
        self._settings = settings
        self._metrics = metrics
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[str, BaseProcess] = {}
        self._stopping = False

    async def start(self, ready: Callable[[int], None] | None) -> None:
        """Starts all of them and waits until the port answers."""
        for index in range(max(1, self._settings.workers)):
            self._spawn(f"acceptor-{index + 1}")
        await self._listening()
        log.info("collector_listening", host=self._settings.host, port=self._settings.port)
        if ready is not None:
            ready(self._settings.port)

    async def _listening(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while not self._stopping:
            if time.monotonic() > deadline:
                raise Permanent(f"no acceptor listens after {START_WITHIN_S:g} s; their messages say why")
            try:
                _, writer = await asyncio.open_connection(self._settings.host, self._settings.port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                return

    def _spawn(self, name: str) -> None:
        process = self._context.Process(
            target=accept_in_process,
            args=(self._settings, self._parts.open_writer, name, self._parts.shared, os.getpid(), self._parts.prepare),
            name=f"watchbell-{name}",
        )
        process.start()
        self._processes[name] = process

    async def watch(self) -> None:
        """Starts again what died."""
        while not self._stopping:
            for name, process in list(self._processes.items()):
                if not process.is_alive() and not self._stopping:
                    log.error("collector_acceptor_died", name=name, exit_code=process.exitcode)
                    self._metrics.count("event_acceptors_restarted")
                    self._spawn(name)
            await asyncio.sleep(RESTART_AFTER_S)
        # Not done: whoever waits for the tasks would take that for an error.
        await asyncio.Event().wait()

    async def stop(self) -> None:
        """Tells them to finish and waits; kills those that do not."""
        self._stopping = True
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + self._settings.shutdown_delay_s + STOP_WITHIN_S
        for process in self._processes.values():
            await asyncio.to_thread(process.join, max(0.0, deadline - time.monotonic()))
        self.kill()

    def kill(self) -> None:
        """Ends those that still run, at once."""
        self._stopping = True
        for process in self._processes.values():
            if process.is_alive():
                process.kill()
            process.join(1.0)
