"""Alerta's query parameters, as an `AlertQuery`.

Anything that is not understood is refused with the parameter's name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException

from watchbell.api.alerta_wire import time_of
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.query import AlertQuery, Filter, Operator, Order
from watchbell.domain.errors import Invalid

FIELDS: Mapping[str, str] = {
    "id": "id",
    "resource": "resource",
    "event": "event",
    "environment": "environment",
    "severity": "severity",
    "correlate": "correlate",
    "status": "status",
    "service": "service",
    "group": "group",
    "value": "value",
    "text": "text",
    "tag": "tags",
    "tags": "tags",
    "origin": "origin",
    "type": "type",
    "createTime": "create_time",
    "timeout": "timeout",
    "rawData": "raw_data",
    "customer": "customer",
    "duplicateCount": "duplicate_count",
    "repeat": "repeat",
    "previousSeverity": "previous_severity",
    "trendIndication": "trend_indication",
    "receiveTime": "receive_time",
    "lastReceiveId": "last_receive_id",
    "lastReceiveTime": "last_receive_time",
    "updateTime": "update_time",
}
IGNORED = frozenset(
    [
        "_",
        "callback",
        "token",
        "api-key",
        "q",
        "q.df",
        "from-date",
        "to-date",
        "sort-by",
        "group-by",
        "page",
        "page-size",
        "limit",
        "show-raw-data",
        "show-history",
    ]
)
SORTABLE = frozenset(FIELDS.values()) - {"raw_data", "id"}
NEWEST_FIRST = frozenset({"create_time", "receive_time", "last_receive_time", "update_time"})
TRUE = frozenset({"true", "t", "1", "yes", "y", "on"})
MAX_PAGE_SIZE = 1000
UNSUPPORTED = frozenset('"()[]{}:^~*?\\/')


def query_of(request: Request[Any, Any, Any], model: AlarmModel) -> AlertQuery:
    """The query of a request.

    Raises `Invalid`.
    """
    given = request.query_params
    filters = [_filter(name, given.getall(name)) for name in dict.fromkeys(given) if name not in IGNORED]
    bounds: tuple[tuple[str, Operator], ...] = (("from-date", "gt"), ("to-date", "lte"))
    for name, operator in bounds:
        if name in given:
            filters.append(Filter(field="last_receive_time", operator=operator, values=(_date(given[name]),)))
    return AlertQuery(
        filters=tuple(filters),
        search=_search(given.get("q", "")),
        order=tuple(_order(field) for field in given.getall("sort-by", [])),
        page=_page(given.get("page", "1")),
        page_size=_number(given.get("page-size") or given.get("limit") or "50", "page-size", MAX_PAGE_SIZE),
        severities=tuple(sorted(model.severities, key=model.severities.__getitem__)),
        statuses=tuple(sorted(model.statuses, key=model.statuses.__getitem__)),
    )


def _filter(name: str, values: Iterable[str]) -> Filter:
    negate = name.endswith("!")
    field = name.removesuffix("!")
    given = tuple(values)
    operator: Operator = "eq"
    if any(value.startswith("~") for value in given):
        operator, given = "contains", tuple(value.removeprefix("~") for value in given)
    if field.startswith("attributes."):
        return Filter(field=field, operator=operator, values=given, negate=negate)
    if field not in FIELDS:
        raise Invalid(f"Invalid filter parameter: {field}")
    column = FIELDS[field]
    if column == "repeat":
        given = tuple("true" if value.lower() in TRUE else "false" for value in given)
    elif column in {"duplicate_count", "timeout"}:
        given = tuple(str(_number(value, field, 2**31 - 1, least=0)) for value in given)
    elif column in NEWEST_FIRST:
        given = tuple(_date(value) for value in given)
    return Filter(field=column, operator=operator, values=given, negate=negate)


def _order(name: str) -> Order:
    reverse = name.startswith("-")
    field = name.removeprefix("-")
    column = field if field.startswith("attributes.") else FIELDS.get(field, "")
    if column not in SORTABLE and not field.startswith("attributes."):
        raise Invalid(f"Sorting by '{field}' field not supported.")
    return Order(field=column, descending=reverse != (column in NEWEST_FIRST))


def _search(text: str) -> str:
    found = UNSUPPORTED & set(text)
    if found:
        raise Invalid(f"only plain words are understood yet, not {' '.join(sorted(found))}", "q")
    return text


def _date(text: str) -> str:
    return time_of(text).isoformat()


class OutOfRange(HTTPException):
    """There is no such page."""

    status_code = 416


def _page(text: str) -> int:
    page = _number(text, "page", 1_000_000, least=0)
    if page == 0:
        raise OutOfRange("page out of range: pages begin at 1")
    return page


def _number(text: str, field: str, most: int, least: int = 1) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Invalid("must be a number", field)
    return min(max(int(text), least), most)


def wants(request: Request[Any, Any, Any], name: str) -> bool:
    """Whether a switch such as `show-history` is on."""
    return request.query_params.get(name, "").lower() in TRUE
