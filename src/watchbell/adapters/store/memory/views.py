"""Views, in memory."""

from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.errors import Conflict
from watchbell.domain.views import View


class MemoryViews:
    """Table `views` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, view_id: str) -> View | None:
        return self._tables.read("views").get(view_id)

    async def of(self, owner: str) -> list[View]:
        found = [view for view in self._tables.read("views").values() if view.shared or view.owner == owner]
        return sorted(found, key=lambda view: (view.name, view.id))

    async def save(self, view: View) -> None:
        rows = self._tables.edit("views")
        for other in rows.values():
            if (other.owner, other.name) == (view.owner, view.name) and other.id != view.id:
                raise self._tables.fail(Conflict("There is a view of this name already."))
        rows[view.id] = view

    async def delete(self, view_id: str) -> None:
        self._tables.drop("views", [view_id])
