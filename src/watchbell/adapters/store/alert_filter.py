"""What an `AlertQuery` means: the fields, the comparisons and the order that every store gives the same answer to.

Owns the reading of a query into conditions and keys, and their evaluation in Python; the SQL store compiles the same
conditions into statements. Fails with `Invalid` for a field that does not exist, a value that cannot be read, or a
comparison that means nothing.

Two-valued logic: a field without a value matches nothing, and its negation matches. None sorts last in both directions,
and so do a severity and a status without a rank. `contains` ignores case: that of ASCII for an ASCII needle, that of
Unicode otherwise. Text compares by code point.
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import msgspec

from watchbell.adapters.store import lines
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.query import AlertCounts, AlertQuery, Filter, Operator, Order
from watchbell.domain.errors import Invalid

MINIMUM_PREFIX = 8
"""So many characters of an identifier are enough to ask for one alert."""

SEARCHED = ("resource", "event", "text", "value", "service", "group")
"""The fields that free text is looked for in."""


class Kind(Enum):
    """How the values of a field compare."""

    ID = "id"
    TEXT = "text"
    ANY = "any"
    LIST = "list"
    NUMBER = "number"
    FLAG = "flag"
    TIME = "time"
    ATTRIBUTE = "attribute"


FIELDS: dict[str, Kind] = {
    "id": Kind.ID,
    **dict.fromkeys(
        ("environment", "resource", "event", "severity", "status", "group", "text", "origin", "type"), Kind.TEXT
    ),
    **dict.fromkeys(
        ("customer", "previous_severity", "trend_indication", "last_receive_id", "previous_status"), Kind.TEXT
    ),
    **dict.fromkeys(("status_before_ack", "status_before_shelve"), Kind.TEXT),
    **dict.fromkeys(("value", "raw_data"), Kind.ANY),
    **dict.fromkeys(("correlate", "service", "tags"), Kind.LIST),
    **dict.fromkeys(("timeout", "duplicate_count", "version"), Kind.NUMBER),
    "repeat": Kind.FLAG,
    **dict.fromkeys(("create_time", "receive_time", "last_receive_time", "update_time", "reverts_at"), Kind.TIME),
}
_TEXTUAL = (Kind.TEXT, Kind.ANY, Kind.ATTRIBUTE)
_FLAGS = {"true": True, "t": True, "1": True, "yes": True, "y": True, "on": True} | dict.fromkeys(
    ("false", "f", "0", "no", "n", "off"), False
)
_LARGEST = 2**53
_Row = TypeVar("_Row")


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A filter that has been read: `values` have the type that the kind compares, `key` is that of an attribute."""

    field: str
    kind: Kind
    key: str = ""
    operator: Operator
    values: tuple[Any, ...]
    negate: bool


class SortKey(msgspec.Struct, frozen=True, kw_only=True):
    """An order that has been read. `ranks` is empty unless the field sorts by rank."""

    field: str
    kind: Kind
    key: str = ""
    descending: bool
    ranks: tuple[str, ...] | None = None


def kind_of(field: str) -> tuple[Kind, str]:
    """The kind of a field, and the key when it is an attribute."""
    head, dot, key = field.partition(".")
    if dot and head == "attributes" and key:
        return Kind.ATTRIBUTE, key
    if field not in FIELDS:
        raise Invalid("is not a field of an alert", field)
    return FIELDS[field], ""


def conditions(query: AlertQuery) -> list[Condition]:
    """The filters of a query, read. Free text is not among them."""
    return [_condition(item) for item in query.filters]


def sort_keys(query: AlertQuery) -> list[SortKey]:
    """The order of a query, read: last received first when it asks for none. Equal alerts are to follow by id."""
    ranks = {"severity": query.severities, "status": query.statuses}
    keys: list[SortKey] = []
    for order in query.order or (Order(field="last_receive_time", descending=True),):
        kind, key = kind_of(order.field)
        keys.append(
            SortKey(field=order.field, kind=kind, key=key, descending=order.descending, ranks=ranks.get(order.field))
        )
    return keys


def _condition(item: Filter) -> Condition:
    kind, key = kind_of(item.field)
    ordered = item.operator in ("gt", "gte", "lt", "lte")
    if ordered and kind in (Kind.ID, Kind.LIST, Kind.FLAG):
        raise Invalid("has no order", item.field)
    if item.operator == "contains" and kind not in (*_TEXTUAL, Kind.ID, Kind.LIST):
        raise Invalid("is not text", item.field)
    values = tuple(_read(item.field, kind, value) for value in item.values)
    return Condition(field=item.field, kind=kind, key=key, operator=item.operator, values=values, negate=item.negate)


def _read(field: str, kind: Kind, value: str) -> Any:
    if kind is Kind.NUMBER:
        return _number(field, value)
    if kind is Kind.FLAG:
        if value.lower() not in _FLAGS:
            raise Invalid("is not true or false", field)
        return _FLAGS[value.lower()]
    if kind is Kind.TIME:
        return _moment(field, value)
    return value


