"""Alertmanager's silences, version 2 of its API: each is a blackout, so `amtool` lists, adds and expires them.

A silence holds for all environments unless it has a matcher for one. Matchers must be expressible as a blackout:
equality for any label, `=~` for alertname and instance when all that it has besides plain characters is `.*`. What is
not is refused with its name, never narrowed or widened. The search of a blackout is its label `__query__`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import FromPath

from watchbell.api.alerts import answer
from watchbell.api.auth import principal_of
from watchbell.api.blackouts import KIND, READ, WRITE, blackout_of, made, status_of
from watchbell.api.compat.alertmanager import FILTER, PREFIX, matchers_of
from watchbell.api.contract import Shape, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import raw_of
from watchbell.domain.accounts import Principal
from watchbell.domain.alerts.blackout import Blackout
from watchbell.domain.alerts.matching import EVERY
from watchbell.domain.errors import Faulty, Invalid
from watchbell.domain.managed import Stored
from watchbell.ports.clock import Clock
from watchbell.toolkit.incoming import decode
from watchbell.usecases.managing import Managing

_FIELDS: Mapping[str, str] = {
    "alertname": "event",
    "instance": "resource",
    "environment": "environment",
    "group": "group",
    "customer": "customer",
    "service": "service",
    "__query__": "query",
}
_LABELS = {field: label for label, field in _FIELDS.items()}
_WILD = frozenset({"event", "resource"})
_PIECE = re.compile(r"\\(?P<quoted>[^A-Za-z0-9])|(?P<any>\.\*)|(?P<plain>[^\\.+*?()|\[\]{}^$])")


class SilenceMatcher(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One condition of a silence."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class Silence(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A silence as a client sends it."""

    id: str | None = None
    matchers: list[SilenceMatcher]
    starts_at: datetime
    ends_at: datetime
    created_by: str = ""
    comment: str = ""


class MatcherBody(TypedDict):
    """One condition of a silence."""

    isEqual: bool
    isRegex: bool
    name: str
    value: str


class SilenceState(TypedDict):
    """Where a silence stands."""

    state: Literal["pending", "active", "expired"]


class GettableSilence(TypedDict):
    """A silence, as Alertmanager's clients know it."""

    comment: str
    createdBy: str
    endsAt: Time
    id: str
    matchers: list[MatcherBody]
    startsAt: Time
    status: SilenceState
    updatedAt: Time


@get(f"{PREFIX}/silences", guards=READ, opt=told(query=(FILTER,), answer=list[GettableSilence]))
async def silences(
    request: Request[Any, Any, Any], managing: Needed[Managing], clock: Needed[Clock]
) -> Response[bytes]:
    """The silences that have a matcher for each of `filter`; those that end last come first."""
    wanted = matchers_of(request)
    bodies = [shown(row, clock.now()) for row in await managing.all(KIND)]
    found = [
        body
        for body in bodies
        if all(
            any(
                matcher["name"] == each.name and each.holds({each.name: matcher["value"]})
                for matcher in body["matchers"]
            )
            for each in wanted
        )
    ]
    return answer(sorted(found, key=lambda body: body["endsAt"], reverse=True))


@post(
    f"{PREFIX}/silences",
    guards=WRITE,
    status_code=200,
    opt=told(body=Silence, answer=Shape({"silenceID": str}), others={400: str}),
)
async def add(request: Request[Any, Any, Any], managing: Needed[Managing], clock: Needed[Clock]) -> Response[bytes]:
    """Make a silence, or with its id change one. What is wrong is a JSON text, as its clients expect."""
    try:
        return answer({"silenceID": await _write(await raw_of(request), principal_of(request), managing, clock.now())})
    except (Invalid, Faulty) as error:
        return answer(str(error), 400)


async def _write(body: bytes, by: Principal, managing: Managing, now: datetime) -> str:
    sent = decode(Silence, body)
    if sent.starts_at.tzinfo is None or sent.ends_at.tzinfo is None:
        raise Invalid("must say their offset", "startsAt and endsAt")
    try:
        start, end = sent.starts_at.astimezone(UTC), sent.ends_at.astimezone(UTC)
    except OverflowError:
        raise Invalid("must be in the years 2000 to 8999", "startsAt and endsAt") from None
    if end <= now:
        raise Invalid("must be in the future", "endsAt")
    fields: dict[str, Any] = {
        **fields_of(sent.matchers),
        "start": moment(start),
        "end": moment(end),
        "duration": 0,
        "recurrence": "",
        "text": sent.comment,
        "user": sent.created_by if sent.created_by and by.may("admin:blackouts") else by.login,
    }
    if sent.id:
        row, _ = await managing.get(KIND, sent.id)
        kept = {field: row.body[field] for field in ("accept", "standing", "created") if field in row.body}
        row = await managing.update(by, KIND, row.id, {**kept, **fields, "name": row.name}, row.version)
    else:
        row = await made(managing, by, {**fields, "created": moment(now)})
    return row.id


