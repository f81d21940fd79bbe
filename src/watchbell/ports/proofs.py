"""What proves who somebody is besides a password: mails that they can read, and codes of their telephone."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from watchbell.domain.letters import Letter, Purpose
from watchbell.domain.second_factor import SecondFactor


class Letters(Protocol):
    """Mails with a link. Those to a user go with them."""

    async def get(self, letter_id: str) -> Letter | None:
        """One letter."""
        ...

    async def by_token(self, token: str) -> Letter | None:
        """The letter that was sent with the secret of this hash; '' is none's."""
        ...

    async def of_user(self, user_id: str, purpose: Purpose) -> list[Letter]:
        """A user's of one purpose, the newest first."""
        ...

    async def save(self, letter: Letter) -> None:
        """Insert or overwrite by id."""
        ...

    async def remove(self, letter_id: str) -> bool:
        """Delete; whether it was there. Of two that remove at once, one is told True."""
        ...

    async def purge(self, now: datetime) -> None:
        """Drop those whose link is good no more."""
        ...


class SecondFactors(Protocol):
    """Two-step log-ins, and what is left of their recovery codes. They go with their user."""

    async def get(self, user_id: str) -> SecondFactor | None:
        """A user's; None when they log in by password alone."""
        ...

    async def having(self, user_ids: Collection[str]) -> set[str]:
        """Which of these users have one."""
        ...

    async def add(self, factor: SecondFactor, recovery: Sequence[str]) -> None:
        """Insert with the hashes of its recovery codes; `Conflict` when the user has one already."""
        ...

    async def remove(self, user_id: str) -> bool:
        """Delete with its recovery codes; whether it was there."""
        ...

    async def advance(self, user_id: str, step: int) -> bool:
        """Note that the code of a time step was used; False when it, or a later one, was used before.

        Of two that use it at once, one is told True.
        """
        ...

    async def spend(self, user_id: str, recovery: str) -> bool:
        """Use up the recovery code of this hash; False when there is none. Of two at once, one is told True."""
        ...

    async def left(self, user_id: str) -> int:
        """How many recovery codes are left."""
        ...
