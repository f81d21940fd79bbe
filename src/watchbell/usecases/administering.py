"""Users and API keys: making, changing, listing and revoking them.

Everything is audited; whoever changes is not given more than they hold.
"""

import re
import secrets
import string
from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.access import key_faults, password_faults, user_faults
from watchbell.domain.accounts import ApiKey, Means, Principal, User
from watchbell.domain.customers import assigned, sees
from watchbell.domain.errors import Conflict, Fault, Faulty, Forbidden, Invalid, Missing
from watchbell.domain.ids import new_id
from watchbell.domain.plan import MASK
from watchbell.domain.roles import EVERYTHING, RoleRules, Roles
from watchbell.ports.clock import Clock
from watchbell.ports.passwords import Passwords
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.auditing import account_told, entry
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.holding import (
    group_names,
    refuse_more_than_held,
    refuse_other_customers,
    refuse_to_change,
    roles_now,
)
from watchbell.usecases.saving_users import administers, refuse_taken, save_user
from watchbell.usecases.sessions import digest, people_changed, rights_changed

KEY_LENGTH = 40
_KEY_CHARACTERS = string.ascii_letters + string.digits  # a command takes what begins with a dash for an option
DIFFERENT = 8
_CHOSEN = re.compile(r"[A-Za-z0-9_-]{20,200}")
PROOF_FIELD = "currentPassword"
"""The field in which people who change their own password or address give the present password."""
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
    """`admin`, `user`, `guest`, or roles of one's own."""
    status: str | None = None
    """`active` or `inactive`."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What shows that it is the person, and not somebody at their screen: the present password, and from where."""

    password: str | None
    address: str


class NewApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that is wanted. `user` empty is the caller; `plain` empty is a random key."""

    scopes: tuple[str, ...]
    text: str = ""
    expires_at: datetime | None = None
    user: str = ""
    plain: str = ""
    customer: str | None = None


class KeyChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be set of a key; None leaves it as it is. `endless` is whether it is to end no more."""

    scopes: tuple[str, ...] | None = None
    text: str | None = None
    expires_at: datetime | None = None
    endless: bool = False
    user: str | None = None
    customer: str | None = None


