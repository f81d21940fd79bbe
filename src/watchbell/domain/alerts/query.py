"""What a list of alerts is asked for: filters, order and page, independent of any store."""

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

T = TypeVar("T")

Operator = Literal["eq", "contains", "gt", "gte", "lt", "lte", "term", "phrase", "like", "regex", "exists"]


class Filter(msgspec.Struct, frozen=True, kw_only=True, tag="filter"):
    """`field` holds any of `values`.

    For list fields (service, tags, correlate) `eq` means membership. Field names are those of `Alert`;
    `attributes.<key>` reaches into the attributes; `id` compares prefixes of id and last_receive_id; `any` stands for
    the texts that people search. Time values are ISO 8601 with `Z`.

    `contains` ignores case, and so do the operators of the search language: `term` is `contains` for a text,
    membership for a list, equality for all else; `phrase` finds whole words; in `like`, `*` and `?` stand for any and
    for one or no character, a backslash makes them plain; `regex` is a regular expression that every store understands;
    `exists` takes no value.
    """

    field: str
    operator: Operator = "eq"
    values: tuple[str, ...]
    negate: bool = False


class AllOf(msgspec.Struct, frozen=True, kw_only=True, tag="all"):
    """Every part holds; so without parts it always does."""

    parts: tuple["Expression", ...]


class AnyOf(msgspec.Struct, frozen=True, kw_only=True, tag="any"):
    """One part holds; so without parts it never does."""

    parts: tuple["Expression", ...]


class Negation(msgspec.Struct, frozen=True, kw_only=True, tag="not"):
    """The part does not hold."""

    part: "Expression"


Expression = Filter | AllOf | AnyOf | Negation


def predicate_of(wanted: Expression, leaf: Callable[[Filter], Callable[[T], bool]]) -> Callable[[T], bool]:
    """The test that things pass for which the expression holds; `leaf` makes the test of a filter."""
    match wanted:
        case AllOf():
            parts = [predicate_of(part, leaf) for part in wanted.parts]
            return lambda thing: all(part(thing) for part in parts)
        case AnyOf():
            parts = [predicate_of(part, leaf) for part in wanted.parts]
            return lambda thing: any(part(thing) for part in parts)
        case Negation():
            part = predicate_of(wanted.part, leaf)
            return lambda thing: not part(thing)
        case Filter():
            return leaf(wanted)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Sort by `field`; severity and status sort by the rank that the alarm model gives them."""

    field: str
    descending: bool = False


class AlertQuery(msgspec.Struct, frozen=True, kw_only=True):
    """All filters must hold, and `search` too.

    `severities` and `statuses` give the ranks for sorting: the first sorts first; unknown ones sort last.
    """

    filters: tuple[Filter, ...] = ()
    search: Expression = AllOf(parts=())
    order: tuple[Order, ...] = ()
    page: int = 1
    page_size: int = 50
    severities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


Measure = Literal["count", "flapping", "standing"]
"""How bad a group of alerts is: how many there are, how often their severity changed, how many seconds they stood."""


class Offender(msgspec.Struct, frozen=True, kw_only=True):
    """A group of alerts that have one value in the field that was asked for, in a list of the worst.

    `resources` are (id, resource) of its alerts, at most `MOST_RESOURCES` in a list.
    """

    name: str
    count: int
    duplicate_count: int = 0
    environments: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    resources: tuple[tuple[str, str], ...] = ()


MOST_RESOURCES = 1000


class AlertCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts match, in all and by severity and status."""

    total: int = 0
    by_severity: dict[str, int] = {}
    by_status: dict[str, int] = {}
