"""The API: its routes, what they need, and the server that serves them."""

import asyncio
from typing import Any

import structlog

from watchbell import plugins
from watchbell.adapters.passwords import Argon2Passwords
from watchbell.api import (
    alerts,
    checks,
    client_config,
    description,
    events,
    heartbeats,
    incidents,
    keys,
    objects,
    operations,
    overview,
    pages,
    services,
    session,
    stream,
    users,
    webhooks,
)
from watchbell.api.alerta_wire import Defaults
from watchbell.api.app import at_the_edge, create_app
from watchbell.api.auth import authentication
from watchbell.api.client_config import ClientConfig
from watchbell.api.edge import Edge, networks
from watchbell.bootstrap.core import Core
from watchbell.bootstrap.parts import Parts
from watchbell.bootstrap.workers import object_shapes
from watchbell.ports.store import Store
from watchbell.roles.serving import serve
from watchbell.usecases.administering import Administering
from watchbell.usecases.authenticating import Authenticating, ensure_setup
from watchbell.usecases.following import ChangeFeed
from watchbell.usecases.inspecting import Inspecting
from watchbell.usecases.managing import Managing

ROUTES = [
    *alerts.routes,
    *checks.routes,
    *client_config.routes,
    *description.routes,
    *events.routes,
    *heartbeats.routes,
    *incidents.routes,
    *keys.routes,
    *objects.routes,
    *operations.routes,
    *overview.routes,
    *pages.routes,
    *services.routes,
    *session.routes,
    *stream.routes,
    *users.routes,
    *webhooks.routes,
]

_log = structlog.get_logger("setup")


def build_app(parts: Parts, core: Core) -> Edge:
    """The whole API as an ASGI application."""
    settings = parts.settings
    passwords = Argon2Passwords()
    authenticating = Authenticating(
        core.store,
        parts.clock,
        passwords,
        required=settings.auth.required,
        admin_key=settings.auth.admin_key.reveal(),
    )
    needs: dict[str, Any] = {
        **_needs(parts, core, authenticating),
        "administering": Administering(core.store, parts.clock, passwords, authenticating),
        "authenticating": authenticating,
    }
    app = create_app(ROUTES, needs, [authentication(authenticating, settings.server.base_url)])
    return at_the_edge(app, parts.telemetry, networks(settings.server.trusted_proxies))


def _needs(parts: Parts, core: Core, authenticating: Authenticating) -> dict[str, Any]:
    """What handlers name, but for accounts."""
    settings = parts.settings
    environments = tuple(settings.allowed_environments)
    feed = ChangeFeed(core.store, parts.clock)
    parts.stack.push_async_callback(feed.close)
    shapes = object_shapes(parts)
    return {
        "bus": core.bus,
        "client_config": ClientConfig(
            auth_required=settings.auth.required,
            environments=environments,
            collector_url=settings.collector_url,
        ),
        "clock": parts.clock,
        "configured": core.configured,
        "escalating": core.escalating,
        "exposition": parts.telemetry,
        "feed": feed,
        "files": pages.load_files(),
        "inspecting": Inspecting(core.store, core.configured, parts.clock, core.model),
        "intake": core.intake,
        "managing": Managing(
            core.store, parts.clock, parts.vault, shapes, core.configured.expire, authenticating.forget
        ),
        "model": core.model,
        "operating": core.operating,
        "pulsing": core.pulsing,
        "readiness": operations.Readiness(core.store, core.bus),
        "reception": alerts.Reception(core.intake, parts.clock, Defaults()),
        "secure_cookie": settings.auth.secure_cookie or bool(settings.server.tls_cert),
        "shapes": shapes,
        "started": parts.clock.now(),
        "store": core.store,
        "webhooks": {name: cls() for name, cls in plugins.table("webhook").items()},
    }


async def serve_api(parts: Parts, core: Core, stop: asyncio.Event) -> None:
    """Serve pages and API until told to stop."""
    settings = parts.settings
    app = build_app(parts, core)
    await _invite(core, settings.base_url)
    if not settings.auth.required:
        _log.warning("auth_is_off", hint="everyone who reaches the port is an administrator; set auth.required")
    _log.info("serving", url=settings.base_url)
    await serve(
        app,
        settings.server.host,
        settings.server.port,
        stop,
        tls_cert=settings.server.tls_cert,
        tls_key=settings.server.tls_key,
        kind="asginl",
    )


async def serve_monitor(parts: Parts, store: Store | None, stop: asyncio.Event) -> None:
    """Serve liveness, readiness and metrics of a role that serves nothing else, if a port is set for it."""
    given = parts.settings.monitor
    if not given.port:
        await stop.wait()
        return
    needs = {"exposition": parts.telemetry, "readiness": operations.Readiness(store, await parts.bus())}
    app = at_the_edge(create_app(operations.monitor_routes, needs), parts.telemetry, ())
    await serve(app, given.host, given.port, stop, kind="asginl")


async def _invite(core: Core, base_url: str) -> None:
    """Show the one-time link while there are no users."""
    token = await ensure_setup(core.store)
    if token is not None:
        # The one secret that a person must read from the log; it works once, and only while there are no users.
        _log.warning("no_users_yet", set_up_at=f"{base_url}/setup#token={token}")
