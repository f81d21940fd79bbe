"""What the resources that are ours share on the wire: reading a body with every fault at once, times, pages.

JSON keys are camelCase, times `2026-11-21T08:00:00.000Z`.
"""

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

from watchbell.api.contract import Number, told_of
from watchbell.domain.errors import Invalid
from watchbell.toolkit.settings import read

S = TypeVar("S", bound=msgspec.Struct)

MAX_PAGE = 1000


class UnsupportedMediaType(HTTPException):
    """The body is not declared as JSON."""

    status_code = 415


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Base of what callers send."""


def require_json(request: Request[Any, Any, Any]) -> None:
    """Raise `UnsupportedMediaType` unless the body is declared as JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType("POST and PUT requests must set 'Content-type' to 'application/json'")


async def raw_of(request: Request[Any, Any, Any]) -> bytes:
    """The body as it came. Only for routes that tell of one."""
    if told_of(request).body is None:
        raise TypeError(f"{request.route_handler.fn.__qualname__} reads a body that it does not tell of")
    return await request.body()


async def signed_bytes_of(request: Request[Any, Any, Any]) -> bytes:
    """The body as it came, only to be compared with its signature: of any route."""
    return await request.body()


async def mapping_of(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        UnsupportedMediaType: it is not declared as JSON.
        Invalid: it is no JSON object.
    """
    require_json(request)
    raw = await raw_of(request)
    try:
        data: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"the body is not valid JSON: {error}") from None
    except RecursionError:
        raise Invalid("the body is nested too deeply") from None
    if not isinstance(data, dict):
        raise Invalid("the body must be a JSON object")
    return data  # pyright: ignore[reportUnknownVariableType]


async def body_of(request: Request[Any, Any, Any], cls: type[S]) -> S:
    """The body as `cls`, which must be what the route tells of; raises `InvalidSettings` with every fault."""
    return read(cls, await _told_mapping_of(request, cls))


def known(cls: type[msgspec.Struct], body: dict[str, Any]) -> dict[str, Any]:
    """What of a body `cls` knows, without nulls: Alerta's clients send whole forms, and Alerta ignores the rest."""
    names = {field.encode_name for field in msgspec.structs.fields(cls)}
    return {name: value for name, value in body.items() if name in names and value is not None}


async def known_of(request: Request[Any, Any, Any], cls: type[S]) -> S:
    """As `body_of`, of the fields that `cls` knows: for what Alerta's clients send."""
    return read(cls, known(cls, await _told_mapping_of(request, cls)))


async def _told_mapping_of(request: Request[Any, Any, Any], cls: type[msgspec.Struct]) -> dict[str, Any]:
    if told_of(request).body is not cls:
        raise TypeError(f"{request.route_handler.fn.__qualname__} reads a {cls.__name__}, and tells of something else")
    return await mapping_of(request)


def media_of(content_type: str) -> str:
    """What a `Response` takes for this `Content-Type`: to texts it adds the charset by itself."""
    return content_type.removesuffix("; charset=utf-8") if content_type.startswith("text/") else content_type


async def text_of(request: Request[Any, Any, Any]) -> str:
    """The `text` of a body that may be absent."""
    if not await raw_of(request):
        return ""
    return (await body_of(request, Remark)).text


class Remark(Body, frozen=True):
    """A remark that goes with an action."""

    text: str = ""
    """What to say about it."""


def time_of(text: str, field: str) -> datetime:
    """A time from the wire, which must say its offset."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise Invalid("must say its offset, as 2026-11-21T08:00:00.000Z does", field)
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("must be a time such as 2026-11-21T08:00:00.000Z", field) from None


def number_of(request: Request[Any, Any, Any], wanted: Number) -> int:
    """A whole number from the query string."""
    text = request.query_params.get(wanted.name)
    if text is None:
        return wanted.default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and wanted.least <= int(text) <= wanted.most):
        raise Invalid(f"must be a number from {wanted.least} to {wanted.most}", wanted.name)
    return int(text)


def ok(**content: Any) -> dict[str, Any]:
    """A success body."""
    return {"status": "ok", **content}
