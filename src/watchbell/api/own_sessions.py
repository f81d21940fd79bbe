"""`/api/sessions`: where the caller is logged in, and the ending of their other sessions."""

from typing import Any, TypedDict

from litestar import Request, delete, get
from litestar.params import FromPath

from watchbell.api.auth import KNOWN, principal_of
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import ok
from watchbell.usecases.lasting import Lasting, shown_id

GUARDS = [KNOWN]


class SessionRow(TypedDict):
    """A log-in that has not ended."""

    id: str
    current: bool
    """Whether it is the one that asks."""
    createTime: Time
    lastSeenTime: Time
    expireTime: Time


@get("/api/sessions", guards=GUARDS, opt=told(answer=said(sessions=list[SessionRow], total=int)))
async def sessions(request: Request[Any, Any, Any], lasting: Needed[Lasting]) -> dict[str, Any]:
    """Where the caller is logged in, the newest first. Keys are told nothing."""
    by = principal_of(request)
    rows = [
        {
            "id": shown_id(each),
            "current": each.id == by.session_id,
            "createTime": moment(each.created_at),
            "lastSeenTime": moment(each.seen_at),
            "expireTime": moment(each.expires_at),
        }
        for each in await lasting.sessions(by)
    ]
    return ok(sessions=rows, total=len(rows))


@delete("/api/sessions", guards=GUARDS, status_code=200, opt=told(answer=said(ended=int)))
async def end_others(request: Request[Any, Any, Any], lasting: Needed[Lasting]) -> dict[str, Any]:
    """Log the caller out everywhere else."""
    return ok(ended=await lasting.end(principal_of(request)))


@delete("/api/sessions/{session_id:str}", guards=GUARDS, status_code=200, opt=told(answer=said(ended=int)))
async def end(request: Request[Any, Any, Any], session_id: FromPath[str], lasting: Needed[Lasting]) -> dict[str, Any]:
    """End one of the caller's sessions."""
    return ok(ended=await lasting.end(principal_of(request), session_id))


routes = [sessions, end_others, end]
