"""Alerts, as Alerta's published API has them."""

from typing import Annotated, Any, NotRequired

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.alert_query import PAGED, SELECTION, SHOWN, OutOfRange, query_of, wants
from watchbell.api.alerta_wire import (
    AlertBody,
    Defaults,
    RichHistoryLine,
    SentAlert,
    alert_body,
    decode,
    decode_many,
    rich_history_body,
    signal_of,
    timeout_of,
)
from watchbell.api.auth import principal_of, requires
from watchbell.api.client_config import ClientConfig
from watchbell.api.contract import Done, Named, Text, Whole, said, told
from watchbell.api.errors import DIVERTED
from watchbell.api.express import Lane
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import mapping_of, raw_of, require_json
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.query import AlertCounts, AlertQuery
from watchbell.domain.alerts.receive import Received
from watchbell.domain.errors import Invalid, Missing, WatchbellError
from watchbell.domain.signal import Signal
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.usecases.intake import Intake
from watchbell.usecases.operating import Operating
from watchbell.usecases.switching import REFRESHES, Switching

RECEIVE = "/api/alert"
WRITES = "write:alerts"
READ = [requires("read:alerts")]
WRITE = [requires(WRITES)]


class Reception(msgspec.Struct, frozen=True):
    """What receiving needs, as one: handing over several things costs a request a fifth of its time."""

    intake: Intake
    clock: Clock
    defaults: Defaults


class Remarks(msgspec.Struct, kw_only=True):
    """What an operator says with an action."""

    text: Text = ""
    """Why."""
    timeout: Whole = None
    """Seconds until it runs out by itself; null takes the usual."""


class StatusSet(Remarks, kw_only=True):
    """A status that is set by hand."""

    status: Named


class ActionTaken(Remarks, kw_only=True):
    """Something that is done to an alert."""

    action: Named
    """ack, unack, shelve, unshelve, close, open, assign, or a word of one's own."""
    assignee: Text = None
    """With `assign`: the login or the group whose the alert is from now on; an empty text makes it nobody's."""


class TagList(msgspec.Struct):
    """Tags to add or to remove."""

    tags: Annotated[list[str], msgspec.Meta(min_length=1)]


class AttributeSet(msgspec.Struct):
    """Attributes to merge; null removes one."""

    attributes: dict[str, Any]


COUNTED: dict[str, Any] = {"severityCounts": dict[str, int], "statusCounts": dict[str, int], "total": int}
TAKEN = said(id=NotRequired[str], alert=NotRequired[AlertBody], ids=NotRequired[list[str]])
"""What `received_body` says: of one alert the alert, of several their ids."""


def answer(content: Any, status: int = 200) -> Response[bytes]:
    """A JSON answer, encoded once."""
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")


def base_of(request: Request[Any, Any, Any]) -> str:
    """The API's address, for `href`."""
    return str(request.base_url).rstrip("/") + "/api"


def received_body(request: Request[Any, Any, Any], received: list[Received]) -> Response[bytes]:
    """The answer to one accepted alert, or to several."""
    if len(received) == 1:
        return Response(_received(received[0], base_of(request)), status_code=201, media_type="application/json")
    return answer({"ids": [one.alert.id for one in received], "status": "ok"}, 201)


def _received(received: Received, base: str) -> bytes:
    alert = received.alert
    return msgspec.json.encode({"alert": alert_body(alert, base), "id": alert.id, "status": "ok"})


async def _receive(reception: Reception, body: bytes, user: str) -> Received:
    signal = signal_of(decode(body), reception.clock.now(), reception.defaults, user)
    return await reception.intake.receive(signal)


def lanes(reception: Reception) -> dict[str, Lane]:
    """The shorter way of receiving an alert."""

    async def take(body: bytes, user: str, base: str) -> bytes:
        return _received(await _receive(reception, body, user), base)

    return {RECEIVE: Lane(WRITES, take)}


@post(RECEIVE, guards=WRITE, opt=told(body=SentAlert, answer=said(id=str, alert=AlertBody), others=DIVERTED))
async def receive(request: Request[Any, Any, Any], reception: Needed[Reception]) -> Response[bytes]:
    """Receive an alert."""
    require_json(request)
    received = await _receive(reception, await raw_of(request), principal_of(request).login)
    return received_body(request, [received])


