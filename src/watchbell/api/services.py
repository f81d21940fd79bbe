"""`/api/service-status`: what the business calls it, and how it fares."""

from typing import Any

from litestar import get

from watchbell.api.auth import requires
from watchbell.api.checks import status_of
from watchbell.api.needs import Needed
from watchbell.api.wire import moment, ok
from watchbell.usecases.inspecting import Inspecting, ServiceView


@get("/api/service-status", guards=[requires("read:services")])
async def service_status(inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """All services with the worst that stands, their incident and their checks."""
    return ok(services=[shown(view) for view in await inspecting.services()])


def shown(view: ServiceView) -> dict[str, Any]:
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
