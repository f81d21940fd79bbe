"""`/api/auth/…` and `/api/userinfo`: logging in as Alerta's clients do, and who the caller is."""

from datetime import datetime
from typing import Any, TypedDict

import msgspec
from litestar import Request, Response, get, post, route

from watchbell.api.alerts import answer, base_of
from watchbell.api.auth import address_of, principal_of, requires
from watchbell.api.contract import Done, Text, said, told
from watchbell.api.needs import Needed
from watchbell.api.tokens import secret_of, token_of
from watchbell.api.wire import mapping_of, ok
from watchbell.domain.access import SESSION_LIFE
from watchbell.domain.accounts import Principal, User
from watchbell.domain.errors import Invalid
from watchbell.ports.clock import Clock
from watchbell.usecases.authenticating import Authenticating

OPEN = {"open": True}
FROM_ANYWHERE = OPEN | {"from_anywhere": True}
"""For what neither reads nor sets a cookie: no page can do with it what any program could not."""
NOT_KEPT = {"Cache-Control": "no-store"}


class LogIn(msgspec.Struct):
    """Who logs in: `username`, or `email`, and `password`; with two-step log-in `code`, too."""

    password: str
    username: Text = None
    email: Text = None
    code: Text = None


class Claims(TypedDict):
    """What a token says of its owner."""

    aud: str
    email: str
    email_verified: bool
    exp: int
    groups: list[str]
    iat: int
    iss: str
    jti: str
    name: str
    nbf: int
    orgs: list[str]
    preferred_username: str
    provider: str
    roles: list[str]
    scope: str
    sub: str
    typ: str


@post("/api/auth/login", opt=FROM_ANYWHERE | told(body=LogIn, answer=said(token=str)), status_code=200)
async def log_in(
    request: Request[Any, Any, Any], authenticating: Needed[Authenticating], clock: Needed[Clock]
) -> Response[dict[str, Any]]:
    """Log in with `username` (or `email`) and `password`; the token is a session that a header carries.

    Where two-step log-in is on, a `code` is needed, too; without one, 401 says so. Where a second step is required and
    there is none, 403 says what to do.
    """
    body = await mapping_of(request)
    login, password = body.get("username") or body.get("email"), body.get("password")
    if not isinstance(login, str) or not isinstance(password, str) or not login:
        raise Invalid("must supply 'username' and 'password'")
    code = body.get("code") or ""
    if not isinstance(code, str):
        raise Invalid("must be a string", "code")
    logged_in = await authenticating.log_in(login, password, address_of(request), code=code, program=True)
    said_of = claims(logged_in.principal, logged_in.user, base_of(request), clock.now()) | {"provider": logged_in.kind}
    return Response(ok(token=token_of(said_of, logged_in.cookie)), headers=NOT_KEPT)


@route("/api/auth/logout", http_method=["GET", "POST"], opt=FROM_ANYWHERE | told(answer=Done), status_code=200)
async def log_out(request: Request[Any, Any, Any], authenticating: Needed[Authenticating]) -> dict[str, Any]:
    """End the token's session. Without a token there is nothing to end; the session of a cookie stays."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    secret = secret_of(token.strip()) if kind.lower() == "bearer" else ""
    principal = await authenticating.by_session(secret) if secret else None
    if principal is not None:
        await authenticating.log_out(principal)
    return ok()


@get("/api/userinfo", guards=[requires("read:userinfo")], opt=told(answer=Claims))
async def userinfo(
    request: Request[Any, Any, Any], authenticating: Needed[Authenticating], clock: Needed[Clock]
) -> Response[bytes]:
    """Who the caller is, as the claims of a token say it."""
    principal = principal_of(request)
    user = await authenticating.user_of(principal)
    return answer(claims(principal, user, base_of(request), clock.now()))


def claims(principal: Principal, user: User | None, base: str, now: datetime) -> Claims:
    """What a token says of its owner, for clients that show it."""
    issued = int(now.timestamp())
    return {
        "aud": base,
        "email": user.email if user else "",
        "email_verified": False,
        "exp": issued + int(SESSION_LIFE.total_seconds()),
        "groups": [],
        "iat": issued,
        "iss": base,
        "jti": principal.session_id[:16],
        "name": (user.name if user else "") or principal.login,
        "nbf": issued,
        "orgs": [],
        "preferred_username": principal.login,
        "provider": "basic",
        "roles": list(user.roles) if user else [],
        "scope": " ".join(sorted(principal.scopes)),
        "sub": user.id if user else principal.login,
        "typ": "Bearer",
    }


routes = [log_in, log_out, userinfo]
