"""`/api/blackout` and `/api/blackouts`: blackouts as Alerta's clients know them, and what one would silence.

They are the managed objects of the kind `blackout`; one that such a client makes gets a name of its own. Of one that
recurs, the times are those of the occurrence that lasts or comes next, and stay as they are when a client writes them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.alerta_wire import time_of
from watchbell.api.alerts import answer, base_of
from watchbell.api.auth import principal_of, requires
from watchbell.api.client_config import ClientConfig
from watchbell.api.contract import Done, Seconds, Text, Texts, said, told
from watchbell.api.needs import Needed
from watchbell.api.paging import listed, page_of
from watchbell.api.times import Time, moment
from watchbell.api.wire import mapping_of, ok
from watchbell.domain.accounts import Principal
from watchbell.domain.alerts.blackout import LATEST, Blackout, moment_of, span_at
from watchbell.domain.errors import Invalid
from watchbell.domain.managed import Stored
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.toolkit.objects import ObjectShapes
from watchbell.usecases.managing import Managing
from watchbell.usecases.muting import KIND, covered, end_now, made

READ = [requires("read:blackouts")]
WRITE = [requires("write:blackouts")]
FOR_EVER = datetime(2999, 12, 31, 23, 59, 59, tzinfo=UTC)
SAMPLE = 20
"""Ids of alerts in one answer of the preview."""
_TEXTS = ("resource", "event", "group", "origin", "customer", "query")
_LISTS = ("service", "tags")
_KEPT = ("environment", "startTime", "endTime", "duration")
"""What a change with null leaves as it is; null is nothing for all else."""


class BlackoutChange(msgspec.Struct, kw_only=True, rename="camel"):
    """What is said of a blackout; what is absent stays as it is, or is not asked for."""

    environment: Text = None
    resource: Text = None
    event: Text = None
    group: Text = None
    origin: Text = None
    customer: Text = None
    query: Text = None
    """A search that must find the alerts."""
    service: Texts = None
    tags: Texts = None
    text: Text = None
    user: Text = None
    """Whose it is; only for `admin:blackouts`."""
    start_time: Text = None
    end_time: Text = None
    duration: Seconds = None
    """Seconds, where there is no end."""


class BlackoutBody(TypedDict):
    """A blackout."""

    accept: Sequence[str]
    """Severities that are told all the same."""
    createTime: Time
    customer: str | None
    duration: int
    """Seconds."""
    endTime: Time
    environment: str
    event: str | None
    group: str | None
    href: str
    id: str
    name: str
    nextTime: Time | None
    """When it begins next; null when it does not, as far as is looked."""
    origin: str | None
    priority: int
    """How narrow it is, by Alerta's numbers; it decides nothing."""
    query: str | None
    """A search that must find the alerts."""
    recurrence: str | None
    remaining: int
    """Seconds."""
    resource: str | None
    service: Sequence[str]
    startTime: Time
    status: Literal["pending", "active", "expired"]
    tags: Sequence[str]
    text: str
    user: str


Preview = said(total=int, silent=int, ids=list[str])
"""`total`: open alerts that it would silence; `silent`: silent ones that it covers; `ids` of some of them."""
NewBlackout: TypeAlias = Annotated[BlackoutChange, msgspec.Meta(extra_json_schema={"required": ["environment"]})]
_ONE = said(id=str, blackout=BlackoutBody)


@post("/api/blackout", guards=WRITE, opt=told(body=NewBlackout, answer=_ONE))
async def create(
    request: Request[Any, Any, Any],
    managing: Needed[Managing],
    clock: Needed[Clock],
    client_config: Needed[ClientConfig],
) -> Response[bytes]:
    """Make a blackout, from now on and for an hour or what the settings say, unless the body says otherwise."""
    body, by, now = await mapping_of(request), principal_of(request), clock.now()
    if not body.get("environment"):
        raise Invalid("environment")
    fields = _fields(body, by) | _times(body, now, client_config.timeouts.blackout) | {"created": moment(now)}
    row = await made(managing, by, fields)
    base = base_of(request)
    response = answer({"blackout": shown(row, base, now), "id": row.id, "status": "ok"}, 201)
    response.headers["Location"] = f"{base}/blackout/{row.id}"
    return response


