"""Avro schemas as Arrow knows them: which column a field becomes.

Records are structs, arrays lists, enums strings, fixed is binary of that length; dates, times, timestamps and decimals
keep their meaning. A union of more than null and one type has no column.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from watchbell.domain.errors import Invalid

# pyarrow has no types; what is taken from it is Any from here on.
pa: Any = import_module("pyarrow")

_SCALARS: dict[str, Any] = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
    "null": pa.null(),
}
_LOGICAL: dict[str, Any] = {
    "date": pa.date32(),
    "time-millis": pa.time32("ms"),
    "time-micros": pa.time64("us"),
    "timestamp-millis": pa.timestamp("ms", "UTC"),
    "timestamp-micros": pa.timestamp("us", "UTC"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
}


def arrow_schema(schema: Mapping[str, Any]) -> Any:
    """The Arrow schema of an Avro record.

    Raises:
        Invalid: a field is of a type that has no column.
    """
    return pa.schema(_Columns().fields(schema, "schema"))


class _Columns:
    """Knows the named types that were met."""

    def __init__(self) -> None:
        self._named: dict[str, Any] = {}

    def fields(self, record: Mapping[str, Any], where: str) -> list[Any]:
        return [self._field(field["name"], field["type"], f"{where}.{field['name']}") for field in record["fields"]]

    def _field(self, name: str, kind: Any, where: str) -> Any:
        nullable = False
        if isinstance(kind, list):
            union = cast("list[Any]", kind)
            others = [each for each in union if each != "null"]
            nullable = len(others) < len(union)
            if len(others) != 1:
                raise Invalid(f"type {kind} has no column", where)
            kind = others[0]
        return pa.field(name, self._type(kind, where), nullable=nullable or kind == "null")

    def _type(self, kind: Any, where: str) -> Any:
        if isinstance(kind, str):
            found = _SCALARS.get(kind) or self._named.get(kind.rpartition(".")[2])
            if found is None:
                raise Invalid(f"type {kind} has no column", where)
            return found
        given = cast("dict[str, Any]", kind)
        make = _MAKERS.get(given.get("logicalType", "")) or _MAKERS.get(given["type"])
        logical = _LOGICAL.get(given.get("logicalType", ""))
        found = logical or (make(self, given, where) if make else self._type(given["type"], where))
        if "name" in given:
            self._named[given["name"].rpartition(".")[2]] = found
        return found

    def struct(self, kind: Mapping[str, Any], where: str) -> Any:
        return pa.struct(self.fields(kind, where))

    def array(self, kind: Mapping[str, Any], where: str) -> Any:
        return pa.list_(self._field("item", kind["items"], where))

    def map(self, kind: Mapping[str, Any], where: str) -> Any:
        return pa.map_(pa.string(), self._field("value", kind["values"], where))

    def text(self, _: Mapping[str, Any], __: str) -> Any:
        return pa.string()

    def fixed(self, kind: Mapping[str, Any], _: str) -> Any:
        return pa.binary(kind["size"])

    def decimal(self, kind: Mapping[str, Any], _: str) -> Any:
        return pa.decimal128(kind["precision"], kind.get("scale", 0))


_MAKERS: dict[str, Callable[[_Columns, Mapping[str, Any], str], Any]] = {
    "record": _Columns.struct,
    "array": _Columns.array,
    "map": _Columns.map,
    "enum": _Columns.text,
    "fixed": _Columns.fixed,
    "decimal": _Columns.decimal,
}
