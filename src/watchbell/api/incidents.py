"""`/api/incidents` and `/api/incident`: episodes, their timelines, and taking them."""

from typing import Any, Literal, TypeAlias, TypedDict

from litestar import Request, get, post, put
from litestar.params import FromPath

from watchbell.api.alerta_wire import AlertBody, alert_body
from watchbell.api.alerts import base_of
from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Number, Parameter, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import MAX_PAGE, Remark, body_of, number_of, ok, text_of
from watchbell.domain.errors import Invalid
from watchbell.domain.oncall.incident import Attempt, Incident, IncidentStatus, Notification, TimelineEntry
from watchbell.ports.bus import Bus
from watchbell.usecases.escalating import Escalating
from watchbell.usecases.inspecting import Inspecting
from watchbell.usecases.waking import BusWake

MAY_READ = [requires("read:incidents")]
MAY_WRITE = [requires("write:incidents")]
TEXT_MAX = 4000


IncidentState: TypeAlias = Literal["open", "acknowledged", "resolved"]
"""Where an incident stands."""


class IncidentBody(TypedDict):
    """One episode in which a service is unwell."""

    id: str
    service: str
    title: str
    status: IncidentState
    severity: str
    environment: str
    alerts: list[str]
    """Ids of the alerts that belong to it."""
    active: list[str]
    """Of those, the ones that stand."""
    policy: str
    step: int
    """Index of the policy's next step."""
    escalatesAt: Time | None
    openedAt: Time
    acknowledgedAt: Time | None
    acknowledgedBy: str
    resolvedAt: Time | None


class TimelineLine(TypedDict):
    """One decision or event in the life of an incident."""

    id: str
    at: Time
    kind: str
    text: str
    reason: str
    by: str
    data: dict[str, Any]


class AttemptBody(TypedDict):
    """One try through one provider."""

    number: int
    provider: str
    startedAt: Time
    finishedAt: Time
    outcome: Literal["accepted", "retry", "permanent", "ambiguous"]
    detail: str
    reference: str


class NotificationBody(TypedDict):
    """One message to one target, with what became of it."""

    id: str
    channel: str
    to: str
    purpose: Literal["alert", "acknowledgement", "recovery", "test"]
    title: str
    status: Literal["pending", "delivered", "failed", "dropped"]
    createdAt: Time
    doneAt: Time | None
    attempts: list[AttemptBody]


class IncidentCounts(TypedDict):
    """How many incidents there are."""

    open: int
    acknowledged: int
    resolved: int


PAGE = Number(name="page", about="From 1.", default=1, most=1_000_000)
PAGE_SIZE = Number(name="page-size", about="How many.", default=50, most=MAX_PAGE)
_LIST = (
    Parameter(name="status", about="Any of these.", type=IncidentState, many=True),
    Parameter(name="service", about="Of this service."),
    PAGE,
    PAGE_SIZE,
)
_TAKE = told(body=Remark, optional=True, answer=said(incident=IncidentBody))


