"""Avro schemas, read into types that conversions are made for. Every problem with its place, all at once.

Unknown logical types are ignored, as the Avro specification says, and so is a logical type on the wrong type.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

Problem = tuple[str, str]
"""Where, and why."""

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
DEPTH_MAX: Final = 32
"""How deep types may be nested in a schema."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FULL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_LOGICAL: Final = {
    "timestamp-millis": {"long"},
    "timestamp-micros": {"long"},
    "date": {"int"},
    "decimal": {"bytes", "fixed"},
    "uuid": {"string"},
}
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)
_MISSING: Final = object()


class Field:
    """A field of a record. `default` is as records carry it; `mandatory` when the schema has none."""

    def __init__(self, name: str, kind: "Avro") -> None:
        self.name = name
        self.kind = kind
        self.mandatory = True
        self.default: Any = None


class Avro:
    """One type. Not frozen: a record may contain itself."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        """Name of the Avro type; `union` for a union."""
        self.logical = ""
        self.name = ""
        self.fields: list[Field] = []
        self.symbols: tuple[str, ...] = ()
        self.fallback: str | None = None
        """The default of an enum: what stands for a symbol that it does not have."""
        self.inner: Avro | None = None
        """What an array or a map holds."""
        self.branches: list[Avro] = []
        self.size = 0
        self.precision = 0
        self.scale = 0

    def alternatives(self) -> list["Avro"]:
        """The type, or the branches of a union without null."""
        return [each for each in (self.branches if self.kind == "union" else [self]) if each.kind != "null"]

    @property
    def nullable(self) -> bool:
        """Whether null is one of its values."""
        return self.kind == "null" or any(each.kind == "null" for each in self.branches)

    def __str__(self) -> str:
        """As people say it."""
        if self.kind == "union":
            return " or ".join(str(each) for each in self.branches)
        if self.kind in {"array", "map"}:
            return f"{self.kind} of {self.inner}"
        return self.logical or (f"{self.kind} {self.name}" if self.name else self.kind)


def read_schema(data: Any, place: str = "schema") -> tuple[Avro | None, list[Problem]]:
    """The type that a schema describes, which must be a record; None when it cannot be told, and all problems."""
    reader = _Reader()
    found = reader.type(data, place, "", 0)
    if found is not None and found.kind != "record" and not reader.problems:
        reader.problems.append((place, f"must be a record, not {found}"))
    return (None if reader.problems else found), reader.problems


def any_type(data: Any) -> Avro:
    """The type that a schema describes, which need not be a record.

    Raises:
        ValueError: with all problems.
    """
    reader = _Reader()
    found = reader.type(data, "schema", "", 0)
    if found is None or reader.problems:
        raise ValueError("; ".join(f"{place}: {reason}" for place, reason in reader.problems))
    return found


class _Reader:
    """Reads types; knows the names that were defined so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._named: dict[str, Avro] = {}

    def wrong(self, place: str, reason: str) -> None:
        self.problems.append((place, reason))

    def type(self, data: Any, place: str, namespace: str, depth: int) -> Avro | None:
        if depth > DEPTH_MAX:
            return self.wrong(place, f"is nested more than {DEPTH_MAX} deep")
        if isinstance(data, str):
            return self._by_name(data, place, namespace)
        if isinstance(data, list):
            return self._union(cast("list[Any]", data), place, namespace, depth)
        if not isinstance(data, Mapping):
            return self.wrong(place, "must be a type: a name, a list of types, or an object with `type`")
        return self._object(cast("Mapping[str, Any]", data), place, namespace, depth)

    def _object(self, given: Mapping[str, Any], place: str, namespace: str, depth: int) -> Avro | None:
        kind = given.get("type")
        if isinstance(kind, Mapping | list):
            return self.type(kind, f"{place}.type", namespace, depth + 1)
        if kind in {"record", "enum", "fixed"}:
            return self._definition(str(kind), given, place, namespace, depth)
        if kind in {"array", "map"}:
            return self._collection(str(kind), given, place, namespace, depth)
        if not isinstance(kind, str):
            return self.wrong(place, "needs `type`")
        found = self._by_name(kind, place, namespace)
        if found is not None and kind in PRIMITIVES:
            self._logical(found, given, place)
        return found

    def _collection(self, kind: str, given: Mapping[str, Any], place: str, namespace: str, depth: int) -> Avro | None:
        key = "items" if kind == "array" else "values"
        if key not in given:
            return self.wrong(place, f"needs `{key}`")
        found = Avro(kind)
        found.inner = self.type(given[key], f"{place}.{key}", namespace, depth + 1)
        return found if found.inner is not None else None

    def _by_name(self, name: str, place: str, namespace: str) -> Avro | None:
        if name in PRIMITIVES:
            return Avro(name)
        found = self._named.get(_full(name, namespace)) or self._named.get(name)
        if found is None:
            self.wrong(place, f"there is no type {name!r}")
        return found

    def _union(self, data: list[Any], place: str, namespace: str, depth: int) -> Avro | None:
        found = Avro("union")
        read = [self.type(each, f"{place}[{n}]", namespace, depth + 1) for n, each in enumerate(data)]
        found.branches = [each for each in read if each is not None]
        if not data:
            return self.wrong(place, "a union needs at least one type")
        seen: set[str] = set()
        for number, branch in enumerate(read):
            if branch is None:
                continue
            if branch.kind == "union":
                self.wrong(f"{place}[{number}]", "a union must not hold another")
            if (label := branch.name or branch.kind) in seen:
                self.wrong(f"{place}[{number}]", f"is the second {label} of the union")
            seen.add(label)
        return found if len(found.branches) == len(data) else None

    def _definition(self, kind: str, data: Mapping[str, Any], place: str, namespace: str, depth: int) -> Avro | None:
        name = data.get("name")
        if not isinstance(name, str) or not _FULL_NAME.fullmatch(name):
            return self.wrong(f"{place}.name", "must be a name of letters, digits and _")
        space = data.get("namespace", namespace)
        full = _full(name, space if isinstance(space, str) else namespace)
        found = Avro(kind)
        found.name = full
        if full in self._named or name in PRIMITIVES:
            return self.wrong(f"{place}.name", f"{name!r} is defined twice")
        self._named[full] = found
        if kind == "record":
            self._fields(found, data.get("fields"), f"{place}.fields", full.rpartition(".")[0], depth)
        elif kind == "enum":
            self._enum(found, data, place)
        else:
            size = data.get("size")
            if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= 1 << 20:
                return self.wrong(f"{place}.size", "must be a number of bytes")
            found.size = size
            self._logical(found, data, place)
        return found

    def _enum(self, found: Avro, data: Mapping[str, Any], place: str) -> None:
        symbols = data.get("symbols")
        if not isinstance(symbols, list) or not symbols:
            return self.wrong(f"{place}.symbols", "must be a list of names")
        names = cast("list[Any]", symbols)
        for number, symbol in enumerate(names):
            if not isinstance(symbol, str) or not _NAME.fullmatch(symbol):
                return self.wrong(f"{place}.symbols[{number}]", "must be a name of letters, digits and _")
        if len(set(names)) < len(names):
            return self.wrong(f"{place}.symbols", "names a symbol twice")
        found.symbols = tuple(names)
        fallback = data.get("default")
        if fallback is not None and fallback not in found.symbols:
            return self.wrong(f"{place}.default", f"{fallback!r} is no symbol of the enum")
        found.fallback = fallback
        return None

    def _fields(self, found: Avro, data: Any, place: str, namespace: str, depth: int) -> None:
        if not isinstance(data, list):
            return self.wrong(place, "must be a list of fields")
        seen: set[str] = set()
        for number, given in enumerate(cast("list[Any]", data)):
            where = f"{place}[{number}]"
            name = cast("Mapping[str, Any]", given).get("name") if isinstance(given, Mapping) else None
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                self.wrong(f"{where}.name", "must be a name of letters, digits and _")
                continue
            if name in seen:
                self.wrong(f"{where}.name", f"there are two fields {name!r}")
            seen.add(name)
            if "type" not in given:
                self.wrong(where, "needs `type`")
                continue
            kind = self.type(given["type"], f"{where}.type", namespace, depth + 1)
            if kind is not None:
                found.fields.append(self._field(name, kind, cast("Any", given).get("default", _MISSING), where))
        return None

    def _field(self, name: str, kind: Avro, default: Any, place: str) -> Field:
        field = Field(name, kind)
        if default is not _MISSING:
            field.mandatory = False
            try:
                field.default = default_value(kind, default)
            except ValueError as error:
                self.wrong(f"{place}.default", str(error))
        return field

    def _logical(self, found: Avro, data: Mapping[str, Any], place: str) -> None:
        logical = data.get("logicalType")
        if not isinstance(logical, str) or found.kind not in _LOGICAL.get(logical, ()):
            return None
        if logical == "decimal":
            precision, scale = data.get("precision"), data.get("scale", 0)
            if not isinstance(precision, int) or not isinstance(scale, int) or not 0 <= scale <= precision <= 1000:
                return self.wrong(place, "a decimal needs `precision`, and a `scale` between 0 and that")
            found.precision, found.scale = precision, scale
        found.logical = logical
        return None


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def default_value(kind: Avro, data: Any) -> Any:
    """The default of a field as records carry it. Of a union it is one of its first branch.

    Raises:
        ValueError: it does not fit the type.
    """
    if kind.kind == "union":
        return default_value(kind.branches[0], data)
    if kind.kind == "record" and isinstance(data, dict):
        return {field.name: _inner_default(field, cast("dict[str, Any]", data)) for field in kind.fields}
    if kind.kind == "array" and isinstance(data, list) and kind.inner is not None:
        return [default_value(kind.inner, each) for each in cast("list[Any]", data)]
    if kind.kind == "map" and isinstance(data, dict) and kind.inner is not None:
        return {name: default_value(kind.inner, each) for name, each in cast("dict[str, Any]", data).items()}
    if kind.kind in {"bytes", "fixed"} and isinstance(data, str):
        try:
            raw = data.encode("latin-1")
        except UnicodeEncodeError as error:
            raise ValueError("holds characters beyond U+00FF, which are no bytes") from error
        if kind.kind == "bytes" or len(raw) == kind.size:
            return raw
    scalar = cast("Any", data)
    if _SCALAR_DEFAULTS.get(kind.kind, _never)(scalar) or (kind.kind == "enum" and scalar in kind.symbols):
        return float(scalar) if kind.kind in {"float", "double"} else scalar
    raise ValueError(f"{data!r:.80} is no {kind}")


def _inner_default(field: Field, data: dict[str, Any]) -> Any:
    if field.name in data:
        return default_value(field.kind, data[field.name])
    if field.mandatory:
        raise ValueError(f"lacks {field.name!r}")
    return field.default


def _never(_: Any) -> bool:
    return False


def _is_integer(value: Any, bounds: range) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in bounds


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_SCALAR_DEFAULTS: Final[dict[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "int": lambda value: _is_integer(value, _INT32),
    "long": lambda value: _is_integer(value, _INT64),
    "float": _is_number,
    "double": _is_number,
    "string": lambda value: isinstance(value, str),
}