@get("/api/blackout/{blackout_id:str}", guards=READ, opt=told(answer=said(blackout=BlackoutBody, total=int)))
async def one(
    request: Request[Any, Any, Any], blackout_id: FromPath[str], managing: Needed[Managing], clock: Needed[Clock]
) -> dict[str, Any]:
    """One blackout."""
    row, _ = await managing.get(KIND, blackout_id)
    return ok(blackout=shown(row, base_of(request), clock.now()), total=1)


@get("/api/blackouts", guards=READ, opt=listed("blackouts", BlackoutBody))
async def every(request: Request[Any, Any, Any], managing: Needed[Managing], clock: Needed[Clock]) -> dict[str, Any]:
    """A page of the blackouts."""
    base, now = base_of(request), clock.now()
    rows = [shown(row, base, now) for row in await managing.all(KIND)]
    return page_of(request, "blackouts", sorted(rows, key=lambda row: row["startTime"], reverse=True))


@put("/api/blackout/{blackout_id:str}", guards=WRITE, opt=told(body=BlackoutChange, answer=_ONE))
async def change(
    request: Request[Any, Any, Any],
    blackout_id: FromPath[str],
    managing: Needed[Managing],
    clock: Needed[Clock],
    client_config: Needed[ClientConfig],
) -> dict[str, Any]:
    """Change what is given of a blackout; null leaves the environment and the times as they are."""
    body, by, now = await mapping_of(request), principal_of(request), clock.now()
    if not body:
        raise Invalid("nothing to change")
    # Alerta's client sends all that a blackout has, and null for what nobody asked to change.
    body = {field: value for field, value in body.items() if value is not None or field not in _KEPT}
    row, _ = await managing.get(KIND, blackout_id)
    before = blackout_of(row)
    fields = {**row.body, "name": row.name, **_fields(body, by), "user": by.login}
    if not before.recurrence and {"startTime", "endTime", "duration"} & body.keys():
        start = moment_of(before.start) if before.start else now
        if "endTime" not in body and "duration" not in body:
            body["endTime"] = moment(status_of(before, now)[2])
        fields |= _times(body, start, client_config.timeouts.blackout)
    row = await managing.update(by, KIND, row.id, fields, row.version)
    return ok(id=row.id, blackout=shown(row, base_of(request), now))


@put("/api/blackout/{blackout_id:str}/end", guards=WRITE, opt=told(answer=_ONE))
async def end(
    request: Request[Any, Any, Any], blackout_id: FromPath[str], managing: Needed[Managing], clock: Needed[Clock]
) -> dict[str, Any]:
    """End a blackout that is in force; 409 when it is not. One that recurs comes again at its next time."""
    now = clock.now()
    row = await end_now(managing, principal_of(request), blackout_id, now)
    return ok(id=row.id, blackout=shown(row, base_of(request), now))


@delete("/api/blackout/{blackout_id:str}", guards=WRITE, status_code=200, opt=told(answer=Done))
async def remove(
    request: Request[Any, Any, Any], blackout_id: FromPath[str], managing: Needed[Managing]
) -> dict[str, Any]:
    """Delete a blackout. What it alone silenced is told then."""
    await managing.delete(principal_of(request), KIND, blackout_id)
    return ok()


@post(
    "/api/blackouts/preview",
    guards=WRITE,
    status_code=200,
    opt=told(body=dict[str, Any], answer=Preview),
)
async def preview(
    request: Request[Any, Any, Any], store: Needed[Store], shapes: Needed[ObjectShapes]
) -> dict[str, Any]:
    """Which alerts a blackout is for now, with the fields of the managed object; its times do not count."""
    body: dict[str, Any] = {"name": "preview", **await mapping_of(request)}
    blackout = shapes.read(KIND, body)
    assert isinstance(blackout, Blackout)  # noqa: S101 - the kind says so
    found = await covered(store, blackout)
    return ok(total=len(found.standing), silent=len(found.silent), ids=[*found.silent, *found.standing][:SAMPLE])


def blackout_of(row: Stored) -> Blackout:
    """What is stored, as the domain has it."""
    return msgspec.convert({**row.body, "id": row.id, "name": row.name}, Blackout)


def status_of(blackout: Blackout, now: datetime) -> tuple[Literal["pending", "active", "expired"], datetime, datetime]:
    """`pending`, `active` or `expired`, and from when to when."""
    span = span_at(blackout, now)
    if span is not None:
        # A blackout without a start began when it was made.
        begun = span.start if span.start.year > 1 else _made_at(blackout, now)
        return "active" if span.start <= now else "pending", begun, span.end or FOR_EVER
    start = moment_of(blackout.start) if blackout.start else _made_at(blackout, now)
    end = moment_of(blackout.end) if blackout.end else start + timedelta(seconds=blackout.duration)
    return "expired", start, end


