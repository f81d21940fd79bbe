"""`/api/keys` and `/api/key`: keys for programs."""

from typing import Any

from litestar import Request, delete, get, post
from litestar.params import FromPath

from watchbell.api.auth import principal_of, requires
from watchbell.api.needs import Needed
from watchbell.api.wire import Body, body_of, moment, ok, time_of
from watchbell.domain.accounts import ApiKey
from watchbell.usecases.administering import Administering


class NewKey(Body, frozen=True):
    """A key that is wanted."""

    scopes: list[str]
    """What it may do, such as `write:alerts`; the caller must hold each."""
    text: str = ""
    """What it is for."""
    expire_time: str | None = None
    """When it ends; without it, never."""
    user: str = ""
    """Whose it is; empty is the caller. Only for `admin:keys`."""


@get("/api/keys", guards=[requires("read:keys")])
async def keys(request: Request[Any, Any, Any], administering: Needed[Administering]) -> dict[str, Any]:
    """The caller's keys, or everybody's for `admin:keys`. The keys themselves are kept nowhere."""
    found = await administering.keys(principal_of(request))
    return ok(keys=[shown(key) for key in found], total=len(found))


@post("/api/key", guards=[requires("write:keys")])
async def create(request: Request[Any, Any, Any], administering: Needed[Administering]) -> dict[str, Any]:
    """Make a key. This answer is the only place where it can be seen."""
    data = await body_of(request, NewKey)
    expires_at = time_of(data.expire_time, "expireTime") if data.expire_time else None
    plain, key = await administering.create_key(principal_of(request), data.scopes, data.text, expires_at, data.user)
    return ok(key=plain, data=shown(key))


@delete("/api/key/{key_id:str}", guards=[requires("admin:keys")], status_code=200)
async def remove(
    request: Request[Any, Any, Any], key_id: FromPath[str], administering: Needed[Administering]
) -> dict[str, Any]:
    """Revoke a key."""
    await administering.delete_key(principal_of(request), key_id)
    return ok()


def shown(key: ApiKey) -> dict[str, Any]:
    """A key as the wire has it."""
    return {
        "id": key.id,
        "prefix": key.prefix,
        "user": key.user,
        "scopes": list(key.scopes),
        "text": key.text,
        "createTime": moment(key.created_at),
        "expireTime": moment(key.expires_at),
        "lastUsedTime": moment(key.last_used),
    }


routes = [keys, create, remove]
