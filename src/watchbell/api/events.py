"""`/api/events`: the stream of events, as its newest and its counts."""

import hashlib
from typing import Any, TypedDict

import msgspec
from litestar import Request, get

from watchbell.api.auth import requires
from watchbell.api.contract import Number, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import number_of, ok
from watchbell.usecases.inspecting import Inspecting

KNOWN = frozenset({"received_at", "event_type", "party_id", "event_id"})


class UserEvent(TypedDict):
    """One thing that a user did."""

    id: str
    at: Time | None
    eventType: str
    partyId: str
    data: dict[str, Any]


class EventMinute(TypedDict):
    """How many events a minute had, in all and by type."""

    minute: Time
    total: int
    counts: dict[str, int]


LIMIT = Number(name="limit", about="How many at most.", default=100, most=1000)
MINUTES = Number(name="minutes", about="How far back.", default=60, most=1440)


@get(
    "/api/events/tail",
    guards=[requires("read:events")],
    opt=told(query=(LIMIT,), answer=said(events=list[UserEvent])),
)
async def tail(request: Request[Any, Any, Any], inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """The newest events that collectors showed, newest first (a sample when there are many): `limit`."""
    found = await inspecting.events(number_of(request, LIMIT))
    return ok(events=[event_shown(event) for event in found])


@get(
    "/api/events/minutes",
    guards=[requires("read:events")],
    opt=told(query=(MINUTES,), answer=said(minutes=list[EventMinute])),
)
async def minutes(request: Request[Any, Any, Any], inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """Events of the last `minutes` minutes, oldest first, without gaps."""
    found = await inspecting.minutes(number_of(request, MINUTES))
    return ok(
        minutes=[
            {"minute": moment(row.minute), "total": sum(row.counts.values()), "counts": row.counts} for row in found
        ]
    )


def event_shown(event: dict[str, Any]) -> UserEvent:
    """An event as the wire has it."""
    identifier = event.get("event_id") or hashlib.sha256(msgspec.json.encode(event, order="sorted")).hexdigest()[:32]
    return {
        "id": str(identifier),
        "at": event.get("received_at"),
        "eventType": event.get("event_type") or "",
        "partyId": event.get("party_id") or "",
        "data": {name: value for name, value in event.items() if name not in KNOWN},
    }


routes = [tail, minutes]
