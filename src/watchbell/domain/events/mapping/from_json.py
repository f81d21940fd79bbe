"""JSON values made into Avro values, as Divolte does it, and logical types besides.

Records are read by name and what they do not know is ignored; enums are symbols; bytes and fixed are base64; scalars
are read from text and texts from scalars; a single value stands for an array of one and an array of one for its value.
What does not fit raises `Misfit`.
"""

import base64
import binascii
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Final, cast

from watchbell.domain.events.mapping.avro import Avro
from watchbell.domain.events.mapping.scalars import INT32, INT64, parse_fp64, parse_instant, single, text_of

Convert = Callable[[Any], Any]

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_DIGITS_MAX: Final = 400


class Misfit(ValueError):
    """A value that is none of the type."""


def _misfit(value: Any, kind: object) -> Misfit:
    return Misfit(f"{value!r:.80} is no {kind}")


class JsonReader:
    """Makes converters; keeps those of named types, which may contain themselves."""

    def __init__(self) -> None:
        self._named: dict[str, Convert] = {}

    def converter(self, kind: Avro) -> Convert:
        """What converts JSON into values of the type. Of a union with several types besides null: see `readable`."""
        match kind.kind:
            case "union":
                return self._union(kind)
            case "record":
                return self._record(kind)
            case "array":
                return self._array(kind)
            case "map":
                return self._map(kind)
            case _:
                return _unwrapping(_scalar(kind))

    def _union(self, kind: Avro) -> Convert:
        inner = self.converter(kind.alternatives()[0]) if kind.alternatives() else _unwrapping(_null)
        if not kind.nullable:
            return inner
        return lambda value: None if value is None else inner(value)

    def _array(self, kind: Avro) -> Convert:
        assert kind.inner is not None  # noqa: S101 - an array holds something
        inner = self.converter(kind.inner)

        def convert(value: Any) -> list[Any]:
            if value is None:
                raise _misfit(value, kind)
            return [inner(each) for each in (cast("list[Any]", value) if isinstance(value, list) else [value])]

        return convert

    def _map(self, kind: Avro) -> Convert:
        assert kind.inner is not None  # noqa: S101 - a map holds something
        inner = self.converter(kind.inner)

        def convert(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise _misfit(value, kind)
            return {name: inner(each) for name, each in cast("dict[str, Any]", value).items()}

        return _unwrapping(convert)

    def _record(self, kind: Avro) -> Convert:
        if kind.name in self._named:
            return lambda value: self._named[kind.name](value)  # noqa: PLW0108 - it is not known yet
        fields: list[tuple[str, Convert, bool, Any]] = []

        def convert(value: Any) -> dict[str, Any]:
            if not isinstance(value, dict):
                raise _misfit(value, kind)
            data = cast("dict[str, Any]", value)
            found: dict[str, Any] = {}
            for name, inner, mandatory, default in fields:
                if name in data:
                    found[name] = inner(data[name])
                elif mandatory:
                    raise Misfit(f"{kind} lacks {name!r}")
                else:
                    found[name] = default
            return found

        self._named[kind.name] = _unwrapping(convert)
        fields += [(each.name, self.converter(each.kind), each.mandatory, each.default) for each in kind.fields]
        return self._named[kind.name]


def readable(kind: Avro, seen: frozenset[str] = frozenset()) -> bool:
    """Whether JSON can be read as this type: a union has at most one type besides null, here and inside."""
    if kind.name and kind.name in seen:
        return True
    seen |= {kind.name}
    inside = [field.kind for field in kind.fields] + [*kind.branches, *([kind.inner] if kind.inner else [])]
    return len(kind.alternatives()) <= 1 and all(readable(each, seen) for each in inside)


def _unwrapping(convert: Convert) -> Convert:
    """An array of one stands for its value."""

    def unwrap(value: Any) -> Any:
        if isinstance(value, list):
            entries = cast("list[Any]", value)
            return convert(entries[0] if len(entries) == 1 else entries)
        return convert(value)

    return unwrap


def _scalar(kind: Avro) -> Convert:
    if kind.logical == "decimal":
        return lambda value: decimal_of(value, kind)
    if kind.logical in _LOGICAL:
        return _LOGICAL[kind.logical]
    if kind.kind == "enum":
        return lambda value: symbol_of(value, kind)
    if kind.kind == "fixed":
        return lambda value: _fixed(value, kind)
    return _PLAIN[kind.kind]


def _null(value: Any) -> None:
    if value is not None:
        raise _misfit(value, "null")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip() in {"true", "false"}:
        return value.strip() == "true"
    raise _misfit(value, "boolean")


def _integer(value: Any, bounds: range, kind: str) -> int:
    number: Any = value
    if isinstance(value, str):
        number = _decimal(value)
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        raise _misfit(value, kind)
    if not bounds[0] <= number <= bounds[-1] or number % 1 != 0:
        raise _misfit(value, kind)
    return int(number)


def _decimal(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip()) if len(text) <= _DIGITS_MAX else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() and abs(found.adjusted()) < _DIGITS_MAX else None


def _int(value: Any) -> int:
    return _integer(value, INT32, "int")


def _long(value: Any) -> int:
    return _integer(value, INT64, "long")


def _floating(value: Any, parse: Callable[[str], float | None], kind: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _misfit(value, kind)
    found = float(value) if isinstance(value, float) else parse(str(value))
    if found is None:
        raise _misfit(value, kind)
    return found


def _float(value: Any) -> float:
    number = _floating(value, parse_fp64, "float")
    # Sinks round it themselves, but what is too large for them has to be infinite here.
    return number if isfinite(single(number)) else single(number)


def _double(value: Any) -> float:
    return _floating(value, parse_fp64, "double")


def _string(value: Any) -> str:
    found = text_of(value)
    if found is None:
        raise _misfit(value, "string")
    return found


def _bytes(value: Any) -> bytes:
    try:
        if isinstance(value, str):
            return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise _misfit(value, "bytes in base64")


def _fixed(value: Any, kind: Avro) -> bytes:
    found = _bytes(value)
    if len(found) != kind.size:
        raise Misfit(f"{len(found)} bytes are no {kind} of {kind.size}")
    return found


def symbol_of(value: Any, kind: Avro) -> str:
    """The symbol; the enum's default for one that it does not have."""
    if value in kind.symbols:
        return value
    if isinstance(value, str) and kind.fallback is not None:
        return kind.fallback
    raise _misfit(value, kind)


def decimal_of(value: Any, kind: Avro) -> Decimal:
    """A decimal of the type's scale; more digits than it has are not rounded away."""
    text = None if isinstance(value, bool) else text_of(value)
    found = None if text is None else _decimal(text)
    if found is None:
        raise _misfit(value, "decimal")
    _, digits, exponent = found.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - it is finite
    if exponent < -kind.scale and any(digits[exponent + kind.scale :]):
        raise Misfit(f"{text} has more than {kind.scale} digits after the point")
    if found and found.adjusted() + 1 > kind.precision - kind.scale:
        raise Misfit(f"{text} has more than {kind.precision} digits")
    return found


def uuid_of(value: Any) -> str:
    """A UUID in its usual form."""
    try:
        return str(uuid.UUID(value))
    except (ValueError, TypeError, AttributeError) as error:
        raise _misfit(value, "uuid") from error


def day_of(millis: int) -> int:
    """The day (since 1970, in UTC) of a moment in milliseconds."""
    return millis // 86_400_000


def _moment(value: Any, factor: int) -> int:
    if isinstance(value, str):
        millis = parse_instant(value)
        if millis is not None:
            return millis * factor
    return _long(value)


def _date(value: Any) -> int:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value).toordinal() - _EPOCH_DAY
        except ValueError:
            millis = parse_instant(value)
            if millis is not None:
                return day_of(millis)
    return _int(value)


_LOGICAL: Final[dict[str, Convert]] = {
    "timestamp-millis": lambda value: _moment(value, 1),
    "timestamp-micros": lambda value: _moment(value, 1000),
    "date": _date,
    "uuid": uuid_of,
}
_PLAIN: Final[dict[str, Convert]] = {
    "null": _null,
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "float": _float,
    "double": _double,
    "string": _string,
    "bytes": _bytes,
}
