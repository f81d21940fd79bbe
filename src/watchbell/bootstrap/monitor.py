"""Liveness, readiness and metrics of the roles that serve nothing else."""

import asyncio

from watchbell.api import operations
from watchbell.api.app import at_the_edge, create_app
from watchbell.bootstrap.parts import Parts
from watchbell.ports.store import Store
from watchbell.roles.serving import serve


async def serve_monitor(parts: Parts, store: Store | None, stop: asyncio.Event) -> None:
    """Serve liveness, readiness and metrics of a role that serves nothing else, if a port is set for it."""
    given = parts.settings.monitor
    if not given.port:
        await stop.wait()
        return
    needs = {"exposition": parts.telemetry, "readiness": operations.Readiness(store, await parts.bus())}
    app = at_the_edge(create_app(operations.monitor_routes, needs), parts.telemetry, ())
    await serve(app, given.host, given.port, stop, kind="asginl")
