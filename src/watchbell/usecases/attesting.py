"""Attesting: people log in with a password that a directory keeps, and become users when they are not known yet.

Several directories are asked one after the other, in the order of the settings, until one knows the person. What
`Admitting` says of people whom a provider vouches for holds for them, too.
"""

from collections.abc import Sequence

import msgspec
import structlog

from watchbell.domain.accounts import User
from watchbell.domain.admission import tidied
from watchbell.domain.errors import Overloaded, Retryable, Unauthenticated, WatchbellError
from watchbell.ports.clock import Clock
from watchbell.ports.login import PasswordKeeper
from watchbell.ports.store import Store
from watchbell.usecases.admitting import Admitting, WayIn

_log = structlog.get_logger("attesting")


class PasswordGate(WayIn, frozen=True, kw_only=True):
    """A way in by a directory that keeps passwords."""

    keeper: PasswordKeeper
    issuer: str = ""
    """What people of it are known under."""


class Attested(msgspec.Struct, frozen=True, kw_only=True):
    """The user whom a directory knows, and by which way they came in."""

    user: User
    gate: WayIn


class Attesting:
    """Asks directories. One for each process."""

    def __init__(self, store: Store, clock: Clock, admitting: Admitting, gates: Sequence[PasswordGate]) -> None:
        self._store = store
        self._clock = clock
        self._admitting = admitting
        self._gates = gates

    @property
    def issuers(self) -> frozenset[str]:
        """What people of all directories are known under."""
        return frozenset(gate.issuer for gate in self._gates)

    async def attest(self, login: str, password: str, address: str) -> Attested | None:
        """The user with this login and password there; None when no directory knows them.

        Raises:
            Forbidden: the terms keep them out.
            Conflict: their login is somebody else's here.
            Retryable: a directory does not answer, and no other knows them.
            Overloaded: too many are being asked about.
        """
        if not login or not password:  # a directory may take an empty password as a wish to stay unknown
            return None
        away: WatchbellError | None = None
        for gate in self._gates:
            try:
                found = await self._ask(gate, login, password, address)
            except (Retryable, Overloaded) as error:
                away = away or error
                continue
            if found is not None:
                return Attested(user=found, gate=gate)
        if away is not None:
            raise away
        return None

    async def _ask(self, gate: PasswordGate, login: str, password: str, address: str) -> User | None:
        try:
            identity = tidied(await gate.keeper.check(login, password), gate.terms)
        except Unauthenticated as error:
            _log.info("not_attested", provider=gate.name, reason=error.message)
            return None
        except Retryable as error:
            _log.warning("not_asked", provider=gate.name, reason=error.message)
            raise
        try:
            async with self._store.transaction() as tx:
                return await self._admitting.recognised(tx, gate, identity, self._clock.now())
        except WatchbellError as error:
            await self._admitting.note_refusal(gate, error, address)
            raise
