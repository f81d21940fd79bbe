"""The collector role: processes that accept events, and this one, which maps what they accepted.

    clients → acceptor 1..n → journal/<acceptor> → mapper (here) → sinks, counts for rules

An acceptor that dies is started again; what it had accepted is in its journal. A sink that fails is opened again until
it works, and holds up nobody. On a stop the acceptors leave first, then the journal is mapped to its end and files are
published; what a failing sink does not take stays in the journal.
"""

import asyncio
import multiprocessing
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec
import structlog

from watchbell.collector.client import parse_networks
from watchbell.collector.log_follower import FollowedLog
from watchbell.collector.metrics import CollectorMetrics
from watchbell.collector.server import OpenWriter, accept_in_process, follow_in_process
from watchbell.collector.settings import CollectorSettings
from watchbell.collector.sources import NginxLogSource
from watchbell.domain.errors import Invalid, Permanent, Retryable
from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.duplicates import DuplicateMemory
from watchbell.domain.events.record import DefaultMapping
from watchbell.domain.events.routes import EventMapping
from watchbell.ports.journal import JournalReader
from watchbell.ports.rejected import RejectedEvents
from watchbell.ports.tally import RuleSource, TallyReports
from watchbell.roles.mapping_loop import MappingLoop
from watchbell.roles.path_loop import PathLoop
from watchbell.usecases.following_mappings import MappingFollower, revive
from watchbell.usecases.lanes import MakeSink
from watchbell.usecases.mapping import SETTLE_MS, Mapper
from watchbell.usecases.mapping_batches import BatchReading
from watchbell.usecases.pathing import Paths
from watchbell.usecases.tallying import Tallying

log = structlog.get_logger("collector")

REPORT_EVERY_S = 1.0
LOOK_EVERY_S = 2.0
TIDY_EVERY_S = 600.0
RESTART_AFTER_S = 1.0
START_WITHIN_S = 120.0
STOP_WITHIN_S = 30.0


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
    sinks: Mapping[str, MakeSink]
    """Name → what makes the sink."""
    observers: Mapping[str, MakeSink] = field(default_factory=dict[str, MakeSink])
    """The same for sinks that get every event itself, whatever the mappings make of it."""
    rejected: RejectedEvents
    tallies: TallyReports
    rules: RuleSource
    paths: Paths | None = None
    """Counts funnels together with the other collectors; None: each counts them for itself."""
    mappings: Sequence[EventMapping] = (DefaultMapping(),)
    """Those to begin with."""
    following: MappingFollower | None = None
    """Tells of other mappings; None: they stay."""
    duplicates: DuplicateMemory | None = None
    reading: BatchReading = field(default_factory=BatchReading)
    forgotten: Callable[[], bool] = field(default=lambda: False)
    """Looks for parties that are to be forgotten (`reading` leaves their events out); whether there are new ones."""
    tidy: Callable[[], int] = field(default=lambda: 0)
    """Deletes what is too old; how many files. Called in a thread."""
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
    mapper = _mapper(parts, metrics)
    with _reserved_port(parts.settings) as reserved:
        settings = msgspec.structs.replace(parts.settings, port=reserved.getsockname()[1])
        acceptors = _Acceptors(parts, settings, metrics)
        mapping = MappingLoop(mapper, metrics, parts.now_ms, parts.settings.commit_every_s)
        telling = _Telling(parts, mapper, metrics)
        await telling.begin()
        following = PathLoop(parts.paths, parts.tallies, metrics, parts.now_ms)
        loops = [_map(mapping, telling), telling.run(), acceptors.watch(), _tend(parts, mapping, metrics)]
        tasks = [asyncio.create_task(work) for work in (*loops, following.run())]
        try:
            await acceptors.start(ready)
            await _until(stop, tasks)
            await acceptors.stop()
            mapping.drain(STOP_WITHIN_S)
            if telling.knows_mappings.is_set():
                await tasks[0]
            await following.stop()
            await telling.report()
        finally:
            for task in tasks:
                task.cancel()
            acceptors.kill()


def _mapper(parts: CollectorParts, metrics: CollectorMetrics) -> Mapper:
    mapper = Mapper(
        parts.reader,
        parts.sinks,
        parts.rejected,
        metrics,
        node=parts.node,
        mappings=parts.mappings,
        duplicates=parts.duplicates,
        reading=parts.reading,
    )
    mapper.observe(parts.observers)
    mapper.open(parts.now_ms(), revive if parts.following is None else parts.following.revive)
    if parts.paths is not None:
        parts.paths.attach(mapper)
    return mapper


async def _map(mapping: MappingLoop, telling: "_Telling") -> None:
    """Maps, as soon as it is known with which mappings."""
    await telling.knows_mappings.wait()
    await mapping.run()


