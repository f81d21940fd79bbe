"""Users, sessions and keys, and the audit trail, in memory."""

from collections.abc import Sequence
from datetime import datetime

from watchbell.adapters.store.memory.tables import Tables
from watchbell.adapters.store.retention import FAILURES_KEPT
from watchbell.domain.accounts import ApiKey, Session, User
from watchbell.domain.audit import AuditEntry, AuditQuery
from watchbell.domain.errors import Conflict


class MemoryUsers:
    """Table `users` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, login_or_id: str) -> User | None:
        rows = self._tables.read("users")
        by_login = (user for user in rows.values() if user.login.lower() == login_or_id.lower())
        return rows.get(login_or_id) or next(by_login, None)

    async def lock(self, name: str) -> None:
        del name
        self._tables.must_write()  # of whom there is one at a time

    async def all(self) -> list[User]:
        return sorted(self._tables.read("users").values(), key=lambda user: user.login.lower())

    async def save(self, user: User) -> None:
        rows = self._tables.edit("users")
        if any(other.login.lower() == user.login.lower() and other.id != user.id for other in rows.values()):
            raise self._tables.fail(Conflict("There is another user with this login."))
        rows[user.id] = user

    async def delete(self, user_id: str) -> None:
        user: User | None = self._tables.edit("users").pop(user_id, None)
        if user is None:
            return
        sessions = self._tables.read("sessions").values()
        self._tables.drop("sessions", [session.id for session in sessions if session.user_id == user_id])
        self._tables.drop("profiles", [user_id])
        self._tables.drop("second_factors", [user_id])
        codes = self._tables.read("recovery_codes")
        self._tables.drop("recovery_codes", [code for code in codes if code[0] == user_id])
        for table in ("letters", "passkeys"):
            rows = self._tables.read(table).values()
            self._tables.drop(table, [each.id for each in rows if each.user_id == user_id])
        views = self._tables.read("views").values()
        self._tables.drop("views", [view.id for view in views if view.owner == user_id and not view.shared])
        known = self._tables.read("identities").items()
        self._tables.drop("identities", [name for name, each in known if each.user_id == user_id])
        owners = (user.id, user.login.lower())
        keys = self._tables.read("keys").values()
        self._tables.drop("keys", [key.id for key in keys if key.user in owners or key.user.lower() in owners])


class MemorySessions:
    """Tables `sessions` (by id) and `failures` (key → times)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, session_id: str) -> Session | None:
        return self._tables.read("sessions").get(session_id)

    async def save(self, session: Session) -> None:
        self._tables.edit("sessions")[session.id] = session

    async def delete(self, session_id: str) -> None:
        self._tables.drop("sessions", [session_id])

    async def of_user(self, user_id: str) -> list[Session]:
        found = [session for session in self._tables.read("sessions").values() if session.user_id == user_id]
        return sorted(found, key=lambda session: (session.created_at, session.id), reverse=True)

    async def delete_of(self, user_id: str) -> None:
        rows = self._tables.read("sessions").values()
        self._tables.drop("sessions", [session.id for session in rows if session.user_id == user_id])

    async def purge(self, now: datetime) -> None:
        rows = self._tables.read("sessions").values()
        self._tables.drop("sessions", [session.id for session in rows if session.expires_at <= now])
        failures = self._tables.edit("failures")
        for key, times in list(failures.items()):
            failures[key] = tuple(at for at in times if at >= now - FAILURES_KEPT)

    async def failed(self, key: str, now: datetime) -> None:
        failures = self._tables.edit("failures")
        failures[key] = (*failures.get(key, ()), now)

    async def failures(self, key: str, since: datetime) -> int:
        return sum(at >= since for at in self._tables.read("failures").get(key, ()))


class MemoryApiKeys:
    """Table `keys` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, key_hash: str) -> ApiKey | None:
        return next((key for key in self._tables.read("keys").values() if key.hash == key_hash), None)

    async def all(self) -> list[ApiKey]:
        return sorted(self._tables.read("keys").values(), key=lambda key: (key.created_at, key.id))

    async def save(self, key: ApiKey) -> None:
        rows = self._tables.edit("keys")
        if any(other.hash == key.hash and other.id != key.id for other in rows.values()):
            raise self._tables.fail(Conflict("There is such a key already."))
        rows[key.id] = key

    async def delete(self, key_id: str) -> None:
        self._tables.drop("keys", [key_id])


class MemoryAudit:
    """Table `audit` (by number)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self._tables.edit("audit")[self._tables.next_number("audit")] = entry

    async def newest(self, limit: int = 100, before: datetime | None = None) -> list[AuditEntry]:
        rows = self._tables.read("audit").items()
        found = sorted(((entry.at, number, entry) for number, entry in rows), key=lambda row: row[:2], reverse=True)
        return [entry for at, _, entry in found if before is None or at < before][:limit]

    async def find(self, query: AuditQuery, offset: int, limit: int) -> list[AuditEntry]:
        return [entry for entry in await self.newest(2**31, query.before) if _matches(query, entry)][offset:][:limit]

    async def count(self, query: AuditQuery) -> int:
        return len(await self.find(query, 0, 2**31))

    async def expire(self, before: datetime) -> int:
        rows = self._tables.read("audit").items()
        return self._tables.drop("audit", [number for number, entry in rows if entry.at < before])


def _matches(query: AuditQuery, entry: AuditEntry) -> bool:
    names = ("who", "action", "kind", "subject", "category")
    asked = all(not getattr(query, name) or getattr(query, name) == getattr(entry, name) for name in names)
    return asked and (query.since is None or entry.at >= query.since)
