"""Alerta's data out of a dump of its PostgreSQL database."""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from watchbell.domain.errors import Invalid, Permanent
from watchbell.importers.alerta import copy_text
from watchbell.importers.alerta.converting import Converting
from watchbell.importers.alerta.dump_file import open_dump
from watchbell.ports.data_source import Kind, Refused, Row, Terms

TABLES: Mapping[Kind, str] = MappingProxyType(
    {
        "role": "perms",
        "customer": "customers",
        "user": "users",
        "group": "groups",
        "key": "keys",
        "blackout": "blackouts",
        "heartbeat": "heartbeats",
        "alert": "alerts",
        "note": "notes",
    }
)
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_HISTORY = ("id", "event", "severity", "status", "value", "text", "type", "updateTime", "user", "timeout")


def _text(given: str) -> str:
    return given


def _texts(given: str) -> list[str | None]:
    return copy_text.array(given, _text)


def _flag(given: str) -> bool:
    if given not in {"t", "f"}:
        raise ValueError("is neither true nor false")
    return given == "t"


def _number(given: str) -> int:
    if not _WHOLE.fullmatch(given):
        raise ValueError("is no whole number")
    return int(given)


def _json(given: str) -> Any:
    try:
        return msgspec.json.decode(given)
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("is no JSON") from None


def _entry(given: str) -> Any:
    """One change; what cannot be read is handed on as the error, so that it is reported for itself."""
    try:
        # Alerta's type has grown: what it did not have once comes last.
        entry: dict[str, Any] = dict(zip(_HISTORY, [*copy_text.composite(given), None, None], strict=False))
        if entry["timeout"] is not None:
            entry["timeout"] = _number(entry["timeout"])
    except ValueError as error:
        return Invalid(str(error))
    return {name: value for name, value in entry.items() if value is not None}


def _entries(given: str) -> list[Any]:
    """The changes, the oldest first; the database has the newest first."""
    return copy_text.array(given, _entry)[::-1]


_READERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        **dict.fromkeys(("correlate", "service", "tags", "roles", "scopes", "users"), _texts),
        **dict.fromkeys(("timeout", "duplicate_count"), _number),
        **dict.fromkeys(("repeat", "email_verified"), _flag),
        "attributes": _json,
        "history": _entries,
    }
)
_AS_THEY_ARE = frozenset({"email_verified"})


class DumpSource:
    """A dump; raises `Permanent` when it holds nothing of Alerta's."""

    def __init__(self, file: Path, terms: Terms, schema: str = "") -> None:
        self.title = str(file)
        self._file = file
        self._dump = open_dump(file)
        self._schema = schema or self._found()
        self._converting = Converting(terms)
        if (self._schema, "alerts") not in self._dump.tables:
            raise Permanent(f"{file}: has no table `alerts` in the schema {self._schema!r}")

    async def expected(self, kinds: Sequence[Kind]) -> dict[Kind, int]:
        found: dict[Kind, int] = {}
        for kind in kinds:
            count = self._dump.tables.get((self._schema, TABLES.get(kind, "")), 0)
            if kind in TABLES and count >= 0:
                found[kind] = count
        return found

    async def read(self, kind: Kind) -> AsyncIterator[Row | Refused]:
        table = (self._schema, TABLES.get(kind, ""))
        if table not in self._dump.tables:
            return
        for number, (columns, line) in enumerate(self._dump.rows(table), 1):
            if line is None:
                yield Refused(kind=kind, id=f"row {number}", reason="is too long, or not in UTF-8")
                continue
            try:
                given = _read(columns, line)
            except Invalid as error:
                yield Refused(kind=kind, id=line.partition("\t")[0][:100], reason=error.message)
                continue
            for each in self._converting.row(kind, given):
                yield each

    async def close(self) -> None:
        """Nothing is held."""

    def _found(self) -> str:
        """The schema that has Alerta's tables."""
        schemas = sorted({schema for schema, table in self._dump.tables if table == "alerts"})
        if not schemas:
            raise Permanent(f"{self._file}: is no dump of a database of Alerta's: it has no rows of a table `alerts`")
        if len(schemas) > 1:
            raise Permanent(f"{self._file}: has a table `alerts` in {', '.join(schemas)}: say which with --schema")
        return schemas[0]


def _read(columns: tuple[str, ...], line: str) -> dict[str, Any]:
    """A row by the names that the API has."""
    values = copy_text.fields(line)
    if len(values) != len(columns):
        raise Invalid(f"has {len(values)} fields, not {len(columns)}")
    row: dict[str, Any] = {}
    for column, value in zip(columns, values, strict=True):
        name = column if column in _AS_THEY_ARE else _camel(column)
        try:
            row[name] = None if value is None else _READERS.get(column, _text)(value)
        except ValueError as error:
            raise Invalid(str(error), name) from None
    return row


def _camel(column: str) -> str:
    first, *rest = column.split("_")
    return first + "".join(word.capitalize() for word in rest)
