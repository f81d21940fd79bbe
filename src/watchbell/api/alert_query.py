"""Alerta's query parameters, as an `AlertQuery`.

Anything that is not understood is refused with the parameter's name.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from litestar import Request
from litestar.datastructures import MultiDict
from litestar.exceptions import HTTPException

from watchbell.api.alerta_wire import time_of
from watchbell.api.contract import Number, Parameter
from watchbell.api.times import Time
from watchbell.domain.alerts.act import ASSIGNEE
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.query import AlertQuery, Filter, Operator, Order
from watchbell.domain.alerts.row_search import ANY_FIELD, TRUE
from watchbell.domain.alerts.search import parse_search
from watchbell.domain.alerts.status_words import understood
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
    "flapping": "flapping",
    "inhibited": "inhibited",
    "inhibitedBy": "inhibited_by",
    "inhibition": "inhibition",
    "previousSeverity": "previous_severity",
    "trendIndication": "trend_indication",
    "receiveTime": "receive_time",
    "lastReceiveId": "last_receive_id",
    "lastReceiveTime": "last_receive_time",
    "updateTime": "update_time",
}
ATTRIBUTES: Mapping[str, str] = {"assignee": f"attributes.{ASSIGNEE}"}
"""Attributes that have a name of their own in queries."""
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
_GROUP = "alerts"


def _parameter(name: str, about: str, **rest: Any) -> Parameter:
    return Parameter(name=name, about=about, group=_GROUP, **rest)


PAGE = Number(name="page", about="From 1.", default=1, most=1_000_000, group=_GROUP)
PAGE_SIZE = Number(name="page-size", about="How many rows a page has.", default=50, most=1000, group=_GROUP)
SELECTION: tuple[Parameter, ...] = (
    _parameter("q", "A search, as `severity:major AND text:disk*`."),
    _parameter("q.df", "The field that words without a field are looked for in; `any` for all.", default="text"),
    _parameter("from-date", "Last received after this time.", type=Time),
    _parameter("to-date", "Last received by this time.", type=Time),
    *(
        _parameter(
            name,
            f"Any of these values; `~` before one: contains it. `{name}!=…` for alerts without them.",
            many=True,
        )
        for name in (*FIELDS, *ATTRIBUTES)
    ),
    _parameter("attributes.<name>", "The same for an attribute, by its name."),
)
"""What selects alerts."""
ORDER: tuple[Parameter, ...] = (
    _parameter("sort-by", "Fields to sort by; `-` before one turns the order round.", many=True),
)
PAGED: tuple[Parameter, ...] = (*SELECTION, *ORDER, PAGE, PAGE_SIZE)
"""What selects a page of alerts."""
SHOWN: tuple[Parameter, ...] = (
    _parameter("show-raw-data", "Whether `rawData` comes along.", type=bool),
    _parameter("show-history", "Whether `history` comes along.", type=bool),
)
GROUP_BY = _parameter("group-by", "The field that makes a group.", default="event")
SORTABLE = frozenset(FIELDS.values()) - {"id"}
NEWEST_FIRST = frozenset({"create_time", "receive_time", "last_receive_time", "update_time"})
MAX_PAGE_SIZE = 1000
_COLUMNS = frozenset({*FIELDS.values(), ANY_FIELD})


def query_of(request: Request[Any, Any, Any], model: AlarmModel, beside: frozenset[str] = frozenset()) -> AlertQuery:
    """The query of a request; the parameters `beside` it are the route's own.

    Raises `Invalid`.
    """
    return query_from(request.query_params, model, beside)


def query_from(given: MultiDict[Any], model: AlarmModel, beside: frozenset[str] = frozenset()) -> AlertQuery:
    """The query that parameters stand for.

    Raises `Invalid`.
    """
    names = [name for name in dict.fromkeys(given) if name not in IGNORED and name not in beside]
    filters = [_filter(name, given.getall(name)) for name in names]
    bounds: tuple[tuple[str, Operator], ...] = (("from-date", "gt"), ("to-date", "lte"))
    for name, operator in bounds:
        if name in given:
            filters.append(Filter(field="last_receive_time", operator=operator, values=(_date(given[name]),)))
    query = AlertQuery(
        filters=tuple(filters),
        search=parse_search(given.get("q", ""), given.get("q.df") or "text", _searched),
        order=tuple(_order(field) for field in given.getall("sort-by", [])),
        page=_page(given.get("page", "1")),
        page_size=_number(given.get("page-size") or given.get("limit") or "50", "page-size", MAX_PAGE_SIZE),
        severities=tuple(model.severities.ordered),
        statuses=tuple(sorted(model.statuses, key=model.statuses.__getitem__)),
    )
    return understood(query, model)


def _filter(name: str, values: Iterable[str]) -> Filter:
    negate = name.endswith("!")
    field = _attribute_or(name.removesuffix("!"))
    given = tuple(values)
    operator: Operator = "eq"
    if any(value.startswith("~") for value in given):
        operator, given = "contains", tuple(value.removeprefix("~") for value in given)
    if field.startswith("attributes."):
        return Filter(field=field, operator=operator, values=given, negate=negate)
    if field not in FIELDS:
        raise Invalid(f"Invalid filter parameter: {field}")
    column = FIELDS[field]
    if column in {"repeat", "flapping", "inhibited"}:
        given = tuple("true" if value.lower() in TRUE else "false" for value in given)
    elif column in {"duplicate_count", "timeout"}:
        given = tuple(str(_number(value, field, 2**31 - 1, least=0)) for value in given)
    elif column in NEWEST_FIRST:
        given = tuple(_date(value) for value in given)
    return Filter(field=column, operator=operator, values=given, negate=negate)


def _attribute_or(name: str) -> str:
    return ATTRIBUTES.get(name, name)


def _order(name: str) -> Order:
    reverse = name.startswith("-")
    field = _attribute_or(name.removeprefix("-"))
    column = field if field.startswith("attributes.") else FIELDS.get(field, "")
    if column not in SORTABLE and not field.startswith("attributes."):
        raise Invalid(f"Sorting by '{field}' field not supported.")
    return Order(field=column, descending=reverse != (column in NEWEST_FIRST))


def group_of(request: Request[Any, Any, Any]) -> tuple[str, str]:
    """The field that a report groups by, as it is called on the wire and inside; `event` unless `group-by` says."""
    name = request.query_params.get("group-by", "event")
    if name not in FIELDS:
        raise Invalid(f"there is no field {name!r}", "group-by")
    return name, FIELDS[name]


def _searched(name: str) -> str:
    """The field that `q=` calls `name`: as on the wire, or as Alerta's database has it."""
    if name in ATTRIBUTES:
        return ATTRIBUTES[name]
    if name.startswith("attributes.") or name in _COLUMNS:
        return name
    if name not in FIELDS:
        raise Invalid(
            f"there is no field {name!r}; there are {', '.join(FIELDS)}, {ANY_FIELD} and attributes.<name>", "q"
        )
    return FIELDS[name]


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
