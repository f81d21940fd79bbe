"""Logging in by a real CAS, from the installation's own page and from Alerta's."""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from acceptance.installation import SingleMachine
from servers.alerta import AlertaMissing
from servers.cas import CasServer

pytestmark = pytest.mark.slow
ALERTA = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def server() -> Iterator[CasServer]:
    try:
        found = CasServer()
    except AlertaMissing as error:
        pytest.skip(str(error))
    yield found
    found.close()


@pytest.fixture(scope="module")
def known(server: CasServer) -> Iterator[SingleMachine]:
    provider = {"type": "cas", "name": "cas", "url": server.url, "roles": {"ops": "admin"}}
    installation = SingleMachine(
        WATCHBELL_LOGIN__PROVIDERS=json.dumps([provider]),
        WATCHBELL_LOGIN__ALERTA_PROVIDER="cas",
        WATCHBELL_SERVER__CORS_ORIGINS=json.dumps([ALERTA]),
    )
    yield installation
    installation.stop()


def test_the_way_there_and_back(known: SingleMachine, server: CasServer):
    with httpx.Client(base_url=known.url, headers={"Origin": known.url}) as browser:
        url = browser.post("/api/session/with/cas", json={"back": "/alerts"}).json()["url"]
        location = server.log_in(url)
        assert location.startswith(f"{known.url}/api/session/callback/cas?state=")
        answer = browser.get(location)
        assert (answer.status_code, answer.headers["location"]) == (303, "/alerts")
        session = browser.get("/api/session").json()
        assert (session["user"]["login"], session["user"]["roles"]) == ("ann", ["user", "admin"])
        again = httpx.get(location, headers={"Cookie": f"watchbell_login={browser.cookies.get('watchbell_login')}"})
        assert again.headers["location"] == "/login#refused=expired"


def test_a_host_that_a_caller_names_is_no_service(known: SingleMachine, server: CasServer):
    """Or whoever runs another service there could log in by the tickets that people bring them."""
    headers = {"Origin": "http://127.0.0.1:9", "Host": "127.0.0.1:9"}
    answer = httpx.post(f"{known.url}/api/session/with/cas", json={}, headers=headers)
    service = parse_qs(urlsplit(answer.json()["url"]).query)["service"][0]
    assert service.startswith(f"{known.url}/api/session/callback/cas?state=")
    for page, origin in (("http://127.0.0.1:9/login", "127.0.0.1:9"), (f"{ALERTA}.evil.example/", "127.0.0.1:8000")):
        ticket = {"ticket": "ST-1", "service": page}
        answer = httpx.post(f"{known.url}/api/auth/cas", json=ticket, headers={"Host": origin})
        assert answer.status_code == 401


def test_from_alertas_own_pages(known: SingleMachine, server: CasServer):
    assert httpx.get(f"{known.url}/api/config").json()["provider"] == "cas"
    service = f"{ALERTA}/login"
    location = server.log_in(f"{server.url}/login?{urlencode({'service': service})}")
    body = {"ticket": parse_qs(urlsplit(location).query)["ticket"][0], "service": service}
    answer = httpx.post(f"{known.url}/api/auth/cas", json=body, headers={"Origin": ALERTA})
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == ALERTA
    token = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert httpx.get(f"{known.url}/api/userinfo", headers=token).json()["preferred_username"] == "ann"
    assert httpx.post(f"{known.url}/api/auth/cas", json=body).status_code == 401
    assert body["ticket"] not in known.process.log()
