"""`/api/session/providers`, `/api/session/with/…`, `/api/session/callback/…`: log-in providers for our pages.

`/api/auth/<kind>` is the same for Alerta's pages, which ask the provider themselves and bring the code. A browser that
is sent to a provider keeps a sealed ticket in a cookie; who comes back without it, or with another's, is refused. What
went wrong goes to the page as one of a few words, and whole into the audit log.
"""

from typing import Any, TypedDict
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath

from watchbell.api.alerta_auth import NOT_KEPT, claims
from watchbell.api.alerts import base_of
from watchbell.api.auth import COOKIE, address_of
from watchbell.api.contract import Named, Parameter, Text, said, told
from watchbell.api.needs import Needed
from watchbell.api.session import session_cookie
from watchbell.api.tokens import token_of
from watchbell.api.wire import Body, body_of, mapping_of, ok
from watchbell.domain.errors import Conflict, Forbidden, Invalid, Unauthenticated, WatchbellError
from watchbell.ports.clock import Clock
from watchbell.ports.login import Challenge
from watchbell.usecases.admitting import TICKET_LIFE, Admitting, once_of
from watchbell.usecases.presenting import Presenting
from watchbell.usecases.sessions import LoggedIn
from watchbell.usecases.signing_up import SigningUp

OPEN = {"open": True}
TICKET = "watchbell_login"
PATH = "/api/session"
SAML_PATH = "/api/auth/saml"
"""Where answers of SAML come to, as in Alerta."""
CODE_MAX = 4096
CODE_OF = {"cas": "ticket"}
"""What the provider calls that which it gives, where it is no `code`."""


class ProviderRow(TypedDict):
    """A way to log in."""

    name: str
    kind: str
    title: str
    """What the button says."""


class Begin(Body, frozen=True):
    """What somebody wants who is sent to a provider."""

    back: str = "/"
    """The page to see then, a path of ours."""


class Ticket(TypedDict):
    """What Alerta's pages bring back from a CAS."""

    ticket: Named
    service: Named


class Code(TypedDict):
    """What Alerta's pages bring back from a provider."""

    code: Named
    clientId: Text
    redirectUri: Named


_WAYS = said(providers=list[ProviderRow], signUp=bool, resetPassword=bool, passkeys=bool)


@get("/api/session/providers", opt=OPEN | told(answer=_WAYS))
async def providers(
    admitting: Needed[Admitting], signing_up: Needed[SigningUp], presenting: Needed[Presenting]
) -> dict[str, Any]:
    """How people may log in besides with a password, and whether they make accounts and new passwords by themselves."""
    rows = [{"name": one.name, "kind": one.kind, "title": one.title} for one in admitting.gates]
    terms = signing_up.terms
    return ok(providers=rows, signUp=terms.sign_up, resetPassword=terms.reset, passkeys=presenting.offered)


@post("/api/session/with/{name:str}", opt=OPEN | told(body=Begin, answer=said(url=str)), status_code=200)
async def begin(
    request: Request[Any, Any, Any], name: FromPath[str], admitting: Needed[Admitting], secure_cookie: Needed[bool]
) -> Response[dict[str, Any]]:
    """Begin to log in by a provider: the browser is to go to `url`, and comes back to the callback."""
    data = await body_of(request, Begin)
    by_saml = admitting.gate(name).kind == "saml"
    returning = SAML_PATH if by_saml else f"{PATH}/callback/{quote(name)}"
    begun = await admitting.begin(name, f"{own_base(request)}{returning}", safe_back(data.back))
    cookie = ticket_cookie(request, begun.ticket, SAML_PATH if by_saml else PATH, secure=secure_cookie)
    return Response(ok(url=begun.url), cookies=[cookie], headers=NOT_KEPT)


def ticket_cookie(request: Request[Any, Any, Any], sealed: str, path: str, *, secure: bool) -> Cookie:
    """The cookie that a browser keeps while its person is at the provider; it comes for `path`."""
    return Cookie(
        key=TICKET,
        value=sealed,
        path=path,
        httponly=True,
        samesite="lax",
        secure=secure or request.url.scheme == "https",
        max_age=int(TICKET_LIFE.total_seconds()),
    )


