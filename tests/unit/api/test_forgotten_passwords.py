"""Forgotten passwords: who gets a link, what it is good for, and how it leaves."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from api_client import PASSWORD, key, log_in
from sign_up_site import NEW, confirm, forgot, reset, with_ann
from watchbell.domain.access import FAILURE_WINDOW
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.letters import LETTERS_EACH, LETTERS_HERE, LIFE


async def test_a_forgotten_password_is_set_by_a_link_that_is_good_once():
    made = await with_ann()
    with made.world.client() as client:
        before = client.post("/api/auth/login", json={"username": "ann", "password": PASSWORD}).json()["token"]
        headers = log_in(client, "ann")
        assert client.get("/api/session", headers=headers).status_code == 200
        answer = forgot(client)
        assert answer.json() == {"status": "ok", "message": "password reset sent"}
        (letter,) = await made.send()
        assert (letter.to, letter.title) == ("Ann@example.org", "Set a new password")
        assert letter.link.startswith("https://watch.example/reset#token=")
        (secret,) = made.box.secrets()
        assert reset(client, secret, "short").status_code == 400
        assert reset(client, secret, 7).status_code == 400
        answer = reset(client, secret)
        assert answer.json() == {"status": "ok", "message": "password reset successful"}
        assert reset(client, secret, "a third fine password").status_code == 400
        assert client.get("/api/session").status_code == 401, "the session has ended"
        assert client.get("/api/userinfo", headers={"Authorization": f"Bearer {before}"}).status_code == 401
        assert client.post("/api/auth/login", json={"username": "ann", "password": PASSWORD}).status_code == 401
        assert client.post("/api/auth/login", json={"username": "ann", "password": NEW}).status_code == 200
    assert [action for action in await made.actions() if action.startswith("password")] == [
        "password-reset",
        "password-forgot",
    ]


async def test_the_answer_and_what_is_done_for_it_are_the_same_for_an_address_that_nobody_has():
    made = await with_ann()
    seen: list[Any] = []
    with made.world.client() as client:
        forgot(client, "first@example.org")
        for email in ("ann@example.org", "nobody@example.org"):
            before = {name: len(rows) for name, rows in made.world.kept().items()}
            answer = forgot(client, email)
            after = {name: len(rows) - before.get(name, 0) for name, rows in made.world.kept().items()}
            headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
            seen.append((answer.status_code, answer.json(), headers, after))
    assert seen[0] == seen[1]
    letters = await made.send()
    assert [letter.to for letter in letters] == ["Ann@example.org"]
    assert await made.waiting() == 0
    assert await made.letters() == 1, "of the other nothing is left"


@pytest.mark.parametrize(
    "body",
    [{}, {"email": None}, {"email": 5}, {"email": ""}, {"email": "x"}, {"email": "a@b\x00"}, {"email": "é" * 300}],
)
async def test_what_is_no_address_is_refused_by_field(body: dict[str, Any]):
    made = await with_ann()
    with made.world.client() as client:
        answer = client.post("/api/auth/forgot", json=body)
    assert answer.status_code == 400
    assert "email" in answer.text
    assert await made.waiting() == 0


async def test_so_many_letters_to_one_address_whether_or_not_it_is_anybodys():
    made = await with_ann()
    with made.world.client() as client:
        for email in ("ann@example.org", "nobody@example.org"):
            codes = [forgot(client, email.upper() if n % 2 else email).status_code for n in range(LETTERS_EACH + 1)]
            assert codes == [200] * LETTERS_EACH + [429]
        for number in range(LETTERS_HERE - 2 * LETTERS_EACH):
            assert forgot(client, f"a{number}@example.org").status_code == 200
        assert forgot(client, "other@example.org").status_code == 429, "too many from this address of the net"
        made.world.clock.time += FAILURE_WINDOW + timedelta(seconds=1)
        assert forgot(client).status_code == 200


async def test_no_letter_goes_to_who_is_disabled_or_logs_in_by_others():
    for fields in ({"active": False}, {"password_hash": ""}):
        made = await with_ann()
        await made.world.change_user("ann", **fields)
        with made.world.client() as client:
            assert forgot(client).status_code == 200
        assert await made.send() == []
        assert await made.waiting() == 0


async def test_each_account_of_an_address_gets_a_letter_that_names_it():
    made = await with_ann()
    await made.world.add_user("annie")
    await made.world.change_user("annie", email="ann@example.org")
    with made.world.client() as client:
        forgot(client)
        letters = [*await made.send(), *await made.send()]
        named = [login for login in ("ann", "annie") for each in letters if f"account {login}." in each.text]
        assert named == ["ann", "annie"]
        assert [reset(client, secret).status_code for secret in made.box.secrets()] == [200, 200]


@pytest.mark.parametrize(
    "what", ["late", "password", "address", "newer", "disabled", "deleted", "other purpose", "guess"]
)
async def test_a_link_is_not_good_any_more(what: str):
    made = await with_ann()
    world = made.world
    await world.add_key("boss", "admin")
    with world.client() as client:
        forgot(client)
        await made.send()
        (secret,) = made.box.secrets()
        change: dict[str, Any] = {
            "password": {"password": "chosen meanwhile"},
            "address": {"email": "ann@elsewhere.example"},
            "disabled": {"status": "inactive"},
        }.get(what, {})
        if change:
            assert client.put("/api/user/id-ann", json=change, headers=key("boss")).is_success
        if what == "deleted":
            assert client.delete("/api/user/id-ann", headers=key("boss")).is_success
        if what == "late":
            world.clock.time += LIFE
        if what == "newer":
            forgot(client)
            await made.send()
        if what == "other purpose":
            assert confirm(client, secret).status_code == 400
            return
        answer = reset(client, secret + ("x" if what == "guess" else ""))
        assert answer.status_code == 400
        assert answer.json()["message"] == "This link is not good any more. Ask for a new one."
        if what == "newer":
            assert reset(client, made.box.secrets()[1]).is_success


async def test_of_two_that_use_a_link_at_once_one_is_let_in():
    made = await with_ann()
    with made.world.client() as client:
        forgot(client)
    await made.send()
    (secret,) = made.box.secrets()
    tries = (made.world.signing_up.reset(secret, f"{NEW} {n}", "::1") for n in range(5))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(result is None for result in results) == 1


async def test_a_mail_server_that_is_away_loses_no_letter_and_each_try_has_a_link_for_its_whole_time():
    made = await with_ann()
    made.box.errors = [Retryable("away") for _ in range(4)]
    with made.world.client() as client:
        forgot(client)
        for _ in range(40):
            await made.send()
            async with made.world.store.transaction() as tx:
                await tx.letters.purge(made.world.clock.now())
            if made.box.messages:
                break
            made.world.clock.time += timedelta(minutes=5)
        assert len(made.box.messages) == 1
        assert await made.waiting() == 0
        made.world.clock.time += LIFE - timedelta(seconds=1)
        assert reset(client, made.box.secrets()[0]).is_success


async def test_a_letter_that_nobody_takes_is_given_up_and_the_audit_log_says_so():
    for errors, hours in (([Permanent("no such address")], 0), ([Retryable("away")] * 9, 2), ([ValueError("x")], 0)):
        made = await with_ann()
        made.box.errors = list(errors)
        with made.world.client() as client:
            forgot(client)
        await made.send()
        made.world.clock.time += timedelta(hours=hours)
        await made.send()
        assert (await made.waiting(), await made.letters()) == (0, 0)
        async with made.world.store.reading() as tx:
            newest = (await tx.audit.newest())[0]
        assert (newest.action, newest.subject) == ("mail-failed", "ann")


async def test_nothing_of_a_link_is_stored_but_its_hash():
    made = await with_ann()
    with made.world.client() as client:
        forgot(client)
    await made.send()
    (secret,) = made.box.secrets()
    assert secret not in repr(made.world.kept())
    assert len(secret) >= 43


async def test_one_letter_that_cannot_be_sent_has_no_other_sent_twice():
    made = await with_ann()
    await made.world.add_user("annie")
    await made.world.change_user("annie", email="annie@example.org")
    made.box.errors = [ValueError("broken")]
    with made.world.client() as client:
        forgot(client)
        forgot(client, "annie@example.org")
    assert len(await made.send()) == 1
    assert await made.waiting() == 0
    assert await made.send() == []
