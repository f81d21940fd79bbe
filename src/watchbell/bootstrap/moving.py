"""What an import of data needs: the store, the terms of this installation, and a way to the other server."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from watchbell.bootstrap.direct import migrate, shapes
from watchbell.bootstrap.parts import Parts
from watchbell.config import Configuration
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.errors import Permanent, Retryable
from watchbell.ports.data_source import Fetch, Kind, Terms
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient, HttpRequest
from watchbell.usecases.moving import Moving, Writer
from watchbell.usecases.moving_alerts import MovingAlerts
from watchbell.usecases.moving_people import MovingPeople

PATIENCE = 120.0
"""Seconds that an answer may take: of many alerts Alerta sorts all for each page."""
BODY_LIMIT = 256 << 20


@dataclass(frozen=True)
class Move:
    """An import that can begin."""

    moving: Moving
    terms: Terms
    fetch: Fetch


@asynccontextmanager
async def moving(settings: Configuration, *, dry_run: bool, notify: bool) -> AsyncGenerator[Move]:
    """Open the store; with SQLite it is made and migrated when it is not there yet."""
    if settings.single_node:
        await migrate(settings)
    async with Parts(settings) as parts:
        store = await parts.migrated_store()
        model, rules = settings.alerts.alarm_model(), settings.auth.rules()
        terms = Terms(
            now=parts.clock.now(),
            model=model,
            limits=Limits(environments=tuple(settings.allowed_environments)),
            timeouts=settings.alerts.timeouts(),
            rules=rules,
            max_latency=settings.alerts.heartbeat_latency,
        )
        alerts = MovingAlerts(parts.clock, await parts.configured(), model, shapes(settings), notify=notify)
        writers: dict[Kind, Writer] = {**MovingPeople(parts.clock, rules).writers(), **alerts.writers()}
        given = settings.egress
        # Whoever moves names the server, which often runs on this machine.
        client = HttpClient(EgressPolicy(Egress(allow_loopback=True, allow=given.allow, deny=given.deny)))
        parts.stack.push_async_callback(client.close)
        yield Move(Moving(store, parts.clock, writers, dry_run=dry_run), terms, _fetching(client))


def _fetching(client: HttpClient) -> Fetch:
    async def fetch(url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(PATIENCE):
                reply = await client.exchange(HttpRequest(url=url, headers=dict(headers), body_limit=BODY_LIMIT))
        except TimeoutError:
            raise Retryable(f"no answer within {PATIENCE:g} seconds") from None
        if not reply.complete:
            raise Permanent(f"{url.partition('?')[0]}: an answer is longer than {BODY_LIMIT >> 20} MiB")
        return reply.status, reply.body

    return fetch
