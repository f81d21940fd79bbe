"""Notes, heartbeats by origin, profiles, groups, roles and customers, in SQL."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import select

from watchbell.adapters.store.sql.codec import Codec, lock_key
from watchbell.adapters.store.sql.tables_accounts import permissions, users
from watchbell.adapters.store.sql.tables_notes import customer_lookups, notes, origin_heartbeats, profiles, user_groups
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.accounts import CustomerLookup, Group, Permission, Profile
from watchbell.domain.alerts.note import Note
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat

_NOTES = Codec(Note, notes)
_PROFILES = Codec(Profile, profiles)
_GROUPS = Codec(Group, user_groups)
_PERMISSIONS = Codec(Permission, permissions)
_LOOKUPS = Codec(CustomerLookup, customer_lookups)


class _HeartbeatCodec(Codec[OriginHeartbeat]):
    """No customer is the empty text, so that the database keeps such rows unique too."""

    def row(self, item: OriginHeartbeat) -> dict[str, Any]:
        return super().row(item) | {"customer": item.customer or ""}

    def struct(self, values: Sequence[Any]) -> OriginHeartbeat:
        found = super().struct(values)
        return found if found.customer else msgspec.structs.replace(found, customer=None)


_HEARTBEATS = _HeartbeatCodec(OriginHeartbeat, origin_heartbeats)


class SqlNotes:
    """Table `notes`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, note_id: str) -> Note | None:
        row = await self._work.first(select(*_NOTES.columns).where(notes.c.id == note_id))
        return None if row is None else _NOTES.struct(row)

    async def of(self, alert_id: str) -> list[Note]:
        mine = select(*_NOTES.columns).where(notes.c.alert_id == alert_id)
        return _NOTES.structs(await self._work.rows(mine.order_by(notes.c.create_time, notes.c.id)))

    async def save(self, note: Note) -> None:
        await self._work.insert(notes, [_NOTES.row(note)], conflict=("id",))

    async def delete(self, note_id: str) -> None:
        await self._work.delete(notes, notes.c.id == note_id)


class SqlOriginHeartbeats:
    """Table `origin_heartbeats`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, heartbeat_ids: Sequence[str]) -> list[OriginHeartbeat]:
        if not heartbeat_ids:
            return []
        named = self._work.dialect.any_of(origin_heartbeats.c.id, list(heartbeat_ids))
        found = select(*_HEARTBEATS.columns).where(named).order_by(origin_heartbeats.c.id)
        return _HEARTBEATS.structs(await self._work.locked(found, origin_heartbeats))

    async def of(self, origin: str, customer: str | None) -> OriginHeartbeat | None:
        await self._work.lock([lock_key("heartbeat", origin, customer or "")])
        mine = (origin_heartbeats.c.origin == origin, origin_heartbeats.c.customer == (customer or ""))
        rows = await self._work.locked(select(*_HEARTBEATS.columns).where(*mine), origin_heartbeats)
        return _HEARTBEATS.struct(rows[0]) if rows else None

    async def all(self) -> list[OriginHeartbeat]:
        columns = origin_heartbeats.c
        everything = select(*_HEARTBEATS.columns).order_by(columns.origin, columns.customer)
        return _HEARTBEATS.structs(await self._work.rows(everything))

    async def save(self, heartbeats: Sequence[OriginHeartbeat]) -> None:
        await self._work.insert(origin_heartbeats, _HEARTBEATS.rows(heartbeats), conflict=("id",))

    async def delete(self, heartbeat_id: str) -> None:
        await self._work.delete(origin_heartbeats, origin_heartbeats.c.id == heartbeat_id)


class SqlPeople:
    """Tables `profiles` and `user_groups`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def profiles(self, user_ids: Sequence[str]) -> dict[str, Profile]:
        if not user_ids:
            return {}
        named = self._work.dialect.any_of(profiles.c.user_id, list(user_ids))
        rows = await self._work.rows(select(*_PROFILES.columns).where(named))
        return {profile.user_id: profile for profile in _PROFILES.structs(rows)}

    async def save_profile(self, profile: Profile) -> None:
        await self._work.insert(profiles, [_PROFILES.row(profile)], conflict=("user_id",))

    async def groups(self) -> list[Group]:
        found = _GROUPS.structs(await self._work.rows(select(*_GROUPS.columns).order_by(user_groups.c.name)))
        there = {row[0] for row in await self._work.rows(select(users.c.id))}
        return [
            msgspec.structs.replace(group, members=tuple(each for each in group.members if each in there))
            for group in found
        ]

    async def save_group(self, group: Group) -> None:
        await self._work.insert(user_groups, [_GROUPS.row(group)], conflict=("id",))

    async def delete_group(self, group_id: str) -> None:
        await self._work.delete(user_groups, user_groups.c.id == group_id)


class SqlPermissions:
    """Table `permissions`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def all(self) -> list[Permission]:
        everything = select(*_PERMISSIONS.columns).order_by(permissions.c.match)
        return _PERMISSIONS.structs(await self._work.rows(everything))

    async def save(self, permission: Permission) -> None:
        await self._work.insert(permissions, [_PERMISSIONS.row(permission)], conflict=("id",))

    async def delete(self, permission_id: str) -> None:
        await self._work.delete(permissions, permissions.c.id == permission_id)


class SqlCustomerLookups:
    """Table `customer_lookups`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def all(self) -> list[CustomerLookup]:
        columns = customer_lookups.c
        everything = select(*_LOOKUPS.columns).order_by(columns.match, columns.customer, columns.id)
        return _LOOKUPS.structs(await self._work.rows(everything))

    async def save(self, lookup: CustomerLookup) -> None:
        await self._work.insert(customer_lookups, [_LOOKUPS.row(lookup)], conflict=("id",))

    async def delete(self, lookup_id: str) -> None:
        await self._work.delete(customer_lookups, customer_lookups.c.id == lookup_id)
