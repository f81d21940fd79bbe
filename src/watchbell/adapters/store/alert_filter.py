"""What an `AlertQuery` means: the fields, the comparisons and the order that every store gives the same answer to.

Owns the reading of a query into conditions and keys, and their evaluation in Python; the SQL store compiles the same
conditions into statements. Fails with `Invalid` for a field that does not exist, a value that cannot be read, or a
comparison that means nothing.

The search language's operators are read into these: see `Filter`.

Two-valued logic: a field without a value matches nothing, and its negation matches. None sorts last in both directions,
and so do a severity and a status without a rank. `contains` ignores case: that of ASCII for an ASCII needle, that of
Unicode otherwise. Text compares by code point.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, TypeVar

import msgspec

from watchbell.adapters.store import alert_patterns, lines
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.query import AlertQuery, AllOf, AnyOf, Expression, Filter, Negation, Order, predicate_of
from watchbell.domain.errors import Invalid

ANY_FIELD = "any"
SEARCHED = ("resource", "event", "text", "value", "service", "group")
"""The fields that `ANY_FIELD` stands for."""
Comparison = Literal["eq", "contains", "gt", "gte", "lt", "lte", "match", "exists"]


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
    HELD = "held"


FIELDS: dict[str, Kind] = {
    "id": Kind.ID,
    **dict.fromkeys(
        ("environment", "resource", "event", "severity", "status", "group", "text", "origin", "type"), Kind.TEXT
    ),
    **dict.fromkeys(
        ("customer", "previous_severity", "trend_indication", "last_receive_id", "previous_status"), Kind.TEXT
    ),
    **dict.fromkeys(("status_before_ack", "status_before_shelve"), Kind.TEXT),
    **dict.fromkeys(("inhibits", "inhibited_by", "inhibition"), Kind.TEXT),
    **dict.fromkeys(("value", "raw_data"), Kind.ANY),
    **dict.fromkeys(("correlate", "service", "tags"), Kind.LIST),
    **dict.fromkeys(("timeout", "duplicate_count", "version"), Kind.NUMBER),
    **dict.fromkeys(("repeat", "flapping", "inhibited"), Kind.FLAG),
    **dict.fromkeys(("create_time", "receive_time", "last_receive_time", "update_time"), Kind.TIME),
    "correlation": Kind.HELD,
    **dict.fromkeys(("reverts_at", "ack_reverts_at", "inhibited_until", "opened_at"), Kind.TIME),
}
_TEXTUAL = (Kind.TEXT, Kind.ANY, Kind.ATTRIBUTE)
_FLAGS = {"true": True, "t": True, "1": True, "yes": True, "y": True, "on": True} | dict.fromkeys(
    ("false", "f", "0", "no", "n", "off"), False
)
_LARGEST = 2**53
_Row = TypeVar("_Row")


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A filter that has been read: `values` have the type that the kind compares, `key` is that of an attribute.

    For `match` they are portable patterns, for a list over its encoded text.
    """

    field: str
    kind: Kind
    key: str = ""
    operator: Comparison
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


def expression(query: AlertQuery) -> Expression:
    """Everything that must hold, as one expression without negated filters; `ANY_FIELD` is still in it."""
    return AllOf(parts=(*query.filters, query.search))


def spread(item: Filter) -> Expression:
    """What a filter over `ANY_FIELD` means: the same over one of its fields. Any other filter is itself."""
    if item.field != ANY_FIELD:
        return item
    operator = "contains" if item.operator == "term" else item.operator
    fields = [field for field in SEARCHED if not (operator == "regex" and FIELDS[field] is Kind.LIST)]
    found = AnyOf(parts=tuple(Filter(field=field, operator=operator, values=item.values) for field in fields))
    return Negation(part=found) if item.negate else found


def parts_of(item: Filter) -> bool:
    """Whether the filter asks for a part of the text of any field; `ANY_FIELD` has a quick way for that."""
    return item.field == ANY_FIELD and item.operator in ("term", "contains")


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


def condition(item: Filter) -> Condition:
    """The filter, read."""
    kind, key = kind_of(item.field)
    operator = _operator(item, kind)
    if kind is Kind.HELD and operator != "exists":
        raise _wrong("is only asked whether it is there", item.field)
    if operator in ("gt", "gte", "lt", "lte") and kind in (Kind.ID, Kind.LIST, Kind.FLAG):
        raise _wrong("has no order", item.field)
    if operator == "contains" and kind not in (*_TEXTUAL, Kind.ID, Kind.LIST):
        raise _wrong("is not text", item.field)
    if operator == "match":
        values = tuple(_pattern(item, kind, value) for value in item.values)
    else:
        values = tuple(_read(item.field, kind, value) for value in item.values)
    return Condition(field=item.field, kind=kind, key=key, operator=operator, values=values, negate=item.negate)