def shown(row: Stored, base: str, now: datetime) -> BlackoutBody:
    """A blackout as Alerta's wire has it."""
    blackout = blackout_of(row)
    status, start, end = status_of(blackout, now)
    made_at = moment_of(blackout.created) if blackout.created else row.updated_at
    return {
        "accept": blackout.accept,
        "createTime": moment(made_at),
        "customer": blackout.customer or None,
        "duration": int((end - start).total_seconds()),
        "endTime": moment(end),
        "environment": blackout.environment,
        "event": blackout.event or None,
        "group": blackout.group or None,
        "href": f"{base}/blackout/{row.id}",
        "id": row.id,
        "name": row.name,
        "nextTime": moment(_next(blackout, status, start, end)),
        "origin": blackout.origin or None,
        "priority": priority(blackout),
        "query": blackout.query or None,
        "recurrence": blackout.recurrence or None,
        "remaining": 0 if status == "expired" else int((end - max(start, now)).total_seconds()),
        "resource": blackout.resource or None,
        "service": blackout.service,
        "startTime": moment(start),
        "status": status,
        "tags": blackout.tags,
        "text": blackout.text,
        "user": blackout.user or row.updated_by,
    }


def priority(blackout: Blackout) -> int:
    """How narrow it is, by Alerta's numbers; it decides nothing."""
    found = 0
    for number, given in (
        (2, blackout.resource and not blackout.event),
        (3, blackout.service),
        (4, blackout.event and not blackout.resource),
        (5, blackout.group),
        (6, blackout.resource and blackout.event),
        (7, blackout.tags),
        (8, blackout.origin),
    ):
        if given:
            found = number
    return found


def _next(blackout: Blackout, status: str, start: datetime, end: datetime) -> datetime | None:
    """When it begins next, `start` and `end` being of the time that lasts or comes."""
    if status == "pending":
        return start
    later = span_at(blackout, end) if blackout.recurrence and status == "active" else None
    return later.start if later is not None else None


def _made_at(blackout: Blackout, now: datetime) -> datetime:
    return min(moment_of(blackout.created), now) if blackout.created else now


def _fields(body: Mapping[str, Any], by: Principal) -> dict[str, Any]:
    """What a body says but for the times, as the managed object has it."""
    found: dict[str, Any] = {}
    for field in ("environment", *_TEXTS):
        if body.get(field) == "":
            raise Invalid(f"{field} can not be an empty string")
        if field in body:
            found[field] = _text(body, field)
    for field in _LISTS:
        value = body.get(field)
        if field in body:
            if not isinstance(value or [], list):
                raise Invalid(f"{field} must be a list")
            found[field] = value or []
            if not all(isinstance(each, str) for each in found[field]):
                raise Invalid(f"{field} must be a list of texts")
    if "text" in body:
        found["text"] = _text(body, "text")
    asked = _text(body, "user")
    found["user"] = asked if asked and by.may("admin:blackouts") else by.login
    return found


def _text(body: Mapping[str, Any], field: str) -> str:
    value = body.get(field)
    if value is not None and not isinstance(value, str):
        raise Invalid("must be a text", field)
    return value or ""


def _times(body: Mapping[str, Any], start: datetime, otherwise: float) -> dict[str, Any]:
    """When it begins and ends. An end counts more than a duration; `otherwise` is that of who says neither."""
    if body.get("startTime"):
        start = time_of(body["startTime"])
    end = time_of(body["endTime"]) if body.get("endTime") else _after(start, body.get("duration") or otherwise)
    return {"start": moment(start), "end": moment(end), "duration": 0}


def _after(start: datetime, duration: Any) -> datetime:
    """The end, so many seconds later. One time may last for years: only those that recur must be short."""
    if isinstance(duration, bool) or not isinstance(duration, int | float) or duration <= 0:
        raise Invalid("must be a positive number of seconds", "duration")
    try:
        return start + timedelta(seconds=duration)
    except OverflowError:
        raise Invalid(f"ends after the year {LATEST}: begin earlier, or let it be shorter", "duration") from None


routes = [create, preview, one, every, change, end, remove]
