"""Party and session identifiers: `0:<time in base 36>:<anything without a colon>`.

What does not follow the grammar has no identifier (None); the event that carries it is rejected.
"""

import re

from watchbell.domain.events.numbers import parse_base36, to_base36

# What the tag emits is already canonical. That nearly every identifier takes this way is what makes decoding cheap.
_CANONICAL = re.compile(r"0:(?:0|[1-9a-z][0-9a-z]{0,10}):[^:]*", re.ASCII | re.DOTALL)


def parse_identifier(text: str | None) -> str | None:
    """The canonical form of an identifier (lower-case time, no `+`, no leading zeros), or None."""
    if text is None:
        return None
    if _CANONICAL.fullmatch(text):
        return text
    parts = text.split(":")
    if len(parts) != 3 or parts[0] != "0":
        return None
    moment = parse_base36(parts[1])
    return None if moment is None else f"0:{to_base36(moment)}:{parts[2]}"


def identifier_time_ms(identifier: str) -> int:
    """When a canonical identifier was made, in milliseconds since 1970 by the browser's clock."""
    return int(identifier.split(":", 2)[1], 36)
