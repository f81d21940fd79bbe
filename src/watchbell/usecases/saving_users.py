"""The writing of a changed user, whose login and address are nobody else's, and what follows from it."""

import msgspec

from watchbell.domain.access import may_grant
from watchbell.domain.accounts import User
from watchbell.domain.errors import Conflict
from watchbell.domain.roles import RoleRules, Roles
from watchbell.ports.store import Transaction
from watchbell.usecases.holding import holder, owns, roles_now
from watchbell.usecases.sessions import rights_changed


async def refuse_taken(tx: Transaction, before: User | None, after: User) -> None:
    """A login or an address that a user is to get must be nobody else's; what they have already is not looked at.

    To be called first in a transaction: from now on nobody else is given either.

    Raises:
        Conflict: one of them is taken.
    """
    login, email = after.login.lower(), after.email.lower()
    is_new_login = before is None or login != before.login.lower()
    is_new_email = email != "" and (before is None or email != before.email.lower())
    new = {name for name, is_new in ((login, is_new_login), (email, is_new_email)) if is_new}
    if not new:
        return
    for name in sorted(new):
        await tx.users.lock(name)
    others = [user for user in await tx.users.all() if user.id != after.id]
    if is_new_email and any(user.email.lower() == email for user in others):
        raise Conflict("user with that email already exists")
    if is_new_login and any(user.login.lower() == login for user in others):
        raise Conflict("user with that login already exists")


async def save_user(tx: Transaction, before: User, after: User, rules: RoleRules) -> None:
    """Write a changed user. Whoever may do less now loses their sessions, and the keys that give more.

    A new mail address is one that nobody has verified yet.
    """
    roles = await roles_now(tx, rules)
    lost = bool(roles.scopes_of(before.roles, before.login) - roles.scopes_of(after.roles, after.login))
    await tx.users.save(after)
    if before.email.lower() != after.email.lower():
        profile = (await tx.people.profiles([after.id])).get(after.id)
        if profile is not None and profile.email_verified:
            await tx.people.save_profile(msgspec.structs.replace(profile, email_verified=False))
    if before.password_hash != after.password_hash or not after.active or lost:
        await tx.sessions.delete_of(after.id)
    await _revoke_keys(tx, before, after, rules, lost=lost)
    await rights_changed(tx)


def administers(user: User, rules: RoleRules) -> bool:
    """Whether the user is an administrator who may log in."""
    return user.active and Roles(rules=rules).administers(user.roles, user.login)


async def _revoke_keys(tx: Transaction, before: User, after: User, rules: RoleRules, *, lost: bool) -> None:
    """Drop those of the user's keys that give more than the user may do now."""
    stays = after.active and after.login.lower() == before.login.lower()
    if stays and not lost:
        return
    now_held = await holder(tx, after, rules)
    for key in await tx.keys.all():
        beyond = not all(may_grant(now_held, scope) for scope in key.scopes)
        if owns(before, key) and (beyond or not stays):
            await tx.keys.delete(key.id)