@get(
    "/api/incidents",
    guards=MAY_READ,
    opt=told(query=_LIST, answer=said(incidents=list[IncidentBody], total=int, counts=IncidentCounts)),
)
async def incidents(request: Request[Any, Any, Any], inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """Incidents, newest first: `status` (may be repeated), `service`, `page`, `page-size`."""
    statuses = [_status(text) for text in request.query_params.getall("status", [])]
    found = await inspecting.incidents(
        statuses,
        request.query_params.get("service", ""),
        number_of(request, PAGE),
        number_of(request, PAGE_SIZE),
    )
    counts = {status.value: found.counts.get(status.value, 0) for status in IncidentStatus}
    return ok(incidents=[shown(incident) for incident in found.incidents], total=found.total, counts=counts)


@get(
    "/api/incident/{incident_id:str}",
    guards=MAY_READ,
    opt=told(
        answer=said(
            incident=IncidentBody,
            timeline=list[TimelineLine],
            alerts=list[AlertBody],
            notifications=list[NotificationBody],
        )
    ),
)
async def incident(
    request: Request[Any, Any, Any], incident_id: FromPath[str], inspecting: Needed[Inspecting]
) -> dict[str, Any]:
    """One incident with its timeline, its alerts, and what was sent to whom."""
    view = await inspecting.incident(incident_id)
    base = base_of(request)
    return ok(
        incident=shown(view.incident),
        timeline=[entry_shown(entry) for entry in view.timeline],
        alerts=[alert_body(alert, base) for alert in view.alerts],
        notifications=[notification_shown(n, view.attempts.get(n.id, ())) for n in view.notifications],
    )


@put("/api/incident/{incident_id:str}/acknowledge", guards=MAY_WRITE, opt=_TAKE)
async def acknowledge(
    request: Request[Any, Any, Any], incident_id: FromPath[str], escalating: Needed[Escalating], bus: Needed[Bus]
) -> dict[str, Any]:
    """Take the incident: nobody else is told from now on."""
    who, text = principal_of(request).login, await _remark(request)
    found, shards = await escalating.acknowledge(incident_id, who, text)
    await BusWake(bus)(sorted(shards))
    return ok(incident=shown(found))


@put("/api/incident/{incident_id:str}/unacknowledge", guards=MAY_WRITE, opt=_TAKE)
async def unacknowledge(
    request: Request[Any, Any, Any], incident_id: FromPath[str], escalating: Needed[Escalating], bus: Needed[Bus]
) -> dict[str, Any]:
    """Hand the incident back: escalation goes on."""
    who, text = principal_of(request).login, await _remark(request)
    found, shards = await escalating.unacknowledge(incident_id, who, text)
    await BusWake(bus)(sorted(shards))
    return ok(incident=shown(found))


@put("/api/incident/{incident_id:str}/resolve", guards=MAY_WRITE, opt=_TAKE)
async def resolve(
    request: Request[Any, Any, Any], incident_id: FromPath[str], escalating: Needed[Escalating], bus: Needed[Bus]
) -> dict[str, Any]:
    """Call the incident over, and close its alerts."""
    who, text = principal_of(request).login, await _remark(request)
    found, shards = await escalating.resolve(incident_id, who, text)
    await BusWake(bus)(sorted(shards))
    return ok(incident=shown(found))


@post(
    "/api/incident/{incident_id:str}/note",
    guards=MAY_WRITE,
    opt=told(body=Remark, answer=said(entry=TimelineLine)),
)
async def note(
    request: Request[Any, Any, Any], incident_id: FromPath[str], escalating: Needed[Escalating]
) -> dict[str, Any]:
    """Write something into the timeline."""
    data = await body_of(request, Remark)
    entry = await escalating.note(incident_id, principal_of(request).login, _checked(data.text))
    return ok(entry=entry_shown(entry))


async def _remark(request: Request[Any, Any, Any]) -> str:
    return _checked(await text_of(request))


def _checked(text: str) -> str:
    if len(text) > TEXT_MAX:
        raise Invalid(f"must have at most {TEXT_MAX} characters", "text")
    if any(not character.isprintable() and character not in "\n\t\r" for character in text):
        raise Invalid("must not contain control characters", "text")
    return text


def _status(text: str) -> IncidentStatus:
    try:
        return IncidentStatus(text)
    except ValueError:
        raise Invalid(f"must be one of {', '.join(IncidentStatus)}", "status") from None


def shown(incident: Incident) -> IncidentBody:
    """An incident as the wire has it."""
    return {
        "id": incident.id,
        "service": incident.service,
        "title": incident.title,
        "status": incident.status.value,
        "severity": incident.severity,
        "environment": incident.environment,
        "alerts": list(incident.alerts),
        "active": list(incident.active),
        "policy": incident.policy,
        "step": incident.step,
        "escalatesAt": moment(incident.escalates_at),
        "openedAt": moment(incident.opened_at),
        "acknowledgedAt": moment(incident.acknowledged_at),
        "acknowledgedBy": incident.acknowledged_by,
        "resolvedAt": moment(incident.resolved_at),
    }


def entry_shown(entry: TimelineEntry) -> TimelineLine:
    """A line of a timeline as the wire has it."""
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "kind": entry.kind,
        "text": entry.text,
        "reason": entry.reason,
        "by": entry.by,
        "data": entry.data,
    }


def notification_shown(notification: Notification, attempts: Any) -> NotificationBody:
    """A notification with its attempts as the wire has it."""
    return {
        "id": notification.id,
        "channel": notification.channel,
        "to": notification.to,
        "purpose": notification.purpose.value,
        "title": notification.title,
        "status": notification.status.value,
        "createdAt": moment(notification.created_at),
        "doneAt": moment(notification.done_at),
        "attempts": [attempt_shown(attempt) for attempt in attempts],
    }


def attempt_shown(attempt: Attempt) -> AttemptBody:
    """One try as the wire has it."""
    return {
        "number": attempt.number,
        "provider": attempt.provider,
        "startedAt": moment(attempt.started_at),
        "finishedAt": moment(attempt.finished_at),
        "outcome": attempt.outcome.value,
        "detail": attempt.detail,
        "reference": attempt.reference,
    }


routes = [incidents, incident, acknowledge, unacknowledge, resolve, note]
