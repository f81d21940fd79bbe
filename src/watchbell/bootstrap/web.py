"""The API: its routes, what they need, and the server that serves them."""

import asyncio
from typing import Any

import structlog

from watchbell import plugins
from watchbell.adapters.passwords import Argon2Passwords
from watchbell.adapters.threads import LaneThreads
from watchbell.api import alerts, operations, pages, tries, webhooks
from watchbell.api.alerta_wire import Defaults
from watchbell.api.app import MAX_BODY, at_the_edge, create_app
from watchbell.api.auth import authentication
from watchbell.api.client_config import ClientConfig
from watchbell.api.edge import Edge, networks
from watchbell.api.express import Express
from watchbell.api.timing import timing
from watchbell.bootstrap.archive import make_archive, make_books
from watchbell.bootstrap.core import Core
from watchbell.bootstrap.keeping import retained
from watchbell.bootstrap.login import make_admitting, make_attesting, make_passkeys, offered, sign_up_terms
from watchbell.bootstrap.parts import Parts
from watchbell.bootstrap.routes import ROUTES
from watchbell.bootstrap.trying import trying
from watchbell.bootstrap.workers import object_shapes
from watchbell.config import shown
from watchbell.domain.second_factor import Required
from watchbell.ports.store import Store
from watchbell.roles.serving import serve
from watchbell.toolkit.origins import Origins
from watchbell.usecases.administering import Administering
from watchbell.usecases.auditing import Auditing
from watchbell.usecases.authenticating import Authenticating, ensure_setup
from watchbell.usecases.demanding import Demands
from watchbell.usecases.directory import Directory
from watchbell.usecases.explaining import Explaining
from watchbell.usecases.exploring import Exploring
from watchbell.usecases.following import ChangeFeed
from watchbell.usecases.foreseeing import Foreseeing
from watchbell.usecases.guarding import GuardedStore
from watchbell.usecases.housekeeping import Housekeeping
from watchbell.usecases.inspecting import Inspecting
from watchbell.usecases.lasting import Lasting
from watchbell.usecases.looking_back import LookingBack
from watchbell.usecases.managing import Managing
from watchbell.usecases.noting import Noting
from watchbell.usecases.obeying import Obeying
from watchbell.usecases.permitting import Permitting
from watchbell.usecases.pinging import Pinging
from watchbell.usecases.shaping import Shaping
from watchbell.usecases.signing_up import SigningUp
from watchbell.usecases.two_step import TwoStep
from watchbell.usecases.viewing import Viewing
from watchbell.usecases.vouching import Vouching

_log = structlog.get_logger("setup")


def build_app(parts: Parts, core: Core) -> Edge:
    """The whole API as an ASGI application."""
    settings = parts.settings
    passwords = Argon2Passwords()
    rules = settings.auth.rules()
    admitting = make_admitting(parts, core.store, rules)
    authenticating = Authenticating(
        core.store,
        parts.clock,
        passwords,
        required=settings.auth.required,
        admin_key=settings.auth.admin_key.reveal(),
        rules=rules,
        readonly_scopes=settings.auth.readonly_scopes if settings.auth.allow_readonly else (),
        demands=Demands(
            verify_email=settings.login.verify_email,
            second_step=Required(settings.login.require_second_factor),
            vault=parts.vault,
            attesting=make_attesting(parts, core.store, admitting, rules),
        ),
    )
    login = settings.login
    vouching = Vouching(core.store, parts.clock, authenticating.rules, login.proxy_terms(), login.hawk_keys())
    store = GuardedStore(core.store)
    needs: dict[str, Any] = {
        **_process(parts, core, store),
        **_people(parts, core, passwords, authenticating),
        "admitting": admitting,
        **_alerts(parts, core, store),
        "pinging": Pinging(authenticating, core.configured, parts.clock),
        **_objects(parts, core, store, authenticating),
        **_past_events(parts),
    }
    inner = [authentication(authenticating, vouching, settings.server.base_url), timing(core.metering)]
    app = create_app(ROUTES, needs, inner)
    served = settings.server
    express = Express(app, authenticating, alerts.lanes(needs["reception"]), MAX_BODY)
    return at_the_edge(express, parts.telemetry, networks(served.trusted_proxies), Origins(served.cors_origins))


