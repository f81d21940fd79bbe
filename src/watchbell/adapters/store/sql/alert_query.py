"""An `AlertQuery` as SQL: the conditions and keys of `alert_filter`, compiled to expressions over `alerts`."""

from typing import Any

from sqlalchemy import ColumnElement, Text, and_, case, false, func, literal, not_, or_, true, type_coerce

from watchbell.adapters.store import alert_filter, lines
from watchbell.adapters.store.alert_filter import Condition, Kind, SortKey
from watchbell.adapters.store.sql.dialect import Dialect
from watchbell.adapters.store.sql.tables import alerts
from watchbell.domain.alerts.query import AlertQuery

_NULLABLE = {"customer", "value", "raw_data", "reverts_at"}
Expression = ColumnElement[Any]


def where(dialect: Dialect, query: AlertQuery) -> ColumnElement[bool]:
    """What an alert must fulfil to match the query."""
    parts = [_condition(dialect, condition) for condition in alert_filter.conditions(query)]
    if query.search:
        parts.append(_search(dialect, query.search))
    return and_(true(), *parts)


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
    compare = _contains if condition.operator == "contains" else _equal if condition.operator == "eq" else _ordered
    held = or_(false(), *(compare(dialect, condition, value) for value in condition.values))
    return not_(func.coalesce(held, false())) if condition.negate else held


def _columns(dialect: Dialect, condition: Condition) -> list[Expression]:
    if condition.kind is Kind.ID:
        return [alerts.c.id, alerts.c.last_receive_id]
    return [_field(dialect, condition.field, condition.kind, condition.key)]


def _equal(dialect: Dialect, condition: Condition, value: Any) -> ColumnElement[bool]:
    if condition.kind is Kind.ID:
        return or_(starts_with(alerts.c.id, value), starts_with(alerts.c.last_receive_id, value))
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