@post("/api/alerts", guards=WRITE, opt=told(body=list[SentAlert], answer=said(ids=list[str]), others=DIVERTED))
async def receive_many(request: Request[Any, Any, Any], reception: Needed[Reception]) -> Response[bytes]:
    """Receive a JSON array of alerts: all of them, or none."""
    require_json(request)
    now, user = reception.clock.now(), principal_of(request).login
    signals: list[Signal] = []
    for index, sent in enumerate(decode_many(await raw_of(request))):
        try:
            signals.append(signal_of(sent, now, reception.defaults, user))
        except WatchbellError as error:
            raise Invalid(error.message, f"[{index}]") from error
    received = await reception.intake.receive_many(signals)
    return answer({"ids": [one.alert.id for one in received], "status": "ok"}, 201)


@get("/api/alert/{name:str}", guards=READ, opt=told(timer="queries", answer=said(alert=AlertBody, total=int)))
async def one(
    request: Request[Any, Any, Any], name: FromPath[str], store: Needed[Store], client_config: Needed[ClientConfig]
) -> Response[bytes]:
    """One alert with its history, by its id or the beginning of it."""
    async with store.reading() as tx:
        alert = await tx.alerts.get(name)
        if alert is None:
            raise Missing("not found")
        history = await tx.history.of(alert.id, client_config.history_limit)
    body = alert_body(alert, base_of(request), history)
    return answer({"alert": body, "status": "ok", "total": 1})


@get(
    "/api/alerts",
    guards=READ,
    opt=told(
        timer="queries",
        query=PAGED + SHOWN,
        answer=said(
            alerts=list[AlertBody],
            autoRefresh=bool,
            lastTime=Time,
            more=bool,
            page=int,
            pageSize=int,
            pages=int,
            message=NotRequired[str],
            **COUNTED,
        ),
    ),
)
async def many(
    request: Request[Any, Any, Any],
    store: Needed[Store],
    model: Needed[AlarmModel],
    clock: Needed[Clock],
    client_config: Needed[ClientConfig],
    switching: Needed[Switching],
) -> Response[bytes]:
    """A page of alerts, with counts over all that match."""
    query = query_of(request, model)
    base = base_of(request)
    async with store.reading() as tx:
        counts = await tx.alerts.counts(query)
        found = await tx.alerts.find(query)
        pages = _pages(query, counts.total)
        asked = [alert.id for alert in found] if wants(request, "show-history") else []
        histories = await tx.history.of_many(asked, client_config.history_limit) if asked else {}
    # Alerta's `raw` command asks for alerts by id, and says nowhere that it wants what they were made from.
    raw = wants(request, "show-raw-data") or "id" in request.query_params
    bodies = [alert_body(alert, base, histories.get(alert.id, ()), raw=raw) for alert in found]
    newest = max((alert.last_receive_time for alert in found), default=clock.now())
    body: dict[str, Any] = {
        "alerts": bodies,
        "autoRefresh": (await switching.all())[REFRESHES],
        "lastTime": moment(newest),
        "more": query.page < pages,
        "page": query.page,
        "pageSize": query.page_size,
        "pages": pages,
        **_counted(counts),
    }
    return answer(body if found else body | {"message": "not found"})


def _pages(query: AlertQuery, total: int) -> int:
    pages = -(-total // query.page_size)
    if total and query.page > pages:
        raise OutOfRange(f"page out of range: 1-{pages}")
    return pages


def _counted(counts: AlertCounts) -> dict[str, Any]:
    return {
        "severityCounts": counts.by_severity,
        "status": "ok",
        "statusCounts": counts.by_status,
        "total": counts.total,
    }


@get(
    "/api/alerts/count",
    guards=READ,
    opt=told(timer="counts", query=SELECTION, answer=said(autoRefresh=bool, **COUNTED)),
)
async def count(
    request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel], switching: Needed[Switching]
) -> Response[bytes]:
    """How many alerts match, by severity and status."""
    async with store.reading() as tx:
        counts = await tx.alerts.counts(query_of(request, model))
    return answer({"autoRefresh": (await switching.all())[REFRESHES], **_counted(counts)})


@get(
    "/api/alerts/history",
    guards=READ,
    opt=told(
        timer="queries", query=PAGED, answer=said(history=list[RichHistoryLine], total=int, message=NotRequired[str])
    ),
)
async def history(request: Request[Any, Any, Any], store: Needed[Store], model: Needed[AlarmModel]) -> Response[bytes]:
    """What happened to the alerts that match, newest first."""
    async with store.reading() as tx:
        found = await tx.history.newest(query_of(request, model))
    base = base_of(request)
    rows = [rich_history_body(alert, entry, base) for alert, entry in found]
    body: dict[str, Any] = {"history": rows, "status": "ok", "total": len(rows)}
    return answer(body if rows else body | {"message": "not found"})


