"""Values of request headers and of cookies, normalised as Divolte does. Nothing raises."""

import re
from collections.abc import Iterable

_SPACE = re.compile(r"[ \t]+")
_PLAIN = re.compile(r'[^,"\\\s]+')


def header_values(lines: Iterable[str]) -> list[str]:
    """The values of all lines: split at commas outside quotes, unquoted, whitespace single, empty ones left out."""
    found: list[str] = []
    for line in lines:
        if _PLAIN.fullmatch(line):
            found.append(line)
        else:
            found += _split(line)
    return found


def _split(line: str) -> list[str]:
    found: list[str] = []
    value: list[str] = []
    quoted, pending, index = False, False, 0
    while index <= len(line):
        character = line[index : index + 1]
        index += 1
        if quoted and character:
            if character == "\\" and index < len(line):
                value.append(line[index])
                index += 1
            elif character == '"':
                quoted = False
            else:
                value.append(character)
        elif character in {",", ""}:
            if value:
                found.append("".join(value))
            value, pending, quoted = [], False, False
        elif character in " \t":
            pending = bool(value)
        else:
            if pending:
                value.append(" ")
                pending = False
            if character == '"':
                quoted = True
            else:
                value.append(character)
    return found


def cookie_of(lines: Iterable[str], name: str) -> str | None:
    """The value of the first cookie of that name in `Cookie` headers, without quotes around it."""
    for line in lines:
        for part in line.split(";"):
            found, equals, value = part.strip().partition("=")
            if equals and found.strip() == name:
                value = value.strip()
                return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    return None
