"""`/api/users` and `/api/user`: the people who may log in."""

from typing import Any

from litestar import Request, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.auth import principal_of, requires
from watchbell.api.needs import Needed
from watchbell.api.wire import body_of, moment, ok
from watchbell.domain.accounts import User
from watchbell.domain.errors import Fault, Faulty
from watchbell.usecases.administering import Administering, UserChange

MAY = [requires("admin:users")]


@get("/api/users", guards=MAY)
async def users(administering: Needed[Administering]) -> dict[str, Any]:
    """Everybody, by login."""
    found = await administering.users()
    return ok(users=[shown(user) for user in found], total=len(found))


@post("/api/user", guards=MAY)
async def create(request: Request[Any, Any, Any], administering: Needed[Administering]) -> dict[str, Any]:
    """Make a user. Without `roles` they get `user`."""
    data = await body_of(request, UserChange)
    if data.login is None:
        raise Faulty([Fault(field="login", reason="is required")])
    user = await administering.create_user(principal_of(request), data)
    return ok(id=user.id, user=shown(user))


@put("/api/user/{user_id:str}", guards=MAY)
async def change(
    request: Request[Any, Any, Any], user_id: FromPath[str], administering: Needed[Administering]
) -> dict[str, Any]:
    """Change what the body names, and nothing else."""
    data = await body_of(request, UserChange)
    user = await administering.change_user(principal_of(request), user_id, data)
    return ok(id=user.id, user=shown(user))


@delete("/api/user/{user_id:str}", guards=MAY, status_code=200)
async def remove(
    request: Request[Any, Any, Any], user_id: FromPath[str], administering: Needed[Administering]
) -> dict[str, Any]:
    """Delete a user, with sessions and keys."""
    await administering.delete_user(principal_of(request), user_id)
    return ok()


def shown(user: User) -> dict[str, Any]:
    """A user as the wire has it."""
    return {
        "id": user.id,
        "login": user.login,
        "name": user.name,
        "email": user.email,
        "roles": list(user.roles),
        "status": "active" if user.active else "inactive",
        "createTime": moment(user.created_at),
        "lastLogin": moment(user.last_login),
    }


routes = [users, create, change, remove]
