"""Two-step log-in: people switch it on and off for themselves; administrators switch it off for whoever lost all codes.

A log-in by a provider, an API key and a signed request ask for no code of ours: the provider has steps of its own, and
programs have no telephone.
"""

import secrets
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.accounts import Principal, User
from watchbell.domain.errors import Conflict, Fault, Faulty, Invalid, Missing, Permanent
from watchbell.domain.second_factor import (
    RECOVERY_BYTES,
    RECOVERY_CODES,
    SECRET_BYTES,
    SecondFactor,
    provisioning_uri,
    recovery_code,
    recovery_hash,
    secret_of,
    secret_text,
    step_of,
    tidied,
)
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.ports.vault import Vault
from watchbell.usecases.administering import Proof
from watchbell.usecases.auditing import entry
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.confirming import Confirming, oneself, refuse_keys
from watchbell.usecases.holding import refuse_to_change
from watchbell.usecases.sessions import note, rights_changed

TICKET_LIFE = timedelta(minutes=15)
"""So long somebody may take to show the first code."""
ISSUER = "Watchbell"
_SEALED = "sealed:"


class _Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that is not in use yet; the browser keeps it, sealed."""

    second_factor_of: str
    secret: str
    expires: float


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into a telephone: the secret as text, the same as an address for a QR code; and the ticket for it."""

    ticket: str
    secret: str
    uri: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether somebody's two-step log-in is on, since when, and how many recovery codes are left."""

    since: datetime | None = None
    left: int = 0


class TwoStep:
    """Two-step log-ins. `authenticating` knows passwords and codes."""

    def __init__(self, store: Store, clock: Clock, vault: Vault, authenticating: Authenticating) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault
        self._authenticating = authenticating
        self._confirming = Confirming(authenticating)

    async def standing(self, by: Principal) -> Standing:
        """The caller's."""
        refuse_keys(by)
        async with self._store.reading() as tx:
            factor = await tx.second_factors.get(by.user_id)
            if factor is None:
                return Standing()
            return Standing(since=factor.created_at, left=await tx.second_factors.left(by.user_id))

    async def begin(self, by: Principal) -> Offer:
        """A secret for the caller's telephone. Nothing is on until a first code shows that it is in there.

        Raises:
            Forbidden: the caller came by a key.
            Conflict: it is on already, or the caller has no password that a code would go with.
        """
        refuse_keys(by)
        async with self._store.reading() as tx:
            user = await oneself(tx, by)
            if await tx.second_factors.get(user.id) is not None:
                raise Conflict("Two-step log-in is on already.")
            await self._confirming.refuse_without_password(tx, user)
        secret = secrets.token_bytes(SECRET_BYTES)
        expires = (self._clock.now() + TICKET_LIFE).timestamp()
        ticket = _Ticket(second_factor_of=user.id, secret=secret_text(secret), expires=expires)
        return Offer(
            ticket=self._vault.seal(msgspec.json.encode(ticket).decode()),
            secret=secret_text(secret),
            uri=provisioning_uri(secret, user.login, ISSUER),
        )

    async def turn_on(self, by: Principal, ticket: str, code: str, proof: Proof) -> list[str]:
        """Switch it on with a first code and the present password; returns the recovery codes, which nobody sees again.

        Raises:
            Faulty: the code or the password is wrong.
            Invalid: the ticket is not the caller's, or too old.
            Conflict: it is on already.
        """
        refuse_keys(by)
        secret = self._secret(by, ticket)
        async with self._store.reading() as tx:
            user = await oneself(tx, by)
        await self._confirming.confirm(user, proof)
        now = self._clock.now()
        step = step_of(secret_of(secret), tidied(code), now)
        if step is None:
            raise Faulty([Fault(field="code", reason="is not the code of now", fix="is the telephone's clock right?")])
        codes, hashes = _new_codes(user)
        factor = SecondFactor(user_id=user.id, secret=self._vault.seal(secret), last_step=step, created_at=now)
        async with self._store.transaction() as tx:
            await oneself(tx, by)
            await tx.second_factors.add(factor, hashes)
            await rights_changed(tx)
            await note(tx, now, user.login, "two-step-on", user.login, f"from {proof.address}")
        return codes

    async def renew(self, by: Principal, code: str, proof: Proof) -> list[str]:
        """New recovery codes, which nobody sees again; those from before are good no more.

        Raises:
            Faulty: the code or the password is wrong.
            Conflict: two-step log-in is off.
        """
        refuse_keys(by)
        async with self._store.reading() as tx:
            user = await oneself(tx, by)
            await _refuse_off(tx, user)
        await self._confirming.confirm_with_code(user, code, proof)
        codes, hashes = _new_codes(user)
        async with self._store.transaction() as tx:
            await _refuse_off(tx, user)
            await tx.second_factors.renew(user.id, hashes)
            await note(
                tx, self._clock.now(), user.login, "recovery-codes", user.login, f"new ones, from {proof.address}"
            )
        return codes

    async def turn_off(self, by: Principal, code: str, proof: Proof) -> None:
        """Switch it off with a code and the present password.

        Raises:
            Faulty: the code or the password is wrong.
            Conflict: it is off already.
        """
        refuse_keys(by)
        async with self._store.reading() as tx:
            user = await oneself(tx, by)
            await _refuse_off(tx, user)
        await self._confirming.confirm_with_code(user, code, proof)
        now = self._clock.now()
        async with self._store.transaction() as tx:
            await tx.second_factors.remove(user.id)
            await rights_changed(tx)
            await note(tx, now, user.login, "two-step-off", user.login, f"from {proof.address}")

    async def turn_off_for(self, by: Principal, identifier: str) -> None:
        """Switch off another's, who has lost telephone and codes, and take their passkeys away.

        Raises:
            Missing: there is no such user, or it is off and there are no passkeys.
            Forbidden: they may do more than the caller.
        """
        async with self._store.transaction() as tx:
            user = await _user(tx, identifier)
            await refuse_to_change(tx, by, [user], self._authenticating.rules)
            taken = {"two-step-off": await tx.second_factors.remove(user.id)}
            taken["passkeys-removed"] = await tx.passkeys.remove(user.id) > 0
            events = [("user", action) for action, done in taken.items() if done]
            if not events:
                raise Missing("Two-step log-in of this user is off, and they have no passkeys.")
            await rights_changed(tx)
            now = self._clock.now()
            await tx.audit.add([entry(now, by, event, user.login, subject_id=user.id) for event in events])

    def _secret(self, by: Principal, sealed: str) -> str:
        """The secret of a ticket."""
        try:
            opened = self._vault.unseal(sealed) if sealed.startswith(_SEALED) else ""
            ticket = msgspec.json.decode(opened, type=_Ticket)
        except (Permanent, msgspec.MsgspecError, ValueError):
            ticket = None
        if ticket is None or ticket.second_factor_of != by.user_id or ticket.expires <= self._clock.now().timestamp():
            raise Invalid("is too old, or not yours: begin again", "ticket")
        return ticket.secret


def _new_codes(user: User) -> tuple[list[str], list[str]]:
    """Recovery codes, and what is kept of them."""
    codes = [recovery_code(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
    return codes, [recovery_hash(user.id, each) for each in codes]


async def _refuse_off(tx: Transaction, user: User) -> None:
    if await tx.second_factors.get(user.id) is None:
        raise Conflict("Two-step log-in is off already.")


async def _user(tx: Transaction, identifier: str) -> User:
    found = await tx.users.get(identifier)
    if found is None:
        raise Missing("There is no such user.")
    return found
