"""For those who operate Watchbell: liveness, readiness, metrics, and Cabot's `/status/`."""

from datetime import datetime
from typing import Any

from litestar import MediaType, Request, Response, get

from watchbell.api.contract import Parameter, told
from watchbell.api.needs import Needed
from watchbell.api.wire import media_of
from watchbell.domain.checks.running import running
from watchbell.domain.errors import Retryable
from watchbell.ports.bus import Bus
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.ports.telemetry import Exposition
from watchbell.usecases.configuration import Configured

OPEN = {"open": True}
STRICT = Parameter(name="strict", about="When it is there: 503 when checks do not run.")


@get("/healthz", media_type=MediaType.TEXT, opt=OPEN | told(answer=str))
async def healthz() -> str:
    """Whether the process is alive."""
    return "ok"


class Readiness:
    """What a process needs to do its work: the database decides, the broker only delays."""

    def __init__(self, store: Store | None, bus: Bus) -> None:
        self._store = store
        self._bus = bus

    async def state(self) -> tuple[bool, dict[str, str]]:
        """Whether the process is ready, and how each of its needs fares."""
        state = {"bus": "ok" if self._bus.available() else "away"}
        if self._store is None:
            return self._bus.available(), state
        try:
            await self._store.ping()
        except Retryable as error:
            return False, state | {"store": error.message}
        return True, state | {"store": "ok"}


@get("/readyz", opt=OPEN | told(answer=dict[str, str], others={503: dict[str, str]}))
async def readyz(readiness: Needed[Readiness]) -> Response[dict[str, str]]:
    """Whether it can do its work: 503 names what is missing.

    With a database, a missing broker delays work and stops none, so that stays 200.
    """
    ready, state = await readiness.state()
    return Response(state, status_code=200 if ready else 503)


@get("/metrics", opt=OPEN | told(answer=str), media_type=MediaType.TEXT)
async def metrics(exposition: Needed[Exposition]) -> Response[bytes]:
    """Everything that is counted, in Prometheus' text format."""
    return Response(exposition.exposition(), media_type=media_of(exposition.content_type))


@get(
    ["/status", "/status/"],
    media_type=MediaType.TEXT,
    opt=OPEN | told(query=(STRICT,), answer=str, others={503: str}),
)
async def status(
    request: Request[Any, Any, Any],
    store: Needed[Store],
    configured: Needed[Configured],
    clock: Needed[Clock],
    started: Needed[datetime],
) -> Response[str]:
    """`Checks running` or `Checks not running`, as Cabot says it; with `?strict` also as 200 or 503."""
    now = clock.now()
    configuration = await configured.current()
    async with store.reading() as tx:
        healths = await tx.checks.healths()
        leases, present = await tx.leases.all(), await tx.leases.now(now)
    keepers = sum(1 for lease in leases if lease.name.startswith("shard/") and lease.expires_at > present)
    well, why = running(configuration.checks.values(), healths, keepers, started, now)
    strict = STRICT.name in request.query_params
    return Response(
        "Checks running" if well else "Checks not running",
        status_code=200 if well or not strict else 503,
        headers={"X-Watchbell-Reason": why.encode("ascii", "replace").decode(), "Cache-Control": "no-store"},
    )


monitor_routes = [healthz, readyz, metrics]
routes = [*monitor_routes, status]
