"""Letters, second factors, passkeys, and what is good once, in SQL."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, func, literal, or_, select, true, update

from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables_accounts import letters, passkeys, recovery_codes, second_factors, spent
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.letters import Letter, Purpose
from watchbell.domain.passkeys import Passkey
from watchbell.domain.second_factor import SecondFactor

_LETTERS = Codec(Letter, letters)
_FACTORS = Codec(SecondFactor, second_factors)
_PASSKEYS = Codec(Passkey, passkeys)


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


class SqlSpent:
    """Table `spent`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def use(self, key: str, now: datetime, until: datetime) -> bool:
        statement = self._work.dialect.insert(spent).values(key=key, until=until)
        over = spent.c.until <= literal(now, spent.c.until.type)
        statement = statement.on_conflict_do_update(index_elements=("key",), set_={"until": until}, where=over)
        return await self._work.first_written(statement.returning(spent.c.key)) is not None

    async def purge(self, now: datetime) -> None:
        await self._work.delete(spent, spent.c.until <= now)


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
        await self._give(factor.user_id, recovery)

    async def remove(self, user_id: str) -> bool:
        await self._work.delete(recovery_codes, recovery_codes.c.user_id == user_id)
        return await self._work.delete(second_factors, second_factors.c.user_id == user_id) > 0

    async def advance(self, user_id: str, step: int) -> bool:
        mine = and_(second_factors.c.user_id == user_id, second_factors.c.last_step < step)
        return (await self._work.write(update(second_factors).where(mine).values(last_step=step))).rowcount > 0

    async def spend(self, user_id: str, recovery: str) -> bool:
        one = and_(recovery_codes.c.user_id == user_id, recovery_codes.c.hash == recovery)
        return await self._work.delete(recovery_codes, one) > 0

    async def renew(self, user_id: str, recovery: Sequence[str]) -> None:
        await self._work.delete(recovery_codes, recovery_codes.c.user_id == user_id)
        await self._give(user_id, recovery)

    async def _give(self, user_id: str, recovery: Sequence[str]) -> None:
        await self._work.insert(recovery_codes, [{"user_id": user_id, "hash": each} for each in recovery])

    async def left(self, user_id: str) -> int:
        mine = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
        return (await self._work.rows(mine))[0][0]


class SqlPasskeys:
    """Table `passkeys`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def of_user(self, user_id: str) -> list[Passkey]:
        theirs = select(*_PASSKEYS.columns).where(passkeys.c.user_id == user_id)
        return _PASSKEYS.structs(await self._work.rows(theirs.order_by(passkeys.c.created_at, passkeys.c.id)))

    async def having(self, user_ids: Collection[str]) -> set[str]:
        column = passkeys.c.user_id
        return {row[0] for row in await self._work.rows(select(column).where(column.in_(list(user_ids))))}

    async def by_credential(self, credential: str) -> Passkey | None:
        row = await self._work.first(select(*_PASSKEYS.columns).where(passkeys.c.credential == credential))
        return None if row is None else _PASSKEYS.struct(row)

    async def add(self, passkey: Passkey) -> None:
        await self._work.insert(passkeys, [_PASSKEYS.row(passkey)])

    async def used(self, passkey_id: str, counter: int, at: datetime) -> bool:
        forward = passkeys.c.counter < counter
        went_on = forward if counter else or_(forward, passkeys.c.counter == 0)
        one = update(passkeys).where(and_(passkeys.c.id == passkey_id, went_on))
        return (await self._work.write(one.values(counter=counter, last_used=at))).rowcount > 0

    async def rename(self, user_id: str, passkey_id: str, name: str) -> bool:
        one = update(passkeys).where(and_(passkeys.c.id == passkey_id, passkeys.c.user_id == user_id))
        return (await self._work.write(one.values(name=name))).rowcount > 0

    async def remove(self, user_id: str, passkey_id: str = "") -> int:
        one = passkeys.c.id == passkey_id if passkey_id else true()
        return await self._work.delete(passkeys, and_(passkeys.c.user_id == user_id, one))
