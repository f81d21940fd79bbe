"""What a route says of itself: the body that it reads, its parameters, its answers.

It stands in the route's decorator, as `opt=told(…)`. The description of the API is made of it (`api.document`), and
`api.wire` reads no body that is not told here. Types are those that msgspec knows; a `TypedDict` is what a handler
makes, a `Struct` what it reads.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

import msgspec
from litestar import Request

TOLD = "told"
JSON = "application/json"

Text: TypeAlias = Annotated[Any, msgspec.Meta(extra_json_schema={"type": ["string", "null"]})]
"""A text or null in a body whose types are checked by hand, for messages of their own."""
Texts: TypeAlias = Annotated[
    Any, msgspec.Meta(extra_json_schema={"type": ["array", "null"], "items": {"type": "string"}})
]
"""A list of texts, checked by hand."""
Whole: TypeAlias = Annotated[Any, msgspec.Meta(extra_json_schema={"type": ["integer", "null"], "minimum": 0})]
"""A whole number, checked by hand."""
Seconds: TypeAlias = Annotated[Any, msgspec.Meta(extra_json_schema={"type": ["number", "null"], "exclusiveMinimum": 0})]
"""A number of seconds, checked by hand."""
Pairs: TypeAlias = Annotated[Any, msgspec.Meta(extra_json_schema={"type": ["object", "null"]})]
"""An object, checked by hand."""
Named: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that must not be empty."""


Timer: TypeAlias = Literal["queries", "status", "tagged", "untagged", "attributes", "deleted", "counts"]
"""What Alerta takes the time of, besides receiving."""


class Shape(msgspec.Struct, frozen=True):
    """A JSON object by its fields; `NotRequired[…]` for those that may be absent."""

    fields: Mapping[str, Any]


class OneOf(msgspec.Struct, frozen=True):
    """One of several objects."""

    kinds: tuple[Any, ...]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of the query, or a header."""

    name: str
    about: str
    type: Any = str
    many: bool = False
    """Whether it may be repeated: any of several."""
    place: Literal["query", "header"] = "query"
    default: Any = None
    group: str = ""
    """The name of a set of parameters that several routes have, so that it is described once."""


class Number(Parameter, frozen=True, kw_only=True):
    """A whole number of the query."""

    default: int = 0
    least: int = 1
    most: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one route says of itself."""

    body: Any = None
    """The type of the body, or None for a route that reads none."""
    optional: bool = False
    """Whether the body may be absent."""
    sent: str = JSON
    """The media type of the body."""
    answer: Any = None
    """The type, the `Shape` or the `OneOf` of a good answer."""
    media: str = ""
    """Its media type, where the decorator does not say it."""
    others: Mapping[int, Any] = {}
    """Answers with other codes that have a shape of their own; each other one has the error body."""
    query: tuple[Parameter, ...] = ()
    timer: Timer | None = None
    """Which of Alerta's timers counts its requests (`api.timing`)."""


class Done(TypedDict):
    """It is done, and there is nothing to say about it."""

    status: Literal["ok"]


def told(**said: Any) -> dict[str, Any]:
    """The `opt` of a route that says this of itself: the fields of `Told`."""
    return {TOLD: Told(**said)}


def said(**fields: Any) -> Shape:
    """The answer that `ok` makes with these fields."""
    return Shape({**fields, "status": Literal["ok"]})


def told_of(request: Request[Any, Any, Any]) -> Told:
    """What the route of a request says of itself."""
    found: Told | None = request.route_handler.opt.get(TOLD)
    return found or Told()
