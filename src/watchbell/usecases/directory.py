"""Directory: what is noted of people besides how they log in, groups of them, and whose customers they are.

Everything but a person's own preferences is audited.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from watchbell.domain.accounts import CustomerLookup, Group, Principal, Profile, User
from watchbell.domain.alerts.policy import Limits, admit_attributes
from watchbell.domain.customers import customers_of, sees
from watchbell.domain.errors import Conflict, Fault, Faulty, Forbidden, Invalid, Missing
from watchbell.domain.ids import new_id
from watchbell.domain.roles import USUAL, RoleRules
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.auditing import entry
from watchbell.usecases.calling import customers_now
from watchbell.usecases.holding import held_by_all, refuse_more_than_held, refuse_to_change, revoke_beyond, roles_now
from watchbell.usecases.sessions import people_changed, rights_changed

NAME_MAX = 200
TEXT_MAX = 2_000
MEMBERS_MAX = 10_000
LIMITS = Limits(raw=65_536)
"""Of attributes."""


class Directory:
    """Profiles, groups and customers."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: RoleRules = USUAL,
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules

    async def profiles(self, users: Sequence[User]) -> dict[str, Profile]:
        """By user id, a blank one for those without."""
        async with self._store.reading() as tx:
            found = await tx.people.profiles([user.id for user in users])
        return {user.id: found.get(user.id) or Profile(user_id=user.id, updated_at=user.created_at) for user in users}

    async def secured(self, users: Sequence[User]) -> set[str]:
        """The ids of those who log in by code, too, or have passkeys."""
        ids = [user.id for user in users]
        async with self._store.reading() as tx:
            return await tx.second_factors.having(ids) | await tx.passkeys.having(ids)

    async def user(self, login_or_id: str) -> User:
        """One user.

        Raises `Missing`.
        """
        async with self._store.reading() as tx:
            return await _user(tx, login_or_id)

    async def describe(
        self,
        by: Principal,
        user_id: str,
        *,
        text: str | None = None,
        email_verified: bool | None = None,
        attributes: Mapping[str, Any],
    ) -> None:
        """Set what is given of a profile (None leaves it), and merge attributes deeply; null removes one.

        Raises:
            Missing: there is no such user.
            Forbidden: they may do more than the caller, or see other customers.
        """
        admit_profile(text, attributes)
        async with self._store.transaction() as tx:
            user = await _user(tx, user_id)
            await refuse_to_change(tx, by, [user], self._rules)
            before, after = await self._described(tx, user, attributes, text=text, email_verified=email_verified)
            change = (_told(before), _told(after))
            if change[0] != change[1]:
                at = self._clock.now()
                await tx.audit.add([entry(at, by, ("user", "update"), user.login, subject_id=user.id, change=change)])

    async def describe_oneself(self, user_id: str, *, text: str | None = None, attributes: Mapping[str, Any]) -> None:
        """The same of the caller's own profile."""
        admit_profile(text, attributes)
        async with self._store.transaction() as tx:
            await self._described(tx, await _user(tx, user_id), attributes, text=text)

    async def _described(
        self,
        tx: Transaction,
        user: User,
        attributes: Mapping[str, Any],
        *,
        text: str | None = None,
        email_verified: bool | None = None,
    ) -> tuple[Profile, Profile]:
        """Write a profile; returns it as it was and as it is."""
        now = self._clock.now()
        before = (await tx.people.profiles([user.id])).get(user.id) or Profile(user_id=user.id, updated_at=now)
        after = msgspec.structs.replace(
            before,
            text=before.text if text is None else text,
            email_verified=before.email_verified if email_verified is None else email_verified,
            attributes=merged(before.attributes, attributes),
            updated_at=now,
        )
        admit_attributes(after.attributes, LIMITS)
        await tx.people.save_profile(after)
        if text is not None or email_verified is not None:
            people_changed(tx)
        return before, after

    async def groups(self) -> list[Group]:
        """By name."""
        async with self._store.reading() as tx:
            return await tx.people.groups()

    async def group(self, group_id: str) -> Group:
        """One group.

        Raises `Missing`.
        """
        async with self._store.reading() as tx:
            return await _group(tx, group_id)

    async def members(self, group_id: str) -> list[User]:
        """Who belongs to a group, by login."""
        async with self._store.reading() as tx:
            group = await _group(tx, group_id)
            return [user for user in await tx.users.all() if user.id in group.members]

    async def save_group(self, by: Principal, group_id: str, name: str | None, text: str | None) -> Group:
        """Make a group (`group_id` empty), or change what is given of one."""
        async with self._store.transaction() as tx:
            before = await _group(tx, group_id) if group_id else Group(id=new_id(), name="")
            group = msgspec.structs.replace(
                before, name=before.name if name is None else name, text=before.text if text is None else text
            )
            check_words("name", group.name, NAME_MAX)
            check_words("text", group.text, TEXT_MAX, empty=True)
            if any(other.name == group.name and other.id != group.id for other in await tx.people.groups()):
                raise Conflict("There is another group with this name.")
            if group.name != before.name:
                await self._refuse_rights(tx, by, before.name, group.name)
            await self._keep(tx, group)
            await self._audit(
                tx,
                by,
                ("group", "update" if group_id else "create"),
                group.name,
                before=before if group_id else None,
                after=group,
            )
        return group

    async def delete_group(self, by: Principal, group_id: str) -> None:
        """Delete a group; its members stay users."""
        async with self._store.transaction() as tx:
            group = await _group(tx, group_id)
            await self._refuse_rights(tx, by, group.name)
            await self._keep(tx, msgspec.structs.replace(group, members=()))
            await tx.people.delete_group(group.id)
            await self._audit(tx, by, ("group", "delete"), group.name, before=group)

    async def join(self, by: Principal, group_id: str, user_id: str, *, member: bool) -> None:
        """Put a user into a group, or take one out."""
        async with self._store.transaction() as tx:
            group, user = await _group(tx, group_id), await _user(tx, user_id)
            others = tuple(each for each in group.members if each != user.id)
            if len(others) >= MEMBERS_MAX:
                raise Invalid(f"has {MEMBERS_MAX} members already", "group")
            await self._refuse_rights(tx, by, group.name)
            await self._keep(tx, msgspec.structs.replace(group, members=(*others, user.id) if member else others))
            await self._audit(tx, by, ("group", "join" if member else "leave"), group.name, user.login)

    async def _refuse_rights(self, tx: Transaction, by: Principal, *groups: str) -> None:
        """Raise `Forbidden` when the groups give rights that the caller does not hold: to give, or to take away."""
        roles = await roles_now(tx, self._rules)
        refuse_more_than_held(by, sorted(roles.scopes_of((), "", groups)))
        if by.customers is not None:
            nobody = User(id="", login="", roles=(), created_at=self._clock.now())
            theirs = customers_of(await tx.customer_lookups.all(), nobody, groups)
            if theirs is None or not theirs <= by.customers:
                raise Forbidden("not allowed to change who belongs to another customer")

    async def _keep(self, tx: Transaction, group: Group) -> None:
        """Write a group, and revoke what its former members may no longer do."""
        held = await held_by_all(tx, self._rules)
        await tx.people.save_group(group)
        await revoke_beyond(tx, self._rules, held)
        await rights_changed(tx)

    async def customers(self) -> list[CustomerLookup]:
        """By what they match."""
        async with self._store.reading() as tx:
            return [each for each in await tx.customer_lookups.all() if sees(customers_now(), each.customer)]

    async def customer(self, lookup_id: str) -> CustomerLookup:
        """One look-up.

        Raises `Missing`.
        """
        async with self._store.reading() as tx:
            return await _lookup(tx, lookup_id)

    async def save_customer(
        self, by: Principal, lookup_id: str, match: str | None, customer: str | None
    ) -> CustomerLookup:
        """Make a look-up (`lookup_id` empty), or change what is given of one."""
        async with self._store.transaction() as tx:
            fresh = CustomerLookup(id=new_id(), match="", customer="")
            before = await _lookup(tx, lookup_id) if lookup_id else fresh
            after = msgspec.structs.replace(
                before,
                match=before.match if match is None else match,
                customer=before.customer if customer is None else customer,
            )
            check_words("match", after.match, NAME_MAX)
            check_words("customer", after.customer, NAME_MAX)
            if not sees(by.customers, after.customer):
                raise Forbidden(f"not allowed to set customer to '{after.customer}'")
            await tx.customer_lookups.save(after)
            await rights_changed(tx)
            await self._audit(
                tx,
                by,
                ("customer", "update" if lookup_id else "create"),
                after.match,
                before=before if lookup_id else None,
                after=after,
            )
        return after

    async def delete_customer(self, by: Principal, lookup_id: str) -> None:
        """Delete a look-up."""
        async with self._store.transaction() as tx:
            found = await _lookup(tx, lookup_id)
            await tx.customer_lookups.delete(found.id)
            await rights_changed(tx)
            await self._audit(tx, by, ("customer", "delete"), found.match, before=found)

    async def _audit(
        self,
        tx: Transaction,
        by: Principal,
        event: tuple[str, str],
        subject: str,
        text: str = "",
        *,
        before: Group | CustomerLookup | None = None,
        after: Group | CustomerLookup | None = None,
    ) -> None:
        one, other = ({} if each is None else msgspec.structs.asdict(each) for each in (before, after))
        identifier = str((other or one).get("id", ""))
        at = self._clock.now()
        await tx.audit.add([entry(at, by, event, subject, text, subject_id=identifier, change=(one, other))])


