"""The way back from a SAML identity provider: whose browser may bring an answer, how often, and where it goes on to."""

import json
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import OUR_ORIGIN, World
from watchbell.domain.admission import Identity, Terms
from watchbell.domain.errors import Unauthenticated
from watchbell.ports.login import Challenge
from watchbell.usecases.admitting import Gate

Client = TestClient[Litestar]
PATH = "/api/auth/saml"
FOREIGN = {"Origin": "https://idp.example", "Sec-Fetch-Site": "cross-site"}


class Idp:
    """A provider that takes the answer `good`."""

    def __init__(self) -> None:
        self.challenges: list[Challenge] = []

    async def authorization_endpoint(self) -> str:
        return ""

    async def address(self, challenge: Challenge) -> str:
        return f"https://idp.example/sso?RelayState={challenge.state}"

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        self.challenges.append(challenge)
        if code != "good":
            raise Unauthenticated("<b>refused</b>")
        return Identity(issuer="saml:sso", subject="1", login="ann")


@pytest.fixture
async def idp() -> Idp:
    return Idp()


@pytest.fixture
async def world(idp: Idp) -> World:
    world = World()
    await world.add_user("root", "admin")
    gate = Gate(name="sso", kind="saml", title="SSO", provider=idp, terms=Terms(), describe=lambda url: url.encode())
    world.gates.append(gate)
    return world


def depart(client: Client) -> str:
    answer = client.post("/api/session/with/sso", json={"back": "/alerts?q=x"}, headers=OUR_ORIGIN)
    assert answer.status_code == 200, answer.text
    assert f"Path={PATH}" in answer.headers["set-cookie"]
    return parse_qs(urlsplit(answer.json()["url"]).query)["RelayState"][0]


def bring(client: Client, state: str, answer: str = "good", **more: Any) -> Any:
    form = {"SAMLResponse": answer, "RelayState": state, **more}
    return client.post(PATH, data=form, headers=FOREIGN, follow_redirects=False)


async def test_an_answer_opens_the_session_of_the_browser_that_asked(world: World, idp: Idp):
    with world.client() as client:
        answer = bring(client, depart(client))
        assert (answer.status_code, answer.headers["location"]) == (303, "/alerts?q=x")
        assert client.get("/api/session").json()["user"]["login"] == "ann"
        assert client.cookies.get("watchbell_login") is None
        assert idp.challenges[0].redirect == f"http://testserver.local{PATH}"


async def test_an_answer_without_the_cookie_is_sent_once_more_by_a_page_of_ours(world: World, idp: Idp):
    with world.client() as client, world.client() as other:
        state = depart(client)
        page = bring(other, state, 'good"><script>alert(1)</script>')
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert "<script>alert" not in page.text
        fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
        assert fields == {
            "SAMLResponse": 'good"><script>alert(1)</script>',
            "RelayState": state,
            "again": "1",
        }
        assert other.get(f"{PATH}/continue.js").text == "document.forms[0].submit()\n"
        again = bring(other, state, again="1")
        assert again.headers["location"] == "/login#refused=expired", "the cookie is another browser's"
        assert idp.challenges == []
        assert bring(client, state, again="1").headers["location"] == "/alerts?q=x"


async def test_an_answer_is_good_once(world: World):
    with world.client() as client:
        state = depart(client)
        ticket = client.cookies.get("watchbell_login", path=PATH)
        assert ticket
        assert bring(client, state).headers["location"] == "/alerts?q=x"
        client.cookies.set("watchbell_login", ticket, domain="testserver.local", path=PATH)
        assert bring(client, state).headers["location"] == "/login#refused=unproved"


async def test_an_answer_to_another_log_in_is_refused(world: World, idp: Idp):
    with world.client() as client:
        former = depart(client)
        depart(client)
        assert bring(client, former).headers["location"] == "/login#refused=expired"
        assert idp.challenges == []


