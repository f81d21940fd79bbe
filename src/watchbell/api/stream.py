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

from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Parameter, told
from watchbell.api.needs import Needed
from watchbell.domain.customers import Customers
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Change, Store
from watchbell.usecases.following import ChangeFeed
from watchbell.usecases.guarding import visible_items

CAME_FROM = Parameter(name="Last-Event-ID", about="The newest event that the caller has.", place="header")
KEEP_ALIVE = 15.0  # seconds
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@get(
    "/api/stream",
    guards=[requires("read:alerts")],
    media_type="text/event-stream",
    opt=told(query=(CAME_FROM,), answer=str),
)
async def stream(request: Request[Any, Any, Any], feed: Needed[ChangeFeed], store: Needed[Store]) -> Stream:
    """Follow all changes.

    Events: `hello`, `change`, `reset`.
    """
    came_from = request.headers.get(CAME_FROM.name)
    if came_from is not None and not came_from.isdecimal():
        raise Invalid("must be the id of an event", "Last-Event-ID")
    after = int(came_from) if came_from is not None else None
    return Stream(
        _events(feed, store, principal_of(request).customers, after), media_type="text/event-stream", headers=HEADERS
    )


async def _events(feed: ChangeFeed, store: Store, customers: Customers, after: int | None) -> AsyncIterator[bytes]:
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
            frame = await _frame(store, customers, following.result())
            if frame:
                yield frame
            following = asyncio.ensure_future(anext(changes))
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await changes.aclose()


async def _frame(store: Store, customers: Customers, change: Change | None) -> bytes:
    """What is told of a change; nothing when the caller may know nothing of it."""
    if change is None:
        return b"event: reset\ndata: {}\n\n"
    items = change.items
    if customers is not None:
        async with store.reading() as tx:
            items = await visible_items(tx, customers, change.items)
        if not items:
            return b""
    return f"event: change\nid: {change.id}\ndata: ".encode() + msgspec.json.encode(items) + b"\n\n"


routes = [stream]
