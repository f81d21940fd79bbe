"""The collector's process: journal, sinks, where counts go."""

import asyncio
import contextlib
import functools
import os
import socket
import time
from pathlib import Path
from typing import Any

from watchbell import log, plugins
from watchbell.adapters.journal.files import FileJournalReader, FileJournalWriter
from watchbell.adapters.rejected import RejectedFiles
from watchbell.adapters.rules_api import ApiRules
from watchbell.adapters.user_agents import parse_user_agent
from watchbell.bootstrap.parts import Parts
from watchbell.collector.settings import CollectorSettings
from watchbell.config import Configuration
from watchbell.domain.errors import Permanent
from watchbell.domain.events.record import DefaultMapping
from watchbell.loading import parent_process
from watchbell.ports.sink import Sink
from watchbell.ports.tally import RuleSource, TallyReports
from watchbell.roles.collector import CollectorParts, run_collector
from watchbell.roles.process import run
from watchbell.toolkit.settings import InvalidSettings, read
from watchbell.usecases.reporting import BusReports, ConfiguredRules, StoreReports


async def collector(settings: Configuration) -> None:
    """Run the collector until told to stop."""
    async with Parts(settings) as parts:
        await run({"collector": functools.partial(_collect, await _parts(parts)), **_with_parent()})


async def _collect(parts: CollectorParts, stop: asyncio.Event) -> None:
    try:
        await run_collector(parts, stop)
    except OSError as error:
        raise Permanent(
            f"{error.strerror or error}. Choose another with --collector-port or collector.port."
        ) from error


def _with_parent() -> dict[str, Any]:
    parent = parent_process()
    return {"parent": functools.partial(_leave_with, parent)} if parent else {}


async def _leave_with(parent: int, stop: asyncio.Event) -> None:
    """End when the parent is gone: nobody else would."""
    while os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.5)
            return
    stop.set()


async def _parts(parts: Parts) -> CollectorParts:
    settings = parts.settings
    given = settings.collector
    root = settings.journal_dir
    root.mkdir(parents=True, exist_ok=True)
    node = f"{socket.gethostname()}-{given.port}"
    mapping = DefaultMapping(parse_user_agent)
    tallies, rules = await _reporting(parts)
    return CollectorParts(
        settings=CollectorSettings(
            host=given.host,
            port=given.port,
            workers=given.workers,
            trusted_proxies=tuple(given.trusted_proxies),
            origins=tuple(given.origins),
            kept_headers=tuple(given.kept_headers),
            shutdown_delay_s=given.shutdown_delay,
            fsync=given.durability == "fsynced",
            journal_max_bytes=given.journal_limit * 1024 * 1024,
        ),
        node=node,
        open_writer=functools.partial(
            _open_writer, root, given.journal_limit * 1024 * 1024, given.durability == "fsynced"
        ),
        reader=FileJournalReader(root),
        sinks=_sinks(settings, mapping.schema, node),
        mapping=mapping,
        rejected=RejectedFiles(settings.data / "rejected"),
        tallies=tallies,
        rules=rules,
        shared=_shared(settings),
        prepare=functools.partial(log.configure, settings.log.level, settings.log.format, "acceptor"),
    )


def _open_writer(root: Path, max_bytes: int, fsync: bool, name: str) -> FileJournalWriter:  # noqa: FBT001 - for partial
    return FileJournalWriter(root, name, max_bytes=max_bytes, fsync=fsync)


def _shared(settings: Configuration) -> Path:
    folder = settings.data / "collector"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _sinks(settings: Configuration, schema: dict[str, Any], node: str) -> list[Sink]:
    table = plugins.table("sink")
    found: list[Sink] = []
    for name, config in settings.collector.sinks.items():
        if name not in table:
            raise Permanent(f"collector.sinks: there is no sink {name!r}; known are {', '.join(sorted(table))}.")
        cls = table[name]
        try:
            made = read(cls.Config, config, prefix=f"collector.sinks.{name}.")
        except InvalidSettings as error:
            raise Permanent(error.message) from error
        folder = settings.data / "events"
        found.append(cls(made, schema=schema, folder=folder, node=node, now_ms=lambda: time.time_ns() // 1_000_000))
    return found


async def _reporting(parts: Parts) -> tuple[TallyReports, RuleSource]:
    """Where counts go and rules come from: the broker and the API if they are configured, else the database."""
    settings = parts.settings
    far = not settings.bus.url.reveal().startswith("memory")
    tallies: TallyReports = BusReports(await parts.bus()) if far else StoreReports(await parts.store())
    if settings.collector.api_url:
        key, kept = settings.collector.api_key.reveal(), settings.data / "rules.json"
        settings.data.mkdir(parents=True, exist_ok=True)
        return tallies, ApiRules(settings.collector.api_url, key, kept)
    return tallies, ConfiguredRules(await parts.configured())
