"""Mails to people about alerts that concern them: who gets one, how often, and what is in it."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import PASSWORD, key, log_in
from sign_up_site import Site
from watchbell.domain.accounts import CustomerLookup, Group, Profile
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.nudges import MOST_TOLD, QUIET
from watchbell.domain.oncall.message import Message
from watchbell.domain.roles import RoleRules
from watchbell.usecases.mailing import Post
from watchbell.usecases.mailing_nudges import MailingNudges
from watchbell.usecases.signing_up import SignUpTerms

Client = TestClient[Litestar]
BASE = "https://watch.example"
ALERT = {"environment": "Production", "resource": "web1", "event": "Down", "severity": "major", "service": ["Shop"]}
WISHED = ["mention", "assign", "note"]
PEOPLE = ("ann", "bob", "eve")


class Desk(Site):
    """A site with people whose addresses are confirmed, and with a keeper that mails what concerns them."""

    def __init__(self, *, customer_views: bool = False, mail: bool = True) -> None:
        rules = RoleRules(customer_views=customer_views)
        super().__init__(SignUpTerms(mail=mail), rules)
        post = Post(channel=self.box, base_url=BASE, give_up_after=3600) if mail else None
        self.nudges = MailingNudges(self.world.store, self.world.clock, post, rules)

    async def settle_in(self) -> None:
        await self.world.add_key("ann", "read", "write", "admin", user="ann")
        for login in PEOPLE:
            user = await self.world.add_user(login)
            await self.world.change_user(login, email=f"{login}@example.org")
            await self.profile(user.id, email_verified=True)

    async def profile(self, user_id: str, **fields: Any) -> None:
        async with self.world.store.transaction() as tx:
            before = (await tx.people.profiles([user_id])).get(user_id)
            before = before or Profile(user_id=user_id, updated_at=self.world.clock.now())
            await tx.people.save_profile(msgspec.structs.replace(before, **fields))

    async def mails(self) -> list[Message]:
        before = len(self.box.messages)
        await self.nudges.run(await self.leases())
        return self.box.messages[before:]

    async def left(self) -> int:
        async with self.world.store.reading() as tx:
            backlog = await tx.outbox.backlog(self.world.clock.now() + timedelta(days=9))
        return backlog.get("nudge", (0, 0.0))[0]


@pytest.fixture
async def desk() -> Desk:
    made = Desk()
    await made.settle_in()
    return made


def opened(client: Client, **fields: Any) -> str:
    client.headers.update(key("ann"))
    return client.post("/api/alert", json=ALERT | fields).json()["id"]


def noted(client: Client, alert: str, text: str) -> None:
    assert client.put(f"/api/alert/{alert}/note", json={"text": text}).status_code == 201


async def test_who_is_mentioned_gets_a_mail_with_the_note_and_the_way_to_the_alert(desk: Desk):
    with desk.world.client() as client:
        alert = opened(client)
        noted(client, alert, "@bob please look\n<b>now</b>")
    (mail,) = await desk.mails()
    assert (mail.to, mail.title) == ("bob@example.org", "Down on web1: ann mentioned you")
    assert "\n> @bob please look\n> <b>now</b>\n" in mail.text
    assert f"\n{BASE}/alerts/{alert}\n" in mail.text
    assert f"{BASE}/settings/profile" in mail.text
    assert (mail.link, mail.severity) == (f"{BASE}/alerts/{alert}", "major")
    assert await desk.mails() == []
    assert await desk.left() == 0


async def test_who_watches_hears_of_notes_and_nobody_hears_of_their_own(desk: Desk):
    with desk.world.client() as client:
        alert = opened(client, tags=["watch:BOB", "watch:ann", "watch:nobody", "watch:id-eve"])
        noted(client, alert, "I, @ann, am on it")
    assert [(mail.to, mail.title) for mail in await desk.mails()] == [
        ("bob@example.org", "Down on web1: ann wrote a note")
    ]


async def test_an_alert_that_is_made_somebodys_is_told_to_them_or_to_each_of_their_group(desk: Desk):
    async with desk.world.store.transaction() as tx:
        ids = [user.id for user in await tx.users.all() if user.login in PEOPLE]
        await tx.people.save_group(Group(id="g", name="Ops", members=tuple(ids)))
    with desk.world.client() as client:
        alert = opened(client)
        other = opened(client, resource="web2")
        assign(client, alert, "bob", "yours: as agreed")
        assign(client, other, "Ops")
        (bob, eve) = sorted(await desk.mails(), key=lambda mail: mail.to)
        assert (bob.to, bob.title) == ("bob@example.org", "2 alerts that concern you")
        assert "ann made it yours" in bob.text
        assert "\n> yours: as agreed\n" in bob.text
        assert (eve.to, eve.title) == ("eve@example.org", "Down on web2: ann made it yours")
        assert eve.link == f"{BASE}/alerts/{other}"
        desk.world.clock.time += QUIET
        noted(client, other, "no idea")
        assert {mail.to for mail in await desk.mails()} == {"bob@example.org", "eve@example.org"}, "it is theirs"
        desk.world.clock.time += QUIET
        assign(client, alert, "")
        assert await desk.mails() == []


def assign(client: Client, alert: str, to: str, text: str = "") -> None:
    body = {"action": "assign", "assignee": to, "text": text}
    answer = client.put(f"/api/alert/{alert}/action", json=body)
    assert answer.status_code == 200, answer.text


async def test_many_alerts_at_once_are_one_mail(desk: Desk):
    with desk.world.client() as client:
        for number in range(MOST_TOLD + 5):
            opened(client, resource=f"web{number}")
        body = {"action": "assign", "assignee": "bob"}
        assert client.put("/api/_bulk/alerts/action?q=*:*", json=body).status_code == 202
    (mail,) = await desk.mails()
    assert mail.title == f"{MOST_TOLD + 5} alerts that concern you"
    assert mail.text.count("ann made it yours") == MOST_TOLD
    assert "And 5 more." in mail.text


async def test_about_the_same_alert_there_is_one_mail_in_some_minutes_and_the_rest_comes_together(desk: Desk):
    with desk.world.client() as client:
        alert, other = opened(client), opened(client, resource="web2")
        noted(client, alert, "@bob one")
        assert len(await desk.mails()) == 1
        for word in ("two", "three"):
            desk.world.clock.time += QUIET / 4
            noted(client, alert, word)
            assert await desk.mails() == []
        noted(client, other, "@bob elsewhere")
        assert [mail.link for mail in await desk.mails()] == [f"{BASE}/alerts/{other}"]
    desk.world.clock.time += QUIET / 2
    (mail,) = await desk.mails()
    assert mail.title == "Down on web1: 2 times news"
    assert "> two" in mail.text
    assert "> three" in mail.text
    assert await desk.left() == 0


@pytest.mark.parametrize(
    ("wish", "told"),
    [("none", []), ("mentions", ["mention", "assign"]), ("all", WISHED), (["?"], WISHED), (7, WISHED)],
)
async def test_people_choose_what_they_hear_of(desk: Desk, wish: Any, told: Any):
    async with desk.world.store.reading() as tx:
        bob = await tx.users.get("bob")
    assert bob is not None
    await desk.profile(bob.id, attributes={"alertMails": wish})
    happened: list[str] = []
    with desk.world.client() as client:
        noted(client, opened(client, resource="a"), "@bob")
        happened += ["mention"] * len(await desk.mails())
        assign(client, opened(client, resource="b"), "bob")
        happened += ["assign"] * len(await desk.mails())
        noted(client, opened(client, resource="c", tags=["watch:bob"]), "hm")
        happened += ["note"] * len(await desk.mails())
    assert happened == told
    assert await desk.left() == 0


@pytest.mark.parametrize("what", ["unverified", "inactive", "no address", "no right", "deleted", "alert deleted"])
async def test_nobody_else_gets_a_mail(desk: Desk, what: str):
    with desk.world.client() as client:
        alert = opened(client)
        noted(client, alert, "@bob")
        bob = await desk.world.change_user("bob")
        if what == "unverified":
            await desk.profile(bob.id, email_verified=False)
        elif what == "inactive":
            await desk.world.change_user("bob", active=False)
        elif what == "no address":
            await desk.world.change_user("bob", email="")
        elif what == "no right":
            await desk.world.change_user("bob", roles=("nothing",))
        elif what == "deleted":
            async with desk.world.store.transaction() as tx:
                await tx.users.delete(bob.id)
        else:
            assert client.delete(f"/api/alert/{alert}").status_code == 200
    assert await desk.mails() == []
    assert await desk.left() == 0


async def test_customers_alerts_are_told_to_those_only_who_see_them():
    desk = Desk(customer_views=True)
    await desk.settle_in()
    async with desk.world.store.transaction() as tx:
        for login, customer in (("bob", "Acme"), ("eve", "Other")):
            await tx.customer_lookups.save(CustomerLookup(id=login, match=login, customer=customer))
    await desk.world.change_user("ann", roles=("admin",))
    with desk.world.client() as client:
        log_in(client, "ann")
        headers = log_in(client, "ann")
        answer = client.post("/api/alert", json=ALERT | {"customer": "Acme", "tags": ["watch:eve"]}, headers=headers)
        alert = answer.json()["id"]
        assert client.put(f"/api/alert/{alert}/note", json={"text": "@bob @eve"}, headers=headers).status_code == 201
        assert (
            client.put(
                f"/api/alert/{alert}/action", json={"action": "assign", "assignee": "eve"}, headers=headers
            ).status_code
            == 200
        )
    assert [mail.to for mail in await desk.mails()] == ["bob@example.org"]
    assert await desk.left() == 0


async def test_a_mail_server_that_is_away_is_tried_again_and_one_that_refuses_is_not(desk: Desk):
    with desk.world.client() as client:
        noted(client, opened(client), "@bob")
        desk.box.errors.append(Retryable("away"))
        assert await desk.mails() == []
        assert await desk.mails() == [], "not at once"
        desk.world.clock.time += timedelta(minutes=1)
        (mail,) = await desk.mails()
        assert mail.to == "bob@example.org"
        noted(client, opened(client, resource="web2"), "@bob")
        desk.box.errors.append(Permanent("no such box"))
        assert await desk.mails() == []
        assert await desk.left() == 0
        noted(client, opened(client, resource="web3"), "@bob")
        desk.box.errors += [Retryable("away")] * 9
        for _ in range(9):
            await desk.mails()
            desk.world.clock.time += timedelta(minutes=10)
        desk.box.errors.clear()
        assert await desk.mails() == [], "it is too old"
        assert await desk.left() == 0


async def test_without_a_mail_server_nothing_breaks_and_nothing_piles_up():
    desk = Desk(mail=False)
    await desk.settle_in()
    with desk.world.client() as client:
        noted(client, opened(client), "@bob")
        assert await desk.left() == 1
        assert await desk.mails() == []
        assert await desk.left() == 0
        headers = log_in(client, "bob", PASSWORD)
        told = client.get("/api/user/me/mails", headers=headers).json()
        assert (told["server"], told["possible"], told["mails"]) == (False, False, "all")
        answer = client.post("/api/user/me/confirm", headers=headers)
        assert (answer.status_code, answer.json()["message"]) == (409, "No mail server is set up here.")


async def test_hostile_words_stay_on_their_line(desk: Desk):
    with desk.world.client() as client:
        alert = opened(client, event="Down\u2028Bcc: all@example.org", resource="\u202ew" + "x" * 250)
        noted(client, alert, "@bob\n\u202e https://evil.example/alerts\r\nThis goes to root.")
    (mail,) = await desk.mails()
    assert "\n" not in mail.title
    assert mail.title.isprintable()
    assert len(mail.title) <= 201
    lines = mail.text.split("\n")
    assert all(line.isprintable() for line in lines)
    (evil,) = [line for line in lines if "evil.example" in line]
    (root,) = [line for line in lines if "to root" in line]
    assert evil.startswith("> ")
    assert root == "> This goes to root."


async def test_the_profile_says_what_one_gets_and_confirms_the_address(desk: Desk):
    with desk.world.client() as client:
        headers = log_in(client, "bob", PASSWORD)
        told = client.get("/api/user/me/mails", headers=headers).json()
        assert told == {
            "status": "ok",
            "mails": "all",
            "possible": True,
            "server": True,
            "email": "bob@example.org",
            "confirmed": True,
        }
        assert client.post("/api/user/me/confirm", headers=headers).status_code == 409, "it is already"
        answer = client.put("/api/user/me/mails", json={"mails": "none"}, headers=headers)
        assert answer.json()["mails"] == "none"
        assert client.get("/api/user/me/mails", headers=headers).json()["mails"] == "none"
        for wrong in ("some", 1, None, ["all"]):
            answer = client.put("/api/user/me/mails", json={"mails": wrong}, headers=headers)
            assert answer.status_code == 400
            assert "mails" in answer.text
        bob = await desk.world.change_user("bob")
        await desk.profile(bob.id, email_verified=False)
        assert client.get("/api/user/me/mails", headers=headers).json()["possible"] is False
        assert client.post("/api/user/me/confirm", headers=headers).status_code == 200
        assert client.post("/api/user/me/confirm", headers=headers).status_code == 200
    (letter,) = await desk.send()
    assert (letter.to, letter.title) == ("bob@example.org", "Confirm your e-mail address")


async def test_the_audit_says_nothing_of_mails(desk: Desk):
    with desk.world.client() as client:
        noted(client, opened(client), "@bob")
        before = await desk.actions()
        assert len(await desk.mails()) == 1
        assert await desk.actions() == before