async def _tend(parts: CollectorParts, mapping: MappingLoop, metrics: CollectorMetrics) -> None:
    """What time brings: parties to forget, files that are too old."""
    next_tidy = 0.0
    while True:
        if parts.forgotten():
            # What is in flight can be cleaned only when it is published.
            mapping.publish()
        if time.monotonic() >= next_tidy:
            next_tidy = time.monotonic() + TIDY_EVERY_S
            try:
                metrics.count("event_files_expired", await asyncio.to_thread(parts.tidy))
            except (OSError, Retryable) as error:
                log.warning("collector_not_tidied", reason=str(error))
        await asyncio.sleep(LOOK_EVERY_S)


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


class _Telling:
    """The loop that asks for rules and reports counts: beside the mapping, which must not wait for a database."""

    def __init__(self, parts: CollectorParts, mapper: Mapper, metrics: CollectorMetrics) -> None:
        self._parts = parts
        self._mapper = mapper
        self._metrics = metrics
        self.knows_mappings = asyncio.Event()
        """Until then events wait in the journal: a record of a wrong schema could not be taken back."""
        if parts.following is None:
            self.knows_mappings.set()
        self._tallying = Tallying(mapper, parts.tallies, parts.rules, metrics, parts.node, parts.paths)

    async def begin(self) -> None:
        """Asks for the rules the first time: what is mapped before they are known is not counted."""
        await self._guarded(self._tallying.refresh(self._parts.now_ms()))
        await self._guarded(self._follow())

    async def run(self) -> None:
        """Reports until it is cancelled."""
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            await self._guarded(self._tallying.refresh(self._parts.now_ms()))
            await self._guarded(self._follow())
            await self.report()

    async def report(self) -> None:
        """Reports now."""
        await self._guarded(self._tallying.report(self._parts.now_ms()))
        await self._guarded(self._tallying.report_books(self._books()))
        lag_ms = self._parts.now_ms() - SETTLE_MS - self._mapper.counted_to_ms
        self._metrics.gauge("event_mapping_lag_seconds", max(0.0, lag_ms / 1000))
        self._metrics.gauge("event_journal_damaged", self._parts.reader.damaged())
        self._metrics.gauge("events_rejected_trimmed", self._parts.rejected.trimmed())
        self._metrics.share()

    def _books(self) -> NodeBooks:
        """The books at this moment: what the acceptors say that they took, against what the mapper has come past."""
        counted = self._mapper.counted
        told = self._metrics.others("event_journal_events", "stream")
        return NodeBooks(
            node=self._parts.node,
            at_ms=self._parts.now_ms(),
            sources=self._mapper.accounts(),
            accepted=counted.accepted({stream: int(events) for stream, events in told.items()}),
            lost=counted.lost,
            refused=int(sum(self._metrics.others("events_refused", "reason").values())),
            damaged=self._parts.reader.damaged(),
        )

    async def _follow(self) -> None:
        """Maps with the mappings of the configuration, when they changed."""
        following = self._parts.following
        news = await following.news() if following is not None else None
        if news is None:
            return
        mappings, wrong = news
        for reason in wrong:
            log.error("collector_mapping_wrong", reason=reason)
        try:
            self._mapper.use_mappings(mappings)
        except Invalid as error:
            wrong = [error.message]
            log.warning("collector_mappings_refused", reason=error.message, hint="the former ones stay")
        else:
            self.knows_mappings.set()
            self._warn_of_headers(mappings)
            log.info("collector_mappings", names=[mapping.name for mapping in mappings])
        self._metrics.gauge("event_mappings_refused", len(wrong))

    def _warn_of_headers(self, mappings: Sequence[EventMapping]) -> None:
        """A header that is not kept is absent in every event: that would be hard to find out."""
        kept = {name.lower() for name in self._parts.settings.kept_headers}
        for mapping in mappings:
            missing = sorted(getattr(mapping, "headers", frozenset[str]()) - kept)
            if missing:
                hint = "add them to collector.kept_headers and start again"
                log.warning("collector_headers_not_kept", mapping=mapping.name, headers=missing, hint=hint)

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
        self._logs: dict[str, FollowedLog] = {}
        """The processes that read a log instead of accepting."""
        self._stopping = False

    async def start(self, ready: Callable[[int], None] | None) -> None:
        """Starts all of them and waits until the port answers."""
        for index in range(max(1, self._settings.workers)):
            self._spawn(f"acceptor-{index + 1}")
        for name, source in self._settings.sources.items():
            if isinstance(source, NginxLogSource):
                self._logs[f"log-{name}"] = FollowedLog(name, Path(source.log), self._settings.fsync)
                self._spawn(f"log-{name}")
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
        parts = self._parts
        common = parts.shared, os.getpid(), parts.prepare
        if name in self._logs:
            target = follow_in_process
            args = (self._logs[name], parts.open_writer, *common)
        else:
            target = accept_in_process
            args = (self._settings, parts.open_writer, name, *common)
        process = self._context.Process(target=target, args=args, name=f"watchbell-{name}")
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
