"""Demanding: what a log-in by password takes besides the password: a confirmed address, a code, a second step at all.

A code is good once, in whichever process it is given: each time step, and each recovery code, is used by one statement.
"""

import msgspec

from watchbell.domain.access import FAILURES_HERE
from watchbell.domain.accounts import Principal, User
from watchbell.domain.errors import CodeNeeded, Forbidden, StepNeeded
from watchbell.domain.letters import Purpose
from watchbell.domain.second_factor import (
    Required,
    SecondFactor,
    is_time_code,
    recovery_hash,
    secret_of,
    step_of,
    tidied,
)
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.ports.vault import Vault
from watchbell.usecases.attesting import Attesting
from watchbell.usecases.guessing import Guessing, tries_of
from watchbell.usecases.letters import ask_for, is_confirmed
from watchbell.usecases.sessions import note

NOT_CONFIRMED = "email not verified"
ENROL = "A second step is required here: log in on the pages, and switch on two-step log-in or add a passkey."
PROGRAMS = "A second step is required here besides the password. Programs use an API key."
BY_PASSKEY = "A password alone is not enough here: log in with your passkey."


def enrol_first() -> StepNeeded:
    """What somebody is told who must set up a second step before anything else."""
    return StepNeeded(ENROL, "secondFactor", "open the pages, log in, and set it up")


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and who else is asked.

    `vault` opens the secrets that codes are made by; without one no code is right. `attesting` asks directories about
    those who are not known by a password here.
    """

    verify_email: bool = False
    second_step: Required = Required.OFF
    vault: Vault | None = None
    attesting: Attesting | None = None


class Demanding:
    """Asks for it. `guessing` counts wrong codes as it does wrong passwords."""

    def __init__(self, store: Store, clock: Clock, guessing: Guessing, demands: Demands) -> None:
        self._store = store
        self._clock = clock
        self._guessing = guessing
        self._demands = demands

    async def meet(self, user: User, code: str, address: str, *, kept_here: bool = True) -> None:
        """Let somebody on who gave the right password: `kept_here`, or by a directory, which confirms no address.

        Raises:
            CodeNeeded: there is no code, or it is wrong, or it was used.
            Forbidden: the address is not confirmed; a mail with a new link is on its way.
            Throttled: too many wrong codes.
        """
        async with self._store.reading() as tx:
            factor = await tx.second_factors.get(user.id)
        if factor is not None:
            await self._use(user, factor, code, address)
        if not (self._demands.verify_email and kept_here):
            return
        async with self._store.transaction() as tx:
            if await is_confirmed(tx, user):
                return
            await ask_for(tx, Purpose.CONFIRM, user.email, self._clock.now(), user.id)
        raise Forbidden(NOT_CONFIRMED)

    async def refuse_programs(self, user: User, *, kept_here: bool = True) -> None:
        """Programs send the same password with each request: nothing but a password may be demanded.

        Raises:
            CodeNeeded: the account logs in by code, too.
            Forbidden: its address is not confirmed.
        """
        async with self._store.reading() as tx:
            if await tx.second_factors.get(user.id) is not None:
                raise CodeNeeded("A code is needed besides the password. Programs use an API key.")
            if self._demands.verify_email and kept_here and not await is_confirmed(tx, user):
                raise Forbidden(NOT_CONFIRMED)

    async def admit(self, tx: Transaction, by: Principal, *, program: bool = False) -> Principal:
        """Who somebody is after a log-in by password and whatever goes with it: they may have to set up a second step.

        Raises:
            StepNeeded: they have a passkey, and must use it; or it is a `program`, which sets up nothing.
        """
        if not self._demands.second_step.of(by.scopes) or await tx.second_factors.get(by.user_id) is not None:
            return by
        if await tx.passkeys.having([by.user_id]):
            raise StepNeeded(BY_PASSKEY, "passkey", "log in with it on the pages; programs use an API key")
        if program:
            raise enrol_first()
        return _enrolling(by)

    async def limited(self, tx: Transaction, by: Principal) -> Principal:
        """Who somebody is in a session that began with a password."""
        if not self._demands.second_step.of(by.scopes) or await tx.second_factors.get(by.user_id) is not None:
            return by
        return by if await tx.passkeys.having([by.user_id]) else _enrolling(by)

    def refuse_password_alone(self, by: Principal) -> None:
        """Raise `StepNeeded` for a program that sent a password of somebody of whom more is required."""
        if self._demands.second_step.of(by.scopes):
            raise StepNeeded(PROGRAMS, "secondFactor", "make an API key on the pages")

    async def use_code(self, user: User, code: str, address: str) -> None:
        """Use a code up, as a log-in does; whoever has no two-step log-in needs none."""
        async with self._store.reading() as tx:
            factor = await tx.second_factors.get(user.id)
        if factor is not None:
            await self._use(user, factor, code, address)

    async def _use(self, user: User, factor: SecondFactor, code: str, address: str) -> None:
        if not code:
            raise CodeNeeded
        # By account besides: whoever comes so far has the password, so nobody else is locked out.
        tries = {**tries_of(user.login, address), f"code:{user.id}": FAILURES_HERE}
        async with self._store.reading() as tx:
            await self._guessing.refuse(tx, tries)
        with self._guessing.attempt(tries):
            if not await self._is_right(user, factor, tidied(code)):
                await self._guessing.failed(tries, user.login, f"wrong code, from {address}")
                raise CodeNeeded("The code is wrong, or it was used already.", "is wrong, or was used already")

    async def _is_right(self, user: User, factor: SecondFactor, code: str) -> bool:
        now, vault = self._clock.now(), self._demands.vault
        if vault is None:
            return False
        if is_time_code(code):
            step = step_of(secret_of(vault.unseal(factor.secret)), code, now)
            if step is None:
                return False
            async with self._store.transaction() as tx:
                return await tx.second_factors.advance(user.id, step)
        async with self._store.transaction() as tx:
            if not await tx.second_factors.spend(user.id, recovery_hash(user.id, code)):
                return False
            left = await tx.second_factors.left(user.id)
            await note(tx, now, user.login, "recovery-code", user.login, f"used; {left} left")
            return True


def _enrolling(by: Principal) -> Principal:
    return msgspec.structs.replace(by, scopes=frozenset(), must_enrol=True)
