"""Users and API keys: making, changing, listing and revoking them.

Everything is audited; whoever changes is not given more than they hold.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.access import (
    EVERYTHING,
    known_scope,
    may_grant,
    password_faults,
    principal_for,
    scopes_of,
    user_faults,
)
from watchbell.domain.accounts import ApiKey, AuditEntry, Principal, User
from watchbell.domain.errors import Conflict, Fault, Faulty, Forbidden, Missing
from watchbell.domain.ids import new_id
from watchbell.ports.clock import Clock
from watchbell.ports.passwords import Passwords
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.authenticating import Authenticating, digest

KEY_BYTES = 30  # 40 characters
TEXT_MAX = 500
OPERATOR = Principal(login="command line", scopes=EVERYTHING)
"""Who works on the store directly: they have the database and its key, so nothing is kept from them."""


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be set of a user; None leaves it as it is."""

    login: str | None = None
    """What the person types to log in."""
    name: str | None = None
    """The person's name."""
    email: str | None = None
    """Address for messages."""
    password: str | None = None
    """A new password, at least 10 characters. All of the user's sessions end."""
    roles: list[str] | None = None
    """`admin`, `user` or `guest`."""
    status: str | None = None
    """`active` or `inactive`."""


class Administering:
    """Users and keys. `authenticating` is told when something changed."""

    def __init__(self, store: Store, clock: Clock, passwords: Passwords, authenticating: Authenticating) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._authenticating = authenticating

    async def users(self) -> list[User]:
        """Everybody, by login."""
        async with self._store.reading() as tx:
            return await tx.users.all()

    async def create_user(self, by: Principal, wanted: UserChange) -> User:
        """A new user. Without a password they cannot log in yet."""
        fresh = User(id=new_id(), login="", created_at=self._clock.now())
        user = await self._changed(by, fresh, wanted)
        async with self._store.transaction() as tx:
            await tx.users.save(user)
            await self._audit(tx, by, "create", "user", user.login, f"roles {', '.join(user.roles)}")
        self._authenticating.forget()
        return user

    async def change_user(self, by: Principal, identifier: str, wanted: UserChange) -> User:
        """Change a user. A new password, a narrower role or `inactive` ends all of their sessions."""
        async with self._store.reading() as tx:
            before = await _user(tx, identifier)
        after = await self._changed(by, before, wanted)
        async with self._store.transaction() as tx:
            current = await _user(tx, before.id)
            if msgspec.structs.replace(current, last_login=None) != msgspec.structs.replace(before, last_login=None):
                raise Conflict("The user was changed meanwhile. Look again.")
            await self._keep_an_administrator(tx, before, after)
            await save_user(tx, before, msgspec.structs.replace(after, last_login=current.last_login))
            await self._audit(tx, by, "update", "user", after.login, _what_changed(before, after))
        self._authenticating.forget()
        return after

    async def delete_user(self, by: Principal, identifier: str) -> None:
        """Delete a user with sessions and keys."""
        async with self._store.transaction() as tx:
            user = await _user(tx, identifier)
            await self._keep_an_administrator(tx, user, None)
            await tx.users.delete(user.id)
            await self._audit(tx, by, "delete", "user", user.login)
        self._authenticating.forget()

    async def keys(self, by: Principal) -> list[ApiKey]:
        """All keys for an administrator of keys, else the caller's own."""
        async with self._store.reading() as tx:
            found = await tx.keys.all()
        return found if by.may("admin:keys") else [key for key in found if by.login and key.user == by.login]

    async def create_key(
        self, by: Principal, scopes: Sequence[str], text: str = "", expires_at: datetime | None = None, user: str = ""
    ) -> tuple[str, ApiKey]:
        """A new key and what is kept of it; the key itself is never seen again."""
        now = self._clock.now()
        faults = _key_faults(scopes, text, expires_at, now)
        if faults:
            raise Faulty(faults)
        refuse_more_than_held(by, scopes)
        owner = user if user and by.may("admin:keys") else by.login
        plain = secrets.token_urlsafe(KEY_BYTES)
        key = ApiKey(
            id=new_id(),
            hash=digest(plain),
            prefix=plain[:6],
            user=owner,
            scopes=tuple(dict.fromkeys(scopes)),
            text=text,
            created_at=now,
            expires_at=expires_at,
        )
        async with self._store.transaction() as tx:
            if user and by is OPERATOR:
                await _user(tx, user)
            await tx.keys.save(key)
            await self._audit(tx, by, "create", "key", key.prefix, f"scopes {', '.join(key.scopes)}")
        return plain, key

    async def delete_key(self, by: Principal, identifier: str) -> None:
        """Revoke a key, named by its id or by its first characters."""
        async with self._store.transaction() as tx:
            matching = [key for key in await tx.keys.all() if identifier in (key.id, key.prefix)]
            if not matching:
                raise Missing("There is no such key.")
            for key in matching:
                await tx.keys.delete(key.id)
                await self._audit(tx, by, "delete", "key", key.prefix, f"of {key.user}")
        self._authenticating.forget()

    async def _changed(self, by: Principal, before: User, wanted: UserChange) -> User:
        login = before.login if wanted.login is None else wanted.login
        name = before.name if wanted.name is None else wanted.name
        email = before.email if wanted.email is None else wanted.email
        roles = before.roles if wanted.roles is None else tuple(dict.fromkeys(wanted.roles))
        faults = user_faults(login, name, email, roles)
        if wanted.status not in {None, "active", "inactive"}:
            faults.append(Fault(field="status", reason="must be active or inactive"))
        if wanted.password is not None:
            faults += password_faults(wanted.password, login, name, email)
        if faults:
            raise Faulty(faults)
        refuse_more_than_held(by, sorted(scopes_of(roles) | scopes_of(before.roles if before.login else ())))
        hashed = before.password_hash if wanted.password is None else await self._passwords.hash(wanted.password)
        active = before.active if wanted.status is None else wanted.status == "active"
        return msgspec.structs.replace(
            before, login=login, name=name, email=email, roles=roles, password_hash=hashed, active=active
        )

    async def _keep_an_administrator(self, tx: Transaction, before: User, after: User | None) -> None:
        if after is not None and administers(after):
            return
        if administers(before) and not any(administers(u) for u in await tx.users.all() if u.id != before.id):
            raise Conflict("This is the only administrator. Make another one first.")

    async def _audit(
        self, tx: Transaction, by: Principal, action: str, kind: str, subject: str, text: str = ""
    ) -> None:
        entry = AuditEntry(
            id=new_id(), at=self._clock.now(), who=by.login, action=action, kind=kind, subject=subject, text=text
        )
        await tx.audit.add([entry])


