"""Users, sessions and keys, and the audit trail, in SQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, literal, not_, or_, select

from watchbell.adapters.store.retention import FAILURES_KEPT
from watchbell.adapters.store.sql.codec import Codec, lock_key
from watchbell.adapters.store.sql.tables_accounts import (
    api_keys,
    audit,
    identities,
    letters,
    login_failures,
    passkeys,
    recovery_codes,
    second_factors,
    sessions,
    users,
    views,
)
from watchbell.adapters.store.sql.tables_notes import profiles
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.accounts import ApiKey, Session, User
from watchbell.domain.audit import AuditEntry, AuditQuery

_USERS = Codec(User, users)
_SESSIONS = Codec(Session, sessions)
_KEYS = Codec(ApiKey, api_keys)
_AUDIT = Codec(AuditEntry, audit)


class SqlUsers:
    """Table `users`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, login_or_id: str) -> User | None:
        either = or_(users.c.id == login_or_id, users.c.login_folded == login_or_id.lower())
        by_id = (users.c.id == login_or_id).desc()
        row = await self._work.first(select(*_USERS.columns).where(either).order_by(by_id).limit(1))
        return None if row is None else _USERS.struct(row)

    async def lock(self, name: str) -> None:
        self._work.must_write()
        await self._work.rows(select(literal(1)))  # where writers take turns, the turn begins with a statement
        await self._work.lock([lock_key("user", name.lower())])

    async def all(self) -> list[User]:
        return _USERS.structs(await self._work.rows(select(*_USERS.columns).order_by(users.c.login_folded)))

    async def save(self, user: User) -> None:
        row = _USERS.row(user) | {"login_folded": user.login.lower()}
        await self._work.insert(users, [row], conflict=("id",))

    async def delete(self, user_id: str) -> None:
        gone = delete(users).where(users.c.id == user_id).returning(users.c.id, users.c.login_folded)
        row = await self._work.first_written(gone)
        if row is not None:
            await self._work.delete(sessions, sessions.c.user_id == user_id)
            await self._work.delete(profiles, profiles.c.user_id == user_id)
            for theirs in (identities, letters, second_factors, recovery_codes, passkeys):
                await self._work.delete(theirs, theirs.c.user_id == user_id)
            await self._work.delete(views, and_(views.c.owner == user_id, not_(views.c.shared)))
            owners = or_(api_keys.c.user == row.id, func.watchbell_lower(api_keys.c.user) == row.login_folded)
            await self._work.delete(api_keys, owners)


class SqlSessions:
    """Tables `sessions` and `login_failures`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, session_id: str) -> Session | None:
        row = await self._work.first(select(*_SESSIONS.columns).where(sessions.c.id == session_id))
        return None if row is None else _SESSIONS.struct(row)

    async def save(self, session: Session) -> None:
        await self._work.insert(sessions, [_SESSIONS.row(session)], conflict=("id",))

    async def delete(self, session_id: str) -> None:
        await self._work.delete(sessions, sessions.c.id == session_id)

    async def of_user(self, user_id: str) -> list[Session]:
        theirs = select(*_SESSIONS.columns).where(sessions.c.user_id == user_id)
        rows = await self._work.rows(theirs.order_by(sessions.c.created_at.desc(), sessions.c.id.desc()))
        return _SESSIONS.structs(rows)

    async def delete_of(self, user_id: str) -> None:
        await self._work.delete(sessions, sessions.c.user_id == user_id)

    async def purge(self, now: datetime) -> None:
        await self._work.delete(sessions, sessions.c.expires_at <= now)
        await self._work.delete(login_failures, login_failures.c.at < now - FAILURES_KEPT)

    async def failed(self, key: str, now: datetime) -> None:
        await self._work.insert(login_failures, [{"key": key, "at": now}])

    async def failures(self, key: str, since: datetime) -> int:
        mine = select(func.count()).where(login_failures.c.key == key, login_failures.c.at >= since)
        return (await self._work.rows(mine))[0][0]


class SqlApiKeys:
    """Table `api_keys`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, key_hash: str) -> ApiKey | None:
        row = await self._work.first(select(*_KEYS.columns).where(api_keys.c.hash == key_hash))
        return None if row is None else _KEYS.struct(row)

    async def all(self) -> list[ApiKey]:
        statement = select(*_KEYS.columns).order_by(api_keys.c.created_at, api_keys.c.id)
        return _KEYS.structs(await self._work.rows(statement))

    async def save(self, key: ApiKey) -> None:
        await self._work.insert(api_keys, [_KEYS.row(key)], conflict=("id",))

    async def delete(self, key_id: str) -> None:
        await self._work.delete(api_keys, api_keys.c.id == key_id)


class SqlAudit:
    """Table `audit`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        await self._work.insert(audit, _AUDIT.rows(entries))

    async def newest(self, limit: int = 100, before: datetime | None = None) -> list[AuditEntry]:
        statement = select(*_AUDIT.columns).order_by(audit.c.at.desc(), audit.c.seq.desc()).limit(max(limit, 0))
        if before is not None:
            statement = statement.where(audit.c.at < before)
        return _AUDIT.structs(await self._work.rows(statement))

    async def find(self, query: AuditQuery, offset: int, limit: int) -> list[AuditEntry]:
        chosen = select(*_AUDIT.columns).where(*_asked(query)).order_by(audit.c.at.desc(), audit.c.seq.desc())
        return _AUDIT.structs(await self._work.rows(chosen.offset(offset).limit(limit)))

    async def count(self, query: AuditQuery) -> int:
        return (await self._work.rows(select(func.count()).select_from(audit).where(*_asked(query))))[0][0]

    async def expire(self, before: datetime) -> int:
        return await self._work.delete(audit, audit.c.at < before)


def _asked(query: AuditQuery) -> list[ColumnElement[bool]]:
    names = ("who", "action", "kind", "subject", "category")
    found = [audit.c[name] == getattr(query, name) for name in names if getattr(query, name)]
    if query.since is not None:
        found.append(audit.c.at >= query.since)
    if query.before is not None:
        found.append(audit.c.at < query.before)
    return found
