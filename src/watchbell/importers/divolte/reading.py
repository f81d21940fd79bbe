"""A HOCON file as Divolte's settings: each with its type and its place; every fault at once, by file, line and path."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from watchbell.importers.divolte.hocon import Listing, Place, Scalar, Table, Value
from watchbell.importers.divolte.options import GLOBAL, MAPPING, SINKS, SOURCES, Kind, Options
from watchbell.importers.divolte.units import duration_ms, flag, number, whole_number

SECTIONS: Final = ("global", "sources", "mappings", "sinks")
OLD_SECTIONS: Final = frozenset(
    {"server", "tracking", "javascript", "incoming_request_processor", "kafka_flusher", "hdfs_flusher"}
)
WORDS: Final = {
    Kind.TEXT: "a text",
    Kind.FLAG: "true or false",
    Kind.WHOLE: "a whole number",
    Kind.NUMBER: "a number",
    Kind.DURATION: "a duration such as 30 s",
    Kind.NAMES: "a list of names",
}


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A setting that the file gives. Durations are milliseconds; `variable` is where it came from, if from outside."""

    value: Any
    place: Place
    variable: str = ""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A source, a mapping, a sink, or the global settings."""

    name: str
    place: Place
    type: str = ""
    given: dict[str, Given] = {}

    def get(self, path: str, default: Any = None) -> Any:
        """The value of a setting, or `default`."""
        found = self.given.get(path)
        return default if found is None else found.value


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that Divolte would refuse."""

    place: Place
    path: str
    reason: str


class Divolte(msgspec.Struct, frozen=True, kw_only=True):
    """All settings of a Divolte; only what the file says, without defaults."""

    place: Place
    common: Part
    sources: dict[str, Part] = {}
    mappings: dict[str, Part] = {}
    sinks: dict[str, Part] = {}


def read_settings(root: Table) -> tuple[Divolte, list[Problem]]:
    """The settings in `root`, and everything wrong with single ones."""
    reader = _Reader()
    return reader.read(root), reader.problems


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, root: Table) -> Divolte:
        divolte = root.fields.get("divolte")
        empty = Part(name="", place=root.place)
        if not isinstance(divolte, Table):
            self._wrong(root.place, "divolte", "the configuration is empty: it has no object `divolte`")
            return Divolte(place=root.place, common=empty)
        for name, value in divolte.fields.items():
            if name in OLD_SECTIONS:
                self._wrong(
                    value.place, f"divolte.{name}", "belongs to Divolte before 0.5; bring it to 0.9's form first"
                )
            elif name not in SECTIONS:
                self._unknown(value.place, f"divolte.{name}", name, SECTIONS)
        common = self._table(divolte, "global")
        return Divolte(
            place=divolte.place,
            common=self._part("", "divolte.global", common, GLOBAL) if common else empty,
            sources=dict(self._parts(divolte, "sources", SOURCES)),
            mappings=dict(self._parts(divolte, "mappings", {"": MAPPING})),
            sinks=dict(self._parts(divolte, "sinks", SINKS)),
        )

    def _wrong(self, place: Place, path: str, reason: str) -> None:
        self.problems.append(Problem(place=place, path=path, reason=reason))

    def _unknown(self, place: Place, path: str, name: str, known: Any) -> None:
        close = difflib.get_close_matches(name, list(known), n=1)
        self._wrong(place, path, f"unknown setting{f'; did you mean {close[0]}?' if close else ''}")

    def _table(self, parent: Table, name: str) -> Table | None:
        found = parent.fields.get(name)
        if found is not None and not isinstance(found, Table):
            self._wrong(found.place, f"divolte.{name}", "must be an object")
            return None
        return found

    def _parts(self, parent: Table, section: str, types: Mapping[str, Options]) -> Iterator[tuple[str, Part]]:
        table = self._table(parent, section)
        for name, value in (table.fields if table else {}).items():
            path = f"divolte.{section}.{name}"
            if not isinstance(value, Table):
                self._wrong(value.place, path, "must be an object")
                continue
            kind = self._type(value, path, types)
            if kind is not None:
                part = self._part(name, path, value, types[kind])
                yield name, msgspec.structs.replace(part, type=kind)

    def _type(self, table: Table, path: str, types: Mapping[str, Options]) -> str | None:
        if "" in types:
            return ""
        found = table.fields.get("type")
        if isinstance(found, Scalar) and found.text in types:
            return found.text
        place = found.place if found else table.place
        self._wrong(place, f"{path}.type", f"must be one of {', '.join(types)}")
        return None

    def _part(self, name: str, path: str, table: Table, options: Options) -> Part:
        given = dict(self._given(path, "", table, options))
        return Part(name=name, place=table.place, given=given)

    def _given(self, path: str, below: str, table: Table, options: Options) -> Iterator[tuple[str, Given]]:
        for name, value in table.fields.items():
            key = f"{below}{name}"
            kind = options.get(key)
            if kind is Kind.FREE and isinstance(value, Table):
                for inner, found in _flat(value, ""):
                    yield f"{key}.{inner}", found
            elif kind is not None:
                found = self._one(f"{path}.{key}", kind, value)
                if found is not None:
                    yield key, found
            elif isinstance(value, Table) and any(option.startswith(f"{key}.") for option in options):
                yield from self._given(path, f"{key}.", value, options)
            else:
                self._unknown(value.place, f"{path}.{key}", key, options)

    def _one(self, path: str, kind: Kind, value: Value) -> Given | None:
        if isinstance(value, Scalar) and value.is_null:
            return None
        converted = _converted(kind, value)
        if converted is None:
            self._wrong(value.place, path, f"must be {WORDS.get(kind, 'an object')}")
            return None
        variable = value.variable if isinstance(value, Scalar) else ""
        return Given(value=converted, place=value.place, variable=variable)


def _converted(kind: Kind, value: Value) -> Any:
    if kind is Kind.NAMES:
        if isinstance(value, Listing) and all(isinstance(item, Scalar) for item in value.items):
            return [item.text for item in value.items if isinstance(item, Scalar)]
        return None
    if not isinstance(value, Scalar):
        return None
    read = {Kind.FLAG: flag, Kind.WHOLE: whole_number, Kind.NUMBER: number, Kind.DURATION: duration_ms}.get(kind)
    return read(value.text) if read else value.text


def _flat(table: Table, below: str) -> Iterator[tuple[str, Given]]:
    """Free settings: names joined with dots, lists with commas."""
    for name, value in table.fields.items():
        if isinstance(value, Table):
            yield from _flat(value, f"{below}{name}.")
        elif not (isinstance(value, Scalar) and value.is_null):
            variable = value.variable if isinstance(value, Scalar) else ""
            yield f"{below}{name}", Given(value=_shown(value), place=value.place, variable=variable)


def _shown(value: Value) -> str:
    if isinstance(value, Scalar):
        return value.text
    if isinstance(value, Listing):
        return ",".join(_shown(item) for item in value.items)
    return "{…}"
