"""Scalars read from text, and written as text, as Divolte's mappings do. What does not fit is None; nothing raises."""

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

INT32: Final = range(-(2**31), 2**31)
INT64: Final = range(-(2**63), 2**63)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT_MAX: Final = 400

_INTEGER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_FLOAT = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?", re.ASCII)
_SPECIAL: Final = {
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "+Infinity": float("inf"),
    "-Infinity": float("-inf"),
}


class Written(float):
    """A number that remembers how it was written, so that as text it keeps its digits."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Self:
        """Of the digits in a JSON text."""
        found = super().__new__(cls, text)
        found.text = text
        return found


def _integer(text: str, bounds: range) -> int | None:
    if _INTEGER.fullmatch(text) is None:
        return None
    number = int(text)
    return number if number in bounds else None


def parse_int32(text: str) -> int | None:
    """Decimal digits, perhaps with a minus, of a 32-bit integer."""
    return _integer(text, INT32)


def parse_int64(text: str) -> int | None:
    """Decimal digits, perhaps with a minus, of a 64-bit integer."""
    return _integer(text, INT64)


def parse_fp64(text: str) -> float | None:
    """A number as Java reads a double: spaces around and `f` or `d` after it are allowed; too large is infinite."""
    text = text.strip()
    if text in _SPECIAL:
        return _SPECIAL[text]
    found = _FLOAT.fullmatch(text) if len(text) <= _TEXT_MAX else None
    return None if found is None else float(found[1])


def parse_fp32(text: str) -> float | None:
    """As `parse_fp64`, rounded to single precision."""
    number = parse_fp64(text)
    return None if number is None else single(number)


def single(number: float) -> float:
    """Rounded to single precision; what is too large is infinite."""
    try:
        return struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def parse_bool(text: str) -> bool:
    """True for `true` in any case, else False."""
    return text.lower() == "true"


def parse_instant(text: str) -> int | None:
    """Milliseconds since 1970 of an ISO 8601 date and time; UTC unless it has an offset."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except OverflowError:
        return None


PARSERS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "int32": ("int", parse_int32),
    "int64": ("long", parse_int64),
    "fp32": ("float", parse_fp32),
    "fp64": ("double", parse_fp64),
    "bool": ("boolean", parse_bool),
    "instant": ("instant", parse_instant),
}
"""What `parse` names: the type of the value, and the reader."""


def text_of(value: Any) -> str | None:
    """A scalar as text: true, false, numbers as they were written. None for lists, objects and null."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Written):
        return value.text
    return repr(value) if isinstance(value, float) else None
