"""What a list of alerts is asked for: filters, order and page, independent of any store."""

from typing import Literal

import msgspec

Operator = Literal["eq", "contains", "gt", "gte", "lt", "lte"]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """`field` holds any of `values`.

    For list fields (service, tags, correlate) `eq` means membership.     Field names are those of `Alert`;
    `attributes.<key>` reaches into the attributes; `id` compares prefixes of id and     last_receive_id. `contains`
    ignores case. Time values are ISO 8601 with `Z`.
    """

    field: str
    operator: Operator = "eq"
    values: tuple[str, ...]
    negate: bool = False


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Sort by `field`; severity and status sort by the rank that the alarm model gives them."""

    field: str
    descending: bool = False


class AlertQuery(msgspec.Struct, frozen=True, kw_only=True):
    """All filters must hold.

    `search` is free text, looked for in resource, event, text, value, service, and group.     `severities` and
    `statuses` give the ranks for sorting: the first sorts first; unknown ones sort last.
    """

    filters: tuple[Filter, ...] = ()
    search: str = ""
    order: tuple[Order, ...] = ()
    page: int = 1
    page_size: int = 50
    severities: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


class AlertCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts match, in all and by severity and status."""

    total: int = 0
    by_severity: dict[str, int] = {}
    by_status: dict[str, int] = {}
