"""`/api/status` and `/api/audit`: how Watchbell itself is, and who did what."""

from datetime import datetime
from typing import Any

from litestar import Request, get

from watchbell import __version__
from watchbell.api.auth import requires
from watchbell.api.client_config import ClientConfig
from watchbell.api.needs import Needed
from watchbell.api.wire import moment, number_of, ok, time_of
from watchbell.ports.clock import Clock
from watchbell.usecases.inspecting import Inspecting


@get("/api/status", guards=[requires("read:management")])
async def status(
    inspecting: Needed[Inspecting], clock: Needed[Clock], started: Needed[datetime], client_config: Needed[ClientConfig]
) -> dict[str, Any]:
    """How Watchbell itself is: keepers with their shards, the newest result, what waits to leave."""
    found = await inspecting.overview()
    waiting = {
        kind: {"count": count, "oldest": oldest}
        for kind in ("deliver", "route")
        for count, oldest in [found.backlog.get(kind, (0, 0.0))]
    }
    return ok(
        application="watchbell",
        version=__version__,
        uptime=round((clock.now() - started).total_seconds(), 1),
        role="api",
        collectorUrl=client_config.collector_url,
        keepers=[{"holder": holder, "shards": shards} for holder, shards in found.keepers.items()],
        lastResultAt=moment(found.last_result_at),
        outbox=waiting,
    )


@get("/api/audit", guards=[requires("admin:management")])
async def audit(request: Request[Any, Any, Any], inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """Who did what, newest first: `limit`, and `before` (a time) for older ones."""
    before = request.query_params.get("before")
    found = await inspecting.audit(
        number_of(request, "limit", 100, 1000), time_of(before, "before") if before else None
    )
    return ok(
        entries=[
            {
                "id": entry.id,
                "at": moment(entry.at),
                "who": entry.who,
                "action": entry.action,
                "kind": entry.kind,
                "subject": entry.subject,
                "text": entry.text,
            }
            for entry in found
        ]
    )


routes = [status, audit]