@get(
    "/api/session/callback/{name:str}",
    opt=OPEN
    | told(
        query=(
            Parameter(name="code", about="What the provider gave."),
            Parameter(name="ticket", about="What a CAS gave."),
            Parameter(name="state", about="What was sent to it."),
            Parameter(name="error", about="Why it gave nothing."),
        )
    ),
    status_code=303,
)
async def callback(
    request: Request[Any, Any, Any], name: FromPath[str], admitting: Needed[Admitting], secure_cookie: Needed[bool]
) -> Response[bytes]:
    """Where a provider sends the browser back to: opens the session, and goes on to the page that was wanted."""
    given = request.query_params
    try:
        ticket = admitting.ticket(name, request.cookies.get(TICKET, ""), given.get("state", ""))
    except Unauthenticated:
        return sent_to("/login#refused=expired")
    try:
        code = given.get(CODE_OF.get(admitting.gate(name).kind, "code"), "")
        if "error" in given or not 0 < len(code) <= CODE_MAX:
            return sent_to("/login#refused=cancelled")
        former = request.cookies.get(COOKIE, "")
        arrival = await admitting.finish(ticket, code, address_of(request), former)
    except WatchbellError as error:
        return sent_to(f"/login#refused={word_of(error)}")
    return sent_to(arrival.back, session_cookie(request, arrival.logged_in, secure=secure_cookie))


def word_of(error: WatchbellError) -> str:
    """What the page says of an error, which may hold what strangers wrote."""
    words = ((Forbidden, "forbidden"), (Conflict, "taken"), (Unauthenticated, "unproved"))
    return next((word for kind, word in words if isinstance(error, kind)), "failed")


def sent_to(page: str, *cookies: Cookie, path: str = PATH) -> Response[bytes]:
    """Send the browser on to a page of ours; its ticket, which came for `path`, is used up."""
    answer = Response(b"", status_code=303, headers=NOT_KEPT | {"Location": page}, cookies=list(cookies))
    answer.delete_cookie(TICKET, path=path)
    return answer


@post(
    "/api/auth/{kind:str}",
    opt=OPEN | {"from_anywhere": True} | told(body=Code, answer=said(token=str)),
    status_code=200,
)
async def redeem(
    request: Request[Any, Any, Any], kind: FromPath[str], admitting: Needed[Admitting], clock: Needed[Clock]
) -> Response[dict[str, Any]]:
    """Log in with the code of a provider of this kind (`google`, `openid` and so on), as Alerta's pages do."""
    body = await mapping_of(request)
    gate = admitting.gate_of_kind(kind)
    code, redirect = body.get("code"), body.get("redirectUri")
    if not isinstance(code, str) or not isinstance(redirect, str) or not 0 < len(code) <= CODE_MAX or not redirect:
        raise Invalid("must supply 'code' and 'redirectUri'")
    found = await admitting.redeem(gate, code, Challenge(redirect=redirect), address_of(request))
    return with_token(request, found, kind, clock)


@post(
    "/api/auth/cas",
    opt=OPEN | {"from_anywhere": True} | told(body=Ticket, answer=said(token=str)),
    status_code=200,
)
async def redeem_ticket(
    request: Request[Any, Any, Any], admitting: Needed[Admitting], clock: Needed[Clock]
) -> Response[dict[str, Any]]:
    """Log in with the ticket that a CAS gave for the page `service`, as Alerta's pages do.

    The page must be of an origin that `server.cors_origins` names whole. A ticket is good once.
    """
    body = await mapping_of(request)
    gate = admitting.gate_of_kind("cas")
    ticket, service = body.get("ticket"), body.get("service")
    if not isinstance(ticket, str) or not isinstance(service, str) or not 0 < len(ticket) <= CODE_MAX or not service:
        raise Invalid("must supply 'ticket' and 'service'")
    once = once_of(f"{gate.name} {ticket}")
    found = await admitting.redeem(gate, ticket, Challenge(redirect=service), address_of(request), once=once)
    return with_token(request, found, "cas", clock)


def with_token(request: Request[Any, Any, Any], found: LoggedIn, kind: str, clock: Clock) -> Response[dict[str, Any]]:
    """What Alerta's pages get for somebody who logged in by a provider of this kind."""
    return Response(ok(token=token_for(request, found, kind, clock)), headers=NOT_KEPT)


def token_for(request: Request[Any, Any, Any], found: LoggedIn, kind: str, clock: Clock) -> str:
    """The token of a session, in whose claims the provider is of this kind."""
    said_of = claims(found.principal, found.user, base_of(request), clock.now()) | {"provider": kind}
    return token_of(said_of, found.cookie)


def own_base(request: Request[Any, Any, Any]) -> str:
    """Where people reach us, as the browser says it; without a slash at the end."""
    return str(request.base_url).rstrip("/")


def safe_back(path: str) -> str:
    """A path of our own pages; the front page in the place of anything else."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\", "/login")) and path.isprintable()
    return quote(path, safe="/?&=%#:,;@!$'()*+~-._[]") if plain and len(path) <= 2000 else "/"


routes = [providers, begin, callback, redeem, redeem_ticket]
