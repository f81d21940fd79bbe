"""Notes, heartbeats by origin, profiles, groups and customers, in memory."""

from collections.abc import Sequence

import msgspec

from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.accounts import CustomerLookup, Group, Permission, Profile
from watchbell.domain.alerts.note import Note
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat
from watchbell.domain.errors import Conflict


class MemoryNotes:
    """Table `notes` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, note_id: str) -> Note | None:
        return self._tables.read("notes").get(note_id)

    async def of(self, alert_id: str) -> list[Note]:
        mine = [note for note in self._tables.read("notes").values() if note.alert_id == alert_id]
        return sorted(mine, key=lambda note: (note.create_time, note.id))

    async def save(self, note: Note) -> None:
        self._tables.edit("notes")[note.id] = note

    async def delete(self, note_id: str) -> None:
        self._tables.drop("notes", [note_id])


class MemoryOriginHeartbeats:
    """Table `origin_heartbeats` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, heartbeat_ids: Sequence[str]) -> list[OriginHeartbeat]:
        return list(self._tables.pick("origin_heartbeats", sorted(heartbeat_ids)))

    async def of(self, origin: str, customer: str | None) -> OriginHeartbeat | None:
        rows = self._tables.read("origin_heartbeats").values()
        return next((row for row in rows if (row.origin, row.customer) == (origin, customer)), None)

    async def all(self) -> list[OriginHeartbeat]:
        rows = self._tables.read("origin_heartbeats").values()
        return sorted(rows, key=lambda row: (row.origin, row.customer or ""))

    async def save(self, heartbeats: Sequence[OriginHeartbeat]) -> None:
        rows = self._tables.edit("origin_heartbeats")
        for heartbeat in heartbeats:
            other = await self.of(heartbeat.origin, heartbeat.customer)
            if other is not None and other.id != heartbeat.id:
                raise self._tables.fail(Conflict("There is another heartbeat of this origin."))
            rows[heartbeat.id] = heartbeat

    async def delete(self, heartbeat_id: str) -> None:
        self._tables.drop("origin_heartbeats", [heartbeat_id])


class MemoryPeople:
    """Tables `profiles` (by user) and `groups` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def profiles(self, user_ids: Sequence[str]) -> dict[str, Profile]:
        return {profile.user_id: profile for profile in self._tables.pick("profiles", user_ids)}

    async def save_profile(self, profile: Profile) -> None:
        self._tables.edit("profiles")[profile.user_id] = profile

    async def groups(self) -> list[Group]:
        there = self._tables.read("users")
        return [
            msgspec.structs.replace(group, members=tuple(each for each in group.members if each in there))
            for group in sorted(self._tables.read("groups").values(), key=lambda group: group.name)
        ]

    async def save_group(self, group: Group) -> None:
        rows = self._tables.edit("groups")
        if any(other.name == group.name and other.id != group.id for other in rows.values()):
            raise self._tables.fail(Conflict("There is another group with this name."))
        rows[group.id] = group

    async def delete_group(self, group_id: str) -> None:
        self._tables.drop("groups", [group_id])


class MemoryPermissions:
    """Table `permissions` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def all(self) -> list[Permission]:
        return sorted(self._tables.read("permissions").values(), key=lambda row: row.match)

    async def save(self, permission: Permission) -> None:
        rows = self._tables.edit("permissions")
        if any(other.match == permission.match and other.id != permission.id for other in rows.values()):
            raise self._tables.fail(Conflict("There is another role with this name."))
        rows[permission.id] = permission

    async def delete(self, permission_id: str) -> None:
        self._tables.drop("permissions", [permission_id])


class MemoryCustomerLookups:
    """Table `customer_lookups` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def all(self) -> list[CustomerLookup]:
        rows = self._tables.read("customer_lookups").values()
        return sorted(rows, key=lambda row: (row.match, row.customer, row.id))

    async def save(self, lookup: CustomerLookup) -> None:
        self._tables.edit("customer_lookups")[lookup.id] = lookup

    async def delete(self, lookup_id: str) -> None:
        self._tables.drop("customer_lookups", [lookup_id])