def _process(parts: Parts, core: Core, store: Store) -> dict[str, Any]:
    """What handlers name of the process itself."""
    settings = parts.settings
    feed = ChangeFeed(core.store, parts.clock)
    parts.stack.push_async_callback(feed.close)
    return {
        "bus": core.bus,
        "client_config": ClientConfig(
            auth_required=settings.auth.required,
            customer_views=settings.auth.customer_views,
            readonly_scopes=tuple(settings.auth.readonly_scopes) if settings.auth.allow_readonly else (),
            environments=tuple(settings.allowed_environments),
            timeouts=core.timeouts,
            actions=tuple(settings.alerts.actions),
            history_limit=settings.alerts.history_limit,
            collector_url=settings.collector_url,
            sign_up=settings.login.sign_up,
            verify_email=settings.login.verify_email,
            pages=settings.alerta_pages,
            **offered(settings),
        ),
        "clock": parts.clock,
        "cors_origins": Origins(settings.server.cors_origins),
        "exposition": parts.telemetry,
        "feed": feed,
        "files": pages.load_files(),
        "forwarding": core.forwarding,
        "metering": core.metering,
        "readiness": operations.Readiness(core.store, core.bus),
        "settings_shown": shown(settings),
        "started": parts.clock.now(),
        "store": store,
        "switching": core.switching,
    }


def _people(parts: Parts, core: Core, passwords: Argon2Passwords, authenticating: Authenticating) -> dict[str, Any]:
    """What handlers name of people and their ways in."""
    settings = parts.settings
    return {
        "administering": Administering(core.store, parts.clock, passwords, authenticating),
        "auditing": Auditing(core.store, parts.clock),
        "authenticating": authenticating,
        "directory": Directory(core.store, parts.clock, authenticating.rules),
        "lasting": Lasting(core.store, parts.clock),
        **make_passkeys(parts, core.store, authenticating),
        "permitting": Permitting(core.store, parts.clock, authenticating.rules),
        "signing_up": SigningUp(core.store, parts.clock, passwords, authenticating, sign_up_terms(settings)),
        "two_step": TwoStep(core.store, parts.clock, parts.vault, authenticating),
        "secure_cookie": settings.auth.secure_cookie or bool(settings.server.tls_cert),
    }


def _alerts(parts: Parts, core: Core, store: Store) -> dict[str, Any]:
    """What handlers name of alerts, incidents and heartbeats."""
    return {
        "escalating": core.escalating_on(store),
        "heartbeating": core.heartbeating_on(store),
        "housekeeping": Housekeeping(store, parts.clock, core.model, retained(parts.settings)),
        "inspecting": Inspecting(store, core.configured, parts.clock, core.model),
        "looking_back": LookingBack(store, parts.clock, core.model),
        "explaining": Explaining(store, core.configured, core.rules, parts.clock),
        "intake": core.intake,
        "interpreting": core.interpreting,
        "model": core.model,
        "noting": Noting(store, parts.clock, consulting=core.consulting),
        "viewing": Viewing(store, parts.clock),
        "operating": core.operating_on(store),
        "pulsing": core.pulsing,
        "reception": alerts.Reception(core.intake, parts.clock, Defaults()),
    }


def _objects(parts: Parts, core: Core, store: Store, authenticating: Authenticating) -> dict[str, Any]:
    """What handlers name of managed objects, and what other systems' messages make of them."""
    shapes = object_shapes(parts)
    managing = Managing(store, parts.clock, parts.vault, shapes, core.configured.expire, authenticating.rules)
    return {
        "configured": core.configured,
        "foreseeing": Foreseeing(store, core.configured, parts.clock, shapes),
        "hooks": _hooks(parts, core, store, managing),
        "managing": managing,
        "shapes": shapes,
        "tries": tries.Tries(LaneThreads(tries.AT_ONCE)),
        "trying": trying(parts.settings),
    }


def _hooks(parts: Parts, core: Core, store: Store, managing: Managing) -> webhooks.Hooks:
    """What receives other systems' messages."""
    return webhooks.Hooks(
        table={name: cls() for name, cls in plugins.table("webhook").items()},
        secrets=parts.settings.webhooks.secrets,
        obeying=Obeying(store, parts.clock, core.intake, core.operating_on(store), managing),
        shaping=Shaping(store, core.configured, parts.clock, core.model.severities),
        auditing=Auditing(core.store, parts.clock),
        clock=parts.clock,
        interpreting=core.interpreting,
        threads=LaneThreads(parts.settings.plugins.concurrency),
        patience=parts.settings.plugins.timeout,
    )


def _past_events(parts: Parts) -> dict[str, Any]:
    """What handlers name to ask about events of the past."""
    archive = make_archive(parts.settings)
    parts.stack.push_async_callback(archive.close)
    return {"books": make_books(parts.settings), "exploring": Exploring(archive, parts.telemetry)}


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


async def _invite(core: Core, base_url: str) -> None:
    """Show the one-time link while there are no users."""
    token = await ensure_setup(core.store)
    if token is not None:
        # The one secret that a person must read from the log; it works once, and only while there are no users.
        _log.warning("no_users_yet", set_up_at=f"{base_url}/setup#token={token}")
