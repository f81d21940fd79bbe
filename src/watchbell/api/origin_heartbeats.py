"""`/api/heartbeat` and `/api/heartbeats`: Alerta's heartbeats, by origin."""

from datetime import datetime
from typing import Any, TypedDict

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import FromPath

from watchbell.api.alerta_wire import time_of, timeout_of
from watchbell.api.alerts import answer, base_of
from watchbell.api.auth import requires
from watchbell.api.contract import Done, Pairs, Text, Texts, Whole, said, told
from watchbell.api.needs import Needed
from watchbell.api.paging import listed, page_of
from watchbell.api.times import Time, moment
from watchbell.api.wire import mapping_of
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import UNSAID
from watchbell.ports.clock import Clock
from watchbell.usecases.heartbeating import Heartbeating, Sent

READ = [requires("read:heartbeats")]
WRITE = [requires("write:heartbeats")]


class SentHeartbeat(msgspec.Struct, rename="camel"):
    """A sign of life."""

    origin: Text = None
    """Who is alive; `watchbell` unless it says."""
    tags: Texts = None
    attributes: Pairs = None
    type: Text = None
    create_time: Text = None
    timeout: Whole = None
    """Seconds after which the origin counts as silent."""
    customer: Text = None


class HeartbeatBody(TypedDict):
    """The newest sign of life of an origin."""

    attributes: dict[str, Any]
    createTime: Time
    customer: str | None
    href: str
    id: str
    latency: int
    """Milliseconds."""
    maxLatency: int
    origin: str
    receiveTime: Time
    since: int
    """Seconds."""
    status: str
    tags: list[str]
    timeout: int
    type: str


@post("/api/heartbeat", guards=WRITE, opt=told(body=SentHeartbeat, answer=said(id=str, heartbeat=HeartbeatBody)))
async def send(
    request: Request[Any, Any, Any], heartbeating: Needed[Heartbeating], clock: Needed[Clock]
) -> Response[bytes]:
    """Say that an origin is alive. From then on its silence raises an alert."""
    heartbeat = await heartbeating.take(sent_of(await mapping_of(request)))
    base = base_of(request)
    response = answer({"heartbeat": shown(heartbeat, base, clock.now()), "id": heartbeat.id, "status": "ok"}, 201)
    response.headers["Location"] = f"{base}/heartbeat/{heartbeat.id}"
    return response


@get(
    "/api/heartbeat/{heartbeat_id:str}",
    guards=READ,
    opt=told(answer=said(heartbeat=HeartbeatBody, total=int)),
)
async def one(
    request: Request[Any, Any, Any],
    heartbeat_id: FromPath[str],
    heartbeating: Needed[Heartbeating],
    clock: Needed[Clock],
) -> Response[bytes]:
    """The newest heartbeat of an origin."""
    heartbeat = await heartbeating.get(heartbeat_id)
    return answer({"heartbeat": shown(heartbeat, base_of(request), clock.now()), "status": "ok", "total": 1})


@get("/api/heartbeats", guards=READ, opt=listed("heartbeats", HeartbeatBody))
async def many(
    request: Request[Any, Any, Any], heartbeating: Needed[Heartbeating], clock: Needed[Clock]
) -> Response[bytes]:
    """A page of the origins that are watched."""
    base, now = base_of(request), clock.now()
    return answer(page_of(request, "heartbeats", [shown(each, base, now) for each in await heartbeating.all()]))


@delete("/api/heartbeat/{heartbeat_id:str}", guards=WRITE, status_code=200, opt=told(answer=Done))
async def remove(heartbeat_id: FromPath[str], heartbeating: Needed[Heartbeating]) -> Response[bytes]:
    """Watch an origin no longer."""
    await heartbeating.forget(heartbeat_id)
    return answer({"status": "ok"})


def sent_of(body: dict[str, Any]) -> Sent:
    """A heartbeat as a body says it, with Alerta's messages for what is wrong.

    Raises:
        Invalid: something is.
    """
    tags: Any = body.get("tags") or []
    attributes: Any = body.get("attributes") or {}
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):  # pyright: ignore[reportUnknownVariableType]
        raise Invalid("tags must be a list")
    if not isinstance(attributes, dict):
        raise Invalid("attributes must be a JSON object")
    if body.get("customer") == "":
        raise Invalid("customer must not be an empty string")
    given = body.get("createTime")
    return Sent(
        origin=_name(body, "origin") or "watchbell",
        tags=tuple(tags),  # pyright: ignore[reportUnknownArgumentType]
        attributes=attributes,  # pyright: ignore[reportUnknownArgumentType]
        type=_name(body, "type") or "Heartbeat",
        create_time=None if given is None else time_of(given),
        timeout=timeout_of(body.get("timeout"), UNSAID),
        customer=_name(body, "customer") or None,
    )


def _name(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid("must be a string", field)
    return value


def shown(heartbeat: OriginHeartbeat, base: str, now: datetime) -> HeartbeatBody:
    """A heartbeat as the wire has it."""
    return {
        "attributes": heartbeat.attributes,
        "createTime": moment(heartbeat.create_time),
        "customer": heartbeat.customer,
        "href": f"{base}/heartbeat/{heartbeat.id}",
        "id": heartbeat.id,
        "latency": heartbeat.latency,
        "maxLatency": heartbeat.max_latency,
        "origin": heartbeat.origin,
        "receiveTime": moment(heartbeat.receive_time),
        "since": heartbeat.since(now),
        "status": heartbeat.status(now),
        "tags": list(heartbeat.tags),
        "timeout": heartbeat.timeout,
        "type": heartbeat.type,
    }


routes = [send, one, many, remove]
