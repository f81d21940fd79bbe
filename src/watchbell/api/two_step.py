"""`/api/user/me/second-factor`: two-step log-in of the caller; `/api/user/…/second-factor`: of others, only off."""

from typing import Any, TypedDict

import segno
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.alerta_auth import NOT_KEPT
from watchbell.api.auth import ENROLLING, KNOWN, address_of, principal_of, requires
from watchbell.api.contract import Done, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import Time, moment
from watchbell.api.wire import Body, body_of, ok
from watchbell.usecases.administering import Proof
from watchbell.usecases.two_step import TwoStep

MINE = "/api/user/me/second-factor"
GUARDS = [KNOWN]


class SecondFactorRow(TypedDict):
    """Whether two-step log-in is on."""

    on: bool
    since: Time | None
    recoveryCodesLeft: int


class FirstCode(Body, frozen=True):
    """What switches it on."""

    ticket: str
    """As it came with the secret."""
    code: str
    """What the telephone shows."""
    current_password: str
    """The present password."""


class LastCode(Body, frozen=True):
    """What switches it off, or brings new recovery codes."""

    code: str
    """What the telephone shows, or a recovery code."""
    current_password: str
    """The present password."""


@get(MINE, guards=GUARDS, opt=ENROLLING | told(answer=said(secondFactor=SecondFactorRow)))
async def standing(request: Request[Any, Any, Any], two_step: Needed[TwoStep]) -> dict[str, Any]:
    """Whether two-step log-in of the caller is on. Keys are told nothing."""
    found = await two_step.standing(principal_of(request))
    row: SecondFactorRow = {
        "on": found.since is not None,
        "since": moment(found.since),
        "recoveryCodesLeft": found.left,
    }
    return ok(secondFactor=row)


@post(MINE, guards=GUARDS, opt=ENROLLING | told(answer=said(ticket=str, secret=str, uri=str, qr=str)), status_code=200)
async def begin(request: Request[Any, Any, Any], two_step: Needed[TwoStep]) -> Response[dict[str, Any]]:
    """A secret for a telephone, as text, as `otpauth:` address, and as a picture of that (an SVG in a `data:` address).

    Nothing is on until `PUT` brings the first code, within a quarter of an hour.
    """
    offer = await two_step.begin(principal_of(request))
    picture = segno.make_qr(offer.uri, error="m").svg_data_uri(scale=4, border=4, light="#fff", dark="#000")
    return Response(ok(ticket=offer.ticket, secret=offer.secret, uri=offer.uri, qr=picture), headers=NOT_KEPT)


@put(MINE, guards=GUARDS, opt=ENROLLING | told(body=FirstCode, answer=said(recoveryCodes=list[str])))
async def turn_on(request: Request[Any, Any, Any], two_step: Needed[TwoStep]) -> Response[dict[str, Any]]:
    """Switch two-step log-in on. The recovery codes are told once; each is good for one log-in."""
    by = principal_of(request)
    await two_step.standing(by)  # keys are refused, whatever they send
    given = await body_of(request, FirstCode)
    proof = Proof(password=given.current_password, address=address_of(request))
    codes = await two_step.turn_on(by, given.ticket, given.code, proof)
    return Response(ok(recoveryCodes=codes), headers=NOT_KEPT)


@post(
    f"{MINE}/recovery-codes",
    guards=GUARDS,
    opt=told(body=LastCode, answer=said(recoveryCodes=list[str])),
    status_code=200,
)
async def renew(request: Request[Any, Any, Any], two_step: Needed[TwoStep]) -> Response[dict[str, Any]]:
    """New recovery codes, told once, in the place of those that are left."""
    by = principal_of(request)
    await two_step.standing(by)
    given = await body_of(request, LastCode)
    codes = await two_step.renew(by, given.code, Proof(password=given.current_password, address=address_of(request)))
    return Response(ok(recoveryCodes=codes), headers=NOT_KEPT)


@post(f"{MINE}/off", guards=GUARDS, opt=told(body=LastCode, answer=Done), status_code=200)
async def turn_off(request: Request[Any, Any, Any], two_step: Needed[TwoStep]) -> dict[str, Any]:
    """Switch two-step log-in off."""
    by = principal_of(request)
    await two_step.standing(by)
    given = await body_of(request, LastCode)
    proof = Proof(password=given.current_password, address=address_of(request))
    await two_step.turn_off(by, given.code, proof)
    return ok()


@delete(
    "/api/user/{user_id:str}/second-factor",
    guards=[requires("admin:users")],
    status_code=200,
    opt=told(answer=Done),
)
async def turn_off_for(
    request: Request[Any, Any, Any], user_id: FromPath[str], two_step: Needed[TwoStep]
) -> dict[str, Any]:
    """Switch off two-step log-in of somebody who lost telephone and recovery codes, and remove their passkeys."""
    await two_step.turn_off_for(principal_of(request), user_id)
    return ok()


routes = [standing, begin, turn_on, renew, turn_off, turn_off_for]
