"""Who holds which scopes, by roles and groups; nobody gives on, or keeps in a key, more than they hold."""

from collections.abc import Iterable, Mapping, Sequence

from watchbell.domain.access import may_grant, principal_for
from watchbell.domain.accounts import ApiKey, Means, Principal, User
from watchbell.domain.customers import customers_of
from watchbell.domain.errors import Forbidden
from watchbell.domain.roles import RoleRules, Roles
from watchbell.ports.store import Transaction


async def roles_now(tx: Transaction, rules: RoleRules) -> Roles:
    """All roles that there are."""
    return Roles(rules=rules, own={row.match: frozenset(row.scopes) for row in await tx.permissions.all()})


async def group_names(tx: Transaction, user: User) -> list[str]:
    """The groups that a user belongs to, by name."""
    return [group.name for group in await tx.people.groups() if user.id in group.members]


async def holder(
    tx: Transaction,
    user: User,
    rules: RoleRules,
    means: Means = Means.KEY,
    *,
    csrf: str = "",
    session_id: str = "",
) -> Principal:
    """The caller that a user is now."""
    roles = await roles_now(tx, rules)
    groups = await group_names(tx, user) if roles.own or rules.customer_views else []
    customers = await customers_now_of(tx, user, roles, groups)
    return principal_for(user, roles, groups, means=means, customers=customers, csrf=csrf, session_id=session_id)


async def customers_now_of(tx: Transaction, user: User, roles: Roles, groups: Sequence[str]) -> frozenset[str] | None:
    """Whose alerts a user may see; None is everybody's."""
    if not roles.rules.customer_views or roles.administers(user.roles, user.login):
        return None
    return customers_of(await tx.customer_lookups.all(), user, groups)


async def refuse_other_customers(
    tx: Transaction, by: Principal, users: Iterable[User], groups: Sequence[str], rules: RoleRules
) -> None:
    """Raise `Forbidden` when somebody would be changed, or made, who sees customers that the caller does not see."""
    if by.customers is None:
        return
    roles = await roles_now(tx, rules)
    for user in users:
        theirs = await customers_now_of(tx, user, roles, groups)
        if theirs is None or not theirs <= by.customers:
            raise Forbidden("not allowed to change who belongs to another customer")


async def refuse_to_change(tx: Transaction, by: Principal, users: Iterable[User], rules: RoleRules) -> None:
    """Raise `Forbidden` when somebody holds more than the caller, or sees customers that the caller does not see.

    `users` are people as they are, for whatever changes or deletes them, and as they are to be.
    """
    roles = await roles_now(tx, rules)
    groups: dict[str, list[str]] = {}
    for group in await tx.people.groups():
        for member in group.members:
            groups.setdefault(member, []).append(group.name)
    for user in users:
        theirs = groups.get(user.id, [])
        refuse_more_than_held(by, sorted(roles.scopes_of(user.roles, user.login, theirs)))
        await refuse_other_customers(tx, by, [user], theirs, rules)


async def held_by_all(tx: Transaction, rules: RoleRules) -> dict[str, frozenset[str]]:
    """What everybody holds, by id."""
    roles = await roles_now(tx, rules)
    groups = await tx.people.groups()
    return {
        user.id: roles.scopes_of(user.roles, user.login, [group.name for group in groups if user.id in group.members])
        for user in await tx.users.all()
    }


async def revoke_beyond(tx: Transaction, rules: RoleRules, before: Mapping[str, frozenset[str]]) -> None:
    """Drop the keys that give more than their owners hold now, of those who held more `before`."""
    now = await held_by_all(tx, rules)
    poorer = [user for user in await tx.users.all() if before.get(user.id, frozenset()) - now[user.id]]
    if not poorer:
        return
    keys = await tx.keys.all()
    for user in poorer:
        owner = await holder(tx, user, rules)
        for key in keys:
            if owns(user, key) and not all(may_grant(owner, scope) for scope in key.scopes):
                await tx.keys.delete(key.id)


def owns(user: User, key: ApiKey) -> bool:
    """Whether a key is a user's; some that were made long ago name their owner by the id."""
    return key.user == user.id or key.user.lower() == user.login.lower()


def refuse_more_than_held(by: Principal, scopes: Iterable[str]) -> None:
    """Raise `Forbidden` when the caller does not hold all that is to be given, or to be changed in somebody else."""
    beyond: Sequence[str] = [scope for scope in scopes if not may_grant(by, scope)]
    if beyond:
        held = ", ".join(sorted(by.scopes))
        raise Forbidden(f"Requested scope '{beyond[0]}' not in existing scopes: {held}")
