"""Finding out who calls: session cookies, API keys, passwords; logging in and out; the first administrator.

What was found is kept in memory for `FRESH_FOR`, so that busy callers do not cost several queries each time. Whatever
takes rights away changes the fact `ACCOUNTS_FACT` in the same transaction, and every request looks at it; many that
come together share one look. So what was revoked in one process is refused by all with the next request. Raises
`Unauthenticated` for whoever cannot be known, `Throttled` for whoever guesses too often.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.access import (
    SESSION_IDLE,
    password_faults,
    user_faults,
)
from watchbell.domain.accounts import ApiKey, Means, Principal, Session, User
from watchbell.domain.errors import Conflict, Faulty, Retryable, Unauthenticated, WatchbellError
from watchbell.domain.ids import new_id
from watchbell.domain.roles import EVERYTHING, USUAL, RoleRules
from watchbell.ports.clock import Clock
from watchbell.ports.passwords import Passwords
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.attesting import Attested
from watchbell.usecases.demanding import Demanding, Demands
from watchbell.usecases.group_commit import GroupCommit
from watchbell.usecases.guessing import Guessing, tries_of
from watchbell.usecases.holding import holder
from watchbell.usecases.sessions import ACCOUNTS_FACT, LoggedIn, admitted, digest, note, open_session, rights_changed

FRESH_FOR = timedelta(seconds=5)
ATTESTED_FRESH_FOR = timedelta(minutes=1)
"""What a directory said is good for longer: it is far away, and programs ask with each request."""
USE_NOTED_EVERY = timedelta(minutes=1)
REMEMBERED = 10_000
SETUP_FACT = "setup-token"
SETUP_TOKENS = 8  # each node of a cluster shows a link of its own; so many of them are good at the same time
WRONG = "Invalid username or password"


class _Known(msgspec.Struct, frozen=True):
    principal: Principal
    until: datetime
    version: str


async def ensure_setup(store: Store) -> str | None:
    """A new one-time token for the first administrator; None when there are users."""
    async with store.transaction() as tx:
        if await tx.users.all():
            await tx.facts.remove(SETUP_FACT)
            return None
        token = secrets.token_urlsafe(32)
        others = (await tx.facts.get(SETUP_FACT) or "").split()
        await tx.facts.put(SETUP_FACT, " ".join([*others, digest(token)][-SETUP_TOKENS:]))
        return token


class Authenticating:
    """Knows callers. One for each process."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        passwords: Passwords,
        *,
        required: bool = True,
        admin_key: str = "",
        rules: RoleRules = USUAL,
        readonly_scopes: Iterable[str] = (),
        demands: Demands | None = None,
    ) -> None:
        """`readonly_scopes` are what callers who do not identify themselves may read; none refuses them."""
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._attesting = demands.attesting if demands is not None else None
        self._admin_key = digest(admin_key) if admin_key else ""
        self.required = required
        self._readonly = frozenset(readonly_scopes)
        self.rules = rules
        self._apart = frozenset(rules.delete_scopes)
        self._known: dict[str, _Known] = {}
        self._looks: GroupCommit[None, str] = GroupCommit(self._look)
        self.guessing = Guessing(store, clock)
        self.demanding = Demanding(store, clock, self.guessing, demands or Demands())
        self._salt = secrets.token_bytes(32)

    @property
    def anonymous(self) -> Principal | None:
        """Whoever does not say who they are; None when they must.

        Where that is `required`, they may at most read: nothing that is a customer's, where there are customer views.
        """
        if not self.required:
            return Principal(login="", scopes=EVERYTHING)
        if not self._readonly:
            return None
        nothing = frozenset[str]() if self.rules.customer_views else None
        return Principal(login="", scopes=self._readonly, delete_apart=self._apart, customers=nothing)

    async def by_key(self, key: str) -> Principal:
        """The caller with this API key."""
        hashed = digest(key)
        if self._admin_key and hmac.compare_digest(hashed, self._admin_key):
            return Principal(login="admin-key", scopes=EVERYTHING)
        now = self._clock.now()
        version = await self.version()
        known = self._recall(f"key:{hashed}", now, version)
        if known is not None:
            return known
        async with self._store.reading() as tx:
            found = await tx.keys.get(hashed)
            customers = await self._customers_of(tx, found) if found is not None else None
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            raise Unauthenticated(f"API key parameter '{key[:4]}…' is invalid")
        await self._note_key_use(found, now)
        scopes = frozenset(found.scopes)
        principal = admitted(
            Principal(login=found.user, scopes=scopes, delete_apart=self._apart, customers=customers, key=found.prefix)
        )
        until = now + FRESH_FOR if found.expires_at is None else min(now + FRESH_FOR, found.expires_at)
        return self._remember(f"key:{hashed}", _Known(principal, until, version))

    async def by_session(self, cookie: str) -> Principal | None:
        """The caller with this session cookie; None when the session has ended."""
        return await self._by_session(digest(cookie))

    async def again(self, principal: Principal) -> Principal | None:
        """Who a user is now, by their session if they came with one; None when it, or the account, has ended.

        A session does not count as used by that.
        """
        if principal.session_id:
            return await self._by_session(principal.session_id, noted=False)
        async with self._store.reading() as tx:
            user = await tx.users.get(principal.user_id)
            if user is None or not user.active:
                return None
            return admitted(await holder(tx, user, self.rules, principal.means))

    async def version(self) -> str:
        """A text that is another one after each change that takes rights away."""
        return await self._looks.submit(None)

    async def _by_session(self, hashed: str, *, noted: bool = True) -> Principal | None:
        now = self._clock.now()
        version = await self.version()
        known = self._recall(f"session:{hashed}", now, version)
        if known is not None:
            return known
        async with self._store.reading() as tx:
            session = await tx.sessions.get(hashed)
            user = await tx.users.get(session.user_id) if session is not None else None
            if session is None or user is None or not user.active or _ended(session, now):
                return None
            principal = admitted(
                await holder(tx, user, self.rules, Means.SESSION, csrf=session.csrf, session_id=session.id)
            )
            if session.by_password:
                principal = await self.demanding.limited(tx, principal)
        if noted and now - session.seen_at >= USE_NOTED_EVERY:
            await self._note_session_use(session.id, now)
        return self._remember(f"session:{hashed}", _Known(principal, now + FRESH_FOR, version))

    async def by_password(self, login: str, password: str, address: str) -> Principal:
        """The caller with this login and password, for programs that send them with each request."""
        now = self._clock.now()
        secret = f"{login.lower()}\0{password}".encode("utf-8", "surrogatepass")
        remembered = "password:" + hmac.new(self._salt, secret, hashlib.sha256).hexdigest()
        version = await self.version()
        known = self._recall(remembered, now, version)
        if known is not None:
            return known
        proved = await self._check_password(login, password, address)
        await self.demanding.refuse_programs(_user_of(proved), kept_here=isinstance(proved, User))
        # Whoever has no password here has not proved one with which they might set it.
        means, fresh = (Means.BASIC, FRESH_FOR) if isinstance(proved, User) else (Means.KEY, ATTESTED_FRESH_FOR)
        async with self._store.reading() as tx:
            principal = admitted(await holder(tx, _user_of(proved), self.rules, means))
        self.demanding.refuse_password_alone(principal)
        return self._remember(remembered, _Known(principal, now + fresh, version))

    async def confirm(self, user: User, password: str, address: str, *, directories: bool = False) -> bool:
        """Whether it is the user's password here; with `directories` also in one, for those who have none here.

        Wrong ones count as failed log-ins do; raises `Throttled` so, too.
        """
        only_here = bool(user.password_hash) or not directories
        try:
            proved = await self._check_password(user.login, password, address, only_here=only_here)
        except Unauthenticated:
            return False
        return _user_of(proved).id == user.id

    async def has_password(self, tx: Transaction, user: User) -> bool:
        """Whether somebody logs in by password: one that is kept here, or by a directory."""
        issuers = self._attesting.issuers if self._attesting is not None else frozenset[str]()
        return bool(user.password_hash) or any(
            known.issuer in issuers for known in await tx.identities.of_user(user.id)
        )

    async def log_in(
        self,
        login: str,
        password: str,
        address: str,
        former_cookie: str = "",
        code: str = "",
        *,
        program: bool = False,
    ) -> LoggedIn:
        """Open a session; the one that the browser had before ends. A `program` cannot set up a second step.

        Raises:
            CodeNeeded: the password is right, and a code is needed besides.
            StepNeeded: a second step is required, and this is no log-in that has one or can set one up.
            Forbidden: the e-mail address is not confirmed.
        """
        proved = await self._check_password(login, password, address)
        user, here = _user_of(proved), isinstance(proved, User)
        await self.demanding.meet(user, code, address, kept_here=here)
        now = self._clock.now()
        replacement = ""
        if here and self._passwords.outdated(user.password_hash):
            replacement = await self._passwords.hash(password)
        async with self._store.transaction() as tx:
            current = await tx.users.get(user.id)
            if current is None or current.password_hash != user.password_hash or not current.active:
                raise Unauthenticated(WRONG)
            if former_cookie:
                await tx.sessions.delete(digest(former_cookie))
                await rights_changed(tx)
            user = msgspec.structs.replace(current, last_login=now, password_hash=replacement or current.password_hash)
            await tx.users.save(user)
            by = "" if isinstance(proved, User) else f"by {proved.gate.name} "
            await note(tx, now, user.login, "login", user.login, f"{by}from {address}")
            opened = await self.open(tx, user, now, program=program)
        return opened if isinstance(proved, User) else msgspec.structs.replace(opened, kind=proved.gate.kind)

    async def open(self, tx: Transaction, user: User, now: datetime, *, program: bool = False) -> LoggedIn:
        """A new session of a user who gave a password; nothing else may be open to them than to set up a second step.

        Raises:
            StepNeeded: as for `log_in`.
        """
        opened = await open_session(tx, user, now, self.rules, by_password=True)
        principal = await self.demanding.admit(tx, opened.principal, program=program)
        return msgspec.structs.replace(opened, principal=principal)

    async def log_out(self, principal: Principal) -> None:
        """End the caller's session."""
        if principal.session_id:
            async with self._store.transaction() as tx:
                await tx.sessions.delete(principal.session_id)
                await rights_changed(tx)
                await note(tx, self._clock.now(), principal.login, "logout", principal.login)

    async def user_of(self, principal: Principal) -> User | None:
        """The user behind a caller; None for keys of nobody, and for callers without a name."""
        if not principal.login:
            return None
        async with self._store.reading() as tx:
            return await tx.users.get(principal.login)

    async def needs_setup(self) -> bool:
        """Whether there are no users yet."""
        async with self._store.reading() as tx:
            return not await tx.users.all()

    async def set_up(self, token: str, login: str, name: str, email: str, password: str) -> LoggedIn:
        """Make the first administrator. The token is good for one, once."""
        async with self._store.reading() as tx:
            await self._check_setup(tx, token)
        faults = user_faults(login, name, email, self.rules.admin_roles[:1] or ["admin"]) + password_faults(
            password, login, name, email
        )
        if faults:
            raise Faulty(faults)
        hashed = await self._passwords.hash(password)
        now = self._clock.now()
        async with self._store.transaction() as tx:
            await self._check_setup(tx, token)
            if not await tx.facts.remove(SETUP_FACT):
                raise Conflict("Somebody else has just set up the first administrator.")
            user = User(
                id=new_id(),
                login=login,
                name=name,
                email=email,
                password_hash=hashed,
                roles=self.rules.admin_roles[:1],
                created_at=now,
                last_login=now,
            )
            await tx.users.save(user)
            await note(tx, now, login, "setup", login, "first administrator")
            return await self.open(tx, user, now)

    async def _customers_of(self, tx: Transaction, key: ApiKey) -> frozenset[str] | None:
        """What a key reaches: its own customer, and of that no more than its owner does now; None is everybody's."""
        if not self.rules.customer_views:
            return None
        own = frozenset({key.customer}) if key.customer else None
        owner = await tx.users.get(key.user) if key.user else None
        theirs = None if owner is None else (await holder(tx, owner, self.rules)).customers
        if own is None or theirs is None:
            return theirs if own is None else own
        return own & theirs

    async def _check_setup(self, tx: Transaction, token: str) -> None:
        if await tx.users.all():
            raise Conflict("The first administrator exists already. Log in instead.")
        accepted = (await tx.facts.get(SETUP_FACT) or "").split()
        given = digest(token)
        if not any(hmac.compare_digest(given, hashed) for hashed in accepted):
            raise Unauthenticated("This link is not valid. The newest one is in the log of the last start.")

    async def _check_password(
        self, login: str, password: str, address: str, *, only_here: bool = False
    ) -> User | Attested:
        """Whose password it is: first here, then in the directories."""
        tries = tries_of(login, address)
        async with self._store.reading() as tx:
            await self.guessing.refuse(tx, tries)
            user = await tx.users.get(login)
            if user is not None and user.login.lower() != login.lower():
                user = None  # found by id, which is no login
        with self.guessing.attempt(tries):
            right = await self._passwords.verify(user.password_hash if user else "", password)
            if user is not None and right and user.active:
                return user
            attested = None
            if self._attesting is not None and not right and not only_here:
                try:
                    attested = await self._attesting.attest(login, password, address)
                except WatchbellError:
                    # Nobody is to guess passwords of ours for nothing because a directory is away.
                    if user is not None and user.password_hash:
                        await self.guessing.failed(tries, login, f"from {address}")
                    raise
            if attested is None:
                await self.guessing.failed(tries, login, f"from {address}")
                raise Unauthenticated(WRONG)
        return attested

    async def _note_key_use(self, key: ApiKey, now: datetime) -> None:
        if key.last_used is not None and now - key.last_used < USE_NOTED_EVERY:
            return
        try:
            async with self._store.transaction() as tx:
                current = await tx.keys.get(key.hash)
                if current is not None:
                    await tx.keys.save(msgspec.structs.replace(current, last_used=now))
        except Retryable:
            return  # when a key was used last is a courtesy; the request matters more

    async def _note_session_use(self, session_id: str, now: datetime) -> None:
        try:
            async with self._store.transaction() as tx:
                current = await tx.sessions.get(session_id)
                if current is not None:
                    await tx.sessions.save(msgspec.structs.replace(current, seen_at=now))
        except Retryable:
            return  # it will be noted with the next request

    async def _look(self, waiting: Sequence[None]) -> list[str]:
        async with self._store.reading() as tx:
            version = await tx.facts.get(ACCOUNTS_FACT) or ""
        return [version] * len(waiting)

    def _recall(self, name: str, now: datetime, version: str) -> Principal | None:
        known = self._known.get(name)
        fresh = known is not None and now < known.until and known.version == version
        return known.principal if known is not None and fresh else None

    def _remember(self, name: str, known: _Known) -> Principal:
        # The version is that of before the question: what changed meanwhile is asked again.
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[name] = known
        return known.principal


def _user_of(proved: User | Attested) -> User:
    return proved if isinstance(proved, User) else proved.user


def _ended(session: Session, now: datetime) -> bool:
    return session.expires_at <= now or now - session.seen_at >= SESSION_IDLE
