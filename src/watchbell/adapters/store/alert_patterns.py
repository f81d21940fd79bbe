r"""Patterns over alerts that every store understands alike: wildcards, phrases, regular expressions.

Owns the portable form, a subset of what RE2 and PostgreSQL read with one meaning: literals, `.`, `[a-z]`, `[^a-z]`,
groups, `|`, `*`, `+`, `?`, `{2,5}`, `^`, `$`, `\d \w \s \D \W \S \b`. It is matched against the text in small letters,
so capitals in it become small. Fails with `Invalid` for anything else: look-around and back-references among it.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from watchbell.adapters.store import lines
from watchbell.domain.errors import Invalid
from watchbell.domain.pattern import Pattern

LONGEST = 200
MOST_TIMES = 100
_CLASSES = {"d": "0-9", "w": "a-z0-9_", "s": " \t\n\r\f\v"}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_SPECIAL = frozenset(".[](){}*+?^$|\\-")
_TIMES = re.compile(r"\{(\d{1,3})(?:(,)(\d{0,3}))?\}")
_BOUNDARY = r"\b"
_IN_POSTGRES = "(?:(?<![a-z0-9_])(?=[a-z0-9_])|(?<=[a-z0-9_])(?![a-z0-9_]))"


def quote(text: str) -> str:
    """The text as a pattern that finds it."""
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)


def phrase(text: str) -> str:
    """Finds the words of `text` in a row, not inside longer words."""
    return f"(^|[^a-z0-9_]){quote(text.lower())}($|[^a-z0-9_])"


def like(text: str) -> str:
    r"""Finds words of the form of `text`: `*` is any text, `?` one character or none, `\` takes both plainly."""
    return f"(^|[^a-z0-9_]){_wild(text.lower(), '.', quote)}($|[^a-z0-9_])"


def member_like(text: str) -> str:
    """The same for one whole member of an encoded list."""
    inside = _wild(text.lower(), "[^\n]", lambda part: quote(lines.escape(part)))
    return f"\n{inside}\n"


def _wild(text: str, any_character: str, plain: Callable[[str], str]) -> str:
    parts: list[str] = []
    literal, escaped = "", False
    for character in text:
        if escaped or character not in "*?\\":
            literal, escaped = literal + character, False
        elif character == "\\":
            escaped = True
        else:
            parts += [plain(literal), any_character + character]
            literal = ""
    return "".join([*parts, plain(literal)])


@lru_cache(maxsize=500)
def _compiled(pattern: str) -> Pattern:
    return Pattern(f"(?s){pattern}")  # `.` matches a line's end too, as it does in PostgreSQL


def found(pattern: str, text: str) -> bool:
    """Whether a portable pattern is found in a text, whatever its letters' case."""
    lowered = text.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")
    return found_in_small(pattern, lowered if pattern.isascii() else text.lower())


def found_in_small(pattern: str, text: str) -> bool:
    """The same for a text that is in small letters already."""
    return _compiled(pattern).found_in(text)


def for_postgres(pattern: str) -> str:
    r"""A portable pattern as PostgreSQL reads it: `\b` means something else there."""
    return re.sub(r"\\(.)", lambda found: _IN_POSTGRES if found[1] == "b" else found[0], pattern, flags=re.DOTALL)


def portable(text: str) -> str:
    """A user's regular expression in the portable form.

    Raises:
        Invalid: it is too long or uses what not every store understands.
    """
    if len(text) > LONGEST:
        raise Invalid(f"a regular expression has at most {LONGEST} characters")
    pattern = "".join(_Reader(text).parts())
    _compiled(pattern)  # what is left to be wrong, such as brackets and size
    return pattern


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parts(self) -> Iterator[str]:
        repeatable = False
        while self._at < len(self._text):
            character = self._next()
            if character in "*+?{":
                if not repeatable:
                    raise self._wrong(f"{character!r} repeats nothing")
                yield self._times(character)
                repeatable = False
                continue
            repeatable = character not in "^$|("
            if character == "(":
                yield self._group()
            elif character == "[":
                yield self._set()
            elif character == "\\":
                escape = self._escape()
                repeatable = escape != _BOUNDARY
                yield escape
            elif character in ".^$|)":
                yield character
            else:
                yield quote(self._plain(character))

    def _times(self, character: str) -> str:
        if character == "{":
            found = _TIMES.match(self._text, self._at - 1)
            if found is None or max(int(found[1]), int(found[3] or 0)) > MOST_TIMES:
                raise self._wrong(f"a repetition is {{2}}, {{2,}} or {{2,5}}, at most {MOST_TIMES}")
            self._at = found.end()
            character = found[0]
        if self._text.startswith("?", self._at):
            self._at += 1  # lazy: finds the same texts
        return character

    def _group(self) -> str:
        if not self._text.startswith("?", self._at):
            return "("
        if not self._text.startswith("?:", self._at):
            raise self._wrong("of the groups with '?' only (?:…) is understood")
        self._at += 2
        return "(?:"

    def _set(self) -> str:
        negated = self._text.startswith("^", self._at)
        self._at += negated
        members = ""
        while True:
            character = self._member()
            if character == "]":
                break
            if self._text.startswith("-", self._at) and not self._text.startswith("-]", self._at):
                self._at += 1
                last = self._member()
                if len(character.lstrip("\\")) != 1 or len(last.lstrip("\\")) != 1 or last == "]":
                    raise self._wrong("a range goes from one character to another")
                if character.lstrip("\\") > last.lstrip("\\"):
                    raise self._wrong("a range goes upwards")
                character = f"{character}-{last}"
            members += character
        if not members:
            raise self._wrong("a set of characters is empty")
        return f"[{'^' if negated else ''}{members}]"

    def _member(self) -> str:
        """One member of a set, as it is written there; ']' for its end."""
        character = self._next("a ']' is missing")
        if character == "]":
            return character
        if character != "\\":
            return quote(self._plain(character))
        name = self._next("a backslash needs a character behind it")
        if name in _CLASSES:
            return _CLASSES[name]
        if name.isalnum() and name not in _CONTROLS:
            raise self._wrong(f"\\{name} is not understood in a set")
        return quote(_CONTROLS.get(name, self._plain(name)))

    def _escape(self) -> str:
        name = self._next("a backslash needs a character behind it")
        if name.lower() in _CLASSES:
            return f"[{'^' if name.isupper() else ''}{_CLASSES[name.lower()]}]"
        if name == "b":
            return _BOUNDARY
        if name in _CONTROLS:
            return _CONTROLS[name]
        if name.isalnum():
            raise self._wrong(f"\\{name} is not understood")
        return quote(self._plain(name))

    def _plain(self, character: str) -> str:
        if character == "\0":
            raise self._wrong("contains a character that cannot be searched")
        lower = character.lower()
        return lower if len(lower) == 1 else character

    def _next(self, otherwise: str = "ends too early") -> str:
        if self._at >= len(self._text):
            raise self._wrong(otherwise)
        self._at += 1
        return self._text[self._at - 1]

    def _wrong(self, reason: str) -> Invalid:
        return Invalid(f"/{self._text}/ is not a regular expression that is understood: {reason}")
