"""What moving writes of people: roles, customers, users, groups and keys, each with its line in the audit log."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from watchbell.domain.accounts import ApiKey, CustomerLookup, Group, Permission, User
from watchbell.domain.roles import RoleRules
from watchbell.ports.clock import Clock
from watchbell.ports.data_source import Kind, MovedUser, Row
from watchbell.usecases.administering import OPERATOR
from watchbell.usecases.auditing import account_told, entry
from watchbell.usecases.moving import Told, Writer, Writing
from watchbell.usecases.sessions import rights_changed

T = TypeVar("T")


class MovingPeople:
    """Writes people. It remembers which users of the source are whom here, as groups name their ids."""

    def __init__(self, clock: Clock, rules: RoleRules) -> None:
        self._clock = clock
        self._rules = rules
        self._ours: dict[str, str] = {}
        self._coming: dict[str, bool] = {}

    def writers(self) -> Mapping[Kind, Writer]:
        """By kind."""
        return {
            "role": self.roles,
            "customer": self.customers,
            "user": self.users,
            "group": self.groups,
            "key": self.keys,
        }

    async def roles(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """Roles of one's own; the built-in ones are what the settings say."""
        known = {role.match: role for role in await writing.tx.permissions.all()}
        built_in = self._rules.built_in()
        told: list[Told] = []
        for row, role in _things(rows, Permission):
            if role.match in built_in:
                # Alerta's API lists its own among the others, under an id of the moment.
                told.append(_told(row, "there"))
            elif role.match in known:
                told.append(_met(row, known[role.match].id == role.id, f"the role {role.match!r}"))
            else:
                known[role.match] = role
                told.append(_told(row, "imported"))
                if writing.for_good:
                    await writing.tx.permissions.save(role)
                    await self._audit(writing, "role", role.match, role.id, msgspec.structs.asdict(role))
        return await self._ended(writing, told)

    async def customers(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """Look-ups of customers."""
        stored = await writing.tx.customer_lookups.all()
        ids, known = {each.id for each in stored}, {(each.match, each.customer) for each in stored}
        told: list[Told] = []
        for row, lookup in _things(rows, CustomerLookup):
            if lookup.id in ids or (lookup.match, lookup.customer) in known:
                told.append(_told(row, "there"))
                continue
            ids.add(lookup.id)
            known.add((lookup.match, lookup.customer))
            told.append(_told(row, "imported"))
            if writing.for_good:
                await writing.tx.customer_lookups.save(lookup)
                await self._audit(writing, "customer", lookup.match, lookup.id, msgspec.structs.asdict(lookup))
        return await self._ended(writing, told)

    async def users(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """People; a login that somebody has here stays theirs, whoever had it elsewhere."""
        told: list[Told] = []
        taken: dict[str, str] = {}
        for row, moved in _things(rows, MovedUser):
            user = moved.user
            login = user.login.lower()
            there = await writing.tx.users.get(user.login)
            there = there if there is not None and there.login.lower() == login else await self._by_id(writing, user)
            holder = there.id if there is not None else taken.get(login, "")
            self._ours[moved.source_id] = holder or user.id
            if holder:
                told.append(_met(row, holder == user.id, f"the user {user.login!r}"))
                continue
            taken[login] = user.id
            self._coming[login] = user.active
            told.append(_told(row, "imported", moved.remark))
            if writing.for_good:
                await writing.tx.users.save(user)
                await writing.tx.people.save_profile(moved.profile)
                await self._audit(writing, "user", user.login, user.id, account_told(user))
        return await self._ended(writing, told)

    async def _by_id(self, writing: Writing, user: User) -> User | None:
        found = await writing.tx.users.get(user.id)
        return found if found is not None and found.id == user.id else None

    async def groups(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """Groups with those of their members who are here."""
        stored = await writing.tx.people.groups()
        ids, names = {group.id for group in stored}, {group.name for group in stored}
        told: list[Told] = []
        for row, group in _things(rows, Group):
            if group.id in ids or group.name in names:
                told.append(_met(row, group.id in ids, f"the group {group.name!r}"))
                continue
            ids.add(group.id)
            names.add(group.name)
            members = [member for member in group.members if await self._is_here(writing, member)]
            missing = len(group.members) - len(members)
            told.append(_told(row, "imported", f"without {missing} members who are not here" if missing else ""))
            if writing.for_good:
                whose = tuple(dict.fromkeys(self._ours.get(member, member) for member in members))
                ours = msgspec.structs.replace(group, members=whose)
                await writing.tx.people.save_group(ours)
                await self._audit(writing, "group", group.name, group.id, msgspec.structs.asdict(ours))
        return await self._ended(writing, told)

    async def _is_here(self, writing: Writing, member: str) -> bool:
        if member in self._ours:
            return True
        found = await writing.tx.users.get(member)
        return found is not None and found.id == member

    async def keys(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """Keys, which go on working; but those of people who are inactive end, as they do here."""
        stored = await writing.tx.keys.all()
        ids, hashes = {key.id for key in stored}, {key.hash for key in stored}
        told: list[Told] = []
        for row, key in _things(rows, ApiKey):
            if key.hash in hashes:
                told.append(_told(row, "there"))
                continue
            if key.id in ids:
                told.append(_told(row, "kept", "another key has its id"))
                continue
            if not await self._may_have_keys(writing, key.user):
                told.append(_told(row, "refused", f"its owner {key.user!r} is inactive"))
                continue
            ids.add(key.id)
            hashes.add(key.hash)
            told.append(_told(row, "imported"))
            if writing.for_good:
                await writing.tx.keys.save(key)
                await self._audit(writing, "key", key.prefix, key.id, account_told(key))
        return await self._ended(writing, told)

    async def _may_have_keys(self, writing: Writing, login: str) -> bool:
        owner = await writing.tx.users.get(login) if login else None
        return owner.active if owner is not None else self._coming.get(login.lower(), True)

    async def _audit(self, writing: Writing, kind: str, subject: str, identifier: str, after: dict[str, Any]) -> None:
        at = self._clock.now()
        made = entry(at, OPERATOR, (kind, "create"), subject, "imported", subject_id=identifier, change=({}, after))
        await writing.tx.audit.add([made])

    async def _ended(self, writing: Writing, told: list[Told]) -> list[Told]:
        if writing.for_good and any(each.outcome == "imported" for each in told):
            await rights_changed(writing.tx)
        return told


def _told(row: Row, outcome: Any, reason: str = "") -> Told:
    return Told(kind=row.kind, id=row.id, outcome=outcome, reason=reason)


def _met(row: Row, same: bool, what: str) -> Told:  # noqa: FBT001 - whether it is the one that was imported
    """Something of this name is here."""
    return _told(row, "there") if same else _told(row, "kept", f"{what} of this Watchbell stays as it is")


def _things(rows: Sequence[Row], kind: type[T]) -> list[tuple[Row, T]]:
    """Rows with what they hold, which is what their kind says."""
    return [(row, row.thing) for row in rows if isinstance(row.thing, kind)]
