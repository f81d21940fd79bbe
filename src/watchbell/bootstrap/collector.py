"""The collector's process: journal, sinks, where counts go."""

import asyncio
import contextlib
import functools
import os
import socket
from pathlib import Path
from typing import Any

from watchbell import log
from watchbell.adapters.journal.files import FileJournalReader
from watchbell.adapters.rules_api import ApiMappings, ApiRules
from watchbell.adapters.user_agents import CLIENT_HINTS
from watchbell.bootstrap.accepting import open_writer
from watchbell.bootstrap.archive import archiver, make_spool
from watchbell.bootstrap.events import (
    duplicate_memory,
    enricher,
    find_place,
    forgotten_file,
    make_sinks,
    privacy,
    rejected_files,
    tidy,
)
from watchbell.bootstrap.parts import Parts
from watchbell.bootstrap.paths import make_paths
from watchbell.collector.settings import CollectorSettings
from watchbell.collector.sources import read_sources
from watchbell.config import Configuration
from watchbell.domain.errors import Permanent
from watchbell.domain.events.mapping.reading import Lookups
from watchbell.loading import parent_process
from watchbell.ports.tally import RuleSource, TallyReports
from watchbell.roles.collector import CollectorParts, run_collector
from watchbell.roles.process import run
from watchbell.usecases.following_mappings import ConfiguredMappings, MappingFollower
from watchbell.usecases.mapping_batches import BatchReading
from watchbell.usecases.reporting import BusReports, ConfiguredRules, StoreReports


async def collector(settings: Configuration) -> None:
    """Run the collector until told to stop."""
    async with Parts(settings) as parts:
        made = await _parts(parts)
        await run({"collector": functools.partial(_collect, made), **archiver(settings, made.node), **_with_parent()})


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
    made = _settings(settings)
    tallies, rules = await _reporting(parts)
    forgotten = forgotten_file(settings)
    forgotten.look()
    paths, publishing = make_paths(settings, node)
    return CollectorParts(
        settings=made,
        node=node,
        open_writer=functools.partial(
            open_writer,
            root,
            made.journal_max_bytes,
            made.fsync,
            privacy(settings),
            settings.data / "collector" / "salt",
        ),
        reader=FileJournalReader(root),
        sinks=make_sinks(settings, node),
        observers={**make_spool(settings, node), **publishing},
        paths=paths,
        duplicates=duplicate_memory(settings),
        following=await _following(parts),
        reading=BatchReading(enricher(settings), forgotten.parties),
        forgotten=forgotten.look,
        tidy=functools.partial(tidy, settings),
        rejected=rejected_files(settings),
        tallies=tallies,
        rules=rules,
        shared=_shared(settings),
        prepare=functools.partial(log.configure, settings.log.level, settings.log.format, "acceptor"),
    )


def _settings(settings: Configuration) -> CollectorSettings:
    given = settings.collector
    return CollectorSettings(
        host=given.host,
        port=given.port,
        workers=given.workers,
        sources=read_sources(given.sources),
        tls_cert=given.tls_cert,
        tls_key=given.tls_key,
        http2=given.http2,
        trusted_proxies=tuple(given.trusted_proxies),
        proxy_header=given.proxy_header,
        origins=tuple(given.origins),
        kept_headers=tuple(dict.fromkeys((*CLIENT_HINTS, *given.kept_headers))),
        shutdown_delay_s=given.shutdown_delay,
        fsync=given.durability == "fsynced",
        journal_max_bytes=given.journal_limit * 1024 * 1024,
    )


def _shared(settings: Configuration) -> Path:
    folder = settings.data / "collector"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _following(parts: Parts) -> MappingFollower:
    """Where mappings come from: the API if it is configured, else the database."""
    settings = parts.settings
    lookups = Lookups(find_place(settings) or Lookups().place_of)
    if settings.collector.api_url:
        settings.data.mkdir(parents=True, exist_ok=True)
        key, kept = settings.collector.api_key.reveal(), settings.data / "mappings.json"
        return MappingFollower(ApiMappings(settings.collector.api_url, key, kept), lookups)
    return MappingFollower(ConfiguredMappings(await parts.configured()), lookups)


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
