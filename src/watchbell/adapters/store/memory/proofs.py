"""Letters, second factors, passkeys, and what is good once, in memory."""

from collections.abc import Collection, Sequence
from datetime import datetime

import msgspec

from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.errors import Conflict
from watchbell.domain.letters import Letter, Purpose
from watchbell.domain.passkeys import Passkey, went_on
from watchbell.domain.second_factor import SecondFactor


class MemoryLetters:
    """Table `letters` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, letter_id: str) -> Letter | None:
        return self._tables.read("letters").get(letter_id)

    async def by_token(self, token: str) -> Letter | None:
        rows = self._tables.read("letters").values()
        return next((letter for letter in rows if token and letter.token == token), None)

    async def of_user(self, user_id: str, purpose: Purpose) -> list[Letter]:
        rows = self._tables.read("letters").values()
        found = [letter for letter in rows if (letter.user_id, letter.purpose) == (user_id, purpose)]
        return sorted(found, key=lambda letter: (letter.created_at, letter.id), reverse=True)

    async def save(self, letter: Letter) -> None:
        self._tables.edit("letters")[letter.id] = letter

    async def remove(self, letter_id: str) -> bool:
        return self._tables.drop("letters", [letter_id]) > 0

    async def purge(self, now: datetime) -> None:
        rows = self._tables.read("letters").values()
        over = [each.id for each in rows if each.expires_at is not None and each.expires_at <= now]
        self._tables.drop("letters", over)


class MemorySpent:
    """Table `spent` (by key): until when it is remembered."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def use(self, key: str, now: datetime, until: datetime) -> bool:
        rows = self._tables.edit("spent")
        if key in rows and rows[key] > now:
            return False
        rows[key] = until
        return True

    async def purge(self, now: datetime) -> None:
        self._tables.drop("spent", [key for key, until in self._tables.read("spent").items() if until <= now])


class MemorySecondFactors:
    """Tables `second_factors` (by user) and `recovery_codes` (by user and hash)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, user_id: str) -> SecondFactor | None:
        return self._tables.read("second_factors").get(user_id)

    async def having(self, user_ids: Collection[str]) -> set[str]:
        return {factor.user_id for factor in self._tables.pick("second_factors", user_ids)}

    async def add(self, factor: SecondFactor, recovery: Sequence[str]) -> None:
        rows = self._tables.edit("second_factors")
        if factor.user_id in rows:
            raise self._tables.fail(Conflict("Two-step log-in is on already."))
        rows[factor.user_id] = factor
        self._tables.edit("recovery_codes").update({(factor.user_id, each): True for each in recovery})

    async def remove(self, user_id: str) -> bool:
        codes = self._tables.read("recovery_codes")
        self._tables.drop("recovery_codes", [code for code in codes if code[0] == user_id])
        return self._tables.drop("second_factors", [user_id]) > 0

    async def advance(self, user_id: str, step: int) -> bool:
        rows = self._tables.edit("second_factors")
        factor: SecondFactor | None = rows.get(user_id)
        if factor is None or factor.last_step >= step:
            return False
        rows[user_id] = msgspec.structs.replace(factor, last_step=step)
        return True

    async def spend(self, user_id: str, recovery: str) -> bool:
        return self._tables.drop("recovery_codes", [(user_id, recovery)]) > 0

    async def renew(self, user_id: str, recovery: Sequence[str]) -> None:
        codes = self._tables.edit("recovery_codes")
        self._tables.drop("recovery_codes", [code for code in codes if code[0] == user_id])
        codes.update({(user_id, each): True for each in recovery})

    async def left(self, user_id: str) -> int:
        return sum(code[0] == user_id for code in self._tables.read("recovery_codes"))


class MemoryPasskeys:
    """Table `passkeys` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def of_user(self, user_id: str) -> list[Passkey]:
        found = [each for each in self._tables.read("passkeys").values() if each.user_id == user_id]
        return sorted(found, key=lambda passkey: (passkey.created_at, passkey.id))

    async def having(self, user_ids: Collection[str]) -> set[str]:
        return {each.user_id for each in self._tables.read("passkeys").values()} & set(user_ids)

    async def by_credential(self, credential: str) -> Passkey | None:
        rows = self._tables.read("passkeys").values()
        return next((each for each in rows if each.credential == credential), None)

    async def add(self, passkey: Passkey) -> None:
        if await self.by_credential(passkey.credential) is not None:
            raise self._tables.fail(Conflict("This passkey is known already."))
        self._tables.edit("passkeys")[passkey.id] = passkey

    async def used(self, passkey_id: str, counter: int, at: datetime) -> bool:
        rows = self._tables.edit("passkeys")
        passkey: Passkey | None = rows.get(passkey_id)
        if passkey is None or not went_on(passkey.counter, counter):
            return False
        rows[passkey_id] = msgspec.structs.replace(passkey, counter=counter, last_used=at)
        return True

    async def rename(self, user_id: str, passkey_id: str, name: str) -> bool:
        rows = self._tables.edit("passkeys")
        passkey: Passkey | None = rows.get(passkey_id)
        if passkey is None or passkey.user_id != user_id:
            return False
        rows[passkey_id] = msgspec.structs.replace(passkey, name=name)
        return True

    async def remove(self, user_id: str, passkey_id: str = "") -> int:
        rows = self._tables.read("passkeys").values()
        theirs = [each.id for each in rows if each.user_id == user_id and passkey_id in {"", each.id}]
        return self._tables.drop("passkeys", theirs)
