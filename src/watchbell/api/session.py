"""`/api/session` and `/api/setup`: logging in and out, and the first administrator."""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie

from watchbell.api.auth import COOKIE, ENROLLING, KNOWN, address_of, principal_of
from watchbell.api.client_config import ClientConfig
from watchbell.api.contract import Done, said, told
from watchbell.api.needs import Needed
from watchbell.api.wire import Body, body_of, ok
from watchbell.domain.access import SESSION_LIFE
from watchbell.domain.accounts import Principal, User
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import PHASES
from watchbell.domain.alerts.severity import Severities
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.following import ChangeFeed
from watchbell.usecases.sessions import LoggedIn

OPEN = {"open": True}
NOT_KEPT = {"Cache-Control": "no-store"}


class Credentials(Body, frozen=True):
    """Who logs in."""

    login: str
    """What the person is called here."""
    password: str
    """The password."""
    code: str = ""
    """What the telephone shows, or a recovery code, where two-step log-in is on."""


class FirstAdministrator(Body, frozen=True):
    """Who sets Watchbell up."""

    token: str
    """From the one-time link."""
    login: str
    """What the administrator will type to log in."""
    password: str
    """At least 10 characters."""
    name: str = ""
    """The person's name."""
    email: str = ""
    """Address for messages."""


class SessionUser(TypedDict):
    """Who is logged in."""

    login: str
    name: str
    email: str
    roles: list[str]


class SeverityLook(TypedDict):
    """How the pages draw a severity: one of eight looks, and a CSS colour when it has one of its own."""

    name: str
    look: str
    color: str


PhaseName: TypeAlias = Literal["open", "taken", "shelved", "muted", "cleared", "closed", "expired"]


class Alarms(TypedDict):
    """The words of the alarm model: its statuses, those that are looked at first, and the actions that it knows.

    `phases` says what statuses mean, also those of another model. `own_actions` are the installation's own, which
    change no status.
    """

    statuses: list[str]
    phases: dict[str, PhaseName]
    shown: list[str]
    actions: list[str]
    own_actions: list[str]


SESSION = said(
    user=SessionUser,
    scopes=list[str],
    csrf=str,
    mustEnrol=bool,
    severities=list[SeverityLook],
    alarms=Alarms,
    latest=NotRequired[int],
)
"""`csrf` goes into `X-CSRF-Token` of later requests. The worst severity is the first.

With `mustEnrol` nothing but setting up a second step is open to the caller: `PUT /api/user/me/second-factor`, or
`PUT /api/user/me/passkeys`.

`latest` is the newest change: `/api/stream?after=` it tells of all that comes later. Only `GET` says it.
"""


@get("/api/setup", opt=OPEN | told(answer=said(needed=bool)))
async def needed(authenticating: Needed[Authenticating]) -> Response[dict[str, Any]]:
    """Whether the first administrator must be set up."""
    return Response(ok(needed=await authenticating.needs_setup()), headers=NOT_KEPT)


@post("/api/setup", opt=OPEN | told(body=FirstAdministrator, answer=SESSION))
async def set_up(
    request: Request[Any, Any, Any],
    authenticating: Needed[Authenticating],
    model: Needed[AlarmModel],
    client_config: Needed[ClientConfig],
    secure_cookie: Needed[bool],
) -> Response[dict[str, Any]]:
    """Make the first administrator, and log them in. The token is good once."""
    data = await body_of(request, FirstAdministrator)
    logged_in = await authenticating.set_up(data.token, data.login, data.name, data.email, data.password)
    return with_cookie(request, logged_in, words_of(model, client_config), 201, secure=secure_cookie)


@get("/api/session", guards=[KNOWN], opt=ENROLLING | told(answer=SESSION))
async def current(
    request: Request[Any, Any, Any],
    authenticating: Needed[Authenticating],
    model: Needed[AlarmModel],
    client_config: Needed[ClientConfig],
    feed: Needed[ChangeFeed],
) -> Response[dict[str, Any]]:
    """Who the caller is, and what they may do."""
    principal = principal_of(request)
    latest = await feed.latest()  # before whatever the page asks next
    user = await authenticating.user_of(principal)
    shown = _session(principal, user, words_of(model, client_config))
    return Response(shown | {"latest": latest}, headers=NOT_KEPT)


@post("/api/session", opt=OPEN | told(body=Credentials, answer=SESSION), status_code=200)
async def log_in(
    request: Request[Any, Any, Any],
    authenticating: Needed[Authenticating],
    model: Needed[AlarmModel],
    client_config: Needed[ClientConfig],
    secure_cookie: Needed[bool],
) -> Response[dict[str, Any]]:
    """Log in with a password. The answer sets the session cookie; `csrf` goes into `X-CSRF-Token` of later requests.

    Where two-step log-in is on, a `code` is needed, too: 401 with an error of the field `code` says so.
    """
    data = await body_of(request, Credentials)
    former = request.cookies.get(COOKIE, "")
    logged_in = await authenticating.log_in(data.login, data.password, address_of(request), former, data.code)
    return with_cookie(request, logged_in, words_of(model, client_config), 200, secure=secure_cookie)


@delete("/api/session", guards=[KNOWN], status_code=200, opt=ENROLLING | told(answer=Done))
async def log_out(request: Request[Any, Any, Any], authenticating: Needed[Authenticating]) -> Response[dict[str, Any]]:
    """Log out."""
    await authenticating.log_out(principal_of(request))
    response = Response(ok(), headers=NOT_KEPT)
    response.delete_cookie(COOKIE)
    return response


class Words(TypedDict):
    """What the pages call things."""

    severities: list[SeverityLook]
    alarms: Alarms


def _session(principal: Principal, user: User | None, words: Words) -> dict[str, Any]:
    login = principal.login or "anonymous"
    shown: SessionUser = {"login": login, "name": login, "email": "", "roles": []}
    if user is not None:
        shown = {"login": user.login, "name": user.name, "email": user.email, "roles": list(user.roles)}
    return ok(user=shown, scopes=sorted(principal.scopes), csrf=principal.csrf, mustEnrol=principal.must_enrol, **words)


def words_of(model: AlarmModel, client_config: ClientConfig) -> Words:
    """What this installation calls things."""
    return {
        "severities": _looks(model.severities),
        "alarms": {
            "statuses": list(model.statuses),
            "phases": {name: phase.value for name, phase in PHASES.items()},
            "shown": list(model.shown),
            "actions": sorted(model.actions),
            "own_actions": list(client_config.actions),
        },
    }


def _looks(severities: Severities) -> list[SeverityLook]:
    return [
        {"name": name, "look": look, "color": severities.own_colors.get(name, "")}
        for name, look in severities.looks.items()
    ]


def session_cookie(request: Request[Any, Any, Any], logged_in: LoggedIn, *, secure: bool) -> Cookie:
    """The cookie that carries a new session."""
    return Cookie(
        key=COOKIE,
        value=logged_in.cookie,
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure or request.url.scheme == "https",
        max_age=int(SESSION_LIFE.total_seconds()),
    )


def with_cookie(
    request: Request[Any, Any, Any], logged_in: LoggedIn, words: Words, code: int, *, secure: bool
) -> Response[dict[str, Any]]:
    """The answer that opens a session."""
    cookie = session_cookie(request, logged_in, secure=secure)
    content = _session(logged_in.principal, logged_in.user, words)
    return Response(content, status_code=code, cookies=[cookie], headers=NOT_KEPT)


routes = [needed, set_up, current, log_in, log_out]
