"""Filters, order and pages over lists that are small enough to be read whole: users, keys, heartbeats, notes and such.

The parameters are Alerta's, as for alerts: `field=v`, `field!=v`, `field=~v`, repeated for any of several, `q`,
`sort-by`, `page` and `page-size`. What is not understood is refused with its name. Without `page-size` a page has all
rows that fit one (1,000): clients that ask once see everything.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired

from litestar import Request

from watchbell.api.alert_query import IGNORED, OutOfRange
from watchbell.api.contract import Number, Parameter, said, told
from watchbell.api.wire import MAX_PAGE
from watchbell.domain.alerts.row_search import ALIASES, TRUE, Row, row_search
from watchbell.domain.errors import Invalid

PAGES: tuple[Parameter, ...] = (
    Parameter(
        name="sort-by", about="Fields to sort by; `-` before one turns the order round.", many=True, group="rows"
    ),
    Number(name="page", about="From 1.", default=1, most=999_999_999, group="rows"),
    Number(name="page-size", about="How many rows a page has.", default=MAX_PAGE, most=MAX_PAGE, group="rows"),
)
SEARCH: tuple[Parameter, ...] = (
    Parameter(name="q", about="A search, as `resource:web* AND text:disk`.", group="rows"),
    Parameter(
        name="q.df",
        about="The field that words without a field are looked for in, `any` for all; `text` where there is one.",
        group="rows",
    ),
)
CUT = PAGES[1:]
"""The parameters of a list that has an order and filters of its own."""
PAGED: Mapping[str, Any] = {
    "more": bool,
    "page": int,
    "pages": int,
    "pageSize": int,
    "total": int,
    "message": NotRequired[str],
}


def listed(name: str, row: type, **more: Any) -> dict[str, Any]:
    """What a route tells that answers with `page_of`: rows of the type `row` under `name`, and `more` fields."""
    filters = tuple(
        Parameter(name=field, about="Rows with any of these values; `~` before one: that contain it.", many=True)
        for field in row.__annotations__
        if not field.startswith("_")
    )
    return told(query=(*SEARCH, *filters, *PAGES), answer=said(**{name: list[row]}, **PAGED, **more))


def page_of(request: Request[Any, Any, Any], name: str, rows: Sequence[Row]) -> dict[str, Any]:
    """The body of a list: the page of `rows` that the request asks for, under `name`.

    Raises:
        Invalid: a parameter names no field.
        OutOfRange: there is no such page.
    """
    known = set[str]().union(*rows)
    return cut(request, name, _ordered(request, _filtered(request, rows, known), known))


def cut(request: Request[Any, Any, Any], name: str, found: Sequence[Row]) -> dict[str, Any]:
    """The body of a list whose rows are found and in order: the page of them that the request asks for, under `name`.

    Raises:
        Invalid: `page` or `page-size` is no number.
        OutOfRange: there is no such page.
    """
    size = _number(request, "page-size", _number(request, "limit", MAX_PAGE))
    page = _number(request, "page", 1)
    pages = -(-len(found) // size)
    if page < 1 or (found and page > pages):
        raise OutOfRange(f"page out of range: 1-{max(pages, 1)}")
    body = {
        name: found[(page - 1) * size : page * size],
        "more": page < pages,
        "page": page,
        "pages": pages,
        "pageSize": size,
        "status": "ok",
        "total": len(found),
    }
    return body if found else body | {"message": "not found"}


def _filtered(request: Request[Any, Any, Any], rows: Sequence[Row], known: set[str]) -> list[Row]:
    given = request.query_params
    for name in dict.fromkeys(given):
        if name in IGNORED:
            continue
        field = ALIASES.get(name.removesuffix("!"), name.removesuffix("!"))
        if rows and field.partition(".")[0] not in known:
            raise Invalid(f"Invalid filter parameter: {field}")
        wanted = given.getall(name)
        rows = [row for row in rows if _matches(_value(row, field), wanted) is not name.endswith("!")]
    if given.get("q"):
        rows = [*filter(row_search(given["q"], given.get("q.df", ""), known), rows)]
    return list(rows)


def _value(row: Row, field: str) -> Any:
    name, _, inner = field.partition(".")
    value = row.get(name)
    return value.get(inner) if inner and isinstance(value, Mapping) else value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]


def _matches(value: Any, wanted: Sequence[str]) -> bool:
    if isinstance(value, list | tuple):
        return any(_matches(each, wanted) for each in value)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, bool):
        return any((each.lower() in TRUE) is value for each in wanted)
    text = "" if value is None else str(value)
    if any(each.startswith("~") for each in wanted):
        return any(each.removeprefix("~").lower() in text.lower() for each in wanted)
    return text in wanted


def _ordered(request: Request[Any, Any, Any], rows: list[Row], known: set[str]) -> list[Row]:
    for name in reversed(request.query_params.getall("sort-by", [])):
        field = name.removeprefix("-")
        if rows and field.partition(".")[0] not in known:
            raise Invalid(f"Sorting by '{field}' field not supported.")
        # Times are sorted newest first unless `-` says otherwise, as lists of alerts are.
        backwards = name.startswith("-") != (field.endswith("Time") or field == "lastLogin")
        rows = sorted(rows, key=lambda row: _sortable(_value(row, field)), reverse=backwards)
    return rows


def _sortable(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 0, 0, ""
    if isinstance(value, int | float):
        return 1, float(value), ""
    return 2, 0, str(value)


def _number(request: Request[Any, Any, Any], name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("must be a number", name)
    return int(text) if name == "page" else min(max(int(text), 1), MAX_PAGE)
