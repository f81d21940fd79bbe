"""The roles of a cluster, each a process of its own, which imports what it needs and no more."""

from functools import partial

from watchbell.bootstrap.monitor import serve_monitor
from watchbell.bootstrap.parts import Parts
from watchbell.bootstrap.workers import notify, work
from watchbell.config import Configuration
from watchbell.roles.process import run


async def api(settings: Configuration) -> None:
    """Pages and API."""
    from watchbell.bootstrap.core import core
    from watchbell.bootstrap.web import serve_api

    async with Parts(settings) as parts:
        await parts.migrated_store()
        await run({"api": partial(serve_api, parts, await core(parts))})


async def keeper(settings: Configuration) -> None:
    """What is due."""
    from watchbell.bootstrap.core import core
    from watchbell.bootstrap.keeping import keep

    async with Parts(settings) as parts:
        await parts.migrated_store()
        shared = await core(parts)
        monitor = partial(serve_monitor, parts, shared.store)
        await run({"keeper": partial(keep, parts, shared), "monitor": monitor})


async def worker(settings: Configuration) -> None:
    """Checks."""
    async with Parts(settings) as parts:
        await run({"worker": partial(work, parts), "monitor": partial(serve_monitor, parts, None)})


async def notifier(settings: Configuration) -> None:
    """Messages to people."""
    async with Parts(settings) as parts:
        await run({"notifier": partial(notify, parts), "monitor": partial(serve_monitor, parts, None)})
