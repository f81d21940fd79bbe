"""`/api/pulses`, and `/ping/<uuid>`: jobs that must ping, as with Healthchecks.io.

The id is the secret: whoever knows it may ping, from anywhere. A ping that cannot be taken is answered with an error,
so that the job's log shows it.
"""

from typing import Any, Literal
from uuid import UUID

from litestar import MediaType, Request, Response, get, route
from litestar.params import FromPath

from watchbell.api.auth import requires
from watchbell.api.needs import Needed
from watchbell.api.wire import moment, ok
from watchbell.domain.checks.heartbeat import Heartbeat, Pulse
from watchbell.domain.checks.pulse import LONGEST_NOTE, Beat, Ping
from watchbell.domain.errors import Invalid
from watchbell.usecases.inspecting import Inspecting
from watchbell.usecases.pulsing import Pulsing

METHODS: tuple[Literal["GET", "POST", "HEAD"], ...] = ("GET", "POST", "HEAD")
OPEN = {"open": True, "from_anywhere": True}


@get("/api/pulses", guards=[requires("read:heartbeats")])
async def pulses(request: Request[Any, Any, Any], inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """All heartbeats with their addresses and what is known of them, by name."""
    base = str(request.base_url).rstrip("/")
    return ok(pulses=[shown(heartbeat, pulse, base) for heartbeat, pulse in await inspecting.heartbeats()])


@route("/ping/{heartbeat_id:uuid}", http_method=METHODS, opt=OPEN, status_code=200, media_type=MediaType.TEXT)
async def ping(
    request: Request[Any, Any, Any], heartbeat_id: FromPath[UUID], pulsing: Needed[Pulsing]
) -> Response[str]:
    """The job succeeded."""
    return await _take(request, pulsing, Ping(heartbeat_id=str(heartbeat_id)))


@route(
    "/ping/{heartbeat_id:uuid}/{said:str}", http_method=METHODS, opt=OPEN, status_code=200, media_type=MediaType.TEXT
)
async def ping_with(
    request: Request[Any, Any, Any], heartbeat_id: FromPath[UUID], said: FromPath[str], pulsing: Needed[Pulsing]
) -> Response[str]:
    """The job started (`start`), failed (`fail`), or ended with an exit code."""
    return await _take(request, pulsing, _ping(str(heartbeat_id), said))


def _ping(heartbeat_id: str, said: str) -> Ping:
    if said in {"start", "fail"}:
        return Ping(heartbeat_id=heartbeat_id, beat=Beat(said))
    if said.isascii() and said.isdigit() and len(said) <= 3 and int(said) <= 255:
        return Ping(heartbeat_id=heartbeat_id, exit_code=int(said))
    raise Invalid("must be start, fail or an exit code from 0 to 255", "the part after the id")


async def _take(request: Request[Any, Any, Any], pulsing: Pulsing, heard: Ping) -> Response[str]:
    raw = await request.body() if request.method == "POST" else b""
    text = raw[: LONGEST_NOTE * 4].decode(errors="replace")
    note = "".join(c if c.isprintable() or c == "\n" else " " for c in text)[:LONGEST_NOTE]
    await pulsing.ping(Ping(heartbeat_id=heard.heartbeat_id, beat=heard.beat, exit_code=heard.exit_code, note=note))
    return Response("OK", media_type=MediaType.TEXT, headers={"Cache-Control": "no-store"})


def shown(heartbeat: Heartbeat, pulse: Pulse | None, base: str) -> dict[str, Any]:
    """A heartbeat as the wire has it."""
    return {
        "id": heartbeat.id,
        "name": heartbeat.name,
        "url": f"{base}/ping/{heartbeat.id}",
        "every": heartbeat.every,
        "grace": heartbeat.grace,
        "lastPing": moment(pulse.last_ping) if pulse else None,
        "started": moment(pulse.started) if pulse else None,
        "lastExit": pulse.last_exit if pulse else 0,
        "failing": pulse.failing if pulse else False,
        "enabled": heartbeat.enabled,
        "description": heartbeat.description,
    }


routes = [pulses, ping, ping_with]
