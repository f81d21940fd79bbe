"""`/api/events`: the stream of events, as its newest and its counts."""

import hashlib
from typing import Any

import msgspec
from litestar import Request, get

from watchbell.api.auth import requires
from watchbell.api.needs import Needed
from watchbell.api.wire import moment, number_of, ok
from watchbell.usecases.inspecting import Inspecting

KNOWN = frozenset({"received_at", "event_type", "party_id", "event_id"})


@get("/api/events/tail", guards=[requires("read:events")])
async def tail(request: Request[Any, Any, Any], inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """The newest events that collectors showed, newest first (a sample when there are many): `limit`."""
    found = await inspecting.events(number_of(request, "limit", 100, 1000))
    return ok(events=[event_shown(event) for event in found])


@get("/api/events/minutes", guards=[requires("read:events")])
async def minutes(request: Request[Any, Any, Any], inspecting: Needed[Inspecting]) -> dict[str, Any]:
    """Events of the last `minutes` minutes, oldest first, without gaps."""
    found = await inspecting.minutes(number_of(request, "minutes", 60, 1440))
    return ok(
        minutes=[
            {"minute": moment(row.minute), "total": sum(row.counts.values()), "counts": row.counts} for row in found
        ]
    )


def event_shown(event: dict[str, Any]) -> dict[str, Any]:
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