def admit_profile(text: str | None, attributes: Mapping[str, Any]) -> None:
    """Raise `Invalid` unless a profile may say this."""
    admit_attributes(attributes, LIMITS)
    if text is not None:
        check_words("text", text, TEXT_MAX, empty=True)


def _told(profile: Profile) -> dict[str, Any]:
    """What the audit tells of a profile."""
    return {"text": profile.text, "email_verified": profile.email_verified, "attributes": profile.attributes}


def merged(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Merge objects into objects at every depth; null removes a key."""
    after = dict(before)
    for name, value in change.items():
        present = after.get(name)
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict) and isinstance(present, dict):
            after[name] = merged(present, value)  # pyright: ignore[reportUnknownArgumentType]
        else:
            after[name] = value
    return after


def check_words(field: str, text: str, most: int, *, empty: bool = False) -> None:
    """Raise `Invalid` for a text that is too long or has control characters; with `empty` it may be, and have lines."""
    if not text and not empty:
        raise Faulty([Fault(field=field, reason="is required")])
    if len(text) > most or not all(character.isprintable() or (empty and character == "\n") for character in text):
        raise Invalid(f"must be at most {most} characters without control characters", field)


async def _user(tx: Transaction, login_or_id: str) -> User:
    found = await tx.users.get(login_or_id) if login_or_id else None
    if found is None:
        raise Missing("There is no such user.")
    return found


async def _group(tx: Transaction, group_id: str) -> Group:
    for group in await tx.people.groups():
        if group.id == group_id:
            return group
    raise Missing("There is no such group.")


async def _lookup(tx: Transaction, lookup_id: str) -> CustomerLookup:
    for found in await tx.customer_lookups.all():
        if found.id == lookup_id and sees(customers_now(), found.customer):
            return found
    raise Missing("There is no such look-up of a customer.")
