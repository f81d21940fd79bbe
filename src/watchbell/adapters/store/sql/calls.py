"""Messages that webhooks received, in SQL."""

from datetime import datetime

from sqlalchemy import select

from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables_calls import received_calls
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.webhooks.received import ReceivedCall

_CALLS = Codec(ReceivedCall, received_calls)


class SqlReceivedCalls:
    """Table `received_calls`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def add(self, call: ReceivedCall) -> None:
        await self._work.insert(received_calls, [_CALLS.row(call)], conflict=("id",))

    async def of(self, name: str) -> list[ReceivedCall]:
        columns = received_calls.c
        mine = select(*_CALLS.columns).where(columns.name == name)
        return _CALLS.structs(await self._work.rows(mine.order_by(columns.at.desc(), columns.id.desc())))

    async def names(self) -> list[str]:
        names = select(received_calls.c.name).distinct().order_by(received_calls.c.name)
        return [row[0] for row in await self._work.rows(names)]

    async def trim(self, name: str, keep: int, before: datetime) -> None:
        columns = received_calls.c
        await self._work.delete(received_calls, columns.at < before)
        newest = select(columns.id).where(columns.name == name).order_by(columns.at.desc(), columns.id.desc())
        kept = [row[0] for row in await self._work.rows(newest.limit(keep))]
        await self._work.delete(received_calls, (columns.name == name) & columns.id.not_in(kept))
