"""Numbers as the tag writes them: JavaScript's `Number.toString(36)`, read with Java's rules.

Text that does not parse is absent (None), never an error: the sender cannot be told.
"""

import re

INT32 = 31
INT64 = 63

_FRACTION = re.compile(r"([+-]?)([0-9a-z]*)\.([0-9a-z]+)", re.IGNORECASE | re.ASCII)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def parse_base36(text: str, bits: int = INT64) -> int | None:
    """The signed integer of at most `bits` + 1 bits that `text` spells in base 36, or None."""
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not digits.isalnum() or not digits.isascii():
        return None
    number = int(text, 36)
    return number if -(1 << bits) <= number < (1 << bits) else None


def parse_ratio(text: str) -> float | None:
    """A pixel ratio: an integer, or a fraction such as `1.i` (1.5), which the first collectors lost."""
    whole = parse_base36(text, INT32)
    if whole is not None:
        return float(whole)
    match = _FRACTION.fullmatch(text[:40])
    if match is None:
        return None
    sign, integer, fraction = match.groups()
    value = (int(integer, 36) if integer else 0) + int(fraction, 36) / 36.0 ** len(fraction)
    return -value if sign == "-" else value


def to_base36(number: int) -> str:
    """`number` in base 36, lower case, with a leading `-` when negative."""
    if number == 0:
        return "0"
    sign, number = ("-", -number) if number < 0 else ("", number)
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 36)
        digits.append(_DIGITS[digit])
    return sign + "".join(reversed(digits))
