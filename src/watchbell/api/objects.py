"""`/api/objects`, `/api/plan`, `/api/apply`, `/api/export` and `/api/schema`: what people manage."""

from typing import Any, TypedDict

import msgspec
from litestar import Request, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Done, Number, said, told
from watchbell.api.heartbeats import knows_ids
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import Body, body_of, mapping_of, number_of, ok
from watchbell.domain.accounts import Principal
from watchbell.domain.errors import Fault
from watchbell.domain.managed import Stored
from watchbell.domain.plan import Change
from watchbell.toolkit.objects import ObjectShapes
from watchbell.toolkit.settings import FieldDoc
from watchbell.usecases.managing import Managing
from watchbell.usecases.proposing import HEARTBEAT

MAY_READ = [requires("read:objects")]
MAY_WRITE = [requires("write:objects")]


class ObjectSet(Body, frozen=True):
    """Objects as they are to be."""

    objects: list[Any]
    """Each with its `kind` and its fields."""
    prune: bool = False
    """Whether objects that are not named here are deleted; users only if at least one is named."""


class KindSchema(TypedDict):
    """A kind of object or a plug-in, as forms are drawn from it."""

    title: str
    doc: str
    fields: list[FieldDoc]


class ManagedObject(TypedDict):
    """An object as it is stored."""

    kind: str
    id: str
    """Of a heartbeat its name, for callers who may change none: whoever knows the id may ping."""
    name: str
    version: int
    """The version of the whole configuration at which it was last written."""
    updatedAt: Time
    updatedBy: str
    body: dict[str, Any]
    """Its fields, as `/api/schema` has them. Secrets are dots."""


IF_VERSION = Number(name="if-version", about="Only if it is still that version.", default=-1, most=10**9, least=0)
_WRITTEN = said(object=ManagedObject)


@get(
    "/api/schema",
    guards=MAY_READ,
    opt=told(answer=said(kinds=dict[str, KindSchema], plugins=dict[str, dict[str, KindSchema]])),
)
async def schema(shapes: Needed[ObjectShapes]) -> dict[str, Any]:
    """Every kind of object and every plug-in, with their fields: forms are drawn from it."""
    return ok(**shapes.describe())


@get("/api/objects/{kind:str}", guards=MAY_READ, opt=told(answer=said(objects=list[ManagedObject], total=int)))
async def every(request: Request[Any, Any, Any], kind: FromPath[str], managing: Needed[Managing]) -> dict[str, Any]:
    """All objects of a kind, by name. Secrets are dots."""
    found, by = await managing.all(kind), principal_of(request)
    return ok(objects=[shown(row, by) for row in found], total=len(found))


@get(
    "/api/objects/{kind:str}/{name:str}",
    guards=MAY_READ,
    opt=told(answer=said(object=ManagedObject, past=list[ManagedObject])),
)
async def one(
    request: Request[Any, Any, Any], kind: FromPath[str], name: FromPath[str], managing: Needed[Managing]
) -> dict[str, Any]:
    """One object by id or name, and its former versions, newest first."""
    (found, past), by = await managing.get(kind, name), principal_of(request)
    return ok(object=shown(found, by), past=[shown(row, by) for row in past])


@post(
    "/api/objects/{kind:str}",
    guards=MAY_WRITE,
    opt=told(body=dict[str, Any], answer=said(id=str, object=ManagedObject)),
)
async def create(request: Request[Any, Any, Any], kind: FromPath[str], managing: Needed[Managing]) -> dict[str, Any]:
    """Make an object."""
    by = principal_of(request)
    made = await managing.create(by, kind, await mapping_of(request))
    return ok(id=made.id, object=shown(made, by))


@put(
    "/api/objects/{kind:str}/{name:str}",
    guards=MAY_WRITE,
    opt=told(body=dict[str, Any], query=(IF_VERSION,), answer=_WRITTEN),
)
async def replace(
    request: Request[Any, Any, Any], kind: FromPath[str], name: FromPath[str], managing: Needed[Managing]
) -> dict[str, Any]:
    """Replace an object as a whole; with `?if-version=N` only if it is still that version. Dots keep a secret."""
    version, by = number_of(request, IF_VERSION), principal_of(request)
    body = await mapping_of(request)
    changed = await managing.update(by, kind, name, body, version if version >= 0 else None)
    return ok(object=shown(changed, by))


@delete("/api/objects/{kind:str}/{name:str}", guards=MAY_WRITE, status_code=200, opt=told(answer=Done))
async def remove(
    request: Request[Any, Any, Any], kind: FromPath[str], name: FromPath[str], managing: Needed[Managing]
) -> dict[str, Any]:
    """Delete an object; 409 names those that still refer to it."""
    await managing.delete(principal_of(request), kind, name)
    return ok()


@post(
    "/api/plan",
    guards=MAY_READ,
    status_code=200,
    opt=told(body=ObjectSet, answer=said(changes=list[Change], errors=list[Fault])),
)
async def plan(request: Request[Any, Any, Any], managing: Needed[Managing]) -> dict[str, Any]:
    """What applying these objects would change. Changes nothing. With users it takes `admin:users`."""
    wanted = await body_of(request, ObjectSet)
    changes, faults = await managing.plan(principal_of(request), wanted.objects, prune=wanted.prune)
    return ok(changes=[change_shown(change) for change in changes], errors=msgspec.to_builtins(faults))


@post(
    "/api/apply",
    guards=MAY_WRITE,
    status_code=200,
    opt=told(body=ObjectSet, answer=said(changes=list[Change], version=int)),
)
async def apply(request: Request[Any, Any, Any], managing: Needed[Managing]) -> dict[str, Any]:
    """Make the objects so, all of them or, with an error, none. With users it takes `admin:users`, too."""
    wanted = await body_of(request, ObjectSet)
    changes, version = await managing.apply(principal_of(request), wanted.objects, prune=wanted.prune)
    return ok(changes=[change_shown(change) for change in changes], version=version)


@get("/api/export", guards=MAY_READ, opt=told(answer=said(objects=list[dict[str, Any]])))
async def export(request: Request[Any, Any, Any], managing: Needed[Managing]) -> dict[str, Any]:
    """Every object, as `apply` takes it; users with `admin:users`. Secrets are dots, which keep what is stored."""
    return ok(objects=await managing.export(principal_of(request)))


def shown(row: Stored, by: Principal) -> ManagedObject:
    """An object as the wire has it, for this caller."""
    return {
        "kind": row.kind,
        "id": row.id if row.kind != HEARTBEAT or knows_ids(by) else row.name,
        "name": row.name,
        "version": row.version,
        "updatedAt": moment(row.updated_at),
        "updatedBy": row.updated_by,
        "body": row.body,
    }


def change_shown(change: Change) -> dict[str, Any]:
    """A change as the wire has it."""
    return msgspec.to_builtins(change)


routes = [schema, every, one, create, replace, remove, plan, apply, export]