async def save_user(tx: Transaction, before: User, after: User) -> None:
    """Write a changed user. Whoever may do less now loses their sessions, and the keys that give more."""
    await tx.users.save(after)
    if _must_log_in_again(before, after):
        await tx.sessions.delete_of(after.id)
    await _revoke_keys(tx, before, after)


def administers(user: User) -> bool:
    """Whether the user is an administrator who may log in."""
    return user.active and "admin" in user.roles


def _must_log_in_again(before: User, after: User) -> bool:
    lost = scopes_of(before.roles) - scopes_of(after.roles)
    return before.password_hash != after.password_hash or not after.active or bool(lost)


def _what_changed(before: User, after: User) -> str:
    fields = ("login", "name", "email", "roles", "active")
    changed = [field for field in fields if getattr(before, field) != getattr(after, field)]
    if before.password_hash != after.password_hash:
        changed.append("password")
    return ", ".join(changed)


async def _user(tx: Transaction, identifier: str) -> User:
    found = await tx.users.get(identifier)
    if found is None:
        raise Missing("There is no such user.")
    return found


async def _revoke_keys(tx: Transaction, before: User, after: User) -> None:
    """Drop those of the user's keys that give more than the user may do now."""
    stays = after.active and after.login.lower() == before.login.lower()
    if stays and not scopes_of(before.roles) - scopes_of(after.roles):
        return
    now_held = principal_for(after)
    for key in await tx.keys.all():
        beyond = not all(may_grant(now_held, scope) for scope in key.scopes)
        if key.user.lower() == before.login.lower() and (beyond or not stays):
            await tx.keys.delete(key.id)


def refuse_more_than_held(by: Principal, scopes: Sequence[str]) -> None:
    """Raise `Forbidden` when the caller does not hold all that is to be given, or to be changed in somebody else."""
    beyond = [scope for scope in scopes if not may_grant(by, scope)]
    if beyond:
        held = ", ".join(sorted(by.scopes))
        raise Forbidden(f"Requested scope '{beyond[0]}' not in existing scopes: {held}")


def _key_faults(scopes: Sequence[str], text: str, expires_at: datetime | None, now: datetime) -> list[Fault]:
    faults = [
        Fault(field="scopes", reason=f"there is no scope {scope!r}", fix="for example read, write:alerts or admin")
        for scope in scopes
        if not known_scope(scope)
    ]
    if not scopes:
        faults.append(Fault(field="scopes", reason="needs at least one scope"))
    if len(text) > TEXT_MAX or not all(c.isprintable() for c in text):
        faults.append(Fault(field="text", reason=f"must be at most {TEXT_MAX} characters without control characters"))
    if expires_at is not None and expires_at <= now:
        faults.append(Fault(field="expireTime", reason="lies in the past"))
    return faults
