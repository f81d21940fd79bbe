"""The way back from a CAS: by our own page, and by Alerta's."""

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
PAGE = "https://alerta.example/login"


class Server:
    """A CAS that takes tickets which begin with `ST-good`, as often as they come."""

    def __init__(self) -> None:
        self.challenges: list[Challenge] = []

    async def authorization_endpoint(self) -> str:
        return ""

    async def address(self, challenge: Challenge) -> str:
        return f"https://cas.example/login?state={challenge.state}"

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        self.challenges.append(challenge)
        if not code.startswith("ST-good"):
            raise Unauthenticated("refused")
        return Identity(issuer="cas:cas", subject="ann", login="ann", groups=("ops",))


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def world(server: Server) -> World:
    world = World()
    await world.add_user("root", "admin")
    world.gates.append(Gate(name="cas", kind="cas", title="CAS", provider=server, terms=Terms(roles={"ops": "admin"})))
    return world


def depart(client: Client) -> str:
    answer = client.post("/api/session/with/cas", json={"back": "/alerts?q=x"}, headers=OUR_ORIGIN)
    assert answer.status_code == 200, answer.text
    return parse_qs(urlsplit(answer.json()["url"]).query)["state"][0]


def come_back(client: Client, **query: str) -> str:
    answer = client.get("/api/session/callback/cas", params=query, follow_redirects=False)
    assert answer.status_code == 303
    return answer.headers["location"]


async def test_a_ticket_opens_the_session_of_the_browser_that_asked(world: World, server: Server):
    with world.client() as client:
        state = depart(client)
        assert come_back(client, ticket="ST-good", state=state) == "/alerts?q=x"
        session = client.get("/api/session").json()
        assert (session["user"]["login"], session["user"]["roles"]) == ("ann", ["user", "admin"])
        assert server.challenges[0].state == state


async def test_a_ticket_brought_by_another_browser_or_to_another_log_in_is_refused(world: World, server: Server):
    with world.client() as client, world.client() as other:
        state = depart(client)
        assert come_back(other, ticket="ST-good", state=state) == "/login#refused=expired"
        assert come_back(client, ticket="ST-good", state="another") == "/login#refused=expired"
        assert come_back(client, ticket="ST-good") == "/login#refused=expired"
        assert server.challenges == []


@pytest.mark.parametrize("query", [{}, {"code": "ST-good"}, {"ticket": ""}, {"ticket": "ST-" + "x" * 5000}])
async def test_without_a_ticket_nobody_logged_in(world: World, server: Server, query: dict[str, str]):
    with world.client() as client:
        assert come_back(client, state=depart(client), **query) == "/login#refused=cancelled"
        assert server.challenges == []


async def test_alertas_pages_bring_the_ticket_and_get_a_token(world: World, server: Server):
    with world.client() as client:
        body = {"ticket": "ST-good-1", "service": PAGE}
        answer = client.post("/api/auth/cas", json=body)
        assert answer.status_code == 200, answer.text
        assert "set-cookie" not in answer.headers
        bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
        claims = client.get("/api/userinfo", headers=bearer).json()
        assert (claims["preferred_username"], claims["roles"]) == ("ann", ["user", "admin"])
        assert server.challenges[0] == Challenge(redirect=PAGE)
        again = client.post("/api/auth/cas", json=body)
        assert again.status_code == 401, "also where the CAS would take it twice"
        assert client.post("/api/auth/cas", json=body | {"ticket": "ST-good-2"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 400),
        ({"ticket": "ST-good"}, 400),
        ({"ticket": "ST-good", "service": ""}, 400),
        ({"ticket": 7, "service": PAGE}, 400),
        ({"ticket": "x" * 5000, "service": PAGE}, 400),
        ({"ticket": "ST-bad", "service": PAGE}, 401),
    ],
)
async def test_what_is_no_ticket_gets_none(world: World, body: dict[str, object], code: int):
    with world.client() as client:
        assert client.post("/api/auth/cas", json=body).status_code == code


async def test_where_no_cas_is_set_there_is_none(world: World):
    world.gates.clear()
    with world.client() as client:
        assert client.post("/api/auth/cas", json={"ticket": "ST-1", "service": PAGE}).status_code == 404
