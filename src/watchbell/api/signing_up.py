"""`/api/auth/signup`, `/api/auth/confirm/…`, `/api/auth/forgot`, `/api/auth/reset/…`: what people see to themselves.

Paths, bodies and answers are those of Alerta's clients. Nothing here reads or sets a cookie.
"""

from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath

from watchbell.api.alerta_auth import FROM_ANYWHERE, NOT_KEPT, claims
from watchbell.api.alerts import base_of
from watchbell.api.auth import address_of
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.tokens import token_of
from watchbell.api.wire import known_of, ok
from watchbell.ports.clock import Clock
from watchbell.usecases.signing_up import Applicant, SigningUp

SENT = "password reset sent"
"""Also when there is no such account: nobody is to learn that."""


class SignUp(msgspec.Struct, frozen=True, kw_only=True):
    """An account that somebody makes for themselves. Roles and status are not theirs to choose."""

    password: str
    """At least 10 characters."""
    email: str | None = None
    """Where mails go to; also the login, when none is given."""
    login: str | None = None
    """What the person types to log in: the address, or a name without `@`."""
    username: str | None = None
    """The same by another name."""
    name: str | None = None
    """The person's name."""
    text: str | None = None
    """Anything worth noting."""
    attributes: dict[str, Any] | None = None
    """What clients keep there."""


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Whose password is forgotten."""

    email: str
    """The address of the account."""


class NewPassword(msgspec.Struct, frozen=True, kw_only=True):
    """What the password is to be."""

    password: str
    """At least 10 characters."""


_DONE = said(message=str)


@post("/api/auth/signup", opt=FROM_ANYWHERE | told(body=SignUp, answer=said(token=str)), status_code=200)
async def sign_up(
    request: Request[Any, Any, Any], signing_up: Needed[SigningUp], clock: Needed[Clock]
) -> Response[dict[str, Any]]:
    """Make an account, and log it in; the token is a session that a header carries.

    With `login.verify_email` the answer is 403 `email not verified`, and a mail with a link is on its way.
    """
    given = await known_of(request, SignUp)
    applicant = Applicant(
        login=given.login or given.username or "",
        name=given.name or "",
        email=given.email or "",
        password=given.password,
        text=given.text or "",
        attributes=given.attributes or {},
    )
    made = await signing_up.sign_up(applicant, address_of(request))
    token = token_of(claims(made.principal, made.user, base_of(request), clock.now()), made.cookie)
    return Response(ok(token=token), headers=NOT_KEPT)


@post("/api/auth/confirm/{secret:str}", opt=FROM_ANYWHERE | told(answer=_DONE), status_code=200)
async def confirm(
    request: Request[Any, Any, Any], secret: FromPath[str], signing_up: Needed[SigningUp]
) -> Response[dict[str, Any]]:
    """Confirm the address of an account with the secret of the link in a mail. It is good once."""
    email = await signing_up.confirm(secret, address_of(request))
    return Response(ok(message=f"email address {email} confirmed"), headers=NOT_KEPT)


@post("/api/auth/forgot", opt=FROM_ANYWHERE | told(body=Forgotten, answer=_DONE), status_code=200)
async def forgot(request: Request[Any, Any, Any], signing_up: Needed[SigningUp]) -> Response[dict[str, Any]]:
    """Have a mail with a link for a new password sent. The answer is the same whether there is such an account."""
    given = await known_of(request, Forgotten)
    await signing_up.forgot(given.email, address_of(request))
    return Response(ok(message=SENT), headers=NOT_KEPT)


@post("/api/auth/reset/{secret:str}", opt=FROM_ANYWHERE | told(body=NewPassword, answer=_DONE), status_code=200)
async def reset(
    request: Request[Any, Any, Any], secret: FromPath[str], signing_up: Needed[SigningUp]
) -> Response[dict[str, Any]]:
    """Set a new password with the secret of the link in a mail. All sessions and tokens of the account end."""
    given = await known_of(request, NewPassword)
    await signing_up.reset(secret, given.password, address_of(request))
    return Response(ok(message="password reset successful"), headers=NOT_KEPT)


routes = [sign_up, confirm, forgot, reset]
