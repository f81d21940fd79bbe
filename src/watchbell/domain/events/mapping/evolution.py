"""Whether records of one schema can be read with another, by Avro's rules of schema resolution, and if not, why.

A reader's field that the writer lacks needs a default; types must be the same or grow (int → long → float → double,
string ⇄ bytes); a writer's enum symbols must be known to the reader or the reader's enum have a default; of a union
each branch of the writer must fit some branch of the reader.
"""

from typing import Any, Final

from watchbell.domain.events.mapping.avro import Avro, any_type
from watchbell.domain.events.mapping.model import Compatibility

_PROMOTIONS: Final = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}


def obstacles(old: dict[str, Any], new: dict[str, Any], compatibility: Compatibility) -> list[str]:
    """Why a changed schema may not follow the old one; none: it may. Both are valid schemas."""
    if compatibility == "none" or old == new:
        return []
    one, other = any_type(old), any_type(new)
    found: list[str] = []
    if compatibility in {"backward", "full"}:
        found += [f"{each}, so what was written could no more be read" for each in unreadable(one, other)]
    if compatibility in {"forward", "full"}:
        found += [f"{each}, so readers of the old schema could not go on" for each in unreadable(other, one)]
    return found


def unreadable(writer: Avro, reader: Avro) -> list[str]:
    """Why values of `writer` cannot be read as `reader`, each with the field."""
    return _Comparison().differences(writer, reader, "")


class _Comparison:
    """Compares two types; remembers pairs that are being compared, since types may contain themselves."""

    def __init__(self) -> None:
        self._under_way: set[tuple[str, str]] = set()

    def differences(self, writer: Avro, reader: Avro, place: str) -> list[str]:
        where = place or "the record"
        if writer.kind == "union":
            return [each for branch in writer.branches for each in self.differences(branch, reader, place)]
        if reader.kind == "union":
            if any(not self.differences(writer, branch, place) for branch in reader.branches):
                return []
            return [f"{where} was {writer} and is not among {reader}"]
        if writer.kind != reader.kind:
            same = (writer.kind, reader.kind) in _PROMOTIONS and not writer.logical and not reader.logical
            return [] if same else [f"{where} was {writer} and is {reader}"]
        if writer.logical != reader.logical or (writer.precision, writer.scale) != (reader.precision, reader.scale):
            return [f"{where} was {_exactly(writer)} and is {_exactly(reader)}"]
        return self._inside(writer, reader, place)

    def _inside(self, writer: Avro, reader: Avro, place: str) -> list[str]:
        where = place or "the record"
        if writer.name and writer.name.rpartition(".")[2] != reader.name.rpartition(".")[2]:
            return [f"{where} was {writer} and is {reader}"]
        match writer.kind:
            case "record":
                return self._record(writer, reader, place)
            case "enum":
                lost = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
                return [f"{where} lacks {', '.join(lost)}"] if lost and reader.fallback is None else []
            case "fixed":
                return [] if writer.size == reader.size else [f"{where} had {writer.size} bytes and has {reader.size}"]
            case "array" | "map":
                assert writer.inner is not None  # noqa: S101 - they hold something
                assert reader.inner is not None  # noqa: S101
                return self.differences(writer.inner, reader.inner, f"{place}[]")
            case _:
                return []

    def _record(self, writer: Avro, reader: Avro, place: str) -> list[str]:
        if (writer.name, reader.name) in self._under_way:
            return []
        self._under_way.add((writer.name, reader.name))
        written = {field.name: field for field in writer.fields}
        found: list[str] = []
        for field in reader.fields:
            inside = f"{place}.{field.name}" if place else field.name
            if field.name in written:
                found += self.differences(written[field.name].kind, field.kind, inside)
            elif field.mandatory:
                found.append(f"{inside} is new and has no default")
        self._under_way.discard((writer.name, reader.name))
        return found


def _exactly(kind: Avro) -> str:
    return f"decimal({kind.precision}, {kind.scale})" if kind.logical == "decimal" else kind.logical or kind.kind
