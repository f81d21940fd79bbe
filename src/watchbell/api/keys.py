"""`/api/keys` and `/api/key`: keys for programs."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.alerts import base_of
from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Done, said, told
from watchbell.api.needs import Needed
from watchbell.api.paging import listed, page_of
from watchbell.api.rows import NEVER, KeyRow, key_row
from watchbell.api.wire import known_of, ok, time_of
from watchbell.ports.clock import Clock
from watchbell.usecases.administering import Administering, KeyChange, NewApiKey, the_one


class NewKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A key that is wanted."""

    scopes: list[str] = []
    """What it may do, such as `write:alerts`; the caller must hold each. Without any, `read`."""
    text: str | None = None
    """What it is for."""
    expire_time: str | None = None
    """When it ends; without it, never. A time in the year 9999 is never, too."""
    user: str | None = None
    """Whose it is; without it, the caller's. Only for `admin:keys`."""
    key: str | None = None
    """The key itself, 20 characters or more; without it, a random one."""
    type: str | None = None
    """`read-only` or `read-write`: stands for the scopes, when there are none."""
    customer: str | None = None
    """Whose alerts it reaches, with customer views; without it, those that its owner reaches."""


class ChangedKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is to be changed of a key; null leaves it as it is."""

    scopes: list[str] | None = None
    """What it may do from now on; the caller must hold each, and what it could do before."""
    text: str | None = None
    """What it is for."""
    expire_time: str | None = None
    """When it ends; a time in the year 9999 is never."""
    user: str | None = None
    """Whose it is. Only for `admin:keys`."""
    customer: str | None = None
    """Whose alerts it reaches, with customer views."""


@get("/api/keys", guards=[requires("read:keys")], opt=listed("keys", KeyRow))
async def keys(
    request: Request[Any, Any, Any], administering: Needed[Administering], clock: Needed[Clock]
) -> dict[str, Any]:
    """A page of the caller's keys, or of everybody's for `admin:keys`. The keys themselves are kept nowhere."""
    found, now = await administering.keys(principal_of(request)), clock.now()
    return page_of(request, "keys", [key_row(key, base_of(request), now) for key in found])


@get(
    "/api/key/{key_id:str}",
    guards=[requires("read:keys")],
    opt=told(answer=said(key=KeyRow, total=int)),
)
async def one(
    request: Request[Any, Any, Any], key_id: FromPath[str], administering: Needed[Administering], clock: Needed[Clock]
) -> dict[str, Any]:
    """One key, by its id, the key itself or its first characters; only one's own unless for `admin:keys`."""
    key = the_one(await administering.keys(principal_of(request)), key_id)
    return ok(key=key_row(key, base_of(request), clock.now()), total=1)


@post("/api/key", guards=[requires("write:keys")], opt=told(body=NewKey, answer=said(key=str, data=KeyRow)))
async def create(
    request: Request[Any, Any, Any], administering: Needed[Administering], clock: Needed[Clock]
) -> dict[str, Any]:
    """Make a key. This answer is the only place where it can be seen."""
    data = await known_of(request, NewKey)
    wanted = NewApiKey(
        scopes=tuple(data.scopes) or (("read", "write") if data.type == "read-write" else ("read",)),
        text=data.text or "",
        expires_at=_end(data.expire_time),
        user=data.user or "",
        plain=data.key or "",
        customer=data.customer or None,
    )
    plain, key = await administering.make_key(principal_of(request), wanted)
    return ok(key=plain, data={**key_row(key, base_of(request), clock.now()), "key": plain})


@put(
    "/api/key/{key_id:str}",
    guards=[requires("write:keys")],
    opt=told(body=ChangedKey, answer=said(key=KeyRow)),
)
async def change(
    request: Request[Any, Any, Any], key_id: FromPath[str], administering: Needed[Administering], clock: Needed[Clock]
) -> dict[str, Any]:
    """Change what the body names, and nothing else; null leaves it as it is."""
    data = await known_of(request, ChangedKey)
    wanted = KeyChange(
        scopes=tuple(dict.fromkeys(data.scopes)) if data.scopes is not None else None,
        text=data.text,
        expires_at=_end(data.expire_time),
        endless=bool(data.expire_time) and _end(data.expire_time) is None,
        user=data.user or None,
        customer=data.customer or None,
    )
    key = await administering.change_key(principal_of(request), key_id, wanted)
    return ok(key=key_row(key, base_of(request), clock.now()))


@delete("/api/key/{key_id:str}", guards=[requires("write:keys")], status_code=200, opt=told(answer=Done))
async def remove(
    request: Request[Any, Any, Any], key_id: FromPath[str], administering: Needed[Administering]
) -> dict[str, Any]:
    """Revoke a key; only one's own unless for `admin:keys`."""
    await administering.delete_key(principal_of(request), key_id)
    return ok()


def _end(text: str | None) -> datetime | None:
    at = time_of(text, "expireTime") if text else NEVER
    return None if at.year == NEVER.year else at


routes = [keys, one, create, change, remove]
