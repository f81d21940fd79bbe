"""Letters and second factors, in SQL."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, func, select, update

from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables_accounts import letters, recovery_codes, second_factors
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.letters import Letter, Purpose
from watchbell.domain.second_factor import SecondFactor

_LETTERS = Codec(Letter, letters)
_FACTORS = Codec(SecondFactor, second_factors)


class SqlLetters:
    """Table `letters`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, letter_id: str) -> Letter | None:
        row = await self._work.first(select(*_LETTERS.columns).where(letters.c.id == letter_id))
        return None if row is None else _LETTERS.struct(row)

    async def by_token(self, token: str) -> Letter | None:
        if not token:
            return None
        row = await self._work.first(select(*_LETTERS.columns).where(letters.c.token == token))
        return None if row is None else _LETTERS.struct(row)

    async def of_user(self, user_id: str, purpose: Purpose) -> list[Letter]:
        theirs = and_(letters.c.user_id == user_id, letters.c.purpose == purpose)
        newest = select(*_LETTERS.columns).where(theirs).order_by(letters.c.created_at.desc(), letters.c.id.desc())
        return _LETTERS.structs(await self._work.rows(newest))

    async def save(self, letter: Letter) -> None:
        await self._work.insert(letters, [_LETTERS.row(letter)], conflict=("id",))

    async def remove(self, letter_id: str) -> bool:
        return await self._work.delete(letters, letters.c.id == letter_id) > 0

    async def purge(self, now: datetime) -> None:
        await self._work.delete(letters, letters.c.expires_at <= now)


class SqlSecondFactors:
    """Tables `second_factors` and `recovery_codes`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, user_id: str) -> SecondFactor | None:
        row = await self._work.first(select(*_FACTORS.columns).where(second_factors.c.user_id == user_id))
        return None if row is None else _FACTORS.struct(row)

    async def having(self, user_ids: Collection[str]) -> set[str]:
        column = second_factors.c.user_id
        return {row[0] for row in await self._work.rows(select(column).where(column.in_(list(user_ids))))}

    async def add(self, factor: SecondFactor, recovery: Sequence[str]) -> None:
        await self._work.insert(second_factors, [_FACTORS.row(factor)])
        await self._work.insert(recovery_codes, [{"user_id": factor.user_id, "hash": each} for each in recovery])

    async def remove(self, user_id: str) -> bool:
        await self._work.delete(recovery_codes, recovery_codes.c.user_id == user_id)
        return await self._work.delete(second_factors, second_factors.c.user_id == user_id) > 0

    async def advance(self, user_id: str, step: int) -> bool:
        mine = and_(second_factors.c.user_id == user_id, second_factors.c.last_step < step)
        return (await self._work.write(update(second_factors).where(mine).values(last_step=step))).rowcount > 0

    async def spend(self, user_id: str, recovery: str) -> bool:
        one = and_(recovery_codes.c.user_id == user_id, recovery_codes.c.hash == recovery)
        return await self._work.delete(recovery_codes, one) > 0

    async def left(self, user_id: str) -> int:
        mine = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
        return (await self._work.rows(mine))[0][0]