@get(f"{PREFIX}/silence/{{silence_id:str}}", guards=READ, opt=told(answer=GettableSilence))
async def one(silence_id: FromPath[str], managing: Needed[Managing], clock: Needed[Clock]) -> Response[bytes]:
    """One silence."""
    row, _ = await managing.get(KIND, silence_id)
    return answer(shown(row, clock.now()))


@delete(f"{PREFIX}/silence/{{silence_id:str}}", guards=WRITE, status_code=200, opt=told())
async def expire(
    request: Request[Any, Any, Any], silence_id: FromPath[str], managing: Needed[Managing], clock: Needed[Clock]
) -> Response[bytes]:
    """End a silence now. One that has not begun is deleted."""
    by, now = principal_of(request), clock.now()
    row, _ = await managing.get(KIND, silence_id)
    state, _, _ = status_of(blackout_of(row), now)
    if state == "pending":
        await managing.delete(by, KIND, row.id)
    elif state == "active":
        await managing.update(by, KIND, row.id, {**row.body, "name": row.name, "end": moment(now)}, row.version)
    return Response(b"", media_type="application/json")


def fields_of(matchers: Sequence[SilenceMatcher]) -> dict[str, Any]:
    """The fields of a blackout for the same alerts.

    Raises:
        Invalid: there is none; names the label.
    """
    found: dict[str, Any] = {"environment": EVERY, "service": [], "tags": []}
    given: set[str] = set()
    for matcher in matchers:
        field = _FIELDS.get(matcher.name, "tags")
        value = _value(matcher, wild=field in _WILD)
        if field == "tags":
            found["tags"].append(f"{matcher.name}={value}")
        elif field == "service":
            found["service"].append(value)
        elif field in given:
            raise Invalid("can have one matcher here", matcher.name)
        else:
            found[field] = value
        given.add(field)
    return found


def _value(matcher: SilenceMatcher, *, wild: bool) -> str:
    if not matcher.is_equal:
        raise Invalid("a silence cannot have != or !~ here", matcher.name)
    if matcher.name == "severity":
        raise Invalid("a silence cannot be for one severity here; a blackout can accept severities", matcher.name)
    if matcher.value == "" or (matcher.value == EVERY and matcher.name == "environment"):
        raise Invalid("a silence cannot be for an empty label here", matcher.name)
    if not matcher.is_regex:
        if wild and "*" in matcher.value:
            raise Invalid("a silence cannot have a * in a value here", matcher.name)
        return matcher.value
    pieces = list(_PIECE.finditer(matcher.value))
    value = "".join("*" if piece["any"] else piece["quoted"] or piece["plain"] for piece in pieces)
    literal = "".join(piece["quoted"] or piece["plain"] or "" for piece in pieces)
    whole = sum(len(piece.group()) for piece in pieces) == len(matcher.value)
    if not whole or "*" in literal or ("*" in value and not wild):
        raise Invalid(
            "a silence with =~ can only have .* besides plain characters here, and that for alertname and instance",
            matcher.name,
        )
    return value


def shown(row: Stored, now: datetime) -> GettableSilence:
    """A blackout as a silence."""
    blackout = blackout_of(row)
    state, start, end = status_of(blackout, now)
    return {
        "comment": blackout.text,
        "createdBy": blackout.user or row.updated_by,
        "endsAt": moment(end),
        "id": row.id,
        "matchers": _matchers(blackout),
        "startsAt": moment(start),
        "status": {"state": state},
        "updatedAt": moment(row.updated_at),
    }


def _matchers(blackout: Blackout) -> list[MatcherBody]:
    found: list[MatcherBody] = []
    if blackout.environment != EVERY:
        found.append(_matcher("environment", blackout.environment, wild=False))
    for field in ("event", "resource", "group", "origin", "customer", "query"):
        value: str = getattr(blackout, field)
        if value:
            found.append(_matcher(_LABELS.get(field, field), value, wild=field not in {"group", "customer", "query"}))
    found += [_matcher("service", service, wild=False) for service in blackout.service]
    for tag in blackout.tags:
        name, sign, value = tag.partition("=")
        found.append(_matcher(name if sign else "tag", value if sign else tag, wild=False))
    return found


def _matcher(name: str, value: str, *, wild: bool) -> MatcherBody:
    regex = wild and "*" in value
    shown_value = ".*".join(re.escape(part) for part in value.split("*")) if regex else value
    return {"isEqual": True, "isRegex": regex, "name": name, "value": shown_value}


routes = [silences, add, one, expire]
