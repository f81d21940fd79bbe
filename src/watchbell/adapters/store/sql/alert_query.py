"""An `AlertQuery` as SQL: the conditions and keys of `alert_filter`, compiled to expressions over `alerts`."""

from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, false, func, literal, not_, or_, true, type_coerce

from watchbell.adapters.store import alert_counts, alert_filter, lines
from watchbell.adapters.store.alert_filter import Condition, Kind, SortKey
from watchbell.adapters.store.sql.dialect import Dialect
from watchbell.adapters.store.sql.tables import alerts
from watchbell.domain.alerts.query import AlertQuery, AllOf, AnyOf, Filter, Negation
from watchbell.domain.alerts.query import Expression as Wanted

_NULLABLE = {"customer", "value", "raw_data", "reverts_at", "ack_reverts_at"} | {
    *("inhibits", "inhibited_by", "inhibition", "inhibited_until", "opened_at")
}
Expression = ColumnElement[Any]


def where(dialect: Dialect, query: AlertQuery) -> ColumnElement[bool]:
    """What an alert must fulfil to match the query."""
    return _holds(dialect, alert_filter.expression(query))


def _holds(dialect: Dialect, wanted: Wanted) -> ColumnElement[bool]:
    match wanted:
        case AllOf():
            return and_(true(), *(_holds(dialect, part) for part in wanted.parts))
        case AnyOf():
            return or_(false(), *(_holds(dialect, part) for part in wanted.parts))
        case Negation():
            return not_(func.coalesce(_holds(dialect, wanted.part), false()))
        case Filter() if alert_filter.parts_of(wanted):
            found = or_(false(), *(_search(dialect, value) for value in wanted.values))
            return not_(func.coalesce(found, false())) if wanted.negate else found
        case Filter() if wanted.field == alert_filter.ANY_FIELD:
            return _holds(dialect, alert_filter.spread(wanted))
        case Filter():
            return _condition(dialect, alert_filter.condition(wanted))


def order(dialect: Dialect, query: AlertQuery) -> list[Expression]:
    """The order that the query asks for, then by id."""
    keys = [_sort(dialect, key) for key in alert_filter.sort_keys(query) if key.ranks != ()]
    return [*keys, alerts.c.id]


def _field(dialect: Dialect, field: str, kind: Kind, key: str) -> Expression:
    if kind is Kind.ATTRIBUTE:
        texts = func.coalesce(alerts.c.attribute_texts, alerts.c.attributes, type_=alerts.c.attributes.type)
        return dialect.json_text(texts, key)
    if kind is Kind.LIST:
        return type_coerce(alerts.c[field], Text())
    if field == "customer":
        return func.nullif(alerts.c.customer, "", type_=alerts.c.customer.type)
    return alerts.c[field]


def _condition(dialect: Dialect, condition: Condition) -> ColumnElement[bool]:
    if condition.operator == "exists":
        held = _exists(dialect, condition)
        return not_(func.coalesce(held, false())) if condition.negate else held
    compare = _COMPARISONS.get(condition.operator, _ordered)
    held = or_(false(), *(compare(dialect, condition, value) for value in condition.values))
    return not_(func.coalesce(held, false())) if condition.negate else held


def _columns(dialect: Dialect, condition: Condition) -> list[Expression]:
    if condition.kind is Kind.ID:
        return [alerts.c.id, alerts.c.last_receive_id]
    return [_field(dialect, condition.field, condition.kind, condition.key)]


def _equal(dialect: Dialect, condition: Condition, value: Any) -> ColumnElement[bool]:
    if condition.kind is Kind.ID:
        return known_by(value)
    (column,) = _columns(dialect, condition)
    if condition.kind is Kind.LIST:
        return dialect.position(column, literal(lines.member(value))) > 0
    return column == _literal(condition, value)


def _ordered(dialect: Dialect, condition: Condition, value: Any) -> ColumnElement[bool]:
    (column,) = _columns(dialect, condition)
    wanted = _literal(condition, value)
    match condition.operator:
        case "gt":
            return column > wanted
        case "gte":
            return column >= wanted
        case "lt":
            return column < wanted
        case _:
            return column <= wanted


