"""Which values fit which Avro types, and what converts them.

A converter gives None for a value that turns out not to fit; the field is then left as it is. See `model` for the
rules.
"""

from collections.abc import Callable
from typing import Any, Final

from watchbell.domain.events.mapping.avro import Avro
from watchbell.domain.events.mapping.from_json import (
    JsonReader,
    Misfit,
    day_of,
    decimal_of,
    readable,
    symbol_of,
    uuid_of,
)
from watchbell.domain.events.mapping.reading import Typed
from watchbell.domain.events.mapping.scalars import single

Convert = Callable[[Any], Any]


def _as_is(value: Any) -> Any:
    return value


AS_IS: Final[Convert] = _as_is
"""The converter of what is already right."""

_WIDER: Final = {
    "boolean": ("boolean",),
    "int": ("int", "long", "float", "double"),
    "long": ("long", "float", "double"),
    "float": ("float", "double"),
    "double": ("double",),
}


def fitted(value: Typed, kind: Avro) -> Convert | None:
    """What converts the value for a field of the type; None when its kind never fits.

    Raises:
        Misfit: the value is a literal that does not fit.
    """
    if value.kind == "json":
        return _guarded(JsonReader().converter(kind)) if readable(kind) else None
    literal = value.literal
    if isinstance(literal, int | float) and not isinstance(literal, bool):
        return _literal(value, kind)
    convert = _of_kind(value.kind, kind)
    if convert is None or convert is AS_IS:
        return convert
    if literal is not None:
        convert(literal)
    return _guarded(convert)


def _literal(value: Typed, kind: Avro) -> Convert | None:
    """A number takes the type of the field."""
    for each in kind.alternatives():
        if each.kind == "float" and not each.logical:
            number = single(float(value.literal))
            return lambda _: number
        convert = _of_kind(value.kind, each)
        if convert is not None:
            converted = convert(value.literal)
            return lambda _: converted
    return None


def _of_kind(name: str, kind: Avro) -> Convert | None:
    for each in kind.alternatives():
        found = _single(name, each)
        if found is not None:
            return found
    return None


def _single(name: str, kind: Avro) -> Convert | None:
    if name.startswith("list of "):
        return _list(name.removeprefix("list of "), kind)
    if name in _OTHERS:
        return _OTHERS[name](kind)
    if kind.logical == "decimal":
        return (lambda value: decimal_of(value, kind)) if name != "boolean" else None
    if kind.kind not in _WIDER.get(name, ()):
        return None
    return float if kind.kind in {"float", "double"} and name in {"int", "long"} else AS_IS


def _map(kind: Avro) -> Convert | None:
    inner = kind.inner
    return AS_IS if kind.kind == "map" and inner is not None and _single("list of text", inner) is AS_IS else None


def _instant(kind: Avro) -> Convert | None:
    if kind.logical == "timestamp-micros":
        return lambda millis: millis * 1000
    if kind.logical == "date":
        return day_of
    return AS_IS if kind.kind == "long" else None


def _text(kind: Avro) -> Convert | None:
    if kind.logical == "decimal":
        return lambda value: decimal_of(value, kind)
    if kind.kind == "enum":
        return lambda value: symbol_of(value, kind)
    if kind.kind == "string":
        return uuid_of if kind.logical == "uuid" else AS_IS
    return None


def _bytes(kind: Avro) -> Convert | None:
    if kind.logical:
        return None
    if kind.kind == "fixed":
        return lambda value: _sized(value, kind)
    return AS_IS if kind.kind == "bytes" else None


def _sized(value: bytes, kind: Avro) -> bytes:
    if len(value) != kind.size:
        raise Misfit(f"{len(value)} bytes are no {kind} of {kind.size}")
    return value


def _list(name: str, kind: Avro) -> Convert | None:
    if kind.kind != "array" or kind.inner is None:
        return None
    if name == "nothing":
        return AS_IS
    convert = _of_kind(name, kind.inner)
    if convert is None or convert is AS_IS:
        return convert
    return lambda values: [convert(each) for each in values]


_OTHERS: Final = {"map of lists": _map, "instant": _instant, "text": _text, "bytes": _bytes}


def _guarded(convert: Convert) -> Convert:
    def guarded(value: Any) -> Any:
        try:
            return convert(value)
        except (Misfit, OverflowError):
            return None

    return guarded
