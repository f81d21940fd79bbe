"""Presenting: people log in by a passkey, and by nothing else: their device has verified that it is they.

Failures count as wrong passwords do, and the audit log has the reason. Who presents one learns little of it.
"""

import msgspec

from watchbell.domain.access import FAILURES_ANYWHERE
from watchbell.domain.accounts import User
from watchbell.domain.errors import Conflict, Unauthenticated
from watchbell.domain.passkeys import Passkey
from watchbell.ports.clock import Clock
from watchbell.ports.passkeys import Answer, PasskeyReader
from watchbell.ports.store import Store, Transaction
from watchbell.ports.vault import Vault
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.guessing import here, tries_of
from watchbell.usecases.passkeys import Asked, Challenges
from watchbell.usecases.sessions import LoggedIn, digest, note, open_session, rights_changed

REFUSED = "This passkey is not good here. Log in otherwise."
COPIED = "This passkey is refused: its counter went back, as that of a copy does. Log in otherwise, and remove it."
LATE = "This took too long, or began in another browser. Try again."


class _Refusal(Unauthenticated):
    """The passkey does not let anybody in; `told` is what the caller learns."""

    def __init__(self, reason: str, told: str = REFUSED) -> None:
        super().__init__(reason)
        self.told = told


class Presenting:
    """Lets people in by passkeys. One for each process."""

    def __init__(
        self, store: Store, clock: Clock, vault: Vault, reader: PasskeyReader, authenticating: Authenticating
    ) -> None:
        self._store = store
        self._clock = clock
        self._reader = reader
        self._challenges = Challenges(store, clock, vault)
        self._guessing = authenticating.guessing
        self._rules = authenticating.rules

    @property
    def offered(self) -> bool:
        """Whether there are passkeys here."""
        return not self._reader.missing

    def begin(self) -> Asked:
        """What asks for any passkey of ours.

        Raises:
            Conflict: there are no passkeys here.
        """
        if self._reader.missing:
            raise Conflict(self._reader.missing)
        challenge, ticket = self._challenges.make()
        return Asked(options=self._reader.to_use(challenge), ticket=ticket)

    async def log_in(self, ticket: str, answer: Answer, address: str, former_cookie: str = "") -> LoggedIn:
        """Open a session for whoever presents a passkey; the one that the browser had before ends.

        Raises:
            Unauthenticated: it is nobody's, or proves nothing.
            Throttled: too many failures.
        """
        challenge = self._challenges.opened(ticket)
        if challenge is None:
            raise Unauthenticated(LATE)
        credential = self._reader.credential_of(answer)
        async with self._store.reading() as tx:
            passkey, user = await _owner(tx, credential)
            login = user.login if user is not None else ""
            tries = tries_of(login, address) if login else {here(address): FAILURES_ANYWHERE}
            await self._guessing.refuse(tx, tries)
        with self._guessing.attempt(tries):
            try:
                known, counter = await self._proved(challenge, answer, passkey, user)
                return await self._open(known, counter, address, former_cookie)
            except Unauthenticated as error:
                await self._guessing.failed(tries, login, f"by passkey, from {address}: {error.message}")
                told = error.told if isinstance(error, _Refusal) else REFUSED
                raise Unauthenticated(told) from None

    async def _proved(
        self, challenge: bytes, answer: Answer, passkey: Passkey | None, user: User | None
    ) -> tuple[Passkey, int]:
        """The passkey that gave a good answer, and its counter."""
        if not await self._challenges.answered(challenge):
            raise _Refusal("the challenge was answered before", LATE)
        if passkey is None or user is None:
            raise _Refusal("nobody has it")
        if not user.active:
            raise _Refusal("the user is not active")
        return passkey, self._reader.counter_of(answer, challenge, passkey)

    async def _open(self, passkey: Passkey, counter: int, address: str, former_cookie: str) -> LoggedIn:
        now = self._clock.now()
        async with self._store.transaction() as tx:
            current, user = await _owner(tx, passkey.credential)
            if current is None or user is None or not user.active:
                raise _Refusal("it was taken away meanwhile")
            if not await tx.passkeys.used(current.id, counter, now):
                raise _Refusal(f"the counter of {current.name!r} went from {current.counter} to {counter}", COPIED)
            if former_cookie:
                await tx.sessions.delete(digest(former_cookie))
                await rights_changed(tx)
            user = msgspec.structs.replace(user, last_login=now)
            await tx.users.save(user)
            await note(tx, now, user.login, "login", user.login, f"by passkey {current.name!r} from {address}")
            return await open_session(tx, user, now, self._rules)


async def _owner(tx: Transaction, credential: str) -> tuple[Passkey | None, User | None]:
    passkey = await tx.passkeys.by_credential(credential)
    return passkey, await tx.users.get(passkey.user_id) if passkey is not None else None
