"""One accepting process: its own event loop, its own journal stream, the port shared with the others.

It ends when it is told to (SIGTERM, SIGINT) and when its parent is gone: `/ping` says so first, then it stops
listening, and everything that was taken is in the journal before it leaves.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvloop
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server

from watchbell.collector.app import CollectorApp
from watchbell.collector.log_follower import FollowedLog, LogFollower
from watchbell.collector.metrics import CollectorMetrics
from watchbell.collector.settings import CollectorSettings
from watchbell.ports.journal import JournalWriter
from watchbell.usecases.collecting import Collecting

OpenWriter = Callable[[str], JournalWriter]
"""Opens the journal stream of one acceptor. Must be picklable: it is called in the acceptor's process."""

MAX_HEAD = 128 * 1024
"""Most bytes of a request's line and headers together; more is answered with 431. A line of 64 KiB is one with 414."""

MAX_CONNECTIONS = 1024
"""Most connections that one acceptor serves at a time; further ones wait until one of them ends."""

_BACKLOG = 1024
_TICK_S = 1.0


async def serve(
    settings: CollectorSettings,
    journal: JournalWriter,
    metrics: CollectorMetrics,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Accepts events until `stop` is set, then says so on `/ping`, stops listening and drains into the journal."""
    collecting = Collecting(journal, metrics)
    app = CollectorApp(settings, collecting, metrics, metrics.render)
    server = _server(settings, app)
    serving = asyncio.create_task(server.serve())
    asyncio.get_running_loop().call_soon(ready)
    ticking = asyncio.create_task(_tick(journal, metrics))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    app.stopping = True
    if not serving.done():
        await asyncio.sleep(settings.shutdown_delay_s)
        server.stop()
    ticking.cancel()
    stopping.cancel()
    try:
        await serving
    finally:
        await collecting.drain()
        _tell(journal, metrics)


def _server(settings: CollectorSettings, app: CollectorApp) -> Server:
    with_tls = bool(settings.tls_cert)
    return Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        http=HTTPModes.auto if settings.http2 else HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=MAX_HEAD),
        http2_settings=HTTP2Settings(max_headers_size=MAX_HEAD),
        websockets=False,
        backlog=_BACKLOG,
        backpressure=MAX_CONNECTIONS,
        log_enabled=False,
        ssl_cert=Path(settings.tls_cert) if with_tls else None,
        ssl_key=Path(settings.tls_key) if with_tls else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )


async def _tick(journal: JournalWriter, metrics: CollectorMetrics) -> None:
    while True:
        metrics.gauge("event_journal_bytes", journal.size())
        _tell(journal, metrics)
        await asyncio.sleep(_TICK_S)


def _tell(journal: JournalWriter, metrics: CollectorMetrics) -> None:
    """The other processes hear of it: the mapper compares what it reads with what was accepted."""
    metrics.gauge("event_journal_events", journal.accepted(), stream=metrics.name)
    metrics.share()


def accept_in_process(
    settings: CollectorSettings,
    open_writer: OpenWriter,
    name: str,
    shared: Path,
    parent: int,
    prepare: Callable[[], None],
) -> None:
    """The main function of an accepting process. `parent` is the process id to live as long as."""
    prepare()
    logging.getLogger("_granian").setLevel(logging.WARNING)
    uvloop.run(_accept(settings, open_writer, name, shared, parent))


async def _accept(settings: CollectorSettings, open_writer: OpenWriter, name: str, shared: Path, parent: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    orphaned = asyncio.create_task(_stop_when_orphaned(parent, stop))
    journal = open_writer(name)
    metrics = CollectorMetrics(shared, name)
    metrics.count("event_journal_truncated_bytes", journal.truncated())
    try:
        await serve(settings, journal, metrics, stop)
    finally:
        orphaned.cancel()
        await journal.close()


def follow_in_process(
    followed: FollowedLog, open_writer: OpenWriter, shared: Path, parent: int, prepare: Callable[[], None]
) -> None:
    """The main function of a process that reads an nginx log. Its stream of the journal is `log-<source>`."""
    prepare()
    asyncio.run(_follow(followed, open_writer, shared, parent))


async def _follow(followed: FollowedLog, open_writer: OpenWriter, shared: Path, parent: int) -> None:
    name = f"log-{followed.source}"
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    orphaned = asyncio.create_task(_stop_when_orphaned(parent, stop))
    journal = open_writer(name)
    metrics = CollectorMetrics(shared, name)
    metrics.count("event_journal_truncated_bytes", journal.truncated())
    follower = LogFollower(followed, journal, shared / f"{name}.progress", metrics)
    ticking = asyncio.create_task(_tick(journal, metrics))
    try:
        await follower.run(stop)
    finally:
        ticking.cancel()
        orphaned.cancel()
        follower.close()
        _tell(journal, metrics)
        await journal.close()


async def _stop_when_orphaned(parent: int, stop: asyncio.Event) -> None:
    while not stop.is_set():
        if os.getppid() != parent:
            stop.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _TICK_S)
