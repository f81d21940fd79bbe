"""Answers of log-in providers and signatures are good once, also when they come to several processes at one moment."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from api_client import START, SetClock, World
from store_fixtures import OpenStore
from watchbell.domain.admission import Identity, Terms
from watchbell.domain.errors import Unauthenticated
from watchbell.domain.hawk import HawkKey, Signed, Target
from watchbell.domain.roles import USUAL
from watchbell.ports.login import Challenge
from watchbell.usecases.admitting import Gate, Ticket
from watchbell.usecases.vouching import Vouching

PROCESSES = 4


def worlds(opening: OpenStore) -> list[World]:
    """Several processes over one store."""
    return [World(store=lambda _now: opening()) for _ in range(PROCESSES)]


async def told(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


class Idp:
    """A provider that takes every answer, and lets all of them come to the store together."""

    def __init__(self, together: asyncio.Barrier) -> None:
        self._together = together

    async def authorization_endpoint(self) -> str:
        return ""

    async def address(self, challenge: Challenge) -> str:
        return challenge.redirect

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        await self._together.wait()
        return Identity(issuer="saml:sso", subject=code, login=code)


async def test_an_answer_of_a_provider_that_comes_to_several_processes_at_once_is_good_once(opening: OpenStore):
    machines = worlds(opening)
    together = asyncio.Barrier(PROCESSES)
    for world in machines:
        world.admitting.gates = (Gate(name="sso", kind="saml", title="SSO", provider=Idp(together), terms=Terms()),)
    challenge = Challenge(redirect="https://w.example", state="the one state", nonce="n")
    ticket = Ticket(gate="sso", challenge=challenge, back="/", expires=(START + timedelta(minutes=5)).timestamp())
    answers = await told([world.admitting.finish(ticket, "ann", f"10.0.0.{n}") for n, world in enumerate(machines)])
    refused = [each for each in answers if isinstance(each, Unauthenticated)]
    assert len(refused) == PROCESSES - 1, answers
    (arrival,) = [each for each in answers if each not in refused]
    async with machines[0].store.reading() as tx:
        assert len(await tx.sessions.of_user(arrival.logged_in.user.id)) == 1


KEY = HawkKey(id="robot", secret="0123456789abcdef0123456789abcdef", scopes=("read",))
TARGET = Target(method="GET", path="/api/alerts", host="w.example", port=443)


def signed(nonce: str, moment: SetClock) -> Signed:
    stamp = str(int(moment.now().timestamp()))
    text = f"hawk.1.header\n{stamp}\n{nonce}\nGET\n/api/alerts\nw.example\n443\n\n\n"
    mac = base64.b64encode(hmac.digest(KEY.secret.encode(), text.encode(), hashlib.sha256)).decode()
    return Signed(id=KEY.id, ts=stamp, nonce=nonce, mac=mac)


async def test_a_signature_is_good_at_one_of_several_processes(opening: OpenStore):
    clocks = [SetClock(START + timedelta(seconds=20 * number)) for number in range(PROCESSES)]
    machines = [Vouching(opening(), clock, USUAL, keys=(KEY,)) for clock in clocks]
    one = signed("n1", clocks[0])
    answers = await told([machine.by_signature(one, TARGET) for machine in machines])
    assert sum(isinstance(each, Unauthenticated) for each in answers) == PROCESSES - 1, answers
    many = [signed(f"m{number}", clocks[0]) for number in range(40)]
    for turn in range(2):
        calls = [machines[(n + turn) % PROCESSES].by_signature(each, TARGET) for n, each in enumerate(many)]
        refused = sum(isinstance(each, Unauthenticated) for each in await told(calls))
        assert refused == (0 if turn == 0 else len(many))
    clocks[0].time += timedelta(seconds=61)
    with pytest.raises(Unauthenticated, match="time"):
        await machines[0].by_signature(many[0], TARGET)
