"""The writing of a changed user, and what follows from it for their sessions and keys."""

import msgspec

from watchbell.domain.access import may_grant
from watchbell.domain.accounts import User
from watchbell.domain.roles import RoleRules, Roles
from watchbell.ports.store import Transaction
from watchbell.usecases.holding import holder, roles_now
from watchbell.usecases.sessions import rights_changed


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
        if key.user.lower() == before.login.lower() and (beyond or not stays):
            await tx.keys.delete(key.id)
