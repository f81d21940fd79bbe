"""`/api/pulses`, `/ping/<uuid>` and `/ping/<key>/<slug>`: jobs that must ping, as with Healthchecks.io.

The id is the secret, or the key is: whoever knows it may ping, from anywhere. So the id is told to those only who may
change heartbeats; to others the name stands in its place. A ping that cannot be taken is answered with an error, so
that the job's log shows it; an unknown key and an unknown slug are the same 404.
"""

import re
from typing import Any, Literal, TypedDict

from litestar import MediaType, Request, Response, get, route
from litestar.params import FromPath

from watchbell.api.auth import address_of, principal_of, requires
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import ok, raw_of
from watchbell.domain.accounts import Principal
from watchbell.domain.checks.heartbeat import Heartbeat, Pulse
from watchbell.domain.checks.pulse import LONGEST_NOTE, Beat, Ping
from watchbell.domain.errors import Invalid, Missing
from watchbell.usecases.inspecting import Inspecting
from watchbell.usecases.pinging import Pinging
from watchbell.usecases.pulsing import Pulsing

METHODS: tuple[Literal["GET", "POST", "HEAD"], ...] = ("GET", "POST", "HEAD")
Call = Request[Any, Any, Any]
OPEN = {"open": True, "from_anywhere": True}
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class PulseBody(TypedDict):
    """A job that must ping, and what is known of it."""

    id: str
    """The name, for callers who may change no heartbeats."""
    name: str
    slug: str
    """Its name in addresses that have a ping key."""
    url: str
    """Where to ping; whoever knows it may. Empty for callers who may change no heartbeats."""
    every: float
    """Seconds."""
    grace: float
    """Seconds."""
    lastPing: Time | None
    started: Time | None
    lastExit: int
    failing: bool
    enabled: bool
    description: str


_PINGED = told(body=str, optional=True, sent="text/plain", answer=Literal["OK"])


@get(
    "/api/pulses",
    guards=[requires("read:heartbeats")],
    opt=told(answer=said(pulses=list[PulseBody])),
)
async def pulses(request: Call, inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """All heartbeats with their addresses and what is known of them, by name."""
    base = str(request.base_url).rstrip("/") if knows_ids(principal_of(request)) else ""
    return ok(pulses=[shown(heartbeat, pulse, base) for heartbeat, pulse in await inspecting.heartbeats()])


@route("/ping/{heartbeat_id:str}", http_method=METHODS, opt=OPEN | _PINGED, status_code=200, media_type=MediaType.TEXT)
async def ping(request: Call, heartbeat_id: FromPath[str], pulsing: Needed[Pulsing]) -> Response[str]:
    """The job with this id succeeded."""
    identifier = _id_in(heartbeat_id)
    if not identifier:
        raise Missing("not found")
    return await _take(request, pulsing, Ping(heartbeat_id=identifier))


@route(
    "/ping/{id_or_key:str}/{said_or_slug:str}",
    http_method=METHODS,
    opt=OPEN | _PINGED,
    status_code=200,
    media_type=MediaType.TEXT,
)
async def ping_with(
    request: Call,
    id_or_key: FromPath[str],
    said_or_slug: FromPath[str],
    pulsing: Needed[Pulsing],
    pinging: Needed[Pinging],
) -> Response[str]:
    """After an id: the job started (`start`), failed (`fail`), or ended with an exit code.

    After a ping key: the job with this slug succeeded.
    """
    identifier = _id_in(id_or_key)
    if identifier:
        return await _take(request, pulsing, _ping(identifier, said_or_slug))
    found = await pinging.find(id_or_key, said_or_slug, address_of(request))
    return await _take(request, pulsing, Ping(heartbeat_id=found))


@route(
    "/ping/{ping_key:str}/{slug:str}/{said:str}",
    http_method=METHODS,
    opt=OPEN | _PINGED,
    status_code=200,
    media_type=MediaType.TEXT,
)
async def ping_slug_with(
    request: Call,
    ping_key: FromPath[str],
    slug: FromPath[str],
    said: FromPath[str],
    pulsing: Needed[Pulsing],
    pinging: Needed[Pinging],
) -> Response[str]:
    """After a ping key and a slug: the job started (`start`), failed (`fail`), or ended with an exit code."""
    found = await pinging.find(ping_key, slug, address_of(request))
    return await _take(request, pulsing, _ping(found, said))


def _id_in(text: str) -> str:
    """The id, when the text is one; else nothing."""
    return text.lower() if _ID.fullmatch(text.lower()) else ""


def _ping(heartbeat_id: str, said: str) -> Ping:
    if said in {"start", "fail"}:
        return Ping(heartbeat_id=heartbeat_id, beat=Beat(said))
    if said.isascii() and said.isdigit() and len(said) <= 3 and int(said) <= 255:
        return Ping(heartbeat_id=heartbeat_id, exit_code=int(said))
    raise Invalid("must be start, fail or an exit code from 0 to 255", "the last part")


async def _take(request: Call, pulsing: Pulsing, heard: Ping) -> Response[str]:
    raw = await raw_of(request) if request.method == "POST" else b""
    text = raw[: LONGEST_NOTE * 4].decode(errors="replace")
    note = "".join(c if c.isprintable() or c == "\n" else " " for c in text)[:LONGEST_NOTE]
    await pulsing.ping(Ping(heartbeat_id=heard.heartbeat_id, beat=heard.beat, exit_code=heard.exit_code, note=note))
    return Response("OK", media_type=MediaType.TEXT, headers={"Cache-Control": "no-store"})


def knows_ids(by: Principal) -> bool:
    """Whether a caller is told the ids of heartbeats, and so may ping."""
    return by.may("write:heartbeats") or by.may("write:objects")


def shown(heartbeat: Heartbeat, pulse: Pulse | None, base: str) -> PulseBody:
    """A heartbeat as the wire has it. Without a base, for somebody who is not to know its id."""
    return {
        "id": heartbeat.id if base else heartbeat.name,
        "name": heartbeat.name,
        "slug": heartbeat.slug,
        "url": f"{base}/ping/{heartbeat.id}" if base else "",
        "every": heartbeat.every,
        "grace": heartbeat.grace,
        "lastPing": moment(pulse.last_ping) if pulse else None,
        "started": moment(pulse.started) if pulse else None,
        "lastExit": pulse.last_exit if pulse else 0,
        "failing": pulse.failing if pulse else False,
        "enabled": heartbeat.enabled,
        "description": heartbeat.description,
    }


routes = [pulses, ping, ping_with, ping_slug_with]
