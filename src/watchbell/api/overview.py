"""`/api/status`: how Watchbell itself is."""

from collections.abc import Mapping, Sequence
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
from watchbell.usecases.forwarding import FORWARD, Forwarding
from watchbell.usecases.inspecting import Inspecting
from watchbell.usecases.switching import Switching


class KeeperBody(TypedDict):
    """A keeper and the shards that it holds."""

    holder: str
    shards: Sequence[int]


class Backlog(TypedDict):
    """What waits to leave."""

    count: int
    oldest: float
    """How long the oldest waits, in seconds."""


class ForwardBody(Backlog):
    """Another installation, and what waits to be told to it."""

    name: str
    configured: bool
    """Whether the settings name it; what waits for one that they do not is told when they do again."""


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
            forwards=list[ForwardBody],
            switches=dict[str, bool],
        )
    ),
)
async def status(
    inspecting: Needed[Inspecting],
    clock: Needed[Clock],
    started: Needed[datetime],
    client_config: Needed[ClientConfig],
    forwarding: Needed[Forwarding],
    switching: Needed[Switching],
) -> dict[str, Any]:
    """How Watchbell itself is: keepers and their shards, the newest result, what waits to leave, what is turned off."""
    found = await inspecting.overview()
    return ok(
        application="watchbell",
        version=__version__,
        uptime=round((clock.now() - started).total_seconds(), 1),
        role="api",
        collectorUrl=client_config.collector_url,
        keepers=[{"holder": holder, "shards": shards} for holder, shards in found.keepers.items()],
        lastResultAt=moment(found.last_result_at),
        outbox=_waiting(found.backlog),
        forwards=_forwards(found.backlog, [one.name for one in forwarding.destinations]),
        switches=dict(await switching.all()),
    )


def _waiting(backlog: Mapping[str, tuple[int, float]]) -> dict[str, Backlog]:
    """What waits here, by kind; what everybody asks about is there also when nothing does."""
    kinds = dict.fromkeys(("deliver", "route", *sorted(kind for kind in backlog if not kind.startswith(FORWARD))))
    return {kind: _backlog(backlog, kind) for kind in kinds}


def _forwards(backlog: Mapping[str, tuple[int, float]], configured: Sequence[str]) -> list[ForwardBody]:
    left = sorted({kind.removeprefix(FORWARD) for kind in backlog if kind.startswith(FORWARD)} - set(configured))
    return [
        {"name": name, "configured": name in configured, **_backlog(backlog, FORWARD + name)}
        for name in (*configured, *left)
    ]


def _backlog(backlog: Mapping[str, tuple[int, float]], kind: str) -> Backlog:
    count, oldest = backlog.get(kind, (0, 0.0))
    return {"count": count, "oldest": oldest}


routes = [status]
