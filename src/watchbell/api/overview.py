"""`/api/status`: how Watchbell itself is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict

from litestar import get

from watchbell import __version__
from watchbell.api.auth import requires
from watchbell.api.client_config import ClientConfig
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import ok
from watchbell.ports.clock import Clock
from watchbell.usecases.inspecting import Inspecting


class KeeperBody(TypedDict):
    """A keeper and the shards that it holds."""

    holder: str
    shards: Sequence[int]


class Backlog(TypedDict):
    """What waits to leave."""

    count: int
    oldest: float
    """How long the oldest waits, in seconds."""


@get(
    "/api/status",
    guards=[requires("read:management")],
    opt=told(
        answer=said(
            application=str,
            version=str,
            uptime=float,
            role=str,
            collectorUrl=str,
            keepers=list[KeeperBody],
            lastResultAt=Time | None,
            outbox=dict[str, Backlog],
        )
    ),
)
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


routes = [status]
