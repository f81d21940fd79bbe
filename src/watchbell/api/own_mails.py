"""`/api/user/me/mails`: which mails about alerts the caller gets, and the confirming of the address they go to."""

from typing import Any, Literal

import msgspec
from litestar import Request, get, post, put

from watchbell.api.auth import KNOWN, principal_of
from watchbell.api.contract import Done, said, told
from watchbell.api.needs import Needed
from watchbell.api.wire import mapping_of, ok
from watchbell.domain.accounts import Means, Principal
from watchbell.domain.errors import Forbidden
from watchbell.domain.nudges import PREFERENCE, Wish, mailable, wish_of
from watchbell.toolkit.settings import read
from watchbell.usecases.directory import Directory
from watchbell.usecases.signing_up import SigningUp

GUARDS = [KNOWN]
_ANSWER = said(mails=Literal["none", "mentions", "all"], possible=bool, server=bool, email=str, confirmed=bool)


class OwnMails(msgspec.Struct, frozen=True, kw_only=True):
    """Which mails about alerts somebody wants."""

    mails: Wish
    """`none`; `mentions`: when a note mentions them, or an alert is made theirs; `all`: notes on what they watch."""


@get("/api/user/me/mails", guards=GUARDS, opt=told(answer=_ANSWER))
async def mails(
    request: Request[Any, Any, Any], directory: Needed[Directory], signing_up: Needed[SigningUp]
) -> dict[str, Any]:
    """Which mails about alerts the caller wants, and whether they are `possible`.

    They are with a mail server (`server`) and an address that is `confirmed`.
    """
    return await _shown(principal_of(request), directory, signing_up)


@put("/api/user/me/mails", guards=GUARDS, opt=told(body=OwnMails, answer=_ANSWER))
async def set_mails(
    request: Request[Any, Any, Any], directory: Needed[Directory], signing_up: Needed[SigningUp]
) -> dict[str, Any]:
    """Choose which mails about alerts the caller gets."""
    by = _changing(request)
    given = read(OwnMails, await mapping_of(request))
    user = await directory.user(by.login)
    await directory.describe_oneself(user.id, attributes={PREFERENCE: given.mails.value})
    return await _shown(by, directory, signing_up)


@post("/api/user/me/confirm", guards=GUARDS, status_code=200, opt=told(answer=Done))
async def confirm(request: Request[Any, Any, Any], signing_up: Needed[SigningUp]) -> dict[str, Any]:
    """Have a mail sent with a link that confirms the caller's address; no second one within two minutes."""
    await signing_up.ask_to_confirm(_changing(request).login)
    return ok()


def _changing(request: Request[Any, Any, Any]) -> Principal:
    by = principal_of(request)
    if by.means is Means.KEY and not by.may("write:users"):
        raise Forbidden("Missing required scope: write:users")
    return by


async def _shown(by: Principal, directory: Directory, signing_up: SigningUp) -> dict[str, Any]:
    user = await directory.user(by.login)
    profile = (await directory.profiles([user]))[user.id]
    server = signing_up.terms.mail
    return ok(
        mails=wish_of(profile).value,
        possible=server and mailable(user, profile),
        server=server,
        email=user.email,
        confirmed=profile.email_verified,
    )


routes = [mails, set_mails, confirm]
