"""Parts of URIs, in two readings: as browsers write them, and strictly as `java.net.URI` does.

The strict reading refuses what RFC 2396 refuses (spaces, `|`, a bad `%`), and then every part is absent. The other
takes any text apart. Nothing raises.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote, unquote_plus

_KEPT: Final = 1024
"""URIs whose parts are remembered; longer ones than `_KEPT_TEXT` characters are not."""
_KEPT_TEXT: Final = 512


class Uri(NamedTuple):
    """The parts as they are written; None is absent."""

    scheme: str | None
    host: str | None
    port: int | None
    path: str | None
    query: str | None
    fragment: str | None


_LENIENT = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?(?://(?P<authority>[^/?#\\]*))?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_AUTHORITY = re.compile(r"(?:.*@)?(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]*))?", re.DOTALL)
# Java takes letters and marks beyond ASCII wherever it takes an escape; spaces and control characters it does not.
_OTHER = "\u00a1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff\u3001-\U0010ffff"
_ESCAPED = "%[0-9A-Fa-f]{2}"
_UNRESERVED = r"A-Za-z0-9_\-!.~'()*"
_PATH = re.compile(rf"(?:[{_UNRESERVED}:@&=+$,;/{_OTHER}]|{_ESCAPED})*")
_URIC = re.compile(rf"(?:[{_UNRESERVED};/?:@&=+$,\[\]{_OTHER}]|{_ESCAPED})*")
_REGISTRY = re.compile(rf"(?:[{_UNRESERVED}$,;:@&=+{_OTHER}]|{_ESCAPED})+")
_USER = rf"(?:(?:[{_UNRESERVED};:&=+$,{_OTHER}]|{_ESCAPED})*@)?"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_TOP = "[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_SERVER = re.compile(
    rf"{_USER}(?P<host>\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.~-]+)?\]|(?:{_BYTE}\.){{3}}{_BYTE}|{_LABEL}\.?|"
    rf"(?:{_LABEL}\.)+{_TOP}\.?)(?::(?P<port>[0-9]*))?",
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_STRICT = re.compile(
    r"(?:(?P<scheme>[^:/?#]*):)?(?P<authority>//[^/?#]*)?(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)


def parse(text: str) -> Uri:
    """The parts of an address as browsers write it; every text has some."""
    return _kept(text) if len(text) <= _KEPT_TEXT else _parse(text)


def _parse(text: str) -> Uri:
    found = _LENIENT.fullmatch(text)
    assert found is not None  # noqa: S101 - every text matches
    scheme, authority, path, query, fragment = found.group("scheme", "authority", "path", "query", "fragment")
    host, port = None, None
    if authority:
        parts = _AUTHORITY.match(authority)
        if parts is not None:
            host, port = parts["host"] or None, _port(parts["port"])
    return Uri(scheme, host, port, path, query, fragment)


def parse_strict(text: str) -> Uri | None:
    """The parts as `java.net.URI` tells them; None when it refuses the text."""
    return _kept_strict(text) if len(text) <= _KEPT_TEXT else _parse_strict(text)


def _parse_strict(text: str) -> Uri | None:
    found = _STRICT.fullmatch(text)
    assert found is not None  # noqa: S101 - every text matches
    scheme, authority, path, query, fragment = found.group("scheme", "authority", "path", "query", "fragment")
    if not _legal(_SCHEME, scheme) or not _legal(_URIC, fragment):
        return None
    if scheme is not None and authority is None and not path.startswith("/"):
        opaque = path if query is None else f"{path}?{query}"
        return Uri(scheme, None, None, None, None, fragment) if opaque and _URIC.fullmatch(opaque) else None
    if not _legal(_PATH, path) or not _legal(_URIC, query):
        return None
    host = port = None
    if authority == "//":
        if not path and query is None and fragment is None:
            return None
    elif authority is not None:
        server = _SERVER.fullmatch(authority, 2)
        if server is not None and _port(server["port"]) != -1:
            host, port = server["host"], _port(server["port"])
        elif not _REGISTRY.fullmatch(authority, 2):
            return None
    return Uri(scheme, host, port, path, query, fragment)


def _legal(pattern: re.Pattern[str], part: str | None) -> bool:
    return part is None or pattern.fullmatch(part) is not None


_kept = lru_cache(maxsize=_KEPT)(_parse)
_kept_strict = lru_cache(maxsize=_KEPT)(_parse_strict)


def _port(digits: str | None) -> int | None:
    """The port; -1 when it is too large a number."""
    if not digits:
        return None
    return int(digits) if len(digits) < 10 or int(digits[:20]) < 2**31 else -1


def decoded(text: str | None) -> str | None:
    """With escapes decoded as UTF-8, and `+` left alone; a bad escape stays as it is."""
    return unquote(text) if text is not None and "%" in text else text


def query_map(text: str | None) -> dict[str, list[str]]:
    """All parameters of a query in the order of their first values, decoded as forms are."""
    found: dict[str, list[str]] = {}
    if text:
        for part in text.split("&"):
            if part:
                name, _, value = part.partition("=")
                found.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    return found
