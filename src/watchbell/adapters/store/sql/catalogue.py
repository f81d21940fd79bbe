"""Managed objects, facts, and the feed of changes, in SQL."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Text, cast, func, or_, select, tuple_

from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables import changes, facts, object_versions, objects
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.managed import Stored
from watchbell.ports.store import Change

_OBJECTS = Codec(Stored, objects)
_VERSIONS = Codec(Stored, object_versions)
_CHANGES = Codec(Change, changes)
_VERSION = "config_version"


class SqlCatalogue:
    """Tables `objects` and `object_versions`. The fact `config_version` is locked first, so writers take turns."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def version(self) -> int:
        row = await self._work.first(select(facts.c.value).where(facts.c.name == _VERSION))
        return 0 if row is None else int(row[0])

    async def all(self, kind: str = "") -> list[Stored]:
        statement = select(*_OBJECTS.columns).order_by(objects.c.kind, objects.c.name)
        if kind:
            statement = statement.where(objects.c.kind == kind)
        return _OBJECTS.structs(await self._work.rows(statement))

    async def get(self, kind: str, name_or_id: str) -> Stored | None:
        either = or_(objects.c.id == name_or_id, objects.c.name == name_or_id)
        by_id = (objects.c.id == name_or_id).desc()
        statement = select(*_OBJECTS.columns).where(objects.c.kind == kind, either).order_by(by_id).limit(1)
        row = await self._work.first(statement)
        return None if row is None else _OBJECTS.struct(row)

    async def put(self, objects: Sequence[Stored]) -> int:
        self._work.must_write()
        if not objects:
            return await self.version()
        table = _OBJECTS.table
        number = await self._next()
        # The last body of an object that is given twice holds. Former rows go first, so that names can be swapped.
        rows = {(item.kind, item.id): _OBJECTS.row(item) | {"version": number} for item in objects}
        columns = {"kind": [kind for kind, _ in rows], "id": [identifier for _, identifier in rows]}
        given = self._work.dialect.rows_of("given", columns)
        former = tuple_(table.c.kind, table.c.id).in_(select(given.c.kind, given.c.id))
        await self._work.delete(table, former)
        await self._work.insert(table, list(rows.values()))
        await self._work.insert(object_versions, list(rows.values()))
        return number

    async def remove(self, kind: str, identifiers: Sequence[str]) -> int:
        self._work.must_write()
        mine = self._work.dialect.any_of(objects.c.id, list(identifiers))
        present = select(objects.c.id).where(objects.c.kind == kind, mine)
        if not await self._work.rows(present):
            return await self.version()
        number = await self._next()
        await self._work.delete(objects, (objects.c.kind == kind) & mine)
        return number

    async def past(self, kind: str, identifier: str, limit: int = 50) -> list[Stored]:
        table = object_versions
        statement = select(*_VERSIONS.columns).where(table.c.kind == kind, table.c.id == identifier)
        rows = await self._work.rows(statement.order_by(table.c.version.desc()).limit(max(limit, 0)))
        return _VERSIONS.structs(rows)

    async def _next(self) -> int:
        statement = self._work.dialect.insert(facts).values(name=_VERSION, value="1")
        following = cast(cast(facts.c.value, BigInteger()) + 1, Text())
        statement = statement.on_conflict_do_update(index_elements=("name",), set_={"value": following})
        row = await self._work.first_written(statement.returning(facts.c.value))
        return int(row[0]) if row is not None else 0


class SqlFacts:
    """Table `facts`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, name: str) -> str | None:
        row = await self._work.first(select(facts.c.value).where(facts.c.name == name))
        return None if row is None else row[0]

    async def put(self, name: str, value: str) -> None:
        await self._work.insert(facts, [{"name": name, "value": value}], conflict=("name",))

    async def remove(self, name: str) -> bool:
        return await self._work.delete(facts, facts.c.name == name) > 0


class SqlChanges:
    """Table `changes`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def since(self, change_id: int, limit: int = 500) -> list[Change]:
        statement = select(*_CHANGES.columns).where(changes.c.id > change_id).order_by(changes.c.id).limit(limit)
        return _CHANGES.structs(await self._work.rows(statement))

    async def latest(self) -> int:
        row = await self._work.first(select(func.max(changes.c.id)))
        return 0 if row is None else row[0] or 0

    async def trim(self, before: datetime) -> None:
        await self._work.delete(changes, changes.c.at < before)
