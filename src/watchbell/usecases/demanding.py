"""Demanding: what a log-in by password takes besides the password: a confirmed address, and a code.

A code is good once, in whichever process it is given: each time step, and each recovery code, is used by one statement.
"""

import msgspec

from watchbell.domain.access import FAILURES_HERE
from watchbell.domain.accounts import User
from watchbell.domain.errors import CodeNeeded, Forbidden
from watchbell.domain.letters import Purpose
from watchbell.domain.second_factor import SecondFactor, is_time_code, recovery_hash, secret_of, step_of, tidied
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.ports.vault import Vault
from watchbell.usecases.attesting import Attesting
from watchbell.usecases.guessing import Guessing, tries_of
from watchbell.usecases.letters import ask_for, is_confirmed
from watchbell.usecases.sessions import note

NOT_CONFIRMED = "email not verified"


class Demands(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and who else is asked.

    `vault` opens the secrets that codes are made by; without one no code is right. `attesting` asks directories about
    those who are not known by a password here.
    """

    verify_email: bool = False
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
