"""`/api/users` and `/api/user`: the people who may log in, and `/api/user/me`: oneself."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.alerts import AttributeSet, base_of, needed_attributes
from watchbell.api.auth import address_of, principal_of, requires
from watchbell.api.contract import Done, said, told
from watchbell.api.groups import GroupBody
from watchbell.api.groups import shown as group_shown
from watchbell.api.needs import Needed
from watchbell.api.paging import listed, page_of
from watchbell.api.rows import UserRow, user_row
from watchbell.api.wire import known, mapping_of, ok
from watchbell.domain.accounts import User
from watchbell.domain.errors import Invalid
from watchbell.toolkit.settings import read
from watchbell.usecases.administering import PROOF_FIELD, Administering, Proof, UserChange
from watchbell.usecases.directory import Directory

MAY = [requires("admin:users")]
SEE_SELF = [requires("read:userinfo")]
CHANGE_SELF = [requires("write:users")]
OWN = ("name", "email", "password", "text")
"""What people may change of themselves."""


class SentUser(UserChange, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """What is said of a user; null leaves it as it is."""

    text: str | None = None
    """Anything worth noting."""
    email_verified: bool | None = None
    """Whether somebody made sure of the address."""
    attributes: dict[str, Any] | None = None
    """To merge deeply; null removes one."""


class NewUser(SentUser, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """What is said of a new user."""

    name: str  # pyright: ignore[reportGeneralTypeIssues] - all fields go by name, so it may do without a default
    """The person's name; it may be empty, but not left out."""


class OwnChange(msgspec.Struct, frozen=True, kw_only=True):
    """What people may change of themselves."""

    name: str | None = None
    email: str | None = None
    password: str | None = None
    text: str | None = None
    current_password: str | None = msgspec.field(default=None, name=PROOF_FIELD)
    """The present password: a new one, or another address, asks for it."""


_ONE = said(id=str, user=UserRow)
_ATTRIBUTES = told(body=AttributeSet, answer=Done)


@get("/api/users", guards=MAY, opt=listed("users", UserRow, domains=list[str]))
async def users(
    request: Request[Any, Any, Any], administering: Needed[Administering], directory: Needed[Directory]
) -> dict[str, Any]:
    """A page of everybody, by login, and the mail domains that there are."""
    found = await administering.users()
    rows = await _shown(request, directory, found)
    domains = sorted({row["domain"] for row in rows if row["domain"]})
    return page_of(request, "users", rows) | {"domains": domains}


@post("/api/user", guards=MAY, opt=told(body=NewUser, answer=_ONE))
async def create(
    request: Request[Any, Any, Any], administering: Needed[Administering], directory: Needed[Directory]
) -> dict[str, Any]:
    """Make a user. Without `login` it is the `email`; without `roles` they get `user`."""
    wanted, described = change_of(await mapping_of(request))
    if wanted.name is None:
        raise Invalid("is required", "name")
    if wanted.login is None:
        wanted = msgspec.structs.replace(wanted, login=wanted.email or "")
    user = await administering.create_user(principal_of(request), wanted)
    if described:
        await directory.describe(principal_of(request), user.id, **described)
    return await _answer(request, directory, user)


@get("/api/user/me", guards=SEE_SELF, opt=told(answer=_ONE))
async def me(request: Request[Any, Any, Any], directory: Needed[Directory]) -> dict[str, Any]:
    """Who the caller is."""
    return await _answer(request, directory, await _self(request, directory))


@put("/api/user/me", guards=CHANGE_SELF, opt=told(body=OwnChange, answer=_ONE))
async def change_me(
    request: Request[Any, Any, Any], administering: Needed[Administering], directory: Needed[Directory]
) -> dict[str, Any]:
    """Change one's own name, address, password or text, and nothing that gives rights.

    A new address or password needs `currentPassword`, and is refused to API keys.
    """
    body = {name: value for name, value in (await mapping_of(request)).items() if value not in (None, {}, [])}
    password = body.pop(PROOF_FIELD, None)
    if password is not None and not isinstance(password, str):
        raise Invalid("must be a string", PROOF_FIELD)
    beyond = sorted(body.keys() - set(OWN))
    if beyond:
        raise Invalid(f"not allowed to update: {', '.join(beyond)}")
    wanted, described = change_of(body)
    text: str | None = described.get("text")
    proof = Proof(password=password, address=address_of(request))
    user = await administering.change_self(principal_of(request), wanted, proof)
    if text is not None:
        await directory.describe_oneself(user.id, text=text, attributes={})
    return await _answer(request, directory, user)


@get("/api/user/me/attributes", guards=SEE_SELF, opt=told(answer=said(attributes=dict[str, Any])))
async def my_attributes(request: Request[Any, Any, Any], directory: Needed[Directory]) -> dict[str, Any]:
    """What clients keep for the caller, such as preferences."""
    user = await _self(request, directory)
    return ok(attributes=(await directory.profiles([user]))[user.id].attributes)


