"""Vouching: callers whom a proxy in front names, and programs that sign their requests (Hawk).

A proxy's people become users when they are not known yet; names of theirs in `auth.admin_users` count, because whoever
runs Watchbell runs the proxy. Signatures are good once, at any process: the store remembers them as long as they are of
now, and those that come at the same time are written together. Raises `Unauthenticated` for everybody else.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from watchbell.domain.access import user_faults
from watchbell.domain.accounts import Principal, User
from watchbell.domain.admission import ProxyTerms, mapped
from watchbell.domain.errors import Unauthenticated, WatchbellError
from watchbell.domain.hawk import SKEW, HawkKey, Signed, Target, check, check_body
from watchbell.domain.ids import new_id
from watchbell.domain.roles import RoleRules
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.usecases.group_commit import GroupCommit
from watchbell.usecases.holding import holder
from watchbell.usecases.saving_users import save_user
from watchbell.usecases.sessions import admitted, digest, note

REMEMBERED = timedelta(seconds=5 * SKEW)
"""So long a signature is: longer than it is good anywhere, also where clocks of processes differ by minutes."""


class Vouching:
    """Knows callers by what stands in front, or by a signature. One for each process."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        rules: RoleRules,
        proxy: ProxyTerms | None = None,
        keys: tuple[HawkKey, ...] = (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self.proxy = proxy or ProxyTerms()
        self._keys = {key.id: key for key in keys}
        self._signatures = GroupCommit(self._use)

    async def by_proxy(self, login: str, roles: str) -> Principal:
        """The caller whom a trusted proxy names."""
        theirs = [role.strip() for role in roles.split(self.proxy.separator) if role.strip()]
        async with self._store.reading() as tx:
            user = await tx.users.get(login)
            if user is not None and user.login.lower() != login.lower():
                user = None  # found by id, which is no login
            if user is not None and self._roles(user, theirs) == user.roles:
                return self._principal_of(user, await holder(tx, user, self._rules))
        user = await self._brought_up_to_date(login, theirs)
        async with self._store.reading() as tx:
            return self._principal_of(user, await holder(tx, user, self._rules))

    def _principal_of(self, user: User, principal: Principal) -> Principal:
        if not user.active:
            raise Unauthenticated(f"The user {user.login} is not active.")
        return admitted(principal)

    def _roles(self, user: User, theirs: list[str]) -> tuple[str, ...]:
        if not self.proxy.roles_header:
            return user.roles
        return mapped(user.roles, theirs, self.proxy.roles) or self._rules.user_roles[:1]

    async def _brought_up_to_date(self, login: str, theirs: list[str]) -> User:
        now = self._clock.now()
        async with self._store.transaction() as tx:
            before = await tx.users.get(login)
            if before is not None and before.login.lower() == login.lower():
                after = msgspec.structs.replace(before, roles=self._roles(before, theirs))
                await save_user(tx, before, after, self._rules)
                return after
            fresh = User(id=new_id(), login=login, roles=self._rules.user_roles[:1], created_at=now)
            fresh = msgspec.structs.replace(fresh, roles=self._roles(fresh, theirs))
            if not self.proxy.sign_up or user_faults(login, "", "", fresh.roles):
                raise Unauthenticated("The proxy names nobody who is a user here.")
            await tx.users.save(fresh)
            await note(tx, now, login, "signup", login, "by the proxy")
        return fresh

    async def by_signature(self, signed: Signed, target: Target) -> tuple[Principal, HawkKey]:
        """The caller who signed this request; the body is to be checked with `check_body` yet.

        Raises:
            Unauthenticated: the signature is not good, or was used already.
            Overloaded: too many at once.
            Retryable: the store is away, so nobody can tell whether it was used.
        """
        key = self._keys.get(signed.id)
        if key is None:
            raise Unauthenticated("The Hawk signature is not valid.")
        now = self._clock.now()
        check(signed, target, key.secret, key.algorithm, now)
        await self._signatures.submit(f"hawk:{digest(msgspec.json.encode((key.id, signed.ts, signed.nonce)).decode())}")
        apart = frozenset(self._rules.delete_scopes)
        principal = Principal(login=f"hmac:{key.id}", scopes=frozenset(key.scopes), delete_apart=apart)
        return principal, key

    async def _use(self, keys: Sequence[str]) -> list[WatchbellError | None]:
        """Use signatures up, in one order for every process, so that two never wait for each other."""
        now = self._clock.now()
        outcomes: list[WatchbellError | None] = [None] * len(keys)
        async with self._store.transaction() as tx:
            for number in sorted(range(len(keys)), key=lambda number: keys[number]):
                if not await tx.spent.use(keys[number], now, now + REMEMBERED):
                    outcomes[number] = Unauthenticated("This Hawk signature was used already.")
        return outcomes

    def check_body(self, signed: Signed, key: HawkKey, media_type: str, body: bytes) -> None:
        """Raise `Unauthenticated` unless the body is the one that was signed."""
        check_body(signed, media_type, body, key.algorithm)
