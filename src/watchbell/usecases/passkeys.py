"""Passkeys: people add them for themselves, name them, see when each was used, and remove them.

A passkey logs in by itself, so adding one asks for all that a log-in asks for. Whoever logs in by a provider alone has
no password to show, and no passkey: their log-ins are the provider's to give and to take away.
"""

import secrets
from datetime import timedelta
from typing import Any

import msgspec

from watchbell.domain.accounts import Principal
from watchbell.domain.errors import Conflict, Fault, Faulty, Invalid, Missing, Permanent
from watchbell.domain.ids import new_id
from watchbell.domain.passkeys import CHALLENGE_BYTES, NAME_MAX, PASSKEYS_MAX, Passkey
from watchbell.ports.clock import Clock
from watchbell.ports.passkeys import Answer, PasskeyReader
from watchbell.ports.store import Store, Transaction
from watchbell.ports.vault import Vault
from watchbell.usecases.administering import Proof
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.confirming import Confirming, oneself, refuse_keys
from watchbell.usecases.sessions import digest, note, rights_changed

CHALLENGE_LIFE = timedelta(minutes=5)
"""So long somebody may take to answer."""
_SEALED = "sealed:"


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A challenge, and for whom: `session` is that of somebody who adds one, empty for a log-in."""

    passkey_challenge: str
    user_id: str = ""
    session: str = ""
    expires: float


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the browser asks the device, and the sealed ticket that it keeps."""

    options: dict[str, Any]
    ticket: str


class Challenges:
    """Makes challenges and takes them back: each for a while, and once, whichever process is asked."""

    def __init__(self, store: Store, clock: Clock, vault: Vault) -> None:
        self._store = store
        self._clock = clock
        self._vault = vault

    def make(self, user_id: str = "", session: str = "") -> tuple[bytes, str]:
        """A challenge, and its sealed ticket."""
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        expires = (self._clock.now() + CHALLENGE_LIFE).timestamp()
        ticket = Ticket(passkey_challenge=challenge.hex(), user_id=user_id, session=session, expires=expires)
        return challenge, self._vault.seal(msgspec.json.encode(ticket).decode())

    def opened(self, sealed: str, user_id: str = "", session: str = "") -> bytes | None:
        """The challenge of a ticket; None when it is too old, or not theirs."""
        try:
            plain = self._vault.unseal(sealed) if sealed.startswith(_SEALED) else ""
            ticket = msgspec.json.decode(plain, type=Ticket)
        except (Permanent, msgspec.MsgspecError, ValueError):
            return None
        theirs = (ticket.user_id, ticket.session) == (user_id, session)
        if not theirs or ticket.expires <= self._clock.now().timestamp():
            return None
        return bytes.fromhex(ticket.passkey_challenge)

    async def answered(self, challenge: bytes) -> bool:
        """Use it up; False when it was before."""
        now = self._clock.now()
        async with self._store.transaction() as tx:
            return await tx.spent.use(f"passkey:{digest(challenge.hex())}", now, now + CHALLENGE_LIFE)


