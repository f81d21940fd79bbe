"""Who calls, and may they: the middleware that identifies every caller, and the guard that names a route's scope.

Closed by default. A route is open only when it says `opt={"open": True}`; any other needs a guard made by `requires`,
and one that forgot it answers 403 to everybody. Credentials are looked for in this order: `Authorization: Key k` (or
`Bearer k`, where k may also be the token of `/api/auth/login`), `X-API-Key`, `?api-key=`, `Authorization: Hawk`,
`Authorization: Basic`, the session cookie, the header of a trusted proxy. Whoever brings none may read where the
settings allow it, within the scopes that they name.

Requests that a browser may send by itself (with the cookie, or without any credentials) must come from our own pages:
an `Origin` of somebody else is refused, and unsafe methods by cookie must carry the session's token in `X-CSRF-Token`.
Pages of another origin read as anybody may, never as the one whom a proxy names. Routes where a GET does something call
`refuse_pages`.
"""

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from watchbell.api.edge import BY_PROXY
from watchbell.api.tokens import secret_of
from watchbell.api.wire import signed_bytes_of
from watchbell.domain.accounts import Principal
from watchbell.domain.errors import Forbidden, Invalid, Unauthenticated
from watchbell.domain.forwarding import LOOP_HEADER, hops
from watchbell.domain.hawk import Target, parse
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.calling import Caller, called_by
from watchbell.usecases.demanding import enrol_first
from watchbell.usecases.vouching import Vouching

COOKIE = "watchbell_session"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PRINCIPAL = "principal"
AGAIN = "again"
_UNASKED = "unasked"  # in the state: a browser may have sent it by itself, which a page of another site can bring about
MAX_CREDENTIAL = 2048  # characters

Connection = ASGIConnection[Any, Any, Any, Any]
Again = Callable[[], Awaitable[Principal]]


class Requires:
    """A guard: the caller must be known and hold `scope`; an empty scope asks only that the caller is known."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, connection: Connection, handler: BaseRouteHandler) -> None:
        """Raise `Unauthenticated` or `Forbidden`."""
        admit(connection.scope["state"].get(PRINCIPAL), self.scope, enrolling=bool(handler.opt.get("enrolling")))


def admit(principal: Principal | None, scope: str, *, enrolling: bool = False) -> None:
    """Let a caller in who is known and holds the scope; `enrolling` is whether they may have to set up a second step.

    Raises:
        Unauthenticated: nobody knows who calls.
        Forbidden: they may not.
    """
    if principal is None:
        raise Unauthenticated
    if principal.must_enrol and not enrolling:
        raise enrol_first()
    if scope and not principal.may(scope):
        raise Forbidden(f"Missing required scope: {scope}")


def requires(scope: str) -> Requires:
    """The guard for a scope, such as `write:alerts`."""
    return Requires(scope)


ENROLLING = {"enrolling": True}
"""For the few routes that are open to somebody who must set up a second step first."""
KNOWN = Requires("")
"""The guard for routes that any known caller may use."""


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """Who calls. Only in handlers that have a guard."""
    principal: Principal | None = request.scope["state"].get(PRINCIPAL)
    if principal is None:
        raise Unauthenticated
    return principal


async def asked_again(request: Request[Any, Any, Any]) -> Principal:
    """Who calls now, when the request has gone on for a while.

    Raises:
        Unauthenticated: their session, key or account has ended.
        Forbidden: they would see nothing any more.
    """
    again: Again = request.scope["state"][AGAIN]
    return await again()


def refuse_pages(request: Request[Any, Any, Any], reason: str) -> None:
    """For routes where a GET does something: refuse one that a page may have made a browser send, as by an image.

    Raises:
        Forbidden: with this reason.
    """
    if request.method == "GET" and (principal_of(request).csrf or request.scope["state"].get(_UNASKED)):
        raise Forbidden(reason)


def address_of(request: Request[Any, Any, Any]) -> str:
    """The caller's address, for throttling and the audit."""
    return request.client.host if request.client else "unknown"


def _via(request: Request[Any, Any, Any]) -> tuple[str, ...]:
    header = request.headers.get(LOOP_HEADER, "")
    try:
        return hops(header) if header else ()
    except Invalid as error:
        raise Invalid(error.reason, LOOP_HEADER) from error


def authentication(authenticating: Authenticating, vouching: Vouching, base_url: str = "") -> DefineMiddleware:
    """The middleware. `base_url` is the configured address of the pages, if any; pages from there count as ours."""
    return DefineMiddleware(
        Authentication, authenticating=authenticating, vouching=vouching, own=urlsplit(base_url).netloc.lower()
    )