class Administering:
    """Users and keys. `authenticating` knows passwords."""

    def __init__(self, store: Store, clock: Clock, passwords: Passwords, authenticating: Authenticating) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._authenticating = authenticating
        self._rules = authenticating.rules

    async def users(self) -> list[User]:
        """Everybody, by login."""
        async with self._store.reading() as tx:
            return await tx.users.all()

    async def create_user(self, by: Principal, wanted: UserChange) -> User:
        """A new user. Without a password they cannot log in yet.

        Raises `Conflict` when the login or the address is somebody's; also when they are changed.
        """
        fresh = User(id=new_id(), login="", roles=self._rules.user_roles[:1], created_at=self._clock.now())
        async with self._store.reading() as tx:
            roles = await roles_now(tx, self._rules)
            after = _changed(fresh, wanted, roles)
            await refuse_to_change(tx, by, [after], self._rules)
        user = await self._with_password(after, wanted)
        async with self._store.transaction() as tx:
            await refuse_taken(tx, None, user)
            await tx.users.save(user)
            people_changed(tx)
            await self._audit(tx, by, "create", None, user)
        return user

    async def change_user(self, by: Principal, identifier: str, wanted: UserChange) -> User:
        """Change a user. A new password, a narrower role or `inactive` ends all of their sessions."""
        async with self._store.reading() as tx:
            before = await _user(tx, identifier)
            after = _changed(before, wanted, await roles_now(tx, self._rules))
            await refuse_to_change(tx, by, [before, after], self._rules)
        return await self._save(by, before, await self._with_password(after, wanted))

    async def change_self(self, by: Principal, wanted: UserChange, proof: Proof) -> User:
        """Change one's own name, address or password, whatever scopes one holds.

        An address and a password open the account, so a key never changes them, and a session asks for the password.

        Raises:
            Invalid: the change is about something else.
            Faulty: the present password is missing or wrong, or something wanted is not valid.
            Forbidden: the caller came by a key.
            Throttled: too many wrong passwords.
        """
        beyond = sorted(name for name in ("login", "roles", "status") if getattr(wanted, name) is not None)
        if beyond:
            raise Invalid(f"not allowed to update: {', '.join(beyond)}")
        async with self._store.reading() as tx:
            before = await _user(tx, by.login)
            roles = await roles_now(tx, self._rules)
        guarded = [name for name in _guarded(before, wanted) if by.means is not Means.BASIC]
        if guarded and by.means is Means.KEY:
            raise Forbidden(f"A key does not change its owner's {' or '.join(guarded)}: log in for that.")
        missing = Fault(field=PROOF_FIELD, reason=f"is needed to change the {' or '.join(guarded)}")
        after = _changed(before, wanted, roles, [missing] if guarded and not proof.password else [])
        if guarded and not await self._authenticating.confirm(before, proof.password or "", proof.address):
            raise Faulty([Fault(field=PROOF_FIELD, reason="is not your present password")])
        return await self._save(by, before, await self._with_password(after, wanted))

    async def _with_password(self, user: User, wanted: UserChange) -> User:
        if wanted.password is None:
            return user
        return msgspec.structs.replace(user, password_hash=await self._passwords.hash(wanted.password))

    async def _save(self, by: Principal, before: User, after: User) -> User:
        async with self._store.transaction() as tx:
            await refuse_taken(tx, before, after)
            current = await _user(tx, before.id)
            if msgspec.structs.replace(current, last_login=None) != msgspec.structs.replace(before, last_login=None):
                raise Conflict("The user was changed meanwhile. Look again.")
            await refuse_other_customers(tx, by, [before, after], await group_names(tx, before), self._rules)
            await self._keep_an_administrator(tx, before, after)
            await save_user(tx, before, msgspec.structs.replace(after, last_login=current.last_login), self._rules)
            await self._audit(tx, by, "update", before, after)
        return after

    async def delete_user(self, by: Principal, identifier: str) -> None:
        """Delete a user with sessions and keys."""
        async with self._store.transaction() as tx:
            user = await _user(tx, identifier)
            await refuse_to_change(tx, by, [user], self._rules)
            await self._keep_an_administrator(tx, user, None)
            await tx.users.delete(user.id)
            await rights_changed(tx)
            await self._audit(tx, by, "delete", user, None)

    async def keys(self, by: Principal) -> list[ApiKey]:
        """All keys for an administrator of keys, else the caller's own."""
        async with self._store.reading() as tx:
            found = await tx.keys.all()
        return [key for key in found if reaches(by, key)]

    async def create_key(
        self, by: Principal, scopes: Sequence[str], text: str = "", expires_at: datetime | None = None, user: str = ""
    ) -> tuple[str, ApiKey]:
        """A new key and what is kept of it; the key itself is never seen again."""
        wanted = NewApiKey(scopes=tuple(scopes), text=text, expires_at=expires_at, user=user)
        return await self.make_key(by, wanted)

    async def make_key(self, by: Principal, wanted: "NewApiKey") -> tuple[str, ApiKey]:
        """The same, for a key that may be chosen."""
        now = self._clock.now()
        faults = _key_faults(wanted.scopes, wanted.text, wanted.expires_at, now, self._rules) + chosen_faults(
            wanted.plain
        )
        if faults:
            raise Faulty(faults)
        refuse_more_than_held(by, wanted.scopes)
        owner = wanted.user if wanted.user and by.may("admin:keys") else by.login
        plain = wanted.plain or "".join(secrets.choice(_KEY_CHARACTERS) for _ in range(KEY_LENGTH))
        key = ApiKey(
            id=new_id(),
            hash=digest(plain),
            prefix=plain[:6],
            user=owner,
            scopes=tuple(dict.fromkeys(wanted.scopes)),
            text=wanted.text,
            created_at=now,
            expires_at=wanted.expires_at,
            customer=assigned(by, wanted.customer),
        )
        async with self._store.transaction() as tx:
            if wanted.user and by is OPERATOR:
                await _user(tx, wanted.user)
            if wanted.user:
                key = msgspec.structs.replace(key, user=await _owner(tx, owner))
            if await tx.keys.get(key.hash) is not None:
                raise Conflict("There is such a key already.")
            await tx.keys.save(key)
            people_changed(tx)
            await self._audit(tx, by, "create", None, key)
        return plain, key

    async def change_key(self, by: Principal, identifier: str, wanted: "KeyChange") -> ApiKey:
        """Change one of the caller's keys, or anybody's for an administrator of keys: what is named, and nothing else.

        Whoever changes a key must hold what it gave and what it is to give.
        """
        now = self._clock.now()
        async with self._store.transaction() as tx:
            before = the_one([key for key in await tx.keys.all() if reaches(by, key)], identifier)
            given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
            if not by.may("admin:keys"):
                given.pop("user", None)
            if "user" in given:
                given["user"] = await _owner(tx, given["user"])
            if "customer" in given:
                given["customer"] = assigned(by, wanted.customer)
            if given.pop("endless"):
                given["expires_at"] = None
            after = msgspec.structs.replace(before, **given)
            expires_at = after.expires_at if wanted.expires_at is not None else None
            faults = _key_faults(after.scopes, after.text, expires_at, now, self._rules)
            if faults:
                raise Faulty(faults)
            refuse_more_than_held(by, sorted({*before.scopes, *after.scopes}))
            await tx.keys.save(after)
            await rights_changed(tx)
            await self._audit(tx, by, "update", before, after)
        return after

    async def delete_key(self, by: Principal, identifier: str) -> None:
        """Revoke one of the caller's keys, or anybody's for an administrator of keys.

        It is named by its id, by itself or by its first characters.

        Raises:
            Missing: there is none.
            Conflict: several begin so; none is revoked.
        """
        async with self._store.transaction() as tx:
            key = the_one([key for key in await tx.keys.all() if reaches(by, key)], identifier)
            await tx.keys.delete(key.id)
            await rights_changed(tx)
            await self._audit(tx, by, "delete", key, None)

    async def _keep_an_administrator(self, tx: Transaction, before: User, after: User | None) -> None:
        rules = self._rules
        if after is not None and administers(after, rules):
            return
        others = [user for user in await tx.users.all() if user.id != before.id]
        if administers(before, rules) and not any(administers(user, rules) for user in others):
            raise Conflict("This is the only administrator. Make another one first.")

    async def _audit(
        self, tx: Transaction, by: Principal, action: str, before: User | ApiKey | None, after: User | ApiKey | None
    ) -> None:
        thing = after or before
        assert thing is not None  # noqa: S101 - there is always one of them
        is_user = isinstance(thing, User)
        kind, subject = ("user", thing.login) if is_user else ("key", thing.prefix)
        one, other = account_told(before), account_told(after)
        if is_user and before and after and thing.password_hash != getattr(before, "password_hash", ""):
            other = {**other, "password": f"{MASK} (changed)"}
        event = (kind, action)
        await tx.audit.add([entry(self._clock.now(), by, event, subject, subject_id=thing.id, change=(one, other))])


