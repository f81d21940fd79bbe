"""Admitting: people log in on a provider's word, and become users when they are not known yet.

Whoever is known is known by the provider's own name for them, which never changes; logins and mail addresses there
may. A login that is taken here is never handed to somebody else. Raises `Unauthenticated` when the provider's answer
proves nothing, `Forbidden` when the terms keep somebody out, `Conflict` when their login is somebody else's.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.access import FAILURE_WINDOW, FAILURES_ANYWHERE, user_faults
from watchbell.domain.accounts import Group, User
from watchbell.domain.admission import Identity, Terms, mapped, refusal, tidied
from watchbell.domain.customers import is_address_of, names_customers
from watchbell.domain.errors import (
    Conflict,
    Forbidden,
    Missing,
    Permanent,
    Retryable,
    Throttled,
    Unauthenticated,
    WatchbellError,
)
from watchbell.domain.ids import new_id
from watchbell.domain.roles import RoleRules
from watchbell.ports.clock import Clock
from watchbell.ports.login import Challenge, Known, LoginProvider
from watchbell.ports.store import Store, Transaction
from watchbell.ports.vault import Vault
from watchbell.usecases.guessing import here
from watchbell.usecases.holding import held_by_all, revoke_beyond
from watchbell.usecases.saving_users import save_user
from watchbell.usecases.sessions import LoggedIn, digest, note, open_session, rights_changed

TICKET_LIFE = timedelta(minutes=10)
"""So long somebody may take at the provider."""
BESIDE = "beside."
"""How the state of a log-in begins for whose answer another page waits."""
ANSWER_KEPT = timedelta(hours=1)
"""So long an answer is remembered that is good once: longer than any is good, also where clocks differ."""


class WayIn(msgspec.Struct, frozen=True, kw_only=True):
    """One way in: who vouches, and the terms on which their people come in."""

    name: str
    kind: str
    title: str
    terms: Terms


class Gate(WayIn, frozen=True, kw_only=True):
    """A way in by a provider to which browsers are sent."""

    provider: LoginProvider
    describe: Callable[[str], bytes] | None = None
    """What the provider must know of us, whose answers come to this address; may wait, so it is for a thread."""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser keeps, sealed, while its person is at the provider."""

    gate: str
    challenge: Challenge
    back: str
    expires: float
    opener: str = ""
    """The origin of the page that waits for the answer, beside a pop-up; empty when it is one of ours."""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """Where the browser goes, and the sealed ticket that it keeps."""

    url: str
    ticket: str


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody came back from the provider; `back` is the page that they wanted."""

    logged_in: LoggedIn
    back: str


class Admitting:
    """Lets people in. One for each process."""

    def __init__(self, store: Store, clock: Clock, vault: Vault, gates: Sequence[Gate], rules: RoleRules) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault
        self._rules = rules
        self.gates = tuple(gates)

    def gate(self, name: str) -> Gate:
        """By name.

        Raises:
            Missing: there is none.
        """
        for gate in self.gates:
            if gate.name == name:
                return gate
        raise Missing("There is no such log-in provider.")

    def gate_of_kind(self, kind: str) -> Gate:
        """The first of a kind.

        Raises:
            Missing: there is none.
        """
        for gate in self.gates:
            if gate.kind == kind:
                return gate
        raise Missing(f"There is no log-in provider of the kind {kind!r}.")

    async def begin(self, name: str, redirect: str, back: str, opener: str = "") -> Begun:
        """Send somebody to a provider, who sends them on to `redirect`, and wants to see the page `back` then.

        `opener` is the origin of the page that waits for the answer instead.
        """
        gate = self.gate(name)
        challenge = Challenge(
            redirect=redirect,
            state=(BESIDE if opener else "") + secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
        )
        expires = (self._clock.now() + TICKET_LIFE).timestamp()
        ticket = Ticket(gate=name, challenge=challenge, back=back, expires=expires, opener=opener)
        url = await gate.provider.address(challenge)
        return Begun(url=url, ticket=self._vault.seal(msgspec.json.encode(ticket).decode()))

    def ticket(self, name: str, sealed: str, state: str) -> Ticket:
        """The ticket of a browser that comes back.

        Raises:
            Unauthenticated: it is not the one that was sent, or took too long.
        """
        try:
            ticket = msgspec.json.decode(self._vault.unseal(sealed), type=Ticket) if _is_sealed(sealed) else None
        except (Permanent, msgspec.MsgspecError, ValueError):
            ticket = None
        now = self._clock.now().timestamp()
        if ticket is None or ticket.gate != name or ticket.expires <= now:
            raise Unauthenticated("This log-in took too long, or began in another browser. Begin again.")
        if not hmac.compare_digest(ticket.challenge.state.encode(), state.encode("utf-8", "surrogatepass")):
            raise Unauthenticated("This answer belongs to another log-in. Begin again.")
        return ticket

    async def finish(self, ticket: Ticket, code: str, address: str, former_cookie: str = "") -> Arrival:
        """Open a session for whoever came back with this code; the one that the browser had before ends."""
        gate, once = self.gate(ticket.gate), once_of(ticket.challenge.state)
        logged_in = await self.redeem(gate, code, ticket.challenge, address, former_cookie, once=once)
        return Arrival(logged_in=logged_in, back=ticket.back)

    async def redeem(
        self, gate: Gate, code: str, challenge: Challenge, address: str, former_cookie: str = "", *, once: str = ""
    ) -> LoggedIn:
        """Open a session for whoever a provider's code stands for.

        Raises:
            Throttled: too many from this address were refused.
        """
        await self._refuse_guessing(address)
        try:
            identity = tidied(await gate.provider.redeem(code, challenge), gate.terms)
            return await self._enter(gate, identity, address, former_cookie, once)
        except WatchbellError as error:
            await self.note_refusal(gate, error, address)
            raise

    async def recognised(self, tx: Transaction, gate: WayIn, identity: Identity, now: datetime) -> User:
        """The user that a person is, with the rights that they have now. `identity` is `tidied`.

        Raises:
            Forbidden: the terms keep them out.
            Conflict: their login is somebody else's.
        """
        why = refusal(identity, gate.terms)
        if why:
            raise Forbidden(f"{identity.login or 'Somebody'} may not log in by {gate.title}: {why}.")
        user = await self._user(tx, gate, identity, now)
        return await self._brought_up_to_date(tx, gate, identity, user)

    async def _enter(self, gate: Gate, identity: Identity, address: str, former_cookie: str, once: str) -> LoggedIn:
        now = self._clock.now()
        async with self._store.transaction() as tx:
            if once and not await tx.spent.use(once, now, now + ANSWER_KEPT):
                raise Unauthenticated("This answer was used already. Begin again.")
            user = await self.recognised(tx, gate, identity, now)
            if former_cookie:
                await tx.sessions.delete(digest(former_cookie))
                await rights_changed(tx)
            await note(tx, now, user.login, "login", user.login, f"by {gate.name} from {address}")
            return await open_session(tx, user, now, self._rules)

    async def _user(self, tx: Transaction, gate: WayIn, identity: Identity, now: datetime) -> User:
        """Who this is here: known already, linked by the mail address, or new."""
        known = await tx.identities.get(identity.issuer, identity.subject)
        user = await tx.users.get(known.user_id) if known is not None else None
        began = known.created_at if known is not None and user is not None else now
        if user is None:
            user = await self._same_address(tx, gate, identity) or await self._same_login(tx, gate, identity)
            user = user or await self._new_user(tx, gate, identity, now)
        if not user.active:
            raise Forbidden(f"The user {user.login} is not active.")
        known = Known(
            issuer=identity.issuer, subject=identity.subject, user_id=user.id, created_at=began, last_login=now
        )
        await tx.identities.save(known)
        return msgspec.structs.replace(user, last_login=now)

    async def _same_address(self, tx: Transaction, gate: WayIn, identity: Identity) -> User | None:
        if not (gate.terms.link_by_email and identity.email_verified):
            return None
        email = identity.email.lower()
        found = [user for user in await tx.users.all() if user.email.lower() == email]
        if len(found) != 1:
            return None
        # An address that nobody has verified may be anybody's word, unless only a provider opens the account.
        profile = (await tx.people.profiles([found[0].id])).get(found[0].id)
        if found[0].password_hash and not (profile is not None and profile.email_verified):
            return None
        # Somebody of the same provider already: two people there cannot be one here.
        others = [known for known in await tx.identities.of_user(found[0].id) if known.issuer == identity.issuer]
        return None if others else found[0]

    async def _same_login(self, tx: Transaction, gate: WayIn, identity: Identity) -> User | None:
        found = await tx.users.get(identity.login) if gate.terms.link_by_login and identity.login else None
        if found is None or found.login.lower() != identity.login.lower():  # found by id, which is no login
            return None
        return None if found.password_hash or await tx.identities.of_user(found.id) else found

    async def _new_user(self, tx: Transaction, gate: WayIn, identity: Identity, now: datetime) -> User:
        login = identity.login
        if not gate.terms.sign_up:
            raise Forbidden(f"{login} is no user here, and the settings make none of {gate.title}'s people.")
        if await tx.users.get(login) is not None:
            raise Conflict(f"There is another user with the login {login}. An administrator can rename one of them.")
        by_address = identity.email_verified and is_address_of(login, identity.email)
        if not (by_address or gate.terms.trust_login):
            await self._refuse_unproved(tx, login)
        faults = user_faults(login, identity.name, identity.email, gate.terms.default_roles)
        if faults:
            raise Forbidden(f"{gate.title} gives a {faults[0].field} that cannot be used: it {faults[0].reason}.")
        user = User(
            id=new_id(),
            login=login,
            name=identity.name,
            email=identity.email if identity.email_verified else "",
            roles=gate.terms.default_roles,
            created_at=now,
        )
        await tx.users.save(user)
        await note(tx, now, login, "signup", login, f"by {gate.name}")
        return user

    async def _refuse_unproved(self, tx: Transaction, login: str) -> None:
        """Refuse a login that gives something by itself, to somebody who may have chosen it for that."""
        if login.lower() in self._rules.admin_users:
            raise Forbidden(f"The login {login} is an administrator's, and nothing proves that this is the person.")
        if self._rules.customer_views and names_customers(await tx.customer_lookups.all(), login):
            raise Forbidden(
                f"Customers are looked up by {login}, and nothing proves that this login is the person's. "
                "An administrator can make the user first, with the person's mail address."
            )

    async def _brought_up_to_date(self, tx: Transaction, gate: WayIn, identity: Identity, user: User) -> User:
        """Roles and groups as the provider's groups say, and the name."""
        roles = mapped(user.roles, identity.groups, gate.terms.roles) or gate.terms.default_roles
        before = await tx.users.get(user.id) or user
        after = msgspec.structs.replace(user, roles=roles, name=user.name or identity.name)
        if after.roles != before.roles:
            await save_user(tx, before, after, self._rules)
        else:
            await tx.users.save(after)
        await self._join(tx, gate, identity, user)
        return after

    async def _join(self, tx: Transaction, gate: WayIn, identity: Identity, user: User) -> None:
        if not gate.terms.groups:
            return
        there = {group.name: group for group in await tx.people.groups()}
        present = [name for name, group in there.items() if user.id in group.members]
        wanted = set(mapped(present, identity.groups, gate.terms.groups))
        changed = wanted ^ set(present)
        if not changed:
            return
        held = await held_by_all(tx, self._rules)
        for name in sorted(changed):
            group = there.get(name) or Group(id=new_id(), name=name)
            others = tuple(member for member in group.members if member != user.id)
            members = (*others, user.id) if name in wanted else others
            await tx.people.save_group(msgspec.structs.replace(group, members=members))
        await revoke_beyond(tx, self._rules, held)
        await rights_changed(tx)

    async def _refuse_guessing(self, address: str) -> None:
        """Whoever may call without being known must not make us ask a provider, and write, for ever."""
        since = self._clock.now() - FAILURE_WINDOW
        async with self._store.reading() as tx:
            if await tx.sessions.failures(here(address), since) >= FAILURES_ANYWHERE:
                wait = FAILURE_WINDOW.total_seconds()
                raise Throttled("Too many failed log-ins. Try again in some minutes.", retry_after=wait)

    async def note_refusal(self, gate: WayIn, error: WatchbellError, address: str) -> None:
        """Write down who was not let in, and why."""
        now, text = self._clock.now(), f"by {gate.name} from {address}: {error.message}"
        async with self._store.transaction() as tx:
            if not isinstance(error, Retryable):  # a provider that is away is nobody's guess
                await tx.sessions.failed(here(address), now)
            await note(tx, now, "", "login-refused", gate.name, text[:500])


def once_of(secret: str) -> str:
    """What an answer is remembered by that is good once; the secret belongs to it alone."""
    return f"used:{digest(secret)}"


def _is_sealed(text: str) -> bool:
    return text.startswith("sealed:")
