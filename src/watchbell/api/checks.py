"""`/api/checks` and `/api/check`: what is watched and how it fares."""

from collections.abc import Sequence
from typing import Any, TypedDict

from litestar import get, post
from litestar.params import FromPath

from watchbell.api.auth import requires
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.rows import CheckResult, CheckStatus, result_row
from watchbell.api.times import Time, moment
from watchbell.api.wire import ok
from watchbell.domain.checks.health import Health
from watchbell.domain.errors import Conflict
from watchbell.ports.bus import Bus
from watchbell.usecases.inspecting import CheckView, Inspecting
from watchbell.usecases.managing import Managing
from watchbell.usecases.waking import RUN_TOPIC

MAY_READ = [requires("read:checks")]


class RecentResult(TypedDict):
    """How a check fared lately, for a small chart."""

    at: Time
    status: CheckStatus
    duration: float
    """Seconds."""


class CheckRow(TypedDict):
    """A check with its state."""

    id: str
    name: str
    type: str
    host: str
    site: str
    pool: str
    services: Sequence[str]
    environment: str
    enabled: bool
    interval: float
    """Seconds."""
    description: str
    status: CheckStatus
    hard: bool
    """Whether the verdict has been confirmed."""
    attempt: int
    """How many results in a row spoke like the newest."""
    since: Time | None
    lastRun: Time | None
    summary: str
    duration: float
    """Seconds that the newest run took."""
    recent: list[RecentResult]


class CheckWithBody(CheckRow):
    """A check with its state and its settings."""

    body: dict[str, Any]


@get("/api/checks", guards=MAY_READ, opt=told(answer=said(checks=list[CheckRow], total=int)))
async def checks(inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """All checks with their state and their last results, by name."""
    found = await inspecting.checks()
    return ok(checks=[shown(view) for view in found], total=len(found))


@get(
    "/api/check/{name:str}",
    guards=MAY_READ,
    opt=told(answer=said(check=CheckWithBody, results=list[CheckResult])),
)
async def check(name: FromPath[str], inspecting: Needed[Inspecting], managing: Needed[Managing]) -> dict[str, Any]:
    """One check by id or name, with its settings and its newest results. Secrets are dots."""
    view = await inspecting.check(name)
    stored, _ = await managing.get("check", view.check.id)
    return ok(check={**shown(view), "body": stored.body}, results=[result_row(result) for result in view.results])


@post("/api/check/{name:str}/run", guards=[requires("write:checks")], status_code=202, opt=told(answer=said(runId=str)))
async def run(name: FromPath[str], inspecting: Needed[Inspecting], bus: Needed[Bus]) -> dict[str, Any]:
    """Run a check now, beside its schedule; the result comes as every other."""
    wanted = await inspecting.find_check(name)
    if not wanted.enabled:
        raise Conflict("The check is disabled. Enable it first.")
    await bus.broadcast(RUN_TOPIC, wanted.id.encode())
    return ok(runId=wanted.id)


def shown(view: CheckView) -> CheckRow:
    """A check as the wire has it."""
    check = view.check
    health = view.health or Health(check_id=check.id)
    return {
        "id": check.id,
        "name": check.name,
        "type": check.type,
        "host": check.host,
        "site": check.site,
        "pool": check.pool,
        "services": check.services,
        "environment": check.environment,
        "enabled": check.enabled,
        "interval": check.interval,
        "description": check.description,
        "status": status_of(view),
        "hard": health.hard,
        "attempt": health.attempt,
        "since": moment(health.since),
        "lastRun": moment(health.last_run),
        "summary": health.outcome.summary if health.outcome is not None else "",
        "duration": health.last_duration,
        "recent": [
            {"at": moment(r.started), "status": r.outcome.status.value, "duration": r.duration} for r in view.recent
        ],
    }


def status_of(view: CheckView) -> CheckStatus:
    """The newest verdict, or `pending` before there is one."""
    return "pending" if view.health is None or view.health.pending else view.health.status.value


routes = [checks, check, run]
