"""`/api/checks` and `/api/check`: what is watched and how it fares."""

from typing import Any

from litestar import get, post
from litestar.params import FromPath

from watchbell.api.auth import requires
from watchbell.api.needs import Needed
from watchbell.api.wire import moment, ok
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.result import Result
from watchbell.domain.errors import Conflict
from watchbell.ports.bus import Bus
from watchbell.usecases.inspecting import CheckView, Inspecting
from watchbell.usecases.managing import Managing
from watchbell.usecases.waking import RUN_TOPIC

MAY_READ = [requires("read:checks")]


@get("/api/checks", guards=MAY_READ)
async def checks(inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """All checks with their state and their last results, by name."""
    found = await inspecting.checks()
    return ok(checks=[shown(view) for view in found], total=len(found))


@get("/api/check/{name:str}", guards=MAY_READ)
async def check(name: FromPath[str], inspecting: Needed[Inspecting], managing: Needed[Managing]) -> dict[str, Any]:
    """One check by id or name, with its settings and its newest results. Secrets are dots."""
    view = await inspecting.check(name)
    stored, _ = await managing.get("check", view.check.id)
    return ok(check={**shown(view), "body": stored.body}, results=[result_shown(result) for result in view.results])


@post("/api/check/{name:str}/run", guards=[requires("write:checks")], status_code=202)
async def run(name: FromPath[str], inspecting: Needed[Inspecting], bus: Needed[Bus]) -> dict[str, Any]:
    """Run a check now, beside its schedule; the result comes as every other."""
    wanted = await inspecting.find_check(name)
    if not wanted.enabled:
        raise Conflict("The check is disabled. Enable it first.")
    await bus.broadcast(RUN_TOPIC, wanted.id.encode())
    return ok(runId=wanted.id)


def shown(view: CheckView) -> dict[str, Any]:
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


def status_of(view: CheckView) -> str:
    """The newest verdict, or `pending` before there is one."""
    return "pending" if view.health is None or view.health.pending else view.health.status.value


def result_shown(result: Result) -> dict[str, Any]:
    """A result as the wire has it."""
    return {
        "at": moment(result.started),
        "status": result.outcome.status.value,
        "duration": result.duration,
        "summary": result.outcome.summary,
        "details": result.outcome.details,
        "readings": [{"name": r.name, "value": r.value, "unit": r.unit} for r in result.outcome.readings],
        "worker": result.worker,
        "manual": result.manual,
    }


routes = [checks, check, run]
