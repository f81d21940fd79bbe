"""The query string of an event request, decoded as HTML forms are.

`+` is a space, escapes are UTF-8; a bad escape stays as it is written. A repeated parameter keeps all its values,
because the checksum covers them; the first one counts.
"""

from urllib.parse import unquote_plus

Query = dict[str, str]
"""Parameter → first value."""


def parse_query(raw: str) -> tuple[Query, dict[str, list[str]] | None]:
    """The first value of each parameter, and all values when at least one parameter is repeated (else None)."""
    # Two control characters stand in for the separators while everything is unescaped in one go; a query that spells
    # one of them, or a backslash, takes the slow way. The tests are spelled out because a loop around them
    # would cost ten times as much.
    if not ("\\" in raw or "%00" in raw or "%01" in raw or "\x00" in raw or "\x01" in raw) and raw.isascii():
        fast = _parse_fast(raw)
        if fast is not None:
            return fast, None
    return _parse_slow(raw)


def _parse_fast(raw: str) -> Query | None:
    spelled = raw.replace("&", "\x00").replace("=", "\x01").replace("+", " ").replace("%", "\\x")
    try:
        text = spelled.encode().decode("unicode_escape")
    except UnicodeDecodeError:
        return None
    if not text.isascii():
        text = text.encode("latin-1").decode("utf-8", "replace")
    parts = [part.split("\x01") for part in text.split("\x00")]
    try:
        # Each part is a [name, value] pair; one without "=" or with two raises, and takes the slow way.
        query: Query = dict(parts)
    except ValueError:
        return None
    return query if len(query) == len(parts) else None


def _parse_slow(raw: str) -> tuple[Query, dict[str, list[str]] | None]:
    values: dict[str, list[str]] = {}
    for part in raw.split("&"):
        if part:
            name, _, value = part.partition("=")
            values.setdefault(unquote_plus(name), []).append(unquote_plus(value))
    repeated = any(len(each) > 1 for each in values.values())
    return {name: each[0] for name, each in values.items()}, (values if repeated else None)
