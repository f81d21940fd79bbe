"""What Alerta's API keeps besides alerts: notes, heartbeats by origin, groups, roles, look-ups of customers."""

from collections.abc import Sequence
from typing import Protocol

from watchbell.domain.accounts import CustomerLookup, Group, Permission, Profile
from watchbell.domain.alerts.note import Note
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat


class Notes(Protocol):
    """Notes on alerts. They go with their alert."""

    async def get(self, note_id: str) -> Note | None:
        """One note."""
        ...

    async def of(self, alert_id: str) -> list[Note]:
        """Those of an alert, oldest first."""
        ...

    async def save(self, note: Note) -> None:
        """Insert or overwrite by id."""
        ...

    async def delete(self, note_id: str) -> None:
        """Delete one."""
        ...


class OriginHeartbeats(Protocol):
    """Heartbeats, unique by origin and customer."""

    async def get(self, heartbeat_ids: Sequence[str]) -> list[OriginHeartbeat]:
        """By id; missing ones are left out. In a writing transaction the rows are locked until its end."""
        ...

    async def of(self, origin: str, customer: str | None) -> OriginHeartbeat | None:
        """That of an origin; in a writing transaction nobody else passes for the same one until its end."""
        ...

    async def all(self) -> list[OriginHeartbeat]:
        """By origin and customer."""
        ...

    async def save(self, heartbeats: Sequence[OriginHeartbeat]) -> None:
        """Insert or overwrite by id."""
        ...

    async def delete(self, heartbeat_id: str) -> None:
        """Delete one."""
        ...


class People(Protocol):
    """What is known of users besides how they log in, and groups of them."""

    async def profiles(self, user_ids: Sequence[str]) -> dict[str, Profile]:
        """By user; those without one are left out. A profile goes with its user."""
        ...

    async def save_profile(self, profile: Profile) -> None:
        """Insert or overwrite."""
        ...

    async def groups(self) -> list[Group]:
        """By name. Members who are users no longer are left out."""
        ...

    async def save_group(self, group: Group) -> None:
        """Insert or overwrite by id, members included; a taken name raises `Conflict`."""
        ...

    async def delete_group(self, group_id: str) -> None:
        """Delete one."""
        ...


class Permissions(Protocol):
    """Roles of one's own."""

    async def all(self) -> list[Permission]:
        """By what they match."""
        ...

    async def save(self, permission: Permission) -> None:
        """Insert or overwrite by id; one for what is matched already raises `Conflict`."""
        ...

    async def delete(self, permission_id: str) -> None:
        """Delete one."""
        ...


class CustomerLookups(Protocol):
    """Whose customers people are."""

    async def all(self) -> list[CustomerLookup]:
        """By what they match, then by customer."""
        ...

    async def save(self, lookup: CustomerLookup) -> None:
        """Insert or overwrite by id."""
        ...

    async def delete(self, lookup_id: str) -> None:
        """Delete one."""
        ...
