"""Rows of answers that commands make too, without a server."""

from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, TypedDict

from watchbell.api.times import Time, moment
from watchbell.domain.accounts import ApiKey, Profile, User
from watchbell.domain.checks.result import Result

CheckStatus: TypeAlias = Literal["ok", "warning", "critical", "unknown", "pending"]
"""The newest verdict, or `pending` before there is one."""


NEVER = datetime(9999, 12, 30, tzinfo=UTC)
"""When keys end that last for ever: Alerta's clients take no time for one that is over, or fail.

They show it by clocks that are up to a day ahead, and no time lies after the year 9999.
"""


class KeyRow(TypedDict):
    """A key for programs; of the key itself only the beginning."""

    id: str
    href: str
    key: str
    status: Literal["expired", "active"]
    type: Literal["read-write", "read-only"]
    count: int | None
    customer: str | None
    prefix: str
    user: str
    scopes: list[str]
    text: str
    createTime: Time
    expireTime: Time
    """When it ends; a time in the year 9999 is never."""
    lastUsedTime: Time | None


class UserRow(TypedDict):
    """A user."""

    id: str
    href: str
    login: str
    name: str
    email: str
    domain: str | None
    roles: list[str]
    status: Literal["active", "inactive"]
    attributes: dict[str, Any]
    text: str
    email_verified: bool
    second_factor: bool
    """Whether a log-in by password asks for a code."""
    createTime: Time
    updateTime: Time
    lastLogin: Time | None


class ReadingBody(TypedDict):
    """One measured number."""

    name: str
    value: float
    unit: str


class CheckResult(TypedDict):
    """What one run of a check said."""

    at: Time
    status: CheckStatus
    duration: float
    """Seconds."""
    summary: str
    details: str
    readings: list[ReadingBody]
    worker: str
    manual: bool


def key_row(key: ApiKey, base: str, now: datetime) -> KeyRow:
    """A key as the wire has it; of the key itself only the beginning."""
    over = key.expires_at is not None and key.expires_at <= now
    return {
        "id": key.id,
        "href": f"{base}/key/{key.id}",
        "key": f"{key.prefix}…",
        "status": "expired" if over else "active",
        "type": "read-write" if any(scope.startswith(("write", "admin")) for scope in key.scopes) else "read-only",
        "count": None,
        "customer": key.customer,
        "prefix": key.prefix,
        "user": key.user,
        "scopes": list(key.scopes),
        "text": key.text,
        "createTime": moment(key.created_at),
        "expireTime": moment(key.expires_at or NEVER),
        "lastUsedTime": moment(key.last_used),
    }


def user_row(user: User, profile: Profile, base: str, *, second_factor: bool) -> UserRow:
    """A user as the wire has it."""
    return {
        "id": user.id,
        "href": f"{base}/user/{user.id}",
        "login": user.login,
        "name": user.name,
        "email": user.email,
        "domain": user.email.partition("@")[2] or None,
        "roles": list(user.roles),
        "status": "active" if user.active else "inactive",
        "attributes": profile.attributes,
        "text": profile.text,
        "email_verified": profile.email_verified,
        "second_factor": second_factor,
        "createTime": moment(user.created_at),
        "updateTime": moment(profile.updated_at),
        "lastLogin": moment(user.last_login),
    }


def result_row(result: Result) -> CheckResult:
    """A result as the wire has it."""
    return {
        "at": moment(result.started),
        "status": result.outcome.status.value,
        "duration": result.duration,
        "summary": result.outcome.summary,
        "details": result.outcome.details,
        "readings": [{"name": r.name, "value": r.value, "unit": r.unit} for r in result.outcome.readings],
        "worker": result.worker,
        "manual": result.manual,
    }
