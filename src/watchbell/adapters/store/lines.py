"""Lists of text as one text: a member on each line, so that any database can look for a member without knowing JSON.

Owns the encoding. The text starts and ends with a newline; a newline in a member is escaped. The escape is such that
one encoded text contains another exactly where the plain texts do, so a search for a part of a member is exact too.
"""

from collections.abc import Sequence

_ESCAPES = {"\n": "\x1b\x1c\x1c", "\x1b": "\x1b\x1c\x1d", "\x1c": "\x1b\x1d\x1c", "\x1d": "\x1b\x1d\x1d"}
# The escape character never stands for itself inside a code, so a match can only begin where a character begins.
_ENCODE = str.maketrans(_ESCAPES)
_DECODE = {code: plain for plain, code in _ESCAPES.items()}


def escape(text: str) -> str:
    """One member, or a part of one, as it stands inside the encoded text."""
    return text if text.isprintable() else text.translate(_ENCODE)


def unescape(text: str) -> str:
    """The member again."""
    if "\x1b" not in text:
        return text
    first, *rest = text.split("\x1b")
    return first + "".join(_DECODE["\x1b" + part[:2]] + part[2:] for part in rest)


def encode(members: Sequence[str]) -> str:
    """All members as one text; '' when there are none."""
    return "\n" + "\n".join(map(escape, members)) + "\n" if members else ""


def decode(text: str) -> tuple[str, ...]:
    """The members of an encoded text."""
    return tuple(map(unescape, text[1:-1].split("\n"))) if text else ()


def member(text: str) -> str:
    """What the encoded text contains exactly when `text` is a member."""
    return f"\n{escape(text)}\n"