def _literal(condition: Condition, value: Any) -> Expression:
    if condition.kind in (Kind.TIME, Kind.FLAG):
        return literal(value, alerts.c[condition.field].type)
    return literal(value)


def _contains(dialect: Dialect, condition: Condition, value: Any) -> ColumnElement[bool]:
    if condition.kind is Kind.LIST:
        (column,) = _columns(dialect, condition)
        return and_(column != "", _has(dialect, column, lines.escape(value)))
    return or_(*(_has(dialect, column, value) for column in _columns(dialect, condition)))


def _has(dialect: Dialect, column: Expression, needle: str) -> ColumnElement[bool]:
    if needle.isascii():
        return dialect.position(func.lower(column), literal(needle.lower())) > 0
    return dialect.position(func.watchbell_lower(column), literal(needle.lower())) > 0


def _matches(dialect: Dialect, condition: Condition, pattern: Any) -> ColumnElement[bool]:
    (column,) = _columns(dialect, condition)
    lower = func.lower if pattern.isascii() else func.watchbell_lower
    return dialect.matches(lower(column), pattern)


def _exists(dialect: Dialect, condition: Condition) -> ColumnElement[bool]:
    textual = condition.kind not in (Kind.NUMBER, Kind.FLAG, Kind.TIME, Kind.HELD)
    columns = _columns(dialect, condition)
    return or_(*(and_(column.is_not(None), column != "") if textual else column.is_not(None) for column in columns))


def _search(dialect: Dialect, needle: str) -> ColumnElement[bool]:
    fields = [_field(dialect, field, alert_filter.FIELDS[field], "") for field in alert_filter.SEARCHED]
    if needle.isprintable():
        # No field can meet the next across a line's end, so one look into all of them together is enough.
        joined: Expression = literal("", Text())
        for field in fields:
            joined = joined.concat("\n").concat(func.coalesce(field, ""))
        return _has(dialect, joined, needle)
    return or_(
        *(
            _has(dialect, field, lines.escape(needle)) if name == "service" else _has(dialect, field, needle)
            for name, field in zip(alert_filter.SEARCHED, fields, strict=True)
        )
    )


_COMPARISONS = {"contains": _contains, "eq": _equal, "match": _matches}


def grouped(field: str) -> Expression:
    """The column of a field that alerts are counted by: a text, or an encoded list."""
    kind, _ = alert_filter.kind_of(field)
    if kind is Kind.LIST:
        return type_coerce(alerts.c[field], Text())
    return single(field)


def single(field: str) -> Expression:
    """The column of a field that groups alerts: a text."""
    alert_counts.single_text(field)
    return alerts.c[field]


def known_by(prefix: str) -> ColumnElement[bool]:
    """Whether an identifier of the alert begins so, in lower or upper case."""
    columns = (alerts.c.id, alerts.c.last_receive_id)
    return or_(*(starts_with(column, each) for each in alert_filter.spellings(prefix) for column in columns))


def starts_with(column: Expression, prefix: str) -> ColumnElement[bool]:
    """Whether the column starts with `prefix`, in a form that an index answers."""
    end = alert_filter.prefix_end(prefix)
    begins = column >= prefix
    return begins if end is None else and_(begins, column < end)


def _sort(dialect: Dialect, key: SortKey) -> Expression:
    if key.ranks is not None:
        column: Expression = case(
            {name: rank for rank, name in reversed(list(enumerate(key.ranks)))}, value=alerts.c[key.field]
        )
    else:
        column = _field(dialect, key.field, key.kind, key.key)
    directed = column.desc() if key.descending else column.asc()
    may_lack = key.ranks is not None or key.kind is Kind.ATTRIBUTE or key.field in _NULLABLE
    # Said only where it matters, so that an index in plain order can be used.
    return directed.nulls_last() if may_lack else directed
