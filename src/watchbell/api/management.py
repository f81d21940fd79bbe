"""`/api/management/…` as Alerta's clients and monitors know it: liveness, status, metrics, housekeeping, properties."""

from datetime import datetime, timedelta
from typing import Any, TypedDict

from litestar import MediaType, Request, Response, get, route

from watchbell import __version__
from watchbell.api import alerta_metrics
from watchbell.api.alerta_metrics import Metric, rows
from watchbell.api.alerts import answer, base_of
from watchbell.api.auth import refuse_pages, requires
from watchbell.api.contract import Parameter, said, told
from watchbell.api.needs import Needed
from watchbell.api.operations import Readiness
from watchbell.api.switchboard import states
from watchbell.api.wire import media_of
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.errors import Invalid, Retryable
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.ports.telemetry import Exposition
from watchbell.usecases.heartbeating import Heartbeating
from watchbell.usecases.housekeeping import Housekeeping
from watchbell.usecases.metering import Metering
from watchbell.usecases.switching import Switching

OPEN = {"open": True}
READ = [requires("read:management")]
ADMIN = [requires("admin:management")]
STALE = 4
"""An origin that was silent for so many of its time-outs makes the health check fail."""


LINKS = (
    ("/alerts", "GET"),
    ("/alert", "POST"),
    ("/alerts/history", "GET"),
    ("/environments", "GET"),
    ("/services", "GET"),
    ("/heartbeats", "GET"),
    ("/heartbeat", "POST"),
    ("/users", "GET"),
    ("/keys", "GET"),
    ("/config", "GET"),
    ("/management/status", "GET"),
    ("/docs", "GET"),
)


class Link(TypedDict):
    """Where to go on."""

    rel: str
    href: str
    method: str


_HOURS = (
    Parameter(name="expired", about="Hours after which closed and expired alerts go.", type=float),
    Parameter(name="info", about="Hours after which informational alerts go.", type=float),
)


@get("/api", opt=OPEN | told(answer=said(data=dict[str, str], links=list[Link], uri=str)))
async def root(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Where to go on from here."""
    base = base_of(request)
    links = [{"rel": path.removeprefix("/"), "href": f"{base}{path}", "method": method} for path, method in LINKS]
    return answer({"data": {"description": "Watchbell API"}, "links": links, "status": "ok", "uri": base})


@get("/api/_", opt=OPEN | told(answer=str), media_type=MediaType.TEXT)
async def here() -> str:
    """Whether there is anybody: `OK`."""
    return "OK"


@get("/api/management/gtg", opt=OPEN | told(answer=str, others={503: str}), media_type=MediaType.TEXT)
async def gtg(readiness: Needed[Readiness]) -> Response[str]:
    """Good to go: `OK`, or 503 while the database does not answer."""
    ready, _ = await readiness.state()
    return Response("OK" if ready else "FAILED", status_code=200 if ready else 503, media_type=MediaType.TEXT)


@get("/api/management/healthcheck", opt=OPEN | told(answer=str, others={503: str}), media_type=MediaType.TEXT)
async def healthcheck(heartbeating: Needed[Heartbeating], clock: Needed[Clock]) -> Response[str]:
    """`OK`, or 503 with the origin that has been silent for four times its time-out."""
    now = clock.now()
    try:
        heartbeats = await heartbeating.all()
    except Retryable:
        return Response("HEALTH_CHECK_FAILED", status_code=503, media_type=MediaType.TEXT)
    for heartbeat in heartbeats:
        if heartbeat.timeout and now - heartbeat.receive_time > timedelta(seconds=STALE * heartbeat.timeout):
            return Response(f"HEARTBEAT_STALE: {heartbeat.origin}", status_code=503, media_type=MediaType.TEXT)
    return Response("OK", media_type=MediaType.TEXT)


@get(
    "/api/management/manifest",
    guards=READ,
    opt=told(answer=said(build=str, date=str, release=str, revision=str)),
)
async def manifest() -> Response[bytes]:
    """Which release runs."""
    return answer({"build": "", "date": "", "release": __version__, "revision": "", "status": "ok"})


@get("/api/management/properties", guards=ADMIN, opt=told(answer=str), media_type=MediaType.TEXT)
async def properties(settings_shown: Needed[str]) -> str:
    """The settings in force, secrets as dots."""
    return settings_shown


@get(
    "/api/management/status",
    guards=READ,
    opt=told(answer=said(application=str, metrics=list[Metric], time=int, uptime=int, version=str)),
)
async def status(
    store: Needed[Store],
    clock: Needed[Clock],
    started: Needed[datetime],
    metering: Needed[Metering],
    switching: Needed[Switching],
) -> Response[bytes]:
    """Release, times in milliseconds, how many alerts there are, what this process has counted, and the switches."""
    async with store.reading() as tx:
        counts = await tx.alerts.counts(AlertQuery())
    now = clock.now()
    return answer(
        {
            "application": "watchbell",
            "metrics": [*rows(counts, metering), *states(await switching.all())],
            "status": "ok",
            "time": _milliseconds(now.timestamp()),
            "uptime": _milliseconds((now - started).total_seconds()),
            "version": __version__,
        }
    )


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


@get("/api/management/metrics", guards=READ, opt=told(answer=str), media_type=MediaType.TEXT)
async def metrics(
    exposition: Needed[Exposition],
    store: Needed[Store],
    clock: Needed[Clock],
    started: Needed[datetime],
    metering: Needed[Metering],
) -> Response[bytes]:
    """What is counted, in Prometheus' text format; first what Alerta's dashboards ask for."""
    async with store.reading() as tx:
        counts = await tx.alerts.counts(AlertQuery())
    known = alerta_metrics.exposition(counts, metering, _milliseconds((clock.now() - started).total_seconds()))
    return Response(known.encode() + exposition.exposition(), media_type=media_of(exposition.content_type))


@route(
    "/api/management/housekeeping",
    http_method=["GET", "POST"],
    guards=ADMIN,
    status_code=200,
    opt=told(
        query=_HOURS,
        answer=said(deleted=int, expired=list[str], unshelve=list[str], unack=list[str], count=int),
    ),
)
async def housekeeping(request: Request[Any, Any, Any], housekeeping: Needed[Housekeeping]) -> Response[bytes]:
    """Delete what has been over for long enough, by the settings or by `expired` and `info` hours.

    It happens by itself too; nothing has to call this. What expires or runs out does so when it is due: of that, which
    Alerta's clients ask for, nothing is ever left to do.
    """
    refuse_pages(request, "A browser must ask for this by POST.")
    deleted = await housekeeping.run(_hours(request, "expired"), _hours(request, "info"))
    nothing: dict[str, Any] = {"expired": [], "unshelve": [], "unack": [], "count": 0}
    return answer({"deleted": deleted, "status": "ok", **nothing})


def _hours(request: Request[Any, Any, Any], name: str) -> float | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise Invalid("must be a number of hours", name) from None


routes = [root, here, gtg, healthcheck, manifest, properties, status, metrics, housekeeping]