@put("/api/user/me/attributes", guards=CHANGE_SELF, opt=_ATTRIBUTES)
async def set_my_attributes(request: Request[Any, Any, Any], directory: Needed[Directory]) -> dict[str, Any]:
    """Merge attributes deeply; null removes one."""
    attributes = needed_attributes(await mapping_of(request))
    user = await _self(request, directory)
    await directory.describe_oneself(user.id, attributes=attributes)
    return ok()


@get("/api/user/me/groups", guards=SEE_SELF, opt=listed("groups", GroupBody))
async def my_groups(request: Request[Any, Any, Any], directory: Needed[Directory]) -> dict[str, Any]:
    """The groups that the caller belongs to."""
    return await _groups(request, directory, await _self(request, directory))


@get("/api/user/{user_id:str}", guards=MAY, opt=told(answer=_ONE))
async def one(request: Request[Any, Any, Any], user_id: FromPath[str], directory: Needed[Directory]) -> dict[str, Any]:
    """One user."""
    return await _answer(request, directory, await directory.user(user_id))


@get("/api/user/{user_id:str}/groups", guards=MAY, opt=listed("groups", GroupBody))
async def groups_of(
    request: Request[Any, Any, Any], user_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """The groups that a user belongs to."""
    return await _groups(request, directory, await directory.user(user_id))


@put("/api/user/{user_id:str}", guards=MAY, opt=told(body=SentUser, answer=_ONE))
async def change(
    request: Request[Any, Any, Any],
    user_id: FromPath[str],
    administering: Needed[Administering],
    directory: Needed[Directory],
) -> dict[str, Any]:
    """Change what the body names, and nothing else."""
    wanted, described = change_of(await mapping_of(request))
    user = await administering.change_user(principal_of(request), user_id, wanted)
    if described:
        await directory.describe(principal_of(request), user.id, **described)
    return await _answer(request, directory, user)


@put("/api/user/{user_id:str}/attributes", guards=MAY, opt=_ATTRIBUTES)
async def set_attributes(
    request: Request[Any, Any, Any], user_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """Merge attributes deeply; null removes one."""
    attributes = needed_attributes(await mapping_of(request))
    await directory.describe(principal_of(request), user_id, attributes=attributes)
    return ok()


@delete("/api/user/{user_id:str}", guards=MAY, status_code=200, opt=told(answer=Done))
async def remove(
    request: Request[Any, Any, Any], user_id: FromPath[str], administering: Needed[Administering]
) -> dict[str, Any]:
    """Delete a user, with sessions and keys."""
    await administering.delete_user(principal_of(request), user_id)
    return ok()


def change_of(body: dict[str, Any]) -> tuple[UserChange, dict[str, Any]]:
    """A change of a user from a body, and of the profile. Null, and an empty list of roles, leave what is there.

    What is not known is left out: Alerta's pages send their whole form.

    Raises:
        InvalidSettings: a field is of another type.
    """
    given = known(SentUser, body)
    if given.get("roles") == []:
        del given["roles"]
    text, verified = given.pop("text", None), given.pop("email_verified", None)
    attributes = needed_attributes(given) if "attributes" in given else {}
    given.pop("attributes", None)
    if text is not None and not isinstance(text, str):
        raise Invalid("must be a string", "text")
    if verified is not None and not isinstance(verified, bool):
        raise Invalid("must be true or false", "email_verified")
    described: dict[str, Any] = {}
    if text is not None or verified is not None or attributes:
        described = {"text": text, "email_verified": verified, "attributes": attributes}
    return read(UserChange, given), described


async def _self(request: Request[Any, Any, Any], directory: Directory) -> User:
    return await directory.user(principal_of(request).login)


async def _groups(request: Request[Any, Any, Any], directory: Directory, user: User) -> dict[str, Any]:
    base = base_of(request)
    mine = [group for group in await directory.groups() if user.id in group.members]
    return page_of(request, "groups", [group_shown(group, base) for group in mine])


async def _answer(request: Request[Any, Any, Any], directory: Directory, user: User) -> dict[str, Any]:
    (row,) = await _shown(request, directory, [user])
    return ok(id=user.id, user=row)


async def _shown(request: Request[Any, Any, Any], directory: Directory, found: Sequence[User]) -> list[UserRow]:
    profiles, base = await directory.profiles(found), base_of(request)
    secured = await directory.secured(found)
    return [user_row(user, profiles[user.id], base, second_factor=user.id in secured) for user in found]


routes = [
    users,
    create,
    me,
    change_me,
    my_attributes,
    set_my_attributes,
    one,
    my_groups,
    groups_of,
    change,
    set_attributes,
    remove,
]