@put(
    "/api/alert/{name:str}/status", guards=WRITE, opt=told(timer="status", body=StatusSet, answer=Done, others=DIVERTED)
)
async def set_status(request: Request[Any, Any, Any], name: FromPath[str], operating: Needed[Operating]) -> Any:
    """Set a status by hand."""
    body = await mapping_of(request)
    status = needed_text(body, "status")
    await operating.set_status(name, status, user=principal_of(request).login, **remarks(body))
    return answer({"status": "ok"})


@put(
    "/api/alert/{name:str}/action",
    guards=WRITE,
    opt=told(timer="status", body=ActionTaken, answer=Done, others=DIVERTED),
)
async def act(request: Request[Any, Any, Any], name: FromPath[str], operating: Needed[Operating]) -> Any:
    """Act on an alert: ack, unack, shelve, unshelve, close, open, assign, or a word of one's own."""
    body = await mapping_of(request)
    action, said, user = needed_text(body, "action"), remarks(body), principal_of(request).login
    assignee = assignee_of(body)
    if assignee is None:
        await operating.act(name, action, user=user, **said)
    else:
        await operating.assign(name, assignee, user=user, text=said["text"])
    return answer({"status": "ok"})


@put("/api/alert/{name:str}/tag", guards=WRITE, opt=told(timer="tagged", body=TagList, answer=Done))
async def tag(request: Request[Any, Any, Any], name: FromPath[str], operating: Needed[Operating]) -> Any:
    """Add tags."""
    await operating.tag(name, needed_tags(await mapping_of(request)))
    return answer({"status": "ok"})


@put("/api/alert/{name:str}/untag", guards=WRITE, opt=told(timer="untagged", body=TagList, answer=Done))
async def untag(request: Request[Any, Any, Any], name: FromPath[str], operating: Needed[Operating]) -> Any:
    """Remove tags."""
    await operating.untag(name, needed_tags(await mapping_of(request)))
    return answer({"status": "ok"})


@put("/api/alert/{name:str}/attributes", guards=WRITE, opt=told(timer="attributes", body=AttributeSet, answer=Done))
async def set_attributes(request: Request[Any, Any, Any], name: FromPath[str], operating: Needed[Operating]) -> Any:
    """Merge attributes; null removes one."""
    await operating.set_attributes(name, needed_attributes(await mapping_of(request)))
    return answer({"status": "ok"})


@delete(
    "/api/alert/{name:str}",
    guards=[requires("delete:alerts")],
    status_code=200,
    opt=told(timer="deleted", answer=Done, others=DIVERTED),
)
async def remove(name: FromPath[str], operating: Needed[Operating]) -> Any:
    """Delete an alert with its history."""
    await operating.delete(name)
    return answer({"status": "ok"})


def needed_text(body: dict[str, Any], field: str) -> str:
    """The text that a body must have."""
    value = body.get(field)
    if not isinstance(value, str) or not value:
        raise Invalid(f"must supply '{field}' as json data")
    return value


def needed_attributes(body: dict[str, Any]) -> dict[str, Any]:
    """The attributes that a body must have."""
    attributes: Any = body.get("attributes")
    if not isinstance(attributes, dict):
        raise Invalid("must supply 'attributes' as json data")
    return attributes  # pyright: ignore[reportUnknownVariableType]


def needed_tags(body: dict[str, Any]) -> list[str]:
    """The tags that a body must have."""
    tags: Any = body.get("tags")
    if not isinstance(tags, list) or not tags or not all(isinstance(each, str) for each in tags):  # pyright: ignore[reportUnknownVariableType]
        raise Invalid("must supply 'tags' as json list")
    return tags  # pyright: ignore[reportUnknownVariableType]


def remarks(body: dict[str, Any]) -> dict[str, Any]:
    """What an operator says with an action: `text` and `timeout`."""
    text = body.get("text") or ""
    if not isinstance(text, str):
        raise Invalid("must be a string", "text")
    timeout = body.get("timeout")
    return {"text": text, "timeout": None if timeout is None else timeout_of(timeout, 0)}


def assignee_of(body: dict[str, Any]) -> str | None:
    """Whom an action assigns alerts to, '' for nobody; None when it does not."""
    given = body.get("assignee")
    if given is None:
        return None
    if not isinstance(given, str):
        raise Invalid("must be a string", "assignee")
    if body.get("action") != "assign":
        raise Invalid("goes with the action `assign` only", "assignee")
    if body.get("timeout") is not None:
        raise Invalid("is not for assigning: an alert stays somebody's until it is given away", "timeout")
    return given


routes = [
    receive,
    receive_many,
    one,
    many,
    count,
    history,
    set_status,
    act,
    tag,
    untag,
    set_attributes,
    remove,
]
