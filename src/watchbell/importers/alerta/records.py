"""Rows of Alerta as its API and its database have them, with the types that they must have."""

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from watchbell.domain.errors import Invalid

_PATH = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{24}")
_NAMESPACE = uuid.UUID("2f0c4a52-0a51-5d0e-9f6b-6b2f3c1d7e90")
_EARLIEST, _LATEST = 1970, 8999
_CLOCKS = timedelta(days=1)
"""So far may another machine's clock be ahead."""

R = TypeVar("R", bound=msgspec.Struct)


class RawAlert(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An alert. Each entry of `history` is looked at for itself."""

    id: str
    resource: str
    event: str
    environment: str | None = None
    severity: str | None = None
    status: str | None = None
    correlate: list[str] | None = None
    service: list[str] | None = None
    group: str | None = None
    value: Any = None
    text: str | None = None
    tags: list[str] | None = None
    attributes: dict[str, Any] | None = None
    origin: str | None = None
    type: str | None = None
    create_time: str | None = None
    timeout: int | None = None
    raw_data: Any = None
    customer: str | None = None
    duplicate_count: int | None = None
    repeat: bool | None = None
    previous_severity: str | None = None
    trend_indication: str | None = None
    receive_time: str | None = None
    last_receive_id: str | None = None
    last_receive_time: str | None = None
    update_time: str | None = None
    history: list[Any] | None = None


class RawHistory(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change of an alert."""

    id: str | None = None
    event: str | None = None
    severity: str | None = None
    status: str | None = None
    value: Any = None
    text: str | None = None
    type: str | None = None
    update_time: str
    user: str | None = None
    timeout: int | None = None


class RawNote(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A note; the database has the alert's id in a column, the API under `related`."""

    id: str
    text: str | None = None
    user: str | None = None
    attributes: dict[str, Any] | None = None
    type: str | None = None
    create_time: str
    update_time: str | None = None
    alert: str | None = None
    related: dict[str, Any] = {}
    customer: str | None = None


class RawBlackout(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A blackout."""

    id: str
    environment: str
    service: list[str] | None = None
    resource: str | None = None
    event: str | None = None
    group: str | None = None
    tags: list[str] | None = None
    origin: str | None = None
    customer: str | None = None
    start_time: str
    end_time: str
    user: str | None = None
    create_time: str | None = None
    text: str | None = None


class RawHeartbeat(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A heartbeat."""

    id: str
    origin: str
    tags: list[str] | None = None
    attributes: dict[str, Any] | None = None
    type: str | None = None
    create_time: str
    timeout: int | None = None
    receive_time: str
    customer: str | None = None


class RawUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A user; only the database knows the hash of the password."""

    id: str
    login: str | None = None
    name: str | None = None
    email: str | None = None
    password: str | None = None
    status: str | None = None
    roles: list[str] | None = None
    attributes: dict[str, Any] | None = None
    create_time: str | None = None
    last_login: str | None = None
    text: str | None = None
    update_time: str | None = None
    email_verified: bool | None = msgspec.field(default=None, name="email_verified")


class RawGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of users; the members are their ids."""

    id: str
    name: str
    text: str | None = None
    users: list[str] | None = None


class RawRole(msgspec.Struct, frozen=True, kw_only=True):
    """What Alerta calls a permission."""

    id: str
    match: str
    scopes: list[str] | None = None


class RawCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A look-up of a customer."""

    id: str
    match: str
    customer: str


class RawKey(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An API key, in clear."""

    id: str
    key: str
    user: str | None = None
    scopes: list[str] | None = None
    text: str | None = None
    expire_time: str | None = None
    last_used_time: str | None = None
    customer: str | None = None


def shaped(kind: type[R], given: Any) -> R:
    """The row with its types.

    Raises:
        Invalid: a field is missing, or of another type.
    """
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _PATH.search(text)
        reason = text[: found.start()] if found else text
        raise Invalid(reason.replace("`", ""), found["path"] if found else "") from None


def identified(given: Any) -> str:
    """How a row is called in reports: its id, cut; nothing of a row that has none."""
    if not isinstance(given, Mapping):
        return ""
    row: Mapping[str, Any] = given  # pyright: ignore[reportUnknownVariableType]
    name = row.get("id")
    # Old installations have the key itself as the id of a key.
    secret = name is not None and name == row.get("key")
    return "" if not isinstance(name, str) else f"{name[:6]}…" if secret else name[:100]


def own_id(given: str) -> str:
    """The id under which something is kept here: Alerta's, unless that could be taken for a name or is a secret."""
    return given if _ID.fullmatch(given) else str(uuid.uuid5(_NAMESPACE, given))


def moment(text: str, field: str) -> datetime:
    """A time as the API or the database writes it, in UTC.

    Raises:
        Invalid: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(f"{text[:40]!r} is no time", field) from None
    if not _EARLIEST <= at.year <= _LATEST:
        raise Invalid(f"{text[:40]!r} is not in the years {_EARLIEST} to {_LATEST}", field)
    return at


def past(text: str, field: str, now: datetime) -> datetime:
    """A time by the other server's clock, which has been.

    Raises:
        Invalid: it is none, or lies in the future.
    """
    at = moment(text, field)
    if at > now + _CLOCKS:
        raise Invalid(f"{text[:40]!r} lies in the future", field)
    return at
