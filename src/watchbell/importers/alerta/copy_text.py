"""The text that PostgreSQL's COPY writes: fields of a line, and the arrays and composite values inside them."""

import re
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BOUNDS = re.compile(r"(?:\[-?\d+:-?\d+\])+=")
_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^",{}\\]+)', re.DOTALL)
_FIELD = re.compile(r'"((?:[^"\\]|\\.|"")*)"|([^",()\\]*)', re.DOTALL)
_QUOTED = re.compile(r'\\(.)|""', re.DOTALL)


def fields(line: str) -> list[str | None]:
    """The fields of a line without its end; None is NULL."""
    return [None if part == r"\N" else unescaped(part) for part in line.split("\t")]


def unescaped(text: str) -> str:
    """A field's text."""
    return _ESCAPE.sub(_plain, text) if "\\" in text else text


def _plain(found: re.Match[str]) -> str:
    what = found[1]
    if what[0] == "x" and len(what) > 1:
        return chr(int(what[1:], 16))
    if what[0] in "01234567":
        return chr(int(what, 8) & 0xFF)
    return _LETTERS.get(what, what)


def array(text: str, element: Callable[[str], T]) -> list[T | None]:
    """The elements of an array of one dimension, each read by `element`; None is NULL.

    Raises:
        ValueError: it is no such array.
    """
    bounds = _BOUNDS.match(text)
    if bounds is not None:
        text = text[bounds.end() :]
    if text == "{}":
        return []
    if not (text.startswith("{") and text.endswith("}")):
        raise ValueError("is no array")
    found: list[T | None] = []
    at, end = 1, len(text) - 1
    while True:
        part = _ELEMENT.match(text, at, end)
        if part is None:
            raise ValueError("is no array of one dimension")
        quoted, bare = part.groups()
        if quoted is not None:
            found.append(element(_QUOTED.sub(r"\1", quoted) if "\\" in quoted else quoted))
        else:
            found.append(None if bare.upper() == "NULL" else element(bare))
        at = part.end()
        if at == end:
            return found
        if text[at] != ",":
            raise ValueError("is no array of one dimension")
        at += 1


def composite(text: str) -> list[str | None]:
    """The fields of a composite value; None is NULL.

    Raises:
        ValueError: it is none.
    """
    if not (text.startswith("(") and text.endswith(")")):
        raise ValueError("is no composite value")
    found: list[str | None] = []
    at, end = 1, len(text) - 1
    while True:
        part = _FIELD.match(text, at, end)
        if part is None:
            raise ValueError("is no composite value")
        quoted, bare = part.groups()
        if quoted is None:
            found.append(bare or None)
        else:
            found.append(_QUOTED.sub(lambda one: one[1] or '"', quoted))
        at = part.end()
        if at == end:
            return found
        if text[at] != ",":
            raise ValueError("is no composite value")
        at += 1
