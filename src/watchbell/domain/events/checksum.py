"""The checksum of a request: it tells a truncated URL from a whole one. It does not tell who made it.

MurmurHash3 (x86, 32 bits, seed 0) over the UTF-8 of a canonical string of all parameters but the checksum itself.
"""

from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter

import mmh3

from watchbell.domain.events.numbers import parse_base36, to_base36
from watchbell.domain.events.query import Query

CHECKSUM_PARAMETER = "x"

# Names together longer than this (characters) are nobody's tag; remembering their order would cost memory.
_KEPT_NAMES = 128


def _sorted_names(names: tuple[str, ...]) -> list[str]:
    covered = [name for name in names if name != CHECKSUM_PARAMETER]
    if "".join(covered).isascii():
        return sorted(covered)
    return sorted(covered, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


@lru_cache(maxsize=1024)
def _form(names: tuple[str, ...]) -> tuple[str, Callable[[Query], tuple[str, ...]]]:
    """For parameters in this order: the canonical string with places for the values, and what takes these from a query.

    A tag sends its parameters in few different orders, so sorting is done once for each.
    """
    covered = _sorted_names(names)
    template = "".join(f"{name.replace('{', '{{').replace('}', '}}')}={{}},;" for name in covered)

    def values(query: Query) -> tuple[str, ...]:
        return tuple([query[name] for name in covered])

    return template, itemgetter(*covered) if len(covered) > 1 else values


def canonical_string(query: Query, repeated: dict[str, list[str]] | None) -> str:
    """All parameters but `x`, sorted by name (UTF-16 order): the name, `=`, each value followed by `,`, then `;`."""
    if repeated is None and len("".join(query)) <= _KEPT_NAMES:
        template, values = _form(tuple(query))
        return template.format(*values(query))
    names = _sorted_names(tuple(query))
    if repeated is None:
        return "".join([f"{name}={query[name]},;" for name in names])
    return "".join([f"{name}={''.join([f'{value},' for value in repeated[name]])};" for name in names])


def checksum_of(canonical: str) -> int:
    """The signed 32-bit hash of a canonical string."""
    return mmh3.hash(canonical.encode("utf-8", "surrogatepass"), 0)


def render_checksum(checksum: int) -> str:
    """A checksum as the tag sends it."""
    return to_base36(checksum)


def is_intact(query: Query, repeated: dict[str, list[str]] | None) -> bool:
    """Whether the checksum is there and right. Missing, empty, malformed and wrong are all the same: not intact."""
    sent = query.get(CHECKSUM_PARAMETER)
    if not sent:
        return False
    return parse_base36(sent) == checksum_of(canonical_string(query, repeated))