def _number(field: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise Invalid("is not a number", field) from None
    if not -_LARGEST <= number <= _LARGEST:
        raise Invalid("is out of range", field)
    return number


def _moment(field: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Invalid("is not a time in ISO 8601", field) from None
    if moment.tzinfo is None:
        raise Invalid("needs a time zone, such as Z", field)
    return moment


def text_of(value: Any) -> str | None:
    """The text that a value of any type is compared by: itself when it is text, its JSON otherwise."""
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def contains(haystack: str, needle: str) -> bool:
    """Whether `needle` is in `haystack`, ignoring case as the module's docstring says."""
    if needle.isascii():
        return needle.encode().lower() in haystack.encode(errors="surrogatepass").lower()
    return needle.lower() in haystack.lower()


def prefix_end(prefix: str) -> str | None:
    """The smallest text, by code point, after all those that start with `prefix`; None when there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None


def matches(query: AlertQuery) -> Callable[[Alert], bool]:
    """The test that an alert passes when all filters of the query hold and the free text is found."""
    tests = [_test(condition) for condition in conditions(query)]
    if query.search:
        tests.append(lambda alert: _found(alert, query.search))
    return lambda alert: all(test(alert) for test in tests)


def sorted_by(query: AlertQuery, alerts: list[Alert]) -> list[Alert]:
    """The alerts in the order that the query asks for."""
    result = sorted(alerts, key=lambda alert: alert.id)
    for key in reversed(sort_keys(query)):
        # Two stable passes: the values in their direction, then those without a value behind all others.
        result.sort(key=lambda alert, key=key: _sort_value(alert, key), reverse=key.descending)
        result.sort(key=lambda alert, key=key: _sort_value(alert, key)[0])
    return result


def page_of(query: AlertQuery, rows: list[_Row]) -> list[_Row]:
    """The page that the query asks for."""
    offset, limit = window(query)
    return rows[offset : offset + limit]


def window(query: AlertQuery) -> tuple[int, int]:
    """Offset and limit of the page that the query asks for."""
    limit = max(query.page_size, 0)
    return max(query.page - 1, 0) * limit, limit


def count(alerts: list[Alert]) -> AlertCounts:
    """How many alerts there are, in all and by severity and status."""
    return tally((alert.severity, alert.status, 1) for alert in alerts)


def tally(groups: Any) -> AlertCounts:
    """Counts from groups of (severity, status, how many)."""
    total = 0
    by_severity: dict[str, int] = {}
    by_status: dict[str, int] = {}
    for severity, status, number in groups:
        total += number
        by_severity[severity] = by_severity.get(severity, 0) + number
        by_status[status] = by_status.get(status, 0) + number
    return AlertCounts(total=total, by_severity=by_severity, by_status=by_status)


def _found(alert: Alert, needle: str) -> bool:
    for field in SEARCHED:
        value = getattr(alert, field)
        texts: tuple[str, ...] = value if field == "service" else (text_of(value) or "",)
        if any(contains(text, needle) for text in texts):
            return True
    return False


def _test(condition: Condition) -> Callable[[Alert], bool]:
    compare = _COMPARISONS[condition.operator]

    def test(alert: Alert) -> bool:
        held = any(
            compare(value, wanted, condition.kind)
            for value in _values(alert, condition)
            if value is not None
            for wanted in condition.values
        )
        return held is not condition.negate

    return test


def _values(alert: Alert, condition: Condition) -> tuple[Any, ...]:
    match condition.kind:
        case Kind.ID:
            return (alert.id, alert.last_receive_id)
        case Kind.LIST:
            return getattr(alert, condition.field)
        case Kind.ATTRIBUTE:
            return (text_of(alert.attributes.get(condition.key)),)
        case Kind.ANY:
            return (text_of(getattr(alert, condition.field)),)
        case _:
            return (getattr(alert, condition.field),)


def _equal(value: Any, wanted: Any, kind: Kind) -> bool:
    return value.startswith(wanted) if kind is Kind.ID else value == wanted


_COMPARISONS: dict[str, Callable[[Any, Any, Kind], bool]] = {
    "eq": _equal,
    "contains": lambda value, wanted, _: contains(value, wanted),
    "gt": lambda value, wanted, _: value > wanted,
    "gte": lambda value, wanted, _: value >= wanted,
    "lt": lambda value, wanted, _: value < wanted,
    "lte": lambda value, wanted, _: value <= wanted,
}


def _sort_value(alert: Alert, key: SortKey) -> tuple[bool, Any]:
    """(whether there is no value, the value)."""
    if key.kind is Kind.ATTRIBUTE:
        value = text_of(alert.attributes.get(key.key))
    else:
        value = getattr(alert, key.field)
        if key.ranks is not None:
            value = key.ranks.index(value) if value in key.ranks else None
        elif key.kind is Kind.LIST:
            value = lines.encode(value)
        elif key.kind is Kind.ANY:
            value = text_of(value)
    return value is None, 0 if value is None else value
