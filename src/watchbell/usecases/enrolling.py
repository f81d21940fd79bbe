"""Users among the objects of files: as rows for the planner, what stands against a plan, and the writing of it.

Users stay in their own table, with the rules of `Administering`. Passwords are no part of files: a new user has none,
and a changed one keeps theirs. Raises `Forbidden` for callers who may not change these users.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from watchbell.domain.accounts import Person, Principal, User
from watchbell.domain.errors import Fault, Forbidden
from watchbell.domain.kinds import USER, key_of
from watchbell.domain.managed import Stored
from watchbell.domain.roles import RoleRules, Roles
from watchbell.ports.store import Transaction
from watchbell.usecases.holding import refuse_to_change
from watchbell.usecases.proposing import Step, body_of
from watchbell.usecases.saving_users import administers, save_user
from watchbell.usecases.sessions import rights_changed

SCOPE = "admin:users"


def names_users(objects: Sequence[Any]) -> bool:
    """Whether any of the objects is a user. If none is, users are left alone, by `prune` as well."""
    return any(_login(given) is not None for given in objects)


async def user_rows(tx: Transaction) -> list[Stored]:
    """All users as the planner takes them, without their passwords."""
    return [_row(user) for user in await tx.users.all()]


async def rows_for(tx: Transaction, by: Principal, objects: Sequence[Any]) -> list[Stored]:
    """The users that the objects are compared with: all, or none if the objects name none.

    Raises:
        Forbidden: the caller may not change users.
    """
    if not names_users(objects):
        return []
    if not by.may(SCOPE):
        raise Forbidden(f"Missing required scope: {SCOPE}")
    return await user_rows(tx)


def user_faults(
    by: Principal, rows: Sequence[Stored], steps: Sequence[Step], objects: Sequence[Any], roles: Roles
) -> list[Fault]:
    """What stands against the steps: a role that is not there, or the caller or the last administrator would go."""
    faults: list[Fault] = []
    present = {row.id: _user(row) for row in rows if row.kind == USER}
    left = dict(present)
    for step in _of_users(steps):
        if step.after is None:
            del left[step.row.id]
            if step.row.name.lower() == by.login.lower():
                faults.append(Fault(field="prune", reason=f"the user {step.row.name!r} would go, and that is you"))
            continue
        left[step.row.id] = after = _user(step.after)
        before = present.get(step.row.id)
        faults += _unknown_roles(after, before, roles, objects)
    if any(administers(user, roles.rules) for user in left.values()):
        return faults
    return faults + [
        Fault(field=_place(user, left, objects), reason=f"{user.login!r} is the last administrator and must stay one")
        for user in present.values()
        if administers(user, roles.rules)
    ]


async def refuse_users(tx: Transaction, by: Principal, steps: Sequence[Step], rules: RoleRules) -> None:
    """Raise `Forbidden` when the steps would make, change or delete a user whom the caller may not change."""
    mine = _of_users(steps)
    if mine:
        rows = [row for step in mine for row in (step.before, step.after) if row is not None]
        await refuse_to_change(tx, by, [_user(row) for row in rows], rules)


def _unknown_roles(after: User, before: User | None, roles: Roles, objects: Sequence[Any]) -> list[Fault]:
    known = {*roles.names(), *(before.roles if before else ())}
    return [
        Fault(
            field=_named(after.login, objects, "roles"),
            reason=f"there is no role {role!r}",
            fix=f"roles are {', '.join(roles.names())}",
        )
        for role in after.roles
        if role not in known
    ]


async def write_users(tx: Transaction, steps: Sequence[Step], now: datetime, rules: RoleRules) -> None:
    """Take the steps that are about users."""
    mine = _of_users(steps)
    if not mine:
        return
    there = {user.id: user for user in await tx.users.all()}
    # Who goes goes first.
    for step in sorted(mine, key=lambda step: step.after is not None):
        if step.after is None:
            await tx.users.delete(step.row.id)
            await rights_changed(tx)
            continue
        wanted = _user(step.after)
        before = there.get(step.row.id)
        if before is None:
            await tx.users.save(msgspec.structs.replace(wanted, created_at=now))
            continue
        after = msgspec.structs.replace(
            before,
            login=wanted.login,
            name=wanted.name,
            email=wanted.email,
            roles=wanted.roles,
            active=wanted.active,
        )
        await save_user(tx, before, after, rules)


def _of_users(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.row.kind == USER]


def _row(user: User) -> Stored:
    person = Person(name=user.login, full_name=user.name, email=user.email, roles=list(user.roles), active=user.active)
    return Stored(
        kind=USER,
        id=user.id,
        name=user.login,
        body=body_of(person),
        version=0,
        updated_at=user.created_at,
        updated_by="",
    )


def _user(row: Stored) -> User:
    """What files say of a user: without password and log-ins."""
    body = row.body
    return User(
        id=row.id,
        login=row.name,
        name=body["full_name"],
        email=body["email"],
        roles=tuple(body["roles"]),
        active=body["active"],
        created_at=row.updated_at,
    )


def _place(user: User, left: Mapping[str, User], objects: Sequence[Any]) -> str:
    """The field that takes the administrator away."""
    stays = left.get(user.id)
    if stays is None:
        return "prune"
    return _named(user.login, objects, "roles" if stays.active else "active")


def _named(login: str, objects: Sequence[Any], field: str) -> str:
    logins = [_login(given) for given in objects]
    return f"objects[{logins.index(login.lower())}].{field}"


def _login(given: Any) -> str | None:
    """The login of an object that is a user, in small letters; None for others."""
    if not isinstance(given, Mapping):
        return None
    body = cast("Mapping[str, Any]", given)
    return key_of(USER, str(body.get("name")))[1] if body.get("kind") == USER else None
