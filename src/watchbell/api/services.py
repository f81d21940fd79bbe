"""`/api/service-status`: what the business calls it, and how it fares."""

from typing import Any, TypedDict

from litestar import get

from watchbell.api.auth import requires
from watchbell.api.checks import status_of
from watchbell.api.contract import said, told
from watchbell.api.incidents import IncidentState
from watchbell.api.needs import Needed
from watchbell.api.rows import CheckStatus
from watchbell.api.times import Time, moment
from watchbell.api.wire import ok
from watchbell.usecases.inspecting import Inspecting, ServiceView


class StandingIncident(TypedDict):
    """The incident that stands."""

    id: str
    title: str
    status: IncidentState
    severity: str
    openedAt: Time


class ServiceCheck(TypedDict):
    """A check of a service."""

    id: str
    name: str
    status: CheckStatus


class ServiceRow(TypedDict):
    """A service and how it fares."""

    id: str
    name: str
    description: str
    runbook: str
    policy: str
    status: str
    """The worst severity that stands, or `ok`."""
    incident: StandingIncident | None
    alerts: int
    checks: list[ServiceCheck]


@get(
    "/api/service-status",
    guards=[requires("read:services")],
    opt=told(answer=said(services=list[ServiceRow])),
)
async def service_status(inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """All services with the worst that stands, their incident and their checks."""
    return ok(services=[shown(view) for view in await inspecting.services()])


def shown(view: ServiceView) -> ServiceRow:
    """A service as the wire has it."""
    service, incident = view.service, view.incident
    return {
        "id": service.id,
        "name": service.name,
        "description": service.description,
        "runbook": service.runbook,
        "policy": service.policy,
        "status": view.severity or "ok",
        "incident": None
        if incident is None
        else {
            "id": incident.id,
            "title": incident.title,
            "status": incident.status.value,
            "severity": incident.severity,
            "openedAt": moment(incident.opened_at),
        },
        "alerts": view.alerts,
        "checks": [{"id": c.check.id, "name": c.check.name, "status": status_of(c)} for c in view.checks],
    }


routes = [service_status]
