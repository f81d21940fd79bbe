"""Users, their sessions and keys, what they did, and small facts, as parts of a store's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from watchbell.domain.accounts import ApiKey, Session, User
from watchbell.domain.audit import AuditEntry, AuditQuery
from watchbell.domain.views import View


class Users(Protocol):
    """People."""

    async def lock(self, name: str) -> None:
        """Until the transaction ends, nobody else passes `lock` for the same login or address, ignoring case.

        To be called before what is read to find out whether it is taken.
        """
        ...

    async def get(self, login_or_id: str) -> User | None:
        """By login (ignoring case) or id."""
        ...

    async def all(self) -> list[User]:
        """By login."""
        ...

    async def save(self, user: User) -> None:
        """Insert or overwrite by id; a taken login raises `Conflict`."""
        ...

    async def delete(self, user_id: str) -> None:
        """Delete with the user's sessions and keys."""
        ...


class Sessions(Protocol):
    """Log-ins, and how often log-in failed."""

    async def get(self, session_id: str) -> Session | None:
        """By the hash of the cookie."""
        ...

    async def save(self, session: Session) -> None:
        """Insert or overwrite."""
        ...

    async def delete(self, session_id: str) -> None:
        """Log out."""
        ...

    async def of_user(self, user_id: str) -> list[Session]:
        """A user's, the newest first; those that ran out may be among them."""
        ...

    async def delete_of(self, user_id: str) -> None:
        """Log out everywhere."""
        ...

    async def purge(self, now: datetime) -> None:
        """Drop what has expired, failures older than a day included."""
        ...

    async def failed(self, key: str, now: datetime) -> None:
        """Count one failed log-in for `key` (an account or an address)."""
        ...

    async def failures(self, key: str, since: datetime) -> int:
        """How many since then."""
        ...


class ApiKeys(Protocol):
    """Keys for programs."""

    async def get(self, key_hash: str) -> ApiKey | None:
        """By hash."""
        ...

    async def all(self) -> list[ApiKey]:
        """By creation."""
        ...

    async def save(self, key: ApiKey) -> None:
        """Insert or overwrite by id."""
        ...

    async def delete(self, key_id: str) -> None:
        """Revoke."""
        ...


class Views(Protocol):
    """Filters that people keep. Those that are not shared go with their user."""

    async def get(self, view_id: str) -> View | None:
        """One view; in a writing transaction the row is locked until its end."""
        ...

    async def of(self, owner: str) -> list[View]:
        """Those of a user and those that are shared, by name."""
        ...

    async def save(self, view: View) -> None:
        """Insert or overwrite by id; a name that the owner has already raises `Conflict`."""
        ...

    async def delete(self, view_id: str) -> None:
        """Delete one."""
        ...


class Facts(Protocol):
    """Small named facts about the installation."""

    async def get(self, name: str) -> str | None:
        """The value, or None."""
        ...

    async def put(self, name: str, value: str) -> None:
        """Insert or overwrite."""
        ...

    async def remove(self, name: str) -> bool:
        """Delete; whether it was there. Of two that remove at once, one is told True."""
        ...


class Audit(Protocol):
    """Who did what; append-only: no entry is ever changed."""

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        """Append."""
        ...

    async def newest(self, limit: int = 100, before: datetime | None = None) -> list[AuditEntry]:
        """Newest first."""
        ...

    async def find(self, query: AuditQuery, offset: int, limit: int) -> list[AuditEntry]:
        """Those that match, newest first, without the first `offset`."""
        ...

    async def count(self, query: AuditQuery) -> int:
        """How many match."""
        ...

    async def expire(self, before: datetime) -> int:
        """Drop what is older than the retention that is set; nothing else ever drops an entry. How many went."""
        ...
