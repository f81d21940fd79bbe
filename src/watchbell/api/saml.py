"""`/api/auth/saml`: where the browser brings the answer of a SAML identity provider to, and what we tell it of us.

The answer comes from another site's page, so the browser keeps the cookie with the ticket back. Such an answer is sent
once more, by a page of our own, and then comes with the cookie.

Alerta's pages open a pop-up here instead, and wait for what it says to its opener. It is said to the origin that asked,
and to no other, if the settings name it; for this the pop-up alone is not cut off from its opener.
"""

import asyncio
from html import escape
from typing import Any, TypedDict
from urllib.parse import parse_qs, urlsplit

import msgspec
from litestar import MediaType, Request, Response, get, post

from watchbell.api.alerta_auth import NOT_KEPT
from watchbell.api.auth import COOKIE, address_of
from watchbell.api.contract import Parameter, Text, told
from watchbell.api.edge import OPENER
from watchbell.api.log_in import SAML_PATH, TICKET, own_base, sent_to, ticket_cookie, token_for, word_of
from watchbell.api.needs import Needed
from watchbell.api.session import session_cookie
from watchbell.api.wire import raw_of
from watchbell.domain.errors import Forbidden, Missing, Unauthenticated, WatchbellError
from watchbell.ports.clock import Clock
from watchbell.toolkit.origins import Origins
from watchbell.usecases.admitting import BESIDE, Admitting, Ticket

OPEN = {"open": True}
FORM = "application/x-www-form-urlencoded"
ANSWER_MAX = 256 << 10
AGAIN = "again"
FIELDS = ("SAMLResponse", "RelayState", AGAIN)


NOT_CUT_OFF = {OPENER.decode(): "unsafe-none"}
_WORDS = {
    "forbidden": "You may not log in here.",
    "taken": "Your login is somebody else's here.",
    "unproved": "The identity provider's answer is not good.",
}
"""What the pages that wait are told of an error, which may hold what strangers wrote."""


class Answer(TypedDict):
    """What the browser brings."""

    SAMLResponse: str
    RelayState: Text
    again: Text


@post(
    SAML_PATH,
    opt=OPEN | {"from_anywhere": True} | told(body=Answer, sent=FORM, media="text/html", others={200: str}),
    status_code=303,
)
async def consume(
    request: Request[Any, Any, Any],
    admitting: Needed[Admitting],
    secure_cookie: Needed[bool],
    clock: Needed[Clock],
) -> Response[Any]:
    """Take the answer of a SAML identity provider: opens the session, and goes on to the page that was wanted.

    A pop-up of Alerta's pages says to its opener what came of it: `{status, token}`, or `{status, message}`.
    """
    form = _form(await raw_of(request))
    sealed = request.cookies.get(TICKET, "")
    if not sealed and AGAIN not in form:
        beside = form.get("RelayState", "").startswith(BESIDE)
        return _shown(_page(form), NOT_CUT_OFF if beside else {})
    ticket = _ticket(admitting, sealed, form.get("RelayState", ""))
    if ticket is None:
        return sent_to("/login#refused=expired", path=SAML_PATH)
    if ticket.opener:
        return await _answered(request, admitting, ticket, form.get("SAMLResponse", ""), clock)
    try:
        former = request.cookies.get(COOKIE, "")
        arrival = await admitting.finish(ticket, form.get("SAMLResponse", ""), address_of(request), former)
    except WatchbellError as error:
        return sent_to(f"/login#refused={word_of(error)}", path=SAML_PATH)
    cookie = session_cookie(request, arrival.logged_in, secure=secure_cookie)
    return sent_to(arrival.back, cookie, path=SAML_PATH)


@get(
    SAML_PATH,
    opt=OPEN | told(query=(Parameter(name="name", about="The provider's name; else the first."),)),
    status_code=303,
)
async def open_beside(
    request: Request[Any, Any, Any],
    admitting: Needed[Admitting],
    cors_origins: Needed[Origins],
    secure_cookie: Needed[bool],
) -> Response[bytes]:
    """Send a pop-up of Alerta's pages to a SAML identity provider.

    The page that opens it must be of an origin that `server.cors_origins` names, and send its `Referer`.
    """
    name = request.query_params.get("name", "")
    gate = admitting.gate(name) if name else admitting.gate_of_kind("saml")
    if gate.kind != "saml":
        raise Missing("This log-in provider does not speak SAML.")
    origin = _origin(request.headers.get("referer", ""))
    if not origin or not (cors_origins.has(origin) or origin == own_base(request).lower()):
        raise Forbidden("Only pages of the origins that the settings name may log people in by a pop-up.")
    begun = await admitting.begin(gate.name, f"{own_base(request)}{SAML_PATH}", "/", opener=origin)
    cookie = ticket_cookie(request, begun.ticket, SAML_PATH, secure=secure_cookie)
    headers = NOT_KEPT | NOT_CUT_OFF | {"Location": begun.url}
    return Response(b"", status_code=303, headers=headers, cookies=[cookie])