class Passkeys:
    """People's own passkeys. `reader` speaks with browsers."""

    def __init__(
        self, store: Store, clock: Clock, vault: Vault, reader: PasskeyReader, authenticating: Authenticating
    ) -> None:
        self._store = store
        self._clock = clock
        self._reader = reader
        self._challenges = Challenges(store, clock, vault)
        self._confirming = Confirming(authenticating)

    @property
    def missing(self) -> str:
        """Why there are no passkeys here; empty when there are."""
        return self._reader.missing

    async def mine(self, by: Principal) -> list[Passkey]:
        """The caller's, the oldest first."""
        refuse_keys(by)
        async with self._store.reading() as tx:
            return await tx.passkeys.of_user(by.user_id)

    async def begin(self, by: Principal, code: str, proof: Proof) -> Asked:
        """What makes a passkey for the caller. `code` is needed where two-step log-in is on.

        Raises:
            Forbidden: the caller came by a key.
            Conflict: there are no passkeys here, the caller has no password, or has enough of them.
            Faulty: the password or the code is wrong.
        """
        refuse_keys(by)
        self._refuse_missing()
        async with self._store.reading() as tx:
            user = await oneself(tx, by)
            await self._confirming.refuse_without_password(tx, user)
            present = await _present(tx, by)
        await self._confirming.confirm_with_code(user, code, proof)
        challenge, ticket = self._challenges.make(user.id, by.session_id)
        return Asked(options=self._reader.to_make(user, present, challenge), ticket=ticket)

    async def add(self, by: Principal, ticket: str, name: str, answer: Answer, address: str) -> Passkey:
        """Keep what the caller's device made.

        Raises:
            Invalid: the ticket is too old or not the caller's, or the answer is not good.
            Conflict: the device's passkey is known, or the caller has enough of them.
        """
        refuse_keys(by)
        self._refuse_missing()
        name = name_of(name)
        challenge = self._challenges.opened(ticket, by.user_id, by.session_id)
        if challenge is None or not await self._challenges.answered(challenge):
            raise Invalid("is too old, was used, or is not yours: begin again", "ticket")
        made = self._reader.made(answer, challenge)
        now = self._clock.now()
        passkey = Passkey(
            id=new_id(),
            user_id=by.user_id,
            name=name,
            credential=made.credential,
            public_key=made.public_key,
            counter=made.counter,
            transports=made.transports,
            created_at=now,
        )
        async with self._store.transaction() as tx:
            user = await oneself(tx, by)
            await _present(tx, by)
            if await tx.passkeys.by_credential(passkey.credential) is not None:
                raise Conflict("This passkey is known already.")
            await tx.passkeys.add(passkey)
            await rights_changed(tx)
            await note(tx, now, user.login, "passkey-added", user.login, f"{name}, from {address}")
        return passkey

    async def rename(self, by: Principal, passkey_id: str, name: str, address: str) -> Passkey:
        """Call one of the caller's otherwise. A name proves nothing, so no password is asked for.

        Raises:
            Forbidden: the caller came by a key.
            Faulty: it cannot be a name.
            Missing: there is no such passkey.
        """
        refuse_keys(by)
        name = name_of(name)
        now = self._clock.now()
        async with self._store.transaction() as tx:
            user = await oneself(tx, by)
            found = _named(await tx.passkeys.of_user(user.id), passkey_id)
            if not await tx.passkeys.rename(user.id, found.id, name):
                raise Missing("There is no such passkey.")
            if name != found.name:
                await note(tx, now, user.login, "passkey-renamed", user.login, f"{found.name}: {name}, from {address}")
        return msgspec.structs.replace(found, name=name)

    async def remove(self, by: Principal, passkey_id: str, proof: Proof) -> None:
        """Remove one of the caller's.

        Raises:
            Faulty: the password is wrong.
            Missing: there is none.
        """
        refuse_keys(by)
        async with self._store.reading() as tx:
            user = await oneself(tx, by)
            found = _named(await tx.passkeys.of_user(user.id), passkey_id)
        await self._confirming.confirm(user, proof)
        now = self._clock.now()
        async with self._store.transaction() as tx:
            if not await tx.passkeys.remove(user.id, found.id):
                raise Missing("There is no such passkey.")
            await rights_changed(tx)
            await note(tx, now, user.login, "passkey-removed", user.login, f"{found.name}, from {proof.address}")

    def _refuse_missing(self) -> None:
        if self._reader.missing:
            raise Conflict(self._reader.missing)


def name_of(given: str) -> str:
    """A passkey's name.

    Raises:
        Faulty: it cannot be one.
    """
    name = given.strip()
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        reason = f"must be 1 to {NAME_MAX} characters without control characters"
        raise Faulty([Fault(field="name", reason=reason, fix="for example: my telephone")])
    return name


async def _present(tx: Transaction, by: Principal) -> list[Passkey]:
    present = await tx.passkeys.of_user(by.user_id)
    if len(present) >= PASSKEYS_MAX:
        raise Conflict(f"You have {PASSKEYS_MAX} passkeys, which is the most: remove one first.")
    return present


def _named(passkeys: list[Passkey], passkey_id: str) -> Passkey:
    for passkey in passkeys:
        if passkey.id == passkey_id:
            return passkey
    raise Missing("There is no such passkey.")