def _changed(before: User, wanted: UserChange, known: Roles, faults: Sequence[Fault] = ()) -> User:
    """The user as wanted, but for the password; raises `Faulty` with `faults` and all others."""
    login = before.login if wanted.login is None else wanted.login
    name = before.name if wanted.name is None else wanted.name
    email = before.email if wanted.email is None else wanted.email
    roles = before.roles if wanted.roles is None else tuple(dict.fromkeys(wanted.roles))
    found = [*faults, *user_faults(login, name, email, roles, {*known.names(), *before.roles})]
    if wanted.status not in {None, "active", "inactive"}:
        found.append(Fault(field="status", reason="must be active or inactive"))
    if wanted.password is not None:
        found += password_faults(wanted.password, login, name, email)
    if found:
        raise Faulty(found)
    active = before.active if wanted.status is None else wanted.status == "active"
    return msgspec.structs.replace(before, login=login, name=name, email=email, roles=roles, active=active)


async def _user(tx: Transaction, identifier: str) -> User:
    found = await tx.users.get(identifier)
    if found is None:
        raise Missing("There is no such user.")
    return found


async def _owner(tx: Transaction, login_or_id: str) -> str:
    """Whose a key is to be: the login of a user, as they write it, or the name of a program that is no user."""
    found = await tx.users.get(login_or_id)
    return login_or_id if found is None else found.login


def reaches(by: Principal, key: ApiKey) -> bool:
    """Whether the caller may look at a key: their own, or anybody's for `admin:keys`; of their customers only."""
    return sees(by.customers, key.customer) and (by.may("admin:keys") or bool(by.login and key.user == by.login))


def named(key: ApiKey, identifier: str) -> bool:
    """Whether the id, the key itself or its first characters name this key."""
    return identifier == key.prefix or _exactly(key, identifier)


def the_one(keys: Sequence[ApiKey], identifier: str) -> ApiKey:
    """The key that the id, the key itself or its first characters name.

    Raises:
        Missing: none.
        Conflict: several begin so.
    """
    found = [key for key in keys if _exactly(key, identifier)] or [key for key in keys if named(key, identifier)]
    if not found:
        raise Missing("There is no such key.")
    if len(found) > 1:
        several = ", ".join(f"{key.id} (of {key.user})" if key.user else key.id for key in found)
        raise Conflict(f"Several keys begin with {identifier}: name one by its id, {several}.")
    return found[0]


def _exactly(key: ApiKey, identifier: str) -> bool:
    return identifier == key.id or digest(identifier) == key.hash


def _guarded(user: User, wanted: UserChange) -> list[str]:
    """What is to be changed that opens the account: the password, and the address that it can be regained by."""
    changed = {
        "password": wanted.password is not None,
        "e-mail address": wanted.email is not None and wanted.email != user.email,
    }
    return [name for name, differs in changed.items() if differs]


def chosen_faults(plain: str) -> list[Fault]:
    """What is wrong with a key that somebody chose."""
    if not plain or (_CHOSEN.fullmatch(plain) and len(set(plain)) >= DIFFERENT):
        return []
    return [Fault(field="key", reason="must be 20 to 200 letters, digits, - or _, at least 8 of them different")]


def _key_faults(
    scopes: Sequence[str], text: str, expires_at: datetime | None, now: datetime, rules: RoleRules
) -> list[Fault]:
    faults = key_faults(scopes, text, rules.custom_scopes)
    if expires_at is not None and expires_at <= now:
        faults.append(Fault(field="expireTime", reason="lies in the past"))
    return faults
