"""Views in SQL."""

from sqlalchemy import or_, select

from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables_accounts import views
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.views import View

_VIEWS = Codec(View, views)


class SqlViews:
    """Table `views`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, view_id: str) -> View | None:
        rows = await self._work.locked(select(*_VIEWS.columns).where(views.c.id == view_id), views)
        return _VIEWS.struct(rows[0]) if rows else None

    async def of(self, owner: str) -> list[View]:
        theirs = select(*_VIEWS.columns).where(or_(views.c.owner == owner, views.c.shared))
        return _VIEWS.structs(await self._work.rows(theirs.order_by(views.c.name, views.c.id)))

    async def save(self, view: View) -> None:
        await self._work.insert(views, [_VIEWS.row(view)], conflict=("id",))

    async def delete(self, view_id: str) -> None:
        await self._work.delete(views, views.c.id == view_id)
