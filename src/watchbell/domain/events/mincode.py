"""Mincode: the compact encoding in which the tag sends custom event parameters.

A record is a type character, inside an object a name ended by `!`, then the payload. Depth and size are bounded,
because the text comes from strangers. The first value counts; what follows it is ignored.
"""

import re
from typing import Any

from watchbell.domain.errors import Invalid

MAX_DEPTH = 64

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_PLAIN_INTEGER = re.compile(r"[+-]?[0-9A-Za-z]+", re.ASCII)
_MAX_DIGITS = 1000
_CONSTANTS: dict[str, bool | None] = {"t": True, "f": False, "n": None}


class MincodeError(Invalid):
    """The text is not Mincode; the message says what was wrong and where (character index)."""


def decode_mincode(text: str) -> Any:
    """The first value in `text`, as JSON-compatible data. Numbers are exact integers, or floats.

    Raises:
        MincodeError: with the reason and the position.
    """
    return _Decoder(text).value(0)[0]


class _Decoder:
    """A cursor over one text. `at` is the index of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, reason: str) -> MincodeError:
        return MincodeError(f"{reason} (at character {self.at})", "u")

    def value(self, depth: int, *, named: bool = False) -> tuple[Any, str]:
        """The next value and, inside an object, its name."""
        if depth > MAX_DEPTH:
            raise self.fail("Nested too deeply")
        kind = self.character("Unexpected end-of-input")
        if kind == ")":
            raise self.fail("Unexpected end of object")
        if kind == ".":
            raise self.fail("Unexpected end of array")
        name = self.string() if named else ""
        return self.payload(kind, depth), name

    def payload(self, kind: str, depth: int) -> Any:
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        match kind:
            case "s":
                return self.string()
            case "d":
                return self.integer()
            case "j":
                return self.number()
            case "(":
                return self.object(depth)
            case "a":
                return self.array(depth)
            case _:
                self.at -= 1
                raise self.fail(f"Unknown record type {kind!r}")

    def character(self, otherwise: str) -> str:
        if self.at >= len(self.text):
            raise self.fail(otherwise)
        character = self.text[self.at]
        self.at += 1
        return character

    def string(self) -> str:
        """Everything up to `!`; `~` takes the next character literally."""
        end = self.text.find("!", self.at)
        if end >= 0 and "~" not in (plain := self.text[self.at : end]):
            self.at = end + 1
            return plain
        out: list[str] = []
        while (character := self.character("Unexpected end-of-input in string")) != "!":
            if character == "~":
                character = self.character("Unexpected end-of-input in character escape sequence")
            out.append(character)
        return "".join(out)

    def integer(self) -> int:
        text = self.string()
        if len(text) > _MAX_DIGITS or not _PLAIN_INTEGER.fullmatch(text):
            raise self.fail("Invalid integer record")
        return int(text, 36)

    def number(self) -> int | float:
        text = self.string()
        match = _NUMBER.fullmatch(text)
        if len(text) > _MAX_DIGITS or match is None:
            raise self.fail("Invalid number record")
        value = float(text) if match.group(1) or match.group(2) else int(text)
        if value in {float("inf"), float("-inf")}:
            raise self.fail("Invalid number record: too large")
        return value

    def array(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while self.text[self.at : self.at + 1] != ".":
            items.append(self.value(depth + 1)[0])
        self.at += 1
        return items

    def object(self, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        while self.text[self.at : self.at + 1] != ")":
            value, name = self.value(depth + 1, named=True)
            fields[name] = value
        self.at += 1
        return fields
