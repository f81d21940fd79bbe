"""`/api/groups` and `/api/group`: groups of users."""

from typing import Annotated, Any, Literal, TypeAlias, TypedDict

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.alerts import answer, base_of
from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Done, Text, said, told
from watchbell.api.needs import Needed
from watchbell.api.paging import listed, page_of
from watchbell.api.wire import mapping_of, ok
from watchbell.domain.accounts import Group
from watchbell.domain.errors import Invalid
from watchbell.usecases.directory import Directory

READ = [requires("read:groups")]
ADMIN = [requires("admin:groups")]


class GroupChange(msgspec.Struct):
    """What is said of a group."""

    name: Text = None
    text: Text = None


NewGroup: TypeAlias = Annotated[GroupChange, msgspec.Meta(extra_json_schema={"required": ["name"]})]


class GroupBody(TypedDict):
    """A group of users."""

    count: int
    """How many belong to it."""
    href: str
    id: str
    name: str
    text: str


class Member(TypedDict):
    """Who belongs to a group."""

    href: str
    id: str
    login: str
    name: str
    status: Literal["active", "inactive"]


_ONE = said(id=str, group=GroupBody)


@get("/api/groups", guards=READ, opt=listed("groups", GroupBody))
async def groups(request: Request[Any, Any, Any], directory: Needed[Directory]) -> dict[str, Any]:
    """A page of the groups, by name."""
    base = base_of(request)
    return page_of(request, "groups", [shown(group, base) for group in await directory.groups()])


@get("/api/group/{group_id:str}", guards=READ, opt=told(answer=said(group=GroupBody, total=int)))
async def one(request: Request[Any, Any, Any], group_id: FromPath[str], directory: Needed[Directory]) -> dict[str, Any]:
    """One group."""
    return ok(group=shown(await directory.group(group_id), base_of(request)), total=1)


@get("/api/group/{group_id:str}/users", guards=READ, opt=listed("users", Member))
async def members(
    request: Request[Any, Any, Any], group_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """Who belongs to it; no more of them than one must know to speak of them."""
    base = base_of(request)
    rows: list[Member] = [
        {
            "href": f"{base}/user/{user.id}",
            "id": user.id,
            "login": user.login,
            "name": user.name,
            "status": "active" if user.active else "inactive",
        }
        for user in await directory.members(group_id)
    ]
    return page_of(request, "users", rows)


@post("/api/group", guards=ADMIN, opt=told(body=NewGroup, answer=_ONE))
async def create(request: Request[Any, Any, Any], directory: Needed[Directory]) -> Response[bytes]:
    """Make a group."""
    body, base = await mapping_of(request), base_of(request)
    name = texts_of(body, "name")["name"] or ""
    group = await directory.save_group(principal_of(request), "", name, **texts_of(body, "text"))
    response = answer({"group": shown(group, base), "id": group.id, "status": "ok"}, 201)
    response.headers["Location"] = f"{base}/group/{group.id}"
    return response


@put("/api/group/{group_id:str}", guards=ADMIN, opt=told(body=GroupChange, answer=_ONE))
async def change(
    request: Request[Any, Any, Any], group_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """Change name and text, what is given of them."""
    given = texts_of(await mapping_of(request), "name", "text")
    group = await directory.save_group(principal_of(request), group_id, **given)
    return ok(id=group.id, group=shown(group, base_of(request)))


@delete("/api/group/{group_id:str}", guards=ADMIN, status_code=200, opt=told(answer=Done))
async def remove(
    request: Request[Any, Any, Any], group_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """Delete a group; its members stay users."""
    await directory.delete_group(principal_of(request), group_id)
    return ok()


@put("/api/group/{group_id:str}/user/{user_id:str}", guards=ADMIN, opt=told(answer=Done))
async def add(
    request: Request[Any, Any, Any], group_id: FromPath[str], user_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """Put a user into a group."""
    await directory.join(principal_of(request), group_id, user_id, member=True)
    return ok()


@delete("/api/group/{group_id:str}/user/{user_id:str}", guards=ADMIN, status_code=200, opt=told(answer=Done))
async def take_out(
    request: Request[Any, Any, Any], group_id: FromPath[str], user_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """Take a user out of a group."""
    await directory.join(principal_of(request), group_id, user_id, member=False)
    return ok()


def texts_of(body: dict[str, Any], *names: str) -> dict[str, str | None]:
    """These fields of a body, None for those that are missing.

    Raises:
        Invalid: one is no text.
    """
    for name in names:
        if not isinstance(body.get(name), str | None):
            raise Invalid("must be a string", name)
    return {name: body.get(name) for name in names}


def shown(group: Group, base: str) -> GroupBody:
    """A group as the wire has it."""
    return {
        "count": len(group.members),
        "href": f"{base}/group/{group.id}",
        "id": group.id,
        "name": group.name,
        "text": group.text,
    }


routes = [groups, one, members, create, change, remove, add, take_out]
