"""What proves who somebody is besides a password: mails that they can read, codes of their telephone, passkeys."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from watchbell.domain.letters import Letter, Purpose
from watchbell.domain.passkeys import Passkey
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


class Spent(Protocol):
    """What is good once, by a hash of it: answers of log-in providers, signatures."""

    async def use(self, key: str, now: datetime, until: datetime) -> bool:
        """Use it up; False when it was used before. Of several that use it at once, one is told True.

        It is remembered until `until`, if the transaction is committed.
        """
        ...

    async def purge(self, now: datetime) -> None:
        """Forget what need not be remembered any more."""
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

    async def renew(self, user_id: str, recovery: Sequence[str]) -> None:
        """Put recovery codes of these hashes in the place of those that are left."""
        ...

    async def left(self, user_id: str) -> int:
        """How many recovery codes are left."""
        ...


class Passkeys(Protocol):
    """Passkeys. They go with their user."""

    async def of_user(self, user_id: str) -> list[Passkey]:
        """A user's, the oldest first."""
        ...

    async def having(self, user_ids: Collection[str]) -> set[str]:
        """Which of these users have one."""
        ...

    async def by_credential(self, credential: str) -> Passkey | None:
        """The one with the id that its device made up."""
        ...

    async def add(self, passkey: Passkey) -> None:
        """Insert; `Conflict` when somebody has one with this credential already."""
        ...

    async def used(self, passkey_id: str, counter: int, at: datetime) -> bool:
        """Note a log-in. False, and nothing is noted, when it is gone or its counter did not go on.

        Of two with the same counter at once, one is told True, unless it is 0, which devices say that do not count.
        """
        ...

    async def rename(self, user_id: str, passkey_id: str, name: str) -> bool:
        """Call one of a user's otherwise; whether it was there."""
        ...

    async def remove(self, user_id: str, passkey_id: str = "") -> int:
        """Delete one of a user's, or all of them; how many there were."""
        ...
