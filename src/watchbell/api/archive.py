"""`/api/archive`: alerts that are over and were archived, as a list, one by one, and as a file."""

import base64
import binascii
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

import msgspec
from litestar import Request, Response, delete, get
from litestar.params import FromPath
from litestar.response import Stream

from watchbell.api import sheets
from watchbell.api.alerta_wire import HistoryLine, history_body
from watchbell.api.alerts import READ, answer, base_of
from watchbell.api.auth import requires
from watchbell.api.contract import Done, Number, Parameter, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import number_of, time_of
from watchbell.domain.alerts.past import PastAlert, PastQuery, Place, words_of
from watchbell.domain.errors import Invalid
from watchbell.usecases.looking_back import LookingBack

TYPES = {"csv": "text/csv", "json": "application/json"}
FORMAT = Parameter(name="format", about="`csv` or `json`.", default="csv")
IGNORED = frozenset({"_", "callback", "token", "api-key"})
SEVERAL = ("environment", "service", "resource", "event", "severity")
CHOICE: tuple[Parameter, ...] = (
    Parameter(name="from", about="Opened at this time or later.", type=Time, group="episodes"),
    Parameter(name="to", about="Opened before this time.", type=Time, group="episodes"),
    *(Parameter(name=name, about="Any of these values.", many=True, group="episodes") for name in SEVERAL[:-1]),
    Parameter(name="severity", about="Any of these values was the highest.", many=True, group="episodes"),
)
"""What selects episodes."""
SEARCH = Parameter(
    name="search",
    about="Words that are all in its resource, event, text, value, group, services or tags; small and capital are one.",
)
CURSOR = Parameter(name="cursor", about="What the page before gave; without it the first page.")
LIMIT = Number(name="limit", about="How many rows a page has.", default=50, most=1000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PastBody(TypedDict):
    """An alert that is over. It may be one of several that an alert with the same id has been."""

    ackTime: Time | None
    """When it was first acknowledged."""
    ackedBy: str
    alertId: str
    """The id that it had as an alert."""
    archiveTime: Time
    attributes: dict[str, Any]
    customer: str | None
    duplicateCount: int
    environment: str
    event: str
    flapped: bool
    group: str
    highestSeverity: str
    href: str
    id: str
    lastReceiveTime: Time
    openTime: Time
    origin: str
    resolveTime: Time | None
    resource: str
    secondsStanding: float
    secondsToAck: float | None
    secondsToResolve: float | None
    service: list[str]
    severity: str
    """The last one."""
    severityChanges: int
    status: str
    tags: list[str]
    text: str
    type: str
    value: Any


class PastWithHistory(PastBody):
    """The same with its history, oldest first."""

    history: list[HistoryLine]


COLUMNS = (
    *("id", "alertId", "environment", "highestSeverity", "severity", "status", "resource", "event", "service", "group"),
    *("value", "text", "tags", "origin", "customer", "type", "openTime", "ackTime", "ackedBy", "resolveTime"),
    *("lastReceiveTime", "archiveTime", "secondsToAck", "secondsToResolve", "secondsStanding", "duplicateCount"),
    *("severityChanges", "flapped", "attributes"),
)
_LISTS = frozenset({"service", "tags"})


@get(
    "/api/archive",
    guards=READ,
    opt=told(query=(*CHOICE, SEARCH, CURSOR, LIMIT), answer=said(alerts=list[PastBody], more=bool, cursor=str | None)),
)
async def archive(request: Request[Any, Any, Any], looking_back: Needed[LookingBack]) -> Response[bytes]:
    """Alerts that are over and were archived, newest first by when they opened, a page at a time.

    `cursor` of the answer leads to the next page.
    """
    query = chosen(request, SEARCH, CURSOR, LIMIT)
    size, after = number_of(request, LIMIT), _place(request.query_params.get(CURSOR.name, ""))
    page, place = await looking_back.page(query, size, after)
    base = base_of(request)
    rows = [past_body(past, base) for past in page]
    return answer({"alerts": rows, "more": place is not None, "cursor": _cursor(place), "status": "ok"})


@get("/api/archive/export", guards=READ, opt=told(query=(*CHOICE, SEARCH, FORMAT), answer=str, media="text/csv"))
async def export(request: Request[Any, Any, Any], looking_back: Needed[LookingBack]) -> Stream:
    """All that match, newest first, as a file.

    In CSV a text that a spreadsheet would compute begins with an apostrophe. JSON is `{"alerts": […]}`, each as in the
    list.
    """
    wanted = request.query_params.get(FORMAT.name) or FORMAT.default
    if wanted not in TYPES:
        raise Invalid("must be csv or json", "format")
    pieces = looking_back.every(chosen(request, SEARCH, FORMAT))
    base = base_of(request)
    lines = _csv(pieces, base) if wanted == "csv" else _json(pieces, base)
    headers = {"Content-Disposition": f'attachment; filename="archive.{wanted}"', "Cache-Control": "no-store"}
    return Stream(lines, media_type=TYPES[wanted], headers=headers)


@get("/api/archive/{name:str}", guards=READ, opt=told(answer=said(alert=PastWithHistory)))
async def one(
    request: Request[Any, Any, Any], name: FromPath[str], looking_back: Needed[LookingBack]
) -> Response[bytes]:
    """One with its history, by its own id, or by that of its alert: the last one then."""
    past, history = await looking_back.one(name)
    base = base_of(request)
    body = {**past_body(past, base), "history": [history_body(line, base) for line in history]}
    return answer({"alert": body, "status": "ok"})


@delete("/api/archive/{name:str}", guards=[requires("delete:alerts")], status_code=200, opt=told(answer=Done))
async def remove(name: FromPath[str], looking_back: Needed[LookingBack]) -> Response[bytes]:
    """Delete one with its history, for good."""
    await looking_back.remove(name)
    return answer({"status": "ok"})


def chosen(request: Request[Any, Any, Any], *beside: Parameter) -> PastQuery:
    """Which episodes a request asks for; the parameters `beside` that are the route's own.

    Raises `Invalid` with the name of a parameter that is not understood.
    """
    given = request.query_params
    known = {parameter.name for parameter in (*CHOICE, *beside)}
    for name in given:
        if name not in known and name not in IGNORED:
            raise Invalid("is not a parameter of this list", name[:100])
    several = {name: tuple(dict.fromkeys(given.getall(name, []))) for name in SEVERAL}
    for name, values in several.items():
        if any("\0" in value for value in values):
            raise Invalid("has a character that no alert has", name)
    searched = given.get(SEARCH.name, "")
    if "\0" in searched:
        raise Invalid("has a character that cannot be searched", SEARCH.name)
    return PastQuery(
        since=time_of(given["from"], "from") if given.get("from") else None,
        before=time_of(given["to"], "to") if given.get("to") else None,
        environments=several["environment"],
        services=several["service"],
        resources=several["resource"],
        events=several["event"],
        severities=several["severity"],
        words=words_of(searched),
    )


def past_body(past: PastAlert, base: str) -> PastBody:
    """A past alert as the wire has it, keys sorted."""
    return {
        "ackTime": moment(past.acknowledged_at),
        "ackedBy": past.acknowledged_by,
        "alertId": past.alert_id,
        "archiveTime": moment(past.archived_at),
        "attributes": past.attributes,
        "customer": past.customer,
        "duplicateCount": past.duplicate_count,
        "environment": past.environment,
        "event": past.event,
        "flapped": past.flapped,
        "group": past.group,
        "highestSeverity": past.highest_severity,
        "href": f"{base}/archive/{past.id}",
        "id": past.id,
        "lastReceiveTime": moment(past.last_receive_time),
        "openTime": moment(past.opened_at),
        "origin": past.origin,
        "resolveTime": moment(past.resolved_at),
        "resource": past.resource,
        "secondsStanding": past.stood,
        "secondsToAck": past.seconds_to_acknowledge,
        "secondsToResolve": past.seconds_to_resolve,
        "service": list(past.service),
        "severity": past.severity,
        "severityChanges": past.severity_changes,
        "status": past.status,
        "tags": list(past.tags),
        "text": past.text,
        "type": past.type,
        "value": past.value,
    }


def _cursor(place: Place | None) -> str | None:
    if place is None:
        return None
    at, identifier = place
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(f"{micros}.{identifier}".encode()).decode().rstrip("=")


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    try:
        plain = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        micros, _, identifier = plain.partition(".")
        if not identifier.isprintable():
            raise Invalid("is not what a page gave", CURSOR.name)
        return _EPOCH + timedelta(microseconds=int(micros)), identifier
    except (binascii.Error, ValueError, OverflowError):
        raise Invalid("is not what a page gave", CURSOR.name) from None


async def _csv(pieces: AsyncIterator[list[PastAlert]], base: str) -> AsyncIterator[bytes]:
    yield sheets.line(COLUMNS)
    async for piece in pieces:
        yield b"".join(sheets.line(_cells(past_body(past, base))) for past in piece)


def _cells(body: PastBody) -> list[Any]:
    row: dict[str, Any] = {**body}
    return [", ".join(row[name]) if name in _LISTS else row[name] for name in COLUMNS]


async def _json(pieces: AsyncIterator[list[PastAlert]], base: str) -> AsyncIterator[bytes]:
    yield b'{"alerts":['
    first = True
    async for piece in pieces:
        if piece:
            rows = b",".join(msgspec.json.encode(past_body(past, base)) for past in piece)
            yield rows if first else b"," + rows
            first = False
    yield b'],"status":"ok"}'


routes = [archive, export, one, remove]
