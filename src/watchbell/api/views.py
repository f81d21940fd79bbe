"""`/api/views` and `/api/view`: filters of the alerts that people keep under a name."""

from typing import Any, TypedDict

from litestar import Request, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Done, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import Body, body_of, ok
from watchbell.domain.views import View
from watchbell.usecases.viewing import ViewChange, Viewing

READ = [requires("read:alerts")]


class NewView(Body, frozen=True):
    """A view that is wanted."""

    name: str
    """What it is called."""
    query: str
    """What stands after the `?` in the address of the list, such as `status=open&service=Shop&sort=severity`."""
    shared: bool = False
    """Whether everybody sees it; asks for `write:alerts`."""


class ChangedView(Body, frozen=True):
    """What is to be changed of a view; null leaves it as it is."""

    name: str | None = None
    """What it is called."""
    query: str | None = None
    """What stands after the `?` in the address of the list."""
    shared: bool | None = None
    """Whether everybody sees it; asks for `write:alerts`."""


class ViewRow(TypedDict):
    """A view."""

    createTime: Time
    id: str
    mine: bool
    """Whether it is the caller's."""
    name: str
    query: str
    shared: bool


_ONE = said(view=ViewRow)


@get("/api/views", guards=READ, opt=told(answer=said(views=list[ViewRow], total=int)))
async def views(request: Request[Any, Any, Any], viewing: Needed[Viewing]) -> dict[str, Any]:
    """The caller's views and those that are shared, by name."""
    by = principal_of(request)
    rows = [_row(view, by.user_id) for view in await viewing.all(by)]
    return ok(views=rows, total=len(rows))


@post("/api/view", guards=READ, opt=told(body=NewView, answer=_ONE))
async def create(request: Request[Any, Any, Any], viewing: Needed[Viewing]) -> dict[str, Any]:
    """Keep a filter under a name. Only people do, no keys."""
    sent, by = await body_of(request, NewView), principal_of(request)
    wanted = ViewChange(name=sent.name, query=sent.query, shared=sent.shared)
    return ok(view=_row(await viewing.make(by, wanted), by.user_id))


@put("/api/view/{view_id:str}", guards=READ, opt=told(body=ChangedView, answer=_ONE))
async def change(request: Request[Any, Any, Any], view_id: FromPath[str], viewing: Needed[Viewing]) -> dict[str, Any]:
    """Change what the body names of one's own view."""
    sent, by = await body_of(request, ChangedView), principal_of(request)
    wanted = ViewChange(name=sent.name, query=sent.query, shared=sent.shared)
    return ok(view=_row(await viewing.change(by, view_id, wanted), by.user_id))


@delete("/api/view/{view_id:str}", guards=READ, status_code=200, opt=told(answer=Done))
async def remove(request: Request[Any, Any, Any], view_id: FromPath[str], viewing: Needed[Viewing]) -> dict[str, Any]:
    """Remove one's own view; a shared one with `admin:users`, too."""
    await viewing.remove(principal_of(request), view_id)
    return ok()


def _row(view: View, user_id: str) -> ViewRow:
    return {
        "createTime": moment(view.created_at),
        "id": view.id,
        "mine": view.owner == user_id,
        "name": view.name,
        "query": view.query,
        "shared": view.shared,
    }


routes = [views, create, change, remove]
