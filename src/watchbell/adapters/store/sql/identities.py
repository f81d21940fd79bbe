"""Whom log-in providers vouch for, in SQL."""

from sqlalchemy import and_, select

from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables_accounts import identities
from watchbell.adapters.store.sql.work import Work
from watchbell.ports.login import Known

_IDENTITIES = Codec(Known, identities)


class SqlIdentities:
    """Table `identities`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, issuer: str, subject: str) -> Known | None:
        one = and_(identities.c.issuer == issuer, identities.c.subject == subject)
        row = await self._work.first(select(*_IDENTITIES.columns).where(one))
        return None if row is None else _IDENTITIES.struct(row)

    async def of_user(self, user_id: str) -> list[Known]:
        statement = select(*_IDENTITIES.columns).where(identities.c.user_id == user_id)
        return _IDENTITIES.structs(await self._work.rows(statement.order_by(identities.c.issuer, identities.c.subject)))

    async def save(self, known: Known) -> None:
        await self._work.insert(identities, [_IDENTITIES.row(known)], conflict=("issuer", "subject"))

    async def delete(self, issuer: str, subject: str) -> None:
        await self._work.delete(identities, and_(identities.c.issuer == issuer, identities.c.subject == subject))
