"""`GET /api/stream`: what changed, as server-sent events.

A page that comes back with `Last-Event-ID` gets what it missed, or `reset` when the feed no longer knows. Passes
through any proxy that does not buffer (`X-Accel-Buffering: no`).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Stream

from watchbell.api.auth import requires
from watchbell.api.needs import Needed
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Change
from watchbell.usecases.following import ChangeFeed

KEEP_ALIVE = 15.0  # seconds
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@get("/api/stream", guards=[requires("read:alerts")], media_type="text/event-stream")
async def stream(request: Request[Any, Any, Any], feed: Needed[ChangeFeed]) -> Stream:
    """Follow all changes.

    Events: `hello`, `change`, `reset`.
    """
    came_from = request.headers.get("last-event-id")
    if came_from is not None and not came_from.isdecimal():
        raise Invalid("must be the id of an event", "Last-Event-ID")
    after = int(came_from) if came_from is not None else None
    return Stream(_events(feed, after), media_type="text/event-stream", headers=HEADERS)


async def _events(feed: Needed[ChangeFeed], after: int | None) -> AsyncIterator[bytes]:
    latest = await feed.latest()
    yield b"event: hello\nretry: 1000\ndata: " + msgspec.json.encode({"latest": latest}) + b"\n\n"
    changes = feed.follow(latest if after is None else after)
    following = asyncio.ensure_future(anext(changes))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=KEEP_ALIVE)
            if not done:
                yield b": still here\n\n"
                continue
            change = following.result()
            yield _frame(change)
            following = asyncio.ensure_future(anext(changes))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await changes.aclose()


def _frame(change: Change | None) -> bytes:
    if change is None:
        return b"event: reset\ndata: {}\n\n"
    return f"event: change\nid: {change.id}\ndata: ".encode() + msgspec.json.encode(change.items) + b"\n\n"


routes = [stream]