async def _answered(
    request: Request[Any, Any, Any], admitting: Admitting, ticket: Ticket, answer: str, clock: Clock
) -> Response[Any]:
    """The page of a pop-up that says what came of it to the page that opened it, and to no other."""
    try:
        arrival = await admitting.finish(ticket, answer, address_of(request))
    except WatchbellError as error:
        words = _WORDS.get(word_of(error), "This did not work now. Try again.")
        message = {"status": "error", "message": words}
    else:
        message = {"status": "ok", "token": token_for(request, arrival.logged_in, "saml2", clock)}
    told = escape(msgspec.json.encode(message).decode())
    shown = _shown(
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Logging in</title>'
        f'<p id="answer" data-opener="{escape(ticket.opener)}" data-answer="{told}">You may close this window.</p>'
        f'<script src="{SAML_PATH}/answer.js"></script></html>',
        NOT_CUT_OFF,
    )
    shown.delete_cookie(TICKET, path=SAML_PATH)
    return shown


def _shown(page: str, headers: dict[str, str]) -> Response[Any]:
    return Response(page, status_code=200, media_type=MediaType.HTML, headers=NOT_KEPT | headers)


def _origin(url: str) -> str:
    """The origin of a page; empty when it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""


def _ticket(admitting: Admitting, sealed: str, state: str) -> Ticket | None:
    for gate in admitting.gates:
        if gate.kind == "saml":
            try:
                return admitting.ticket(gate.name, sealed, state)
            except Unauthenticated:
                continue
    return None


def _form(raw: bytes) -> dict[str, str]:
    """The fields that we know; nothing of a form that is too large or none."""
    if len(raw) > 2 * ANSWER_MAX:
        return {}
    try:
        given = parse_qs(raw.decode("ascii"), max_num_fields=10, errors="strict")
    except ValueError:
        return {}
    return {name: values[0] for name, values in given.items() if name in FIELDS and len(values[0]) <= ANSWER_MAX}


def _page(form: dict[str, str]) -> str:
    kept = {name: form.get(name, "") for name in ("SAMLResponse", "RelayState")} | {AGAIN: "1"}
    fields = "".join(f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in kept.items())
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Logging in</title>'
        f'<form method="post" action="{SAML_PATH}">{fields}<button>Continue</button></form>'
        f'<script src="{SAML_PATH}/continue.js"></script></html>'
    )


@get(f"{SAML_PATH}/continue.js", opt=OPEN | told(answer=str), media_type="text/javascript")
async def go_on() -> str:
    """What sends the answer once more."""
    return "document.forms[0].submit()\n"


@get(f"{SAML_PATH}/answer.js", opt=OPEN | told(answer=str), media_type="text/javascript")
async def answer_opener() -> str:
    """What tells the page that waits for a pop-up."""
    return (
        'const { opener, answer } = document.getElementById("answer").dataset;\n'
        "if (window.opener) {\n  window.opener.postMessage(JSON.parse(answer), opener);\n  window.close();\n}\n"
    )


@get(
    f"{SAML_PATH}/metadata.xml",
    opt=OPEN | told(query=(Parameter(name="name", about="The provider's name; else the first."),), answer=str),
    media_type="application/samlmetadata+xml",
)
async def metadata(request: Request[Any, Any, Any], admitting: Needed[Admitting]) -> Response[bytes]:
    """What a SAML identity provider must know of us."""
    name = request.query_params.get("name", "")
    gate = admitting.gate(name) if name else admitting.gate_of_kind("saml")
    if gate.describe is None:
        raise Missing("This log-in provider does not speak SAML.")
    described = await asyncio.to_thread(gate.describe, f"{own_base(request)}{SAML_PATH}")
    return Response(described, media_type="application/samlmetadata+xml", headers=NOT_KEPT)


routes = [consume, open_beside, go_on, answer_opener, metadata]