def _operator(item: Filter, kind: Kind) -> Comparison:
    """What an operator of the search language comes to for this kind of field."""
    textual = kind in _TEXTUAL
    match item.operator:
        case "term":
            return "contains" if textual else "eq"
        case "phrase":
            return "match" if textual else "eq"
        case "like" | "regex":
            if not textual and (kind is not Kind.LIST or item.operator == "regex"):
                wanted = "wildcards" if item.operator == "like" else "regular expressions"
                raise _wrong(f"is not searched by {wanted}", item.field)
            return "match"
        case operator:
            return operator


def _pattern(item: Filter, kind: Kind, value: str) -> str:
    if "\0" in value:
        raise _wrong("contains a character that cannot be searched", item.field)
    if item.operator == "regex":
        return alert_patterns.portable(value)
    if item.operator == "phrase":
        return alert_patterns.phrase(value)
    return alert_patterns.member_like(value) if kind is Kind.LIST else alert_patterns.like(value)


def _read(field: str, kind: Kind, value: str) -> Any:
    if kind is Kind.NUMBER:
        return _number(field, value)
    if kind is Kind.FLAG:
        if value.lower() not in _FLAGS:
            raise _wrong("is not true or false", field)
        return _FLAGS[value.lower()]
    if kind is Kind.TIME:
        return _moment(field, value)
    return value


def _number(field: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise _wrong("is not a number", field) from None
    if not -_LARGEST <= number <= _LARGEST:
        raise _wrong("is out of range", field)
    return number


def _moment(field: str, value: str) -> datetime:
    """A time in UTC; what is written without a zone is in UTC, and a date is its midnight."""
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except ValueError:
        raise _wrong("is not a time in ISO 8601", field) from None
    except OverflowError:
        raise _wrong("is out of range", field) from None


def _wrong(reason: str, field: str) -> Invalid:
    """What is wrong with a field, by the name that clients know it by."""
    first, *others = [field] if field.startswith("attributes.") else field.split("_")
    return Invalid(reason, first + "".join(word.capitalize() for word in others))


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


def spellings(identifier: str) -> tuple[str, ...]:
    """How an identifier may be written: as it is, in lower case, in upper case."""
    return tuple(dict.fromkeys((identifier, identifier.lower(), identifier.upper())))


def only(found: Sequence[Alert], identifier: str) -> Alert | None:
    """The alert that was found, if any.

    Raises `Invalid` when it is one of several: nothing may happen to an alert that nobody meant.
    """
    if len(found) > 1:
        raise Invalid(f"ambiguous id: several alerts begin with '{identifier[:100]}', give more of it")
    return found[0] if found else None


def prefix_end(prefix: str) -> str | None:
    """The smallest text, by code point, after all those that start with `prefix`; None when there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None


def matches(query: AlertQuery) -> Callable[[Alert], bool]:
    """The test that an alert passes when all filters of the query hold and what is searched is found."""
    return _tester(expression(query))


def _tester(wanted: Expression) -> Callable[[Alert], bool]:
    return predicate_of(wanted, lambda one: _tester(spread(one)) if one.field == ANY_FIELD else _test(condition(one)))


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


def _test(condition: Condition) -> Callable[[Alert], bool]:
    if condition.operator == "exists":
        return lambda alert: any(value not in (None, "") for value in _values(alert, condition)) is not condition.negate
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
            members = getattr(alert, condition.field)
            return (lines.encode(members),) if condition.operator == "match" else members
        case Kind.ATTRIBUTE:
            return (text_of(alert.attributes.get(condition.key)),)
        case Kind.ANY:
            return (text_of(getattr(alert, condition.field)),)
        case _:
            return (getattr(alert, condition.field),)


def _equal(value: Any, wanted: Any, kind: Kind) -> bool:
    return value.startswith(spellings(wanted)) if kind is Kind.ID else value == wanted


_COMPARISONS: dict[str, Callable[[Any, Any, Kind], bool]] = {
    "eq": _equal,
    "contains": lambda value, wanted, _: contains(value, wanted),
    "match": lambda value, wanted, _: alert_patterns.found(wanted, value),
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
