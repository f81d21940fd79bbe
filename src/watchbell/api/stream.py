"""`GET /api/stream`: what changed, as server-sent events.

A page that comes back with `Last-Event-ID` gets what it missed, or `reset` when the feed no longer knows. Passes
through any proxy that does not buffer (`X-Accel-Buffering: no`). Who follows is asked for again while they do.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, get
from litestar.response import Stream

from watchbell.api.auth import admit, asked_again, principal_of, requires
from watchbell.api.contract import Parameter, told
from watchbell.api.needs import Needed
from watchbell.domain.customers import Customers
from watchbell.domain.errors import Invalid, Overloaded, Retryable, WatchbellError
from watchbell.ports.store import Change, Store
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.following import ChangeFeed
from watchbell.usecases.guarding import visible_items

CAME_FROM = Parameter(name="Last-Event-ID", about="The newest event that the caller has.", place="header")
AFTER = Parameter(name="after", about="The same, for a first connection: `latest` of the session.")
SCOPE = "read:alerts"
KEEP_ALIVE = 15.0  # seconds
ASKED_EVERY = 60.0
"""Seconds after which a follower is asked for again although no rights changed: sessions and keys run out."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@get(
    "/api/stream",
    guards=[requires(SCOPE)],
    media_type="text/event-stream",
    opt=told(query=(CAME_FROM, AFTER), answer=str),
)
async def stream(
    request: Request[Any, Any, Any],
    feed: Needed[ChangeFeed],
    store: Needed[Store],
    authenticating: Needed[Authenticating],
) -> Stream:
    """Follow all changes.

    Events: `hello`, `change`, `reset`. The answer ends with the caller's session or key, and when they come to see
    other customers, or nothing.
    """
    after = _place(request.headers.get(CAME_FROM.name), CAME_FROM.name)
    if after is None:
        after = _place(request.query_params.get(AFTER.name), AFTER.name)
    follower = _Follower(request, authenticating)
    return Stream(_events(feed, store, follower, after), media_type="text/event-stream", headers=HEADERS)


def _place(given: str | None, field: str) -> int | None:
    if given is not None and not (given.isascii() and given.isdecimal() and len(given) <= 18):
        raise Invalid("must be the id of an event", field)
    return None if given is None else int(given)


class _Follower:
    """Who follows: whoever called, for as long as they may, and as long as they see what they saw."""

    def __init__(self, request: Request[Any, Any, Any], authenticating: Authenticating) -> None:
        self._request = request
        self._authenticating = authenticating
        self._version = ""
        self._asked_at = self._looked_at = _seconds()
        self.customers = principal_of(request).customers

    async def may_hear(self, change: Change | None) -> bool:
        """Whether they stay, and may be told of this: looked at when people changed, or when nobody looked lately."""
        if change is not None and "people" not in change.items and _seconds() - self._looked_at < KEEP_ALIVE:
            return True
        return await self.stays()

    async def stays(self, *, unsure: bool = False) -> bool:
        """Whether they may follow still; `unsure` is the answer when nobody can tell just now."""
        try:
            version = await self._authenticating.version()
            if version != self._version or _seconds() - self._asked_at >= ASKED_EVERY:
                now = await asked_again(self._request)
                admit(now, SCOPE)
                if now.customers != self.customers:
                    return False
                self._version, self._asked_at = version, _seconds()
        except (Retryable, Overloaded):
            return unsure
        except WatchbellError:
            return False
        self._looked_at = _seconds()
        return True


def _seconds() -> float:
    return asyncio.get_running_loop().time()


async def _events(feed: ChangeFeed, store: Store, follower: _Follower, after: int | None) -> AsyncIterator[bytes]:
    latest = await feed.latest()
    yield b"event: hello\nretry: 1000\ndata: " + msgspec.json.encode({"latest": latest}) + b"\n\n"
    changes = feed.follow(latest if after is None else after)
    following = asyncio.ensure_future(anext(changes))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=KEEP_ALIVE)
            if not done:
                if not await follower.stays(unsure=True):
                    return
                yield b": still here\n\n"
                continue
            change = following.result()
            if not await follower.may_hear(change):
                return
            frame = await _frame(store, follower.customers, change)
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
