"""HOCON text to nodes. Reads characters, because white space between values counts.

Raises `InvalidHocon` with the place and nothing else, whatever the text; nesting and size are bounded.
"""

import re
from bisect import bisect_right
from collections.abc import Callable

from watchbell.importers.divolte.hocon.values import (
    Block,
    InvalidHocon,
    Joined,
    Node,
    Place,
    Reference,
    Scalar,
    Sequence,
)

MAX_DEPTH = 64
MAX_CHARACTERS = 1 << 20

_SPACE = re.compile(r"[^\S\n]*")
_UNQUOTED = re.compile(r"(?:[^\s$\"{}\[\]:=,+#`^?!@*&\\/]|/(?!/))+")
_INCLUDE = re.compile(r"include(?=[\s\"]|required\()[^\S\n]*")
_QUOTED = re.compile(r'"((?:[^"\\\n\x00-\x1f]|\\.)*)"')
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WRAPPED = re.compile(r"(required|file|url|classpath|package)\([^\S\n]*")

Include = Callable[[str, bool, tuple[str, ...], Place], Block | None]
"""Reads an included file: its name, whether it must be there, the path of the including object, the place."""


class Parser:
    """Reads one text. `path` is where its root stands in the whole: empty, but for included files."""

    def __init__(self, text: str, file: str, include: Include, path: tuple[str, ...] = ()) -> None:
        self._text = text.removeprefix("\ufeff")
        self._file = file
        self._include = include
        self._root = path
        self._at = 0
        self._depth = 0
        self._in_list = 0
        self._ends = [match.start() for match in re.finditer("\n", self._text)]

    def parse(self) -> Block:
        """The whole text as one object."""
        if len(self._text) > MAX_CHARACTERS:
            raise InvalidHocon(Place(self._file, 1), f"is longer than {MAX_CHARACTERS} characters")
        self._skip_lines()
        if self._peek() == "[":
            raise self._error("a list stands where the settings must be an object")
        if self._peek() != "{":
            return self._fields(self._root, closed=False)
        block = self._block(self._root)
        self._skip_lines()
        if self._at < len(self._text):
            raise self._error("text after the end of the object")
        return block

    # ── Characters ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _peek(self, length: int = 1) -> str:
        return self._text[self._at : self._at + length]

    def _place(self) -> Place:
        return Place(self._file, bisect_right(self._ends, self._at - 1) + 1)

    def _error(self, reason: str) -> InvalidHocon:
        return InvalidHocon(self._place(), reason)

    def _skip_space(self) -> str:
        start = self._at
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[start : self._at]

    def _skip_lines(self) -> bool:
        """Skip white space, ends of lines and comments; tell whether a line ended."""
        ended = False
        while True:
            self._skip_space()
            if self._peek() == "\n":
                ended = True
                self._at += 1
            elif self._comment_here():
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            else:
                return ended

    def _comment_here(self) -> bool:
        return self._peek() == "#" or self._peek(2) == "//"

    # ── Objects ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _block(self, path: tuple[str, ...]) -> Block:
        self._at += 1
        self._deeper()
        block = self._fields(path, closed=True)
        self._depth -= 1
        return block

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"is nested more than {MAX_DEPTH} deep")

    def _fields(self, path: tuple[str, ...], *, closed: bool) -> Block:
        block = Block(fields={}, place=self._place())
        while True:
            self._skip_lines()
            if self._at >= len(self._text):
                if closed:
                    raise InvalidHocon(block.place, "this object is never closed with }")
                return block
            if self._peek() == "}":
                if not closed:
                    raise self._error("} without {")
                self._at += 1
                return block
            self._field(block, path)
            self._separator("}")

    def _separator(self, closing: str) -> None:
        """Between fields or items: an end of line, a comma, or the end is coming."""
        ended = self._skip_lines()
        if self._peek() == ",":
            self._at += 1
        elif not ended and self._at < len(self._text) and self._peek() != closing:
            raise self._error(f"unexpected {self._peek()!r}; put a text with such signs into double quotes")

    def _field(self, block: Block, path: tuple[str, ...]) -> None:
        include = _INCLUDE.match(self._text, self._at)
        if include:
            self._included(block, path, include.end())
            return
        place = self._place()
        key = self._key()
        self._skip_space()
        below = path + key
        if self._peek() == "{":
            value: Node = self._value(below)
        elif self._peek(2) == "+=":
            self._at += 2
            value = self._appended(below, place)
        elif self._peek() in {":", "="} and self._peek():
            self._at += 1
            self._skip_lines()
            value = self._value(below)
        else:
            raise self._error(f"after the name {'.'.join(key)!r} there must be =, : or {{")
        for name in reversed(key[1:]):
            value = Block(fields={name: [value]}, place=place)
        block.fields.setdefault(key[0], []).append(value)

    def _appended(self, path: tuple[str, ...], place: Place) -> Node:
        if self._in_list:
            raise self._error("+= within a list is not supported")
        self._skip_lines()
        added = Sequence(items=(self._value(path),), place=place)
        return Joined(parts=(Reference(path=path, optional=True, place=place), added), place=place)

    def _key(self) -> tuple[str, ...]:
        """A path such as `a.b."c.d"`."""
        parts: list[str] = []
        current, quoted = "", False
        while True:
            sign = self._peek()
            if sign == '"':
                current, quoted = current + self._quoted().text, True
            elif match := _UNQUOTED.match(self._text, self._at):
                self._at = match.end()
                pieces = match.group().split(".")
                current += pieces[0]
                for piece in pieces[1:]:
                    parts.append(self._name(current, quoted=quoted))
                    current, quoted = piece, False
            elif sign and sign in " \t\r" and self._name_goes_on():
                current += self._skip_space()
            else:
                break
        return (*parts, self._name(current, quoted=quoted))

    def _name_goes_on(self) -> bool:
        match = _SPACE.match(self._text, self._at)
        end = match.end() if match else self._at
        return _UNQUOTED.match(self._text, end) is not None or self._text[end : end + 1] == '"'

    def _name(self, text: str, *, quoted: bool) -> str:
        if not quoted:
            text = text.strip()
        if not text and not quoted:
            raise self._error("a name is missing here")
        return text

    def _included(self, block: Block, path: tuple[str, ...], end: int) -> None:
        place = self._place()
        if self._in_list:
            raise self._error("an include within a list is not supported")
        self._at = end
        required, closing = False, 0
        while match := _WRAPPED.match(self._text, self._at):
            if self._text.startswith('classpath("reference.conf")', self._at):
                self._at += len('classpath("reference.conf")')
                return  # Divolte's own defaults, which are known
            if match.group(1) not in {"required", "file"}:
                raise self._error(f"include {match.group(1)}(…) is refused; only files of this folder are read")
            required = required or match.group(1) == "required"
            closing += 1
            self._at = match.end()
        if self._peek() != '"':
            raise self._error('an include must name a file in double quotes: include "other.conf"')
        name = self._quoted().text
        for _ in range(closing):
            self._skip_space()
            if self._peek() != ")":
                raise self._error("a ) is missing after the included file")
            self._at += 1
        included = self._include(name, required, path, place)
        for key, values in (included.fields if included else {}).items():
            block.fields.setdefault(key, []).extend(values)

    # ── Values ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _value(self, path: tuple[str, ...]) -> Node:
        place = self._place()
        parts: list[Node] = []
        while True:
            space = self._skip_space()
            sign = self._peek()
            if not sign or sign in "\n,}]" or self._comment_here():
                break
            if space and parts:
                parts.append(Scalar(text=space, place=place))
            parts.append(self._piece(sign, path))
        if not parts:
            raise self._error("a value is missing here")
        return parts[0] if len(parts) == 1 else Joined(parts=tuple(parts), place=place)

    def _piece(self, sign: str, path: tuple[str, ...]) -> Node:
        if sign == "{":
            return self._block(path)
        if sign == "[":
            return self._list(path)
        if sign == '"':
            return self._quoted()
        if self._peek(2) == "${":
            return self._reference()
        match = _UNQUOTED.match(self._text, self._at)
        if not match:
            raise self._error(f"unexpected {sign!r}; put a text with such signs into double quotes")
        place = self._place()
        self._at = match.end()
        return Scalar(text=match.group(), place=place)

    def _list(self, path: tuple[str, ...]) -> Sequence:
        place = self._place()
        self._at += 1
        self._deeper()
        self._in_list += 1
        items: list[Node] = []
        while True:
            self._skip_lines()
            if self._at >= len(self._text):
                raise InvalidHocon(place, "this list is never closed with ]")
            if self._peek() == "]":
                self._at += 1
                break
            items.append(self._value(path))
            self._separator("]")
        self._depth -= 1
        self._in_list -= 1
        return Sequence(items=tuple(items), place=place)

    def _quoted(self) -> Scalar:
        place = self._place()
        if self._peek(3) == '"""':
            end = self._text.find('"""', self._at + 3)
            if end < 0:
                raise self._error('this text is never closed with """')
            while self._text[end + 3 : end + 4] == '"':  # quotes before the closing three belong to the text
                end += 1
            text = self._text[self._at + 3 : end]
            self._at = end + 3
            return Scalar(text=text, quoted=True, place=place)
        match = _QUOTED.match(self._text, self._at)
        if not match:
            raise self._error("this text is never closed with a double quote on its line")
        text = _ESCAPE.sub(self._unescaped, match.group(1))
        self._at = match.end()
        return Scalar(text=text, quoted=True, place=place)

    def _unescaped(self, match: re.Match[str]) -> str:
        code = match.group(1)
        if len(code) == 5:
            return chr(int(code[1:], 16))
        if code not in _ESCAPES:
            raise self._error(f"\\{code} is no escape; write a backslash twice")
        return _ESCAPES[code]

    def _reference(self) -> Reference:
        place = self._place()
        self._at += 2
        optional = self._peek() == "?"
        self._at += optional
        self._skip_space()
        path = self._key()
        self._skip_space()
        if self._peek() != "}":
            raise self._error("a substitution must end with }")
        self._at += 1
        return Reference(path=path, optional=optional, prefix=self._root, place=place)
