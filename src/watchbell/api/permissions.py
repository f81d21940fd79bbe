"""`/api/scopes`, `/api/perms` and `/api/perm`: what may be allowed, and what the roles allow.

The roles that the settings make are shown with the others, and nobody changes them.
"""

import uuid
from typing import Annotated, Any, TypeAlias, TypedDict

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.alerts import answer, base_of
from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Done, Text, Texts, said, told
from watchbell.api.groups import texts_of
from watchbell.api.needs import Needed
from watchbell.api.paging import listed, page_of
from watchbell.api.wire import mapping_of, ok
from watchbell.domain.access import all_scopes
from watchbell.domain.accounts import Permission
from watchbell.domain.errors import Invalid, Missing
from watchbell.domain.roles import RoleRules
from watchbell.usecases.permitting import Permitting, refuse_built_in

READ = [requires("read:perms")]
ADMIN = [requires("admin:perms")]
_NAMESPACE = uuid.UUID("b0a3d6c2-0e7e-5d7f-9a0d-2d0c8f5b8a11")


class RoleBody(TypedDict):
    """What a role, or a group of users of that name, may do."""

    builtIn: bool
    """Whether the settings make it, so that nobody can change it."""
    href: str
    id: str
    match: str
    scopes: list[str]


class RoleChange(msgspec.Struct):
    """What is said of a role."""

    match: Text = None
    scopes: Texts = None


NewRole: TypeAlias = Annotated[RoleChange, msgspec.Meta(extra_json_schema={"required": ["match", "scopes"]})]
_ONE = said(id=str, permission=RoleBody)


@get("/api/scopes", guards=READ, opt=told(answer=said(scopes=list[str], total=int)))
async def scopes(permitting: Needed[Permitting]) -> dict[str, Any]:
    """Every scope that a key or a role may have."""
    found = all_scopes(permitting.rules.custom_scopes)
    return ok(scopes=found, total=len(found))


@get("/api/perms", guards=READ, opt=listed("permissions", RoleBody))
async def perms(request: Request[Any, Any, Any], permitting: Needed[Permitting]) -> dict[str, Any]:
    """The roles with their scopes, the built-in ones first."""
    base = base_of(request)
    rows = [shown(each, base, locked=True) for each in built_in(permitting.rules)]
    return page_of(request, "permissions", rows + [shown(each, base) for each in await permitting.all()])


@get("/api/perm/{perm_id:str}", guards=READ, opt=told(answer=said(permission=RoleBody, total=int)))
async def one(
    request: Request[Any, Any, Any], perm_id: FromPath[str], permitting: Needed[Permitting]
) -> dict[str, Any]:
    """One role with its scopes, by its id or its name."""
    fixed = built_in(permitting.rules)
    for each in [*fixed, *await permitting.all()]:
        if perm_id in {each.match, each.id}:
            return ok(permission=shown(each, base_of(request), locked=each in fixed), total=1)
    raise Missing("There is no such role.")


@post("/api/perm", guards=ADMIN, opt=told(body=NewRole, answer=_ONE))
async def create(request: Request[Any, Any, Any], permitting: Needed[Permitting]) -> Response[bytes]:
    """Make a role: whoever has the role `match`, or belongs to the group `match`, has the `scopes`."""
    body, base = await mapping_of(request), base_of(request)
    found = await permitting.save(
        principal_of(request), "", texts_of(body, "match")["match"] or "", scopes_given(body) or []
    )
    response = answer({"id": found.id, "permission": shown(found, base), "status": "ok"}, 201)
    response.headers["Location"] = f"{base}/perm/{found.id}"
    return response


@put("/api/perm/{perm_id:str}", guards=ADMIN, opt=told(body=RoleChange, answer=_ONE))
async def change(
    request: Request[Any, Any, Any], perm_id: FromPath[str], permitting: Needed[Permitting]
) -> dict[str, Any]:
    """Change what is given of a role."""
    body = await mapping_of(request)
    _refuse_locked(permitting.rules, perm_id)
    match = texts_of(body, "match")["match"]
    found = await permitting.save(principal_of(request), perm_id, match, scopes_given(body))
    return ok(id=found.id, permission=shown(found, base_of(request)))


@delete("/api/perm/{perm_id:str}", guards=ADMIN, status_code=200, opt=told(answer=Done))
async def remove(
    request: Request[Any, Any, Any], perm_id: FromPath[str], permitting: Needed[Permitting]
) -> dict[str, Any]:
    """Delete a role."""
    _refuse_locked(permitting.rules, perm_id)
    await permitting.delete(principal_of(request), perm_id)
    return ok()


def built_in(rules: RoleRules) -> list[Permission]:
    """The roles that the settings make; each has the same id at every request."""
    return [
        Permission(id=str(uuid.uuid5(_NAMESPACE, role)), match=role, scopes=tuple(sorted(given)))
        for role, given in rules.built_in().items()
    ]


def _refuse_locked(rules: RoleRules, perm_id: str) -> None:
    for each in built_in(rules):
        if perm_id in {each.id, each.match}:
            refuse_built_in(rules, each.match)


def scopes_given(body: dict[str, Any]) -> list[str] | None:
    """The scopes of a body; None when it has none.

    Raises:
        Invalid: they are no list of texts.
    """
    given: Any = body.get("scopes")
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):  # pyright: ignore[reportUnknownVariableType]
        raise Invalid("must be a list of scopes", "scopes")
    return given  # pyright: ignore[reportUnknownVariableType]


def shown(role: Permission, base: str, *, locked: bool = False) -> RoleBody:
    """A role as the wire has it; `builtIn` is for our own pages."""
    return {
        "builtIn": locked,
        "href": f"{base}/perm/{role.id}",
        "id": role.id,
        "match": role.match,
        "scopes": list(role.scopes),
    }


routes = [scopes, perms, one, create, change, remove]