class Authentication:
    """Puts the caller's `Principal` into `scope["state"]["principal"]`; None for open routes."""

    def __init__(self, app: ASGIApp, authenticating: Authenticating, vouching: Vouching, own: str) -> None:
        self._app = app
        self._vouching = vouching
        self._authenticating = authenticating
        self._own = own
        self._guarded: dict[int, bool] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Identify, then pass on."""
        scope["state"][PRINCIPAL] = None
        scope["state"][_UNASKED] = False
        request: Request[Any, Any, Any] = Request(scope, receive)
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
            scope["state"][PRINCIPAL] = principal = await self._identify(request)
            scope["state"][AGAIN] = partial(self._again, request, principal)
        caller = Caller(
            principal=scope["state"][PRINCIPAL],
            address=address_of(request),
            request_id=scope["state"].get("request_id", ""),
            user_agent=request.headers.get("user-agent", "")[:300],
            via=_via(request),
        )
        with called_by(caller):
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
        state = request.scope["state"]
        state[_UNASKED] = self._is_foreign(request)
        principal = await self._by_credentials(request) or await self._by_cookie(request)
        if principal is not None:
            return principal
        state[_UNASKED] = state[_UNASKED] or _hides_its_page(request)
        named = self._named_by_proxy(request)
        if named:
            self._refuse_foreign(request)
        if named and not self._has_foreign_origin(request):
            roles = request.headers.get(self._vouching.proxy.roles_header or "-", "")
            return await self._vouching.by_proxy(named, roles)
        anonymous = self._authenticating.anonymous
        if anonymous is None or (self._authenticating.required and request.method not in SAFE):
            raise Unauthenticated
        self._refuse_foreign(request)
        return anonymous

    async def _again(self, request: Request[Any, Any, Any], principal: Principal) -> Principal:
        """Who somebody is now who came with this request."""
        kind = request.headers.get("authorization", "").partition(" ")[0].lower()
        if kind == "hawk" and not principal.key:
            return principal  # signatures are good once, and their keys are in the settings
        if not principal.user_id or kind == "basic":
            return await self._identify(request)
        # What a proxy said at the beginning of their roles must not be written once more: it may be another word now.
        found = await self._authenticating.again(principal)
        if found is None:
            raise Unauthenticated
        return found

    async def _by_credentials(self, request: Request[Any, Any, Any]) -> Principal | None:
        """The caller by what a program sends; None when it sends nothing."""
        kind, _, credential = request.headers.get("authorization", "").partition(" ")
        key = request.headers.get("x-api-key", "") or request.query_params.get("api-key", "")
        if kind.lower() in {"key", "bearer"}:
            key = credential.strip()
        if kind.lower() == "bearer" and len(key) <= MAX_CREDENTIAL and (secret := secret_of(key)):
            return await self._by_token(secret)
        if key:
            if len(key) > MAX_CREDENTIAL:
                raise Unauthenticated("The key is too long to be one.")
            return await self._authenticating.by_key(key)
        if kind.lower() == "hawk":
            return await self._by_signature(request, credential)
        if kind.lower() == "basic":
            login, password = _basic(credential)
            return await self._authenticating.by_password(login, password, address_of(request))
        return None

    async def _by_cookie(self, request: Request[Any, Any, Any]) -> Principal | None:
        cookie = request.cookies.get(COOKIE, "")
        principal = await self._authenticating.by_session(cookie) if cookie else None
        if principal is not None:
            self._check_csrf(request, principal)
        return principal

    def _named_by_proxy(self, request: Request[Any, Any, Any]) -> str:
        """Whom a proxy names that is trusted; empty when there is none, or it names nobody."""
        header = self._vouching.proxy.user_header
        if not header or not request.scope["state"].get(BY_PROXY):
            return ""
        return request.headers.get(header, "").strip()[:MAX_CREDENTIAL]

    async def _by_signature(self, request: Request[Any, Any, Any], header: str) -> Principal:
        """The caller who signed this request. No page can make a browser sign one."""
        if len(header) > MAX_CREDENTIAL:
            raise Unauthenticated("The credentials are too long.")
        signed = parse(header)
        where = urlsplit(f"//{request.headers.get('host', '')}")
        raw, query = request.scope["raw_path"], request.scope["query_string"]
        path = (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")
        try:
            port = where.port or (443 if request.url.scheme == "https" else 80)
        except ValueError:
            raise Unauthenticated("The Host header cannot be read.") from None
        target = Target(method=request.method, path=path, host=where.hostname or "", port=port)
        principal, key = await self._vouching.by_signature(signed, target)
        body = await signed_bytes_of(request)
        self._vouching.check_body(signed, key, request.headers.get("content-type", ""), body)
        return principal

    async def _by_token(self, secret: str) -> Principal:
        """The caller whose session the token is. No other site's page can make a browser send it."""
        principal = await self._authenticating.by_session(secret)
        if principal is None:
            raise Unauthenticated("Token has expired")
        return msgspec.structs.replace(principal, csrf="")

    def _check_csrf(self, request: Request[Any, Any, Any], principal: Principal) -> None:
        if request.method in SAFE:
            return
        self._refuse_foreign(request)
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), principal.csrf.encode()):
            raise Forbidden("Missing or wrong X-CSRF-Token. Reload the page.")

    def _refuse_foreign(self, request: Request[Any, Any, Any]) -> None:
        """Refuse unsafe requests that another site's page made the browser send."""
        if request.method not in SAFE and self._is_foreign(request):
            raise Forbidden("Requests from other sites' pages are refused.")

    def _is_foreign(self, request: Request[Any, Any, Any]) -> bool:
        """Whether another site's page made the browser send it, as far as the browser says."""
        if "origin" in request.headers:
            return self._has_foreign_origin(request)
        return request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}

    def _has_foreign_origin(self, request: Request[Any, Any, Any]) -> bool:
        origin = request.headers.get("origin")
        ours = {request.headers.get("host", "").lower(), self._own} - {""}
        return origin is not None and urlsplit(origin).netloc.lower() not in ours


def _hides_its_page(request: Request[Any, Any, Any]) -> bool:
    """Whether a browser does not say which page made it ask: it says so only over TLS, and to its own machine.

    Programs do not say so either, and are not meant; those that call themselves a browser say `compatible`.
    """
    agent = request.headers.get("user-agent", "")
    told = "sec-fetch-site" in request.headers or "origin" in request.headers
    return not told and agent.startswith("Mozilla/") and "compatible;" not in agent


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
