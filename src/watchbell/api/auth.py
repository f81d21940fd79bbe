"""Who calls, and may they: the middleware that identifies every caller, and the guard that names a route's scope.

Closed by default. A route is open only when it says `opt={"open": True}`; any other needs a guard made by `requires`,
and one that forgot it answers 403 to everybody. Credentials are looked for in this order: `Authorization: Key k` (or
`Bearer k`), `X-API-Key`, `?api-key=`, `Authorization: Basic`, the session cookie.

Requests that a browser may send by itself (with the cookie, or without any credentials) must come from our own pages:
an `Origin` of somebody else is refused, and unsafe methods by cookie must carry the session's token in `X-CSRF-Token`.
"""

import base64
import binascii
import hmac
from typing import Any, cast
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from watchbell.domain.accounts import Principal
from watchbell.domain.errors import Forbidden, Unauthenticated
from watchbell.usecases.authenticating import Authenticating

COOKIE = "watchbell_session"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PRINCIPAL = "principal"
MAX_CREDENTIAL = 2048  # characters

Connection = ASGIConnection[Any, Any, Any, Any]


class Requires:
    """A guard: the caller must be known and hold `scope`; an empty scope asks only that the caller is known."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, connection: Connection, _handler: BaseRouteHandler) -> None:
        """Raise `Unauthenticated` or `Forbidden`."""
        principal: Principal | None = connection.scope["state"].get(PRINCIPAL)
        if principal is None:
            raise Unauthenticated
        if self.scope and not principal.may(self.scope):
            raise Forbidden(f"Missing required scope: {self.scope}")


def requires(scope: str) -> Requires:
    """The guard for a scope, such as `write:alerts`."""
    return Requires(scope)


KNOWN = Requires("")
"""The guard for routes that any known caller may use."""


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """Who calls. Only in handlers that have a guard."""
    principal: Principal | None = request.scope["state"].get(PRINCIPAL)
    if principal is None:
        raise Unauthenticated
    return principal


def address_of(request: Request[Any, Any, Any]) -> str:
    """The caller's address, for throttling and the audit."""
    return request.client.host if request.client else "unknown"


def authentication(authenticating: Authenticating, base_url: str = "") -> DefineMiddleware:
    """The middleware. `base_url` is the configured address of the pages, if any; pages from there count as ours."""
    return DefineMiddleware(Authentication, authenticating=authenticating, own=urlsplit(base_url).netloc.lower())


class Authentication:
    """Puts the caller's `Principal` into `scope["state"]["principal"]`; None for open routes."""

    def __init__(self, app: ASGIApp, authenticating: Authenticating, own: str) -> None:
        self._app = app
        self._authenticating = authenticating
        self._own = own
        self._guarded: dict[int, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Identify, then pass on."""
        scope["state"][PRINCIPAL] = None
        request: Request[Any, Any, Any] = Request(scope)
        if request.method == "OPTIONS":
            await self._app(scope, receive, send)
            return
        handler = cast("BaseRouteHandler", scope["route_handler"])
        if handler.opt.get("open"):
            if not handler.opt.get("from_anywhere"):
                self._refuse_foreign(request)
        else:
            if not self._is_guarded(handler):
                raise Forbidden("This route has no rule about who may use it, so nobody may.")
            scope["state"][PRINCIPAL] = await self._identify(request)
        await self._app(scope, receive, send)

    def _is_guarded(self, handler: BaseRouteHandler) -> bool:
        known = self._guarded.get(id(handler))
        if known is None:
            guards = cast("list[object]", handler.resolve_guards())  # pyright: ignore[reportUnknownMemberType]
            known = self._guarded[id(handler)] = any(isinstance(guard, Requires) for guard in guards)
        return known

    async def _identify(self, request: Request[Any, Any, Any]) -> Principal:
        """The caller.

        Raises:
            Unauthenticated: nobody knows.
            Forbidden: a browser was made to send this by somebody else's page.
        """
        kind, _, credential = request.headers.get("authorization", "").partition(" ")
        key = request.headers.get("x-api-key", "") or request.query_params.get("api-key", "")
        if kind.lower() in {"key", "bearer"}:
            key = credential.strip()
        if key:
            if len(key) > MAX_CREDENTIAL:
                raise Unauthenticated("The key is too long to be one.")
            return await self._authenticating.by_key(key)
        if kind.lower() == "basic":
            login, password = _basic(credential)
            return await self._authenticating.by_password(login, password, address_of(request))
        cookie = request.cookies.get(COOKIE, "")
        principal = await self._authenticating.by_session(cookie) if cookie else None
        if principal is not None:
            self._check_csrf(request, principal)
            return principal
        anonymous = self._authenticating.anonymous
        if anonymous is None:
            raise Unauthenticated
        self._refuse_foreign(request)
        return anonymous

    def _check_csrf(self, request: Request[Any, Any, Any], principal: Principal) -> None:
        if request.method in SAFE:
            return
        self._refuse_foreign(request)
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), principal.csrf.encode()):
            raise Forbidden("Missing or wrong X-CSRF-Token. Reload the page.")

    def _refuse_foreign(self, request: Request[Any, Any, Any]) -> None:
        """Refuse unsafe requests that another site's page made the browser send."""
        if request.method in SAFE:
            return
        origin = request.headers.get("origin")
        if origin is None:
            if request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
                return
        elif urlsplit(origin).netloc.lower() in {request.headers.get("host", "").lower(), self._own} - {""}:
            return
        raise Forbidden("Requests from other sites' pages are refused.")


def _basic(credential: str) -> tuple[str, str]:
    """Login and password of a Basic header; the password may hold colons."""
    if len(credential) > MAX_CREDENTIAL:
        raise Unauthenticated("The credentials are too long.")
    try:
        decoded = base64.b64decode(credential, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Unauthenticated("The Basic credentials cannot be read.") from None
    login, _, password = decoded.partition(":")
    return login, password
