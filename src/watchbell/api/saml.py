"""`/api/auth/saml`: where the browser brings the answer of a SAML identity provider to, and what we tell it of us.

The answer comes from another site's page, so the browser keeps the cookie with the ticket back. Such an answer is sent
once more, by a page of our own, and then comes with the cookie.
"""

import asyncio
from html import escape
from typing import Any, TypedDict
from urllib.parse import parse_qs

from litestar import MediaType, Request, Response, get, post

from watchbell.api.alerta_auth import NOT_KEPT
from watchbell.api.auth import COOKIE, address_of
from watchbell.api.contract import Parameter, Text, told
from watchbell.api.log_in import SAML_PATH, TICKET, own_base, sent_to, word_of
from watchbell.api.needs import Needed
from watchbell.api.session import session_cookie
from watchbell.api.wire import raw_of
from watchbell.domain.errors import Missing, Unauthenticated, WatchbellError
from watchbell.usecases.admitting import Admitting, Ticket

OPEN = {"open": True}
FORM = "application/x-www-form-urlencoded"
ANSWER_MAX = 256 << 10
AGAIN = "again"
FIELDS = ("SAMLResponse", "RelayState", AGAIN)


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
    request: Request[Any, Any, Any], admitting: Needed[Admitting], secure_cookie: Needed[bool]
) -> Response[Any]:
    """Take the answer of a SAML identity provider: opens the session, and goes on to the page that was wanted."""
    form = _form(await raw_of(request))
    sealed = request.cookies.get(TICKET, "")
    if not sealed and AGAIN not in form:
        return Response(_page(form), status_code=200, media_type=MediaType.HTML, headers=NOT_KEPT)
    ticket = _ticket(admitting, sealed, form.get("RelayState", ""))
    if ticket is None:
        return sent_to("/login#refused=expired", path=SAML_PATH)
    try:
        former = request.cookies.get(COOKIE, "")
        arrival = await admitting.finish(ticket, form.get("SAMLResponse", ""), address_of(request), former)
    except WatchbellError as error:
        return sent_to(f"/login#refused={word_of(error)}", path=SAML_PATH)
    cookie = session_cookie(request, arrival.logged_in, secure=secure_cookie)
    return sent_to(arrival.back, cookie, path=SAML_PATH)


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


routes = [consume, go_on, metadata]
