"""What readers of vendors' messages share: a typed body, and texts that may be missing or of another type."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.signal import UNSAID

Body = TypeVar("Body")

DEFAULT_TIMEOUT = 86400
"""Seconds after which an alert expires unless the vendor says otherwise."""
LONGEST_RESOURCE = 200
"""Characters of a resource that is put together from labels."""


def decode(shape: type[Body], body: bytes, field: str = "body") -> Body:
    """The body as the vendor's type; unknown fields are left out, and a null is as good as no field.

    Raises:
        Invalid: it is not JSON, or not of that type; names the place.
    """
    try:
        try:
            return msgspec.json.decode(body, type=shape)
        except msgspec.ValidationError:
            return msgspec.convert(_without_nulls(msgspec.json.decode(body)), shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(str(error), field) from error
    except RecursionError:
        raise Invalid("is nested too deeply", field) from None


def shaped(shape: type[Body], content: Any, field: str) -> Body:
    """The same for a part of a body that was read as plain data.

    Raises:
        Invalid: it is not of that type; names the place.
    """
    try:
        return msgspec.convert(_without_nulls(content), shape)
    except msgspec.ValidationError as error:
        raise Invalid(str(error), field) from error
    except RecursionError:
        raise Invalid("is nested too deeply", field) from None


def _without_nulls(content: Any) -> Any:
    """Vendors say null for what they do not know, and no documentation says where."""
    if isinstance(content, dict):
        named = cast("dict[str, Any]", content)
        return {name: _without_nulls(value) for name, value in named.items() if value is not None}
    if isinstance(content, list):
        return [_without_nulls(value) for value in cast("list[Any]", content)]
    return content


def text_of(value: Any) -> str:
    """A scalar as text; '' for nothing."""
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def words(text: str) -> tuple[str, ...]:
    """The parts between commas, without empty ones."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def seconds(text: str, field: str) -> int:
    """A time-out that was written as text; '' says nothing of it."""
    if not text:
        return UNSAID
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("must be a number of seconds", field)
    return int(text)


def moment(text: str, otherwise: datetime) -> datetime:
    """A time in ISO 8601; without an offset it is UTC.

    What cannot be read is `otherwise`: a wrong clock is no reason to lose an alert.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def epoch(value: float | None, otherwise: datetime) -> datetime:
    """Seconds or milliseconds since 1970."""
    if not value or value < 0:
        return otherwise
    try:
        return datetime.fromtimestamp(value / 1000 if value > 10_000_000_000 else value, UTC)
    except (ValueError, OverflowError, OSError):
        return otherwise


def resource_of(labels: Mapping[str, str], otherwise: str) -> str:
    """A resource for an alert that names none: what tells it from others of its rule, as `zone=eu,shard=3`.

    Without it, all label sets of a rule would be one alert, closed by the first that recovers. `otherwise` when there
    are no labels. Of more than 200 characters the rest is a digest.
    """
    told = ",".join(f"{name}={labels[name]}" for name in sorted(labels)) or otherwise
    if len(told) <= LONGEST_RESOURCE:
        return told
    digest = hashlib.sha256(told.encode(errors="replace")).hexdigest()[:16]
    return f"{told[: LONGEST_RESOURCE - len(digest) - 1]}…{digest}"


def attribute_name(name: str) -> str:
    """A name that an attribute may have: without dots and dollars."""
    return name.replace(".", "_").replace("$", "_")


def attributes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes from what a vendor sent, without those that are empty."""
    return {attribute_name(name): value for name, value in given.items() if value not in (None, "", [], {})}