async def test_what_the_provider_refuses_is_told_in_one_word(world: World):
    with world.client() as client:
        assert bring(client, depart(client), "bad").headers["location"] == "/login#refused=unproved"
        assert client.get("/api/session").status_code == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"SAMLResponse=%ff", b"&" * 100, b"a=" + b"x" * 600_000, b"SAMLResponse=" + b"x" * 300_000],
)
async def test_what_is_no_form_is_no_answer(world: World, idp: Idp, body: bytes):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    with world.client() as client:
        depart(client)
        answer = client.post(PATH, content=body, headers=FOREIGN | kind, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login#refused=expired")
    assert idp.challenges == []


async def test_the_identity_provider_reads_what_it_must_know(world: World):
    with world.client() as client:
        answer = client.get(f"{PATH}/metadata.xml")
        assert answer.text == f"http://testserver.local{PATH}"
        assert answer.headers["content-type"].startswith("application/samlmetadata+xml")
        assert client.get(f"{PATH}/metadata.xml?name=sso").status_code == 200
        assert client.get(f"{PATH}/metadata.xml?name=other").status_code == 404
        world.gates.clear()
    with world.client() as client:
        assert client.get(f"{PATH}/metadata.xml").status_code == 404


ALERTA = "https://alerta.example"


def open_beside(client: Client, referer: str = f"{ALERTA}/login?x#y") -> Any:
    return client.get(PATH, headers={"Referer": referer} if referer else {}, follow_redirects=False)


def said(page: Any) -> tuple[str, dict[str, str]]:
    """To whom a pop-up's page says what."""
    found = re.search(r'data-opener="([^"]*)" data-answer="([^"]*)"', page.text)
    assert found, page.text
    return unescape(found[1]), json.loads(unescape(found[2]))


async def test_a_pop_up_says_to_the_page_that_opened_it_and_to_no_other_what_came_of_it(world: World, idp: Idp):
    world.cors_origins.append(ALERTA)
    with world.client() as client, world.client() as other:
        gone = open_beside(client)
        assert (gone.status_code, gone.headers["cross-origin-opener-policy"]) == (303, "unsafe-none")
        state = parse_qs(urlsplit(gone.headers["location"]).query)["RelayState"][0]
        once_more = bring(other, state)
        assert once_more.headers["cross-origin-opener-policy"] == "unsafe-none"
        page = bring(client, state, again="1")
        assert (page.status_code, page.headers["cross-origin-opener-policy"]) == (200, "unsafe-none")
        assert page.headers["cache-control"] == "no-store"
        opener, message = said(page)
        assert (opener, message["status"]) == (ALERTA, "ok")
        assert client.get("/api/session").status_code == 401, "the pop-up itself is not logged in"
        bearer = {"Authorization": f"Bearer {message['token']}"}
        assert client.get("/api/userinfo", headers=bearer).json()["preferred_username"] == "ann"
        assert bring(client, state, again="1").headers["location"] == "/login#refused=expired"


async def test_what_went_wrong_is_said_without_the_words_of_strangers(world: World):
    world.cors_origins.append(ALERTA)
    with world.client() as client:
        state = parse_qs(urlsplit(open_beside(client).headers["location"]).query)["RelayState"][0]
        assert said(bring(client, state, "bad")) == (
            ALERTA,
            {"status": "error", "message": "The identity provider's answer is not good."},
        )


@pytest.mark.parametrize(
    "referer",
    ["", "https://evil.example/", f"{ALERTA}.evil.example/", f"https://evil.example/{ALERTA}", "null", "https://[/"],
)
async def test_pages_of_other_origins_open_none(world: World, idp: Idp, referer: str):
    world.cors_origins.append(ALERTA)
    with world.client() as client:
        answer = open_beside(client, referer)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert "cross-origin-opener-policy" not in answer.headers


async def test_pages_of_our_own_origin_and_of_any_port_that_is_named_may(world: World):
    world.cors_origins.append("http://localhost:*")
    with world.client() as client:
        assert open_beside(client, "http://localhost:8000/").status_code == 303
        assert open_beside(client, "http://testserver.local/old/").status_code == 303
        assert client.get(f"{PATH}?name=other", headers={"Referer": "http://localhost:8000/"}).status_code == 404


async def test_no_other_answer_is_seen_by_an_opener(world: World):
    with world.client() as client:
        state = depart(client)
        for answer in (bring(client, "x"), bring(client, state), client.get("/"), client.get("/api/config")):
            assert "cross-origin-opener-policy" not in answer.headers, "so what the edge adds is in force"
