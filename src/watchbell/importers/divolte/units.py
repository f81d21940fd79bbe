"""Texts of a HOCON file as numbers, truth values and durations, as Divolte reads them."""

import re
from typing import Final

_DURATION = re.compile(r"\s*([+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+)\s*([A-Za-zµ]*)\s*")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?")
_MS: Final = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3, "h": 3600e3, "d": 86_400e3}
_NAMES: Final = {"nano": "ns", "micro": "us", "milli": "ms"}
_LONG: Final = {"second": "s", "minute": "m", "hour": "h", "day": "d"}
_FLAGS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
MAX_DIGITS: Final = 18


def duration_ms(text: str) -> float | None:
    """Milliseconds of `30 s`, `1 hour`, `1.5s`; a bare number is milliseconds. None: it is no duration."""
    match = _DURATION.fullmatch(text)
    if not match or len(match.group(1)) > MAX_DIGITS:
        return None
    unit = _unit(match.group(2))
    return None if unit is None else float(match.group(1)) * unit


def _unit(name: str) -> float | None:
    if not name:
        return 1.0
    if name == "µs":
        name = "us"
    if name in _MS:
        return _MS[name]
    singular = name.removesuffix("s")
    if singular in _LONG:
        return _MS[_LONG[singular]]
    if singular in _NAMES:
        return _MS[_NAMES[singular]]
    if singular.endswith("second") and singular.removesuffix("second") in _NAMES:
        return _MS[_NAMES[singular.removesuffix("second")]]
    return None


def whole_number(text: str) -> int | None:
    """A whole number; None: it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def number(text: str) -> float | None:
    """A number; None: it is none."""
    return float(text) if _NUMBER.fullmatch(text) else None


def flag(text: str) -> bool | None:
    """A truth value; None: it is none."""
    return _FLAGS.get(text)
