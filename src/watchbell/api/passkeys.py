"""`/api/user/me/passkeys`: the caller's passkeys; `/api/session/passkey`: logging in by one.

A browser that logs somebody in keeps the sealed challenge in a cookie; an answer that comes without it is refused.
"""

from typing import Any, TypedDict

from litestar import Request, Response, get, post, put
from litestar.datastructures import Cookie
from litestar.params import FromPath

from watchbell.api.alerta_auth import NOT_KEPT
from watchbell.api.auth import COOKIE, ENROLLING, KNOWN, address_of, principal_of
from watchbell.api.client_config import ClientConfig
from watchbell.api.contract import Done, said, told
from watchbell.api.needs import Needed
from watchbell.api.session import OPEN, SESSION, with_cookie, words_of
from watchbell.api.times import Time, moment
from watchbell.api.wire import Body, body_of, ok
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.passkeys import PASSKEYS_MAX, Passkey
from watchbell.usecases.administering import Proof
from watchbell.usecases.passkeys import CHALLENGE_LIFE, Passkeys
from watchbell.usecases.presenting import Presenting

MINE = "/api/user/me/passkeys"
DOOR = "/api/session/passkey"
TICKET = "watchbell_passkey"
GUARDS = [KNOWN]


class PasskeyRow(TypedDict):
    """A passkey, without what it proves itself by."""

    id: str
    name: str
    createTime: Time
    lastUsedTime: Time | None


class PasskeyWanted(Body, frozen=True):
    """Who wants to add a passkey."""

    current_password: str
    """The present password."""
    code: str = ""
    """What the telephone shows, or a recovery code, where two-step log-in is on."""


class PasskeyMade(Body, frozen=True):
    """A passkey that a device has made."""

    ticket: str
    """As it came with what the browser was to ask."""
    name: str
    """What its owner calls it: 1 to 100 characters."""
    credential: dict[str, Any]
    """The browser's `PublicKeyCredential` as JSON, bytes in base64url."""


class PasskeyNamed(Body, frozen=True):
    """What a passkey is to be called."""

    name: str
    """1 to 100 characters."""


class PasskeyGone(Body, frozen=True):
    """Who removes a passkey."""

    current_password: str
    """The present password."""


class PasskeyShown(Body, frozen=True):
    """What a device signed to log somebody in."""

    credential: dict[str, Any]
    """The browser's `PublicKeyCredential` as JSON, bytes in base64url."""


@get(MINE, guards=GUARDS, opt=ENROLLING | told(answer=said(passkeys=list[PasskeyRow], most=int, missing=str)))
async def mine(request: Request[Any, Any, Any], passkeys: Needed[Passkeys]) -> dict[str, Any]:
    """The caller's passkeys, how many there may be, and why there can be none. Keys are told nothing."""
    found = await passkeys.mine(principal_of(request))
    return ok(passkeys=[_row(each) for each in found], most=PASSKEYS_MAX, missing=passkeys.missing)


@post(
    MINE,
    guards=GUARDS,
    opt=ENROLLING | told(body=PasskeyWanted, answer=said(ticket=str, publicKey=dict[str, Any])),
    status_code=200,
)
async def begin(request: Request[Any, Any, Any], passkeys: Needed[Passkeys]) -> Response[dict[str, Any]]:
    """Begin to add a passkey: `publicKey` is for the browser's `navigator.credentials.create`, bytes in base64url.

    `PUT` brings what was made, within five minutes and once.
    """
    by = principal_of(request)
    await passkeys.mine(by)  # keys are refused, whatever they send
    given = await body_of(request, PasskeyWanted)
    asked = await passkeys.begin(by, given.code, Proof(password=given.current_password, address=address_of(request)))
    return Response(ok(ticket=asked.ticket, publicKey=asked.options), headers=NOT_KEPT)


@put(MINE, guards=GUARDS, opt=ENROLLING | told(body=PasskeyMade, answer=said(passkey=PasskeyRow)))
async def add(request: Request[Any, Any, Any], passkeys: Needed[Passkeys]) -> dict[str, Any]:
    """Keep a passkey that the caller's device made."""
    by = principal_of(request)
    await passkeys.mine(by)
    given = await body_of(request, PasskeyMade)
    made = await passkeys.add(by, given.ticket, given.name, given.credential, address_of(request))
    return ok(passkey=_row(made))


@put(f"{MINE}/{{passkey_id:str}}", guards=GUARDS, opt=told(body=PasskeyNamed, answer=said(passkey=PasskeyRow)))
async def rename(
    request: Request[Any, Any, Any], passkey_id: FromPath[str], passkeys: Needed[Passkeys]
) -> dict[str, Any]:
    """Call one of the caller's passkeys otherwise."""
    by = principal_of(request)
    await passkeys.mine(by)
    given = await body_of(request, PasskeyNamed)
    return ok(passkey=_row(await passkeys.rename(by, passkey_id, given.name, address_of(request))))


@post(f"{MINE}/{{passkey_id:str}}/remove", guards=GUARDS, opt=told(body=PasskeyGone, answer=Done), status_code=200)
async def remove(
    request: Request[Any, Any, Any], passkey_id: FromPath[str], passkeys: Needed[Passkeys]
) -> dict[str, Any]:
    """Remove one of the caller's passkeys."""
    by = principal_of(request)
    await passkeys.mine(by)
    given = await body_of(request, PasskeyGone)
    await passkeys.remove(by, passkey_id, Proof(password=given.current_password, address=address_of(request)))
    return ok()


@post(f"{DOOR}/begin", opt=OPEN | told(answer=said(publicKey=dict[str, Any])), status_code=200)
async def ask(
    request: Request[Any, Any, Any], presenting: Needed[Presenting], secure_cookie: Needed[bool]
) -> Response[dict[str, Any]]:
    """Begin to log in by a passkey: `publicKey` is for the browser's `navigator.credentials.get`.

    Bytes in it are in base64url.
    """
    asked = presenting.begin()
    cookie = Cookie(
        key=TICKET,
        value=asked.ticket,
        path=DOOR,
        httponly=True,
        samesite="strict",
        secure=secure_cookie or request.url.scheme == "https",
        max_age=int(CHALLENGE_LIFE.total_seconds()),
    )
    return Response(ok(publicKey=asked.options), cookies=[cookie], headers=NOT_KEPT)


@post(DOOR, opt=OPEN | told(body=PasskeyShown, answer=SESSION), status_code=200)
async def log_in(
    request: Request[Any, Any, Any],
    presenting: Needed[Presenting],
    model: Needed[AlarmModel],
    client_config: Needed[ClientConfig],
    secure_cookie: Needed[bool],
) -> Response[dict[str, Any]]:
    """Log in by a passkey, within five minutes and once, without a code. The answer is that of a log-in by password."""
    given = await body_of(request, PasskeyShown)
    ticket, former = request.cookies.get(TICKET, ""), request.cookies.get(COOKIE, "")
    logged_in = await presenting.log_in(ticket, given.credential, address_of(request), former)
    answer = with_cookie(request, logged_in, words_of(model, client_config), 200, secure=secure_cookie)
    answer.delete_cookie(TICKET, path=DOOR)
    return answer


def _row(passkey: Passkey) -> PasskeyRow:
    return {
        "id": passkey.id,
        "name": passkey.name,
        "createTime": moment(passkey.created_at),
        "lastUsedTime": moment(passkey.last_used),
    }


routes = [mine, begin, add, rename, remove, ask, log_in]
