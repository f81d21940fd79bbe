"""Groovy text to tokens. Comments are dropped; ends of lines are tokens, as they end statements.

Raises `InvalidGroovy` for what can be no token, such as a text that is never closed.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from watchbell.importers.divolte.groovy.tree import InvalidGroovy

MAX_CHARACTERS: Final = 1 << 20
MAX_DIGITS: Final = 100

_SPACE = re.compile(r"(?:[ \t\r\f\v\u00a0\ufeff]|\\\r?\n)+")
_LINE_COMMENT = re.compile(r"//[^\n]*")
_NAME = re.compile(r"[^\W\d][\w$]*|\$[\w$]+")
_NUMBER = re.compile(
    r"0[xX][0-9a-fA-F_]+[iIlLgG]?|0[bB][01_]+[iIlLgG]?"
    r"|[0-9][0-9_]*(?:\.[0-9][0-9_]*)?(?:[eE][+-]?[0-9]+)?[iIlLgGfFdD]?"
)
_OPERATORS = (
    *("==~", "<=>", "===", "!==", "?.", "*.", ".&", "->", "==", "!=", "<=", ">=", "&&", "||", "=~", "?:", "++", "--"),
    *("+=", "-=", "**", ".."),
)
_SIGNS = "{}()[].,;:=!<>+-*/%?&|^~@"
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "s": " "}
_OCTAL = re.compile(r"[0-3]?[0-7]{1,2}")
_HEX = re.compile(r"u+([0-9a-fA-F]{4})")
_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class Token(NamedTuple):
    """A piece of the text. `kind`: name, text, template, number, sign, line, end; `parts` belongs to templates."""

    kind: str
    text: str
    line: int
    start: int
    end: int
    parts: tuple[tuple[bool, str, int], ...] = ()
    """Of a template: whether it is an expression, its text, its line."""


def tokens_of(text: str, first_line: int = 1) -> list[Token]:
    """All tokens; the last is of the kind `end`."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidGroovy(first_line, f"the script is longer than {MAX_CHARACTERS} characters")
    return list(_Scanner(text, first_line).scan())


class _Scanner:
    def __init__(self, text: str, line: int) -> None:
        self._text = text
        self._at: int = 0
        self._line = line
        self._last: Token | None = None

    def scan(self) -> Iterator[Token]:
        while self._skip():
            token = self._token()
            self._last = token
            yield token
        yield Token("end", "", self._line, self._at, self._at)

    def _skip(self) -> bool:
        """Skip spaces and comments; false at the end."""
        text = self._text
        if self._at == 0 and text.startswith("#!"):
            end = text.find("\n")
            self._at = len(text) if end < 0 else end
        while self._at < len(text):
            match = _SPACE.match(text, self._at) or _LINE_COMMENT.match(text, self._at)
            if match:
                self._line += match.group().count("\n")
                self._at = match.end()
            elif text.startswith("/*", self._at):
                end = text.find("*/", self._at + 2)
                if end < 0:
                    raise InvalidGroovy(self._line, "this comment is never closed with */")
                self._line += text.count("\n", self._at, end)
                self._at = end + 2
            else:
                return True
        return False

    def _token(self) -> Token:
        text, start, sign = self._text, self._at, self._text[self._at]
        if sign == "\n":
            self._at += 1
            self._line += 1
            return Token("line", "\n", self._line - 1, start, self._at)
        if sign in "'\"":
            return self._quoted(sign)
        if sign == "/" and not self._after_value():
            return self._slashy()
        if text.startswith("$/", start):
            raise InvalidGroovy(self._line, "texts between $/ and /$ are not read; write it in single quotes")
        for kind, pattern in (("number", _NUMBER), ("name", _NAME)):
            match = pattern.match(text, start)
            if match:
                self._at = match.end()
                return Token(kind, match.group(), self._line, start, self._at)
        found = next((operator for operator in _OPERATORS if text.startswith(operator, start)), sign)
        if found not in _OPERATORS and found not in _SIGNS:
            raise InvalidGroovy(self._line, f"unexpected {sign!r}")
        self._at += len(found)
        return Token("sign", found, self._line, start, self._at)

    def _after_value(self) -> bool:
        last = self._last
        return last is not None and (
            last.kind in {"name", "text", "template", "number"} or last.text in {")", "]", "}"}
        )

    def _slashy(self) -> Token:
        """A text between slashes, in which a backslash stands for itself but before a slash."""
        start, line, at = self._at, self._line, self._at + 1
        while True:
            end = self._text.find("/", at)
            if end < 0:
                raise InvalidGroovy(line, "this text is never closed with /")
            if self._text[end - 1] != "\\":
                break
            at = end + 1
        content = self._text[start + 1 : end].replace("\\/", "/")
        if re.search(r"\$(\{|[A-Za-z_])", content):
            raise InvalidGroovy(line, "a text between slashes with $ in it is not read; write it in single quotes")
        self._line += content.count("\n")
        self._at = end + 1
        return Token("text", content, line, start, self._at)

    # ── Texts in quotes ──────────────────────────────────────────────────────────────────────────────────────────────

    def _quoted(self, quote: str) -> Token:
        start, line = self._at, self._line
        closing = quote * 3 if self._text.startswith(quote * 3, start) else quote
        self._at += len(closing)
        parts: list[tuple[bool, str, int]] = []
        current: list[str] = []
        while not self._text.startswith(closing, self._at):
            sign = self._text[self._at : self._at + 1]
            if not sign or (sign == "\n" and len(closing) == 1):
                raise InvalidGroovy(line, f"this text is never closed with {closing}")
            if sign == "\\":
                current.append(self._escape())
            elif sign == "$" and quote == '"':
                if current:
                    parts.append((False, "".join(current), self._line))
                    current = []
                parts.append(self._embedded())
            else:
                current.append(sign)
                self._line += sign == "\n"
                self._at += 1
        self._at += len(closing)
        if any(is_expression for is_expression, _, _ in parts):
            if current:
                parts.append((False, "".join(current), self._line))
            return Token("template", "", line, start, self._at, tuple(parts))
        return Token("text", "".join(current), line, start, self._at)

    def _escape(self) -> str:
        at = self._at + 1
        code = self._text[at : at + 1]
        if code == "\n":
            self._line += 1
            self._at = at + 1
            return ""
        for pattern, base in ((_HEX, 16), (_OCTAL, 8)):
            match = pattern.match(self._text, at)
            if match:
                self._at = match.end()
                return chr(int(match.group(match.lastindex or 0), base))
        self._at = at + 1
        if code in _ESCAPES:
            return _ESCAPES[code]
        if code and code in "\\'\"$":
            return code
        raise InvalidGroovy(self._line, f"\\{code} is no escape; write a backslash twice")

    def _embedded(self) -> tuple[bool, str, int]:
        """`$name.other` or `${expression}`."""
        at, line = self._at + 1, self._line
        if self._text.startswith("{", at):
            end = self._text.find("}", at)
            inside = self._text[at + 1 : end] if end > 0 else ""
            if not inside.strip() or any(sign in inside for sign in "{\"'\n"):
                raise InvalidGroovy(line, "only plain expressions are read between ${ and }")
            self._at = end + 1
            return True, inside, line
        match = _DOTTED.match(self._text, at)
        if not match:
            raise InvalidGroovy(line, "$ must be followed by a name or {; write \\$ for the sign itself")
        self._at = match.end()
        return True, match.group(), line
