"""Everything on one machine.

The API with keeper, worker and notifier in one event loop, the collector in processes of its own.
"""

import asyncio
import contextlib
import sys
from functools import partial

import structlog

from watchbell.bootstrap.core import core
from watchbell.bootstrap.keeping import keep
from watchbell.bootstrap.parts import Parts, no_database
from watchbell.bootstrap.web import serve_api
from watchbell.bootstrap.workers import notify, work
from watchbell.config import Configuration
from watchbell.domain.errors import Permanent, Retryable
from watchbell.loading import child_environment
from watchbell.roles.process import Role, run
from watchbell.roles.serving import check_port

RESTART_AFTER = 1.0  # seconds
PATIENCE = 45.0  # seconds that the collector gets to write what it has
LEAVING = 5.0
"""Seconds that the collector of a process that was killed gets to leave the port."""

_log = structlog.get_logger("up")


async def up(settings: Configuration) -> None:
    """Run everything until told to stop."""
    from watchbell.adapters.store.migrations import migrate

    check_port(settings.server.host, settings.server.port)
    if settings.collector.enabled:
        await _collector_port(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        await migrate(settings.store_url)
    except Retryable as error:
        raise no_database(settings.store_url, error) from error
    async with Parts(settings) as parts:
        shared = await core(parts)
        roles: dict[str, Role] = {
            "api": partial(serve_api, parts, shared),
            "keeper": partial(keep, parts, shared),
            "worker": partial(work, parts),
            "notifier": partial(notify, parts),
        }
        if settings.collector.enabled:
            roles["collector"] = partial(_collector, settings)
        await run(roles)


async def _collector_port(settings: Configuration) -> None:
    """See that the collector's port is free, with patience: after a kill its former holder notices, and leaves."""
    loop = asyncio.get_running_loop()
    until = loop.time() + LEAVING
    while True:
        try:
            check_port(settings.collector.host, settings.collector.port, "--collector-port or collector.port")
        except Permanent:
            if loop.time() > until:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def _collector(settings: Configuration, stop: asyncio.Event) -> None:
    """Keep a collector running; it gets the settings by its environment, and leaves when this process is gone."""
    environment = child_environment(settings)
    while not stop.is_set():
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "watchbell", "collector", env=environment, start_new_session=True
        )
        ended, stopping = asyncio.create_task(child.wait()), asyncio.create_task(stop.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not ended.done():
            await _end(child, ended)
            return
        _log.error("collector_ended", exit_code=child.returncode, again_in_seconds=RESTART_AFTER)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RESTART_AFTER)


async def _end(child: asyncio.subprocess.Process, ended: "asyncio.Task[int]") -> None:
    child.terminate()
    try:
        await asyncio.wait_for(asyncio.shield(ended), PATIENCE)
    except TimeoutError:
        _log.warning("collector_killed", after_seconds=PATIENCE)
        child.kill()
        await ended
