"""Two-step log-in: people switch it on and off for themselves; administrators switch it off for whoever lost all codes.

A log-in by a provider, an API key and a signed request ask for no code of ours: the provider has steps of its own, and
programs have no telephone.
"""

import secrets
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.accounts import Means, Principal, User
from watchbell.domain.errors import CodeNeeded, Conflict, Fault, Faulty, Forbidden, Invalid, Missing, Permanent
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
from watchbell.usecases.administering import PROOF_FIELD, Proof
from watchbell.usecases.auditing import entry
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.holding import group_names, refuse_more_than_held, refuse_other_customers, roles_now
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

    async def standing(self, by: Principal) -> Standing:
        """The caller's."""
        _refuse_keys(by)
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
        _refuse_keys(by)
        async with self._store.reading() as tx:
            user = await _self(tx, by)
            if await tx.second_factors.get(user.id) is not None:
                raise Conflict("Two-step log-in is on already.")
        if not user.password_hash:
            raise Conflict("You have no password here: whoever logs you in may ask for a second step.")
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
        _refuse_keys(by)
        secret = self._secret(by, ticket)
        async with self._store.reading() as tx:
            user = await _self(tx, by)
        await self._confirm(user, proof)
        now = self._clock.now()
        step = step_of(secret_of(secret), tidied(code), now)
        if step is None:
            raise Faulty([Fault(field="code", reason="is not the code of now", fix="is the telephone's clock right?")])
        codes = [recovery_code(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
        factor = SecondFactor(user_id=user.id, secret=self._vault.seal(secret), last_step=step, created_at=now)
        async with self._store.transaction() as tx:
            await _self(tx, by)
            await tx.second_factors.add(factor, [recovery_hash(user.id, each) for each in codes])
            await rights_changed(tx)
            await note(tx, now, user.login, "two-step-on", user.login, f"from {proof.address}")
        return codes

    async def turn_off(self, by: Principal, code: str, proof: Proof) -> None:
        """Switch it off with a code and the present password.

        Raises:
            Faulty: the code or the password is wrong.
            Conflict: it is off already.
        """
        _refuse_keys(by)
        async with self._store.reading() as tx:
            user = await _self(tx, by)
            if await tx.second_factors.get(user.id) is None:
                raise Conflict("Two-step log-in is off already.")
        await self._confirm(user, proof)
        try:
            await self._authenticating.demanding.use_code(user, code, proof.address)
        except CodeNeeded as error:
            # The caller is known; it is what they typed that is wrong.
            raise Faulty([Fault(field="code", reason=error.reason)]) from None
        now = self._clock.now()
        async with self._store.transaction() as tx:
            await tx.second_factors.remove(user.id)
            await rights_changed(tx)
            await note(tx, now, user.login, "two-step-off", user.login, f"from {proof.address}")

    async def turn_off_for(self, by: Principal, identifier: str) -> None:
        """Switch off another's, who has lost telephone and codes.

        Raises:
            Missing: there is no such user, or it is off.
            Forbidden: they may do more than the caller.
        """
        rules = self._authenticating.rules
        async with self._store.transaction() as tx:
            user = await _user(tx, identifier)
            groups = await group_names(tx, user)
            held = (await roles_now(tx, rules)).scopes_of(user.roles, user.login, groups)
            refuse_more_than_held(by, sorted(held))
            await refuse_other_customers(tx, by, [user], groups, rules)
            if not await tx.second_factors.remove(user.id):
                raise Missing("Two-step log-in of this user is off.")
            await rights_changed(tx)
            event = ("user", "two-step-off")
            await tx.audit.add([entry(self._clock.now(), by, event, user.login, subject_id=user.id)])

    async def _confirm(self, user: User, proof: Proof) -> None:
        if not proof.password:
            raise Faulty([Fault(field=PROOF_FIELD, reason="is needed")])
        if not await self._authenticating.confirm(user, proof.password, proof.address):
            raise Faulty([Fault(field=PROOF_FIELD, reason="is not your present password")])

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


def _refuse_keys(by: Principal) -> None:
    if by.means is Means.KEY or not by.user_id:
        raise Forbidden("A key does not see to its owner's two-step log-in: log in for that.")


async def _self(tx: Transaction, by: Principal) -> User:
    return await _user(tx, by.user_id)


async def _user(tx: Transaction, identifier: str) -> User:
    found = await tx.users.get(identifier)
    if found is None:
        raise Missing("There is no such user.")
    return found
