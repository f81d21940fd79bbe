"""CAS: tickets of a real server, the services they are for, and servers that go wrong."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from servers.alerta import AlertaMissing
from servers.cas import PERSON, CasServer
from servers.target import HttpTarget
from watchbell.adapters.login.cas import CasProvider
from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.ports.login import Challenge
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.login_cas import Cas
from watchbell.toolkit.origins import Origins

HERE, PAGES = "http://127.0.0.1:8080", "http://127.0.0.1:8000"
CHALLENGE = Challenge(redirect="http://evil.example/x", state="the state", nonce="n")
TICKET = "ST-1-abc"
SUCCESS = (
    '<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas"><cas:authenticationSuccess><cas:user>ann</cas:user>'
    "</cas:authenticationSuccess></cas:serviceResponse>"
)


@pytest.fixture(scope="module")
def server() -> Iterator[CasServer]:
    try:
        found = CasServer()
    except AlertaMissing as error:
        pytest.skip(str(error))
    yield found
    found.close()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(EgressPolicy(Egress(allow_loopback=True)))
    yield client
    await client.close()


def provider(url: str, http: HttpClient, **more: Any) -> CasProvider:
    return CasProvider(Cas(name="cas", url=url, **more), http, HERE, Origins([PAGES, "http://localhost:*"]))


def ticket_of(location: str) -> str:
    return parse_qs(urlsplit(location).query)["ticket"][0]


@pytest.mark.parametrize("path", ["/p3/serviceValidate", "/serviceValidate"])
async def test_who_comes_back_is_who_the_server_says(server: CasServer, http: HttpClient, path: str):
    asked = provider(server.url, http, validate_path=path)
    location = server.log_in(await asked.address(CHALLENGE))
    assert location.startswith(f"{HERE}/api/session/callback/cas?state=the+state&ticket=ST-")
    found = await asked.redeem(ticket_of(location), CHALLENGE)
    assert (found.issuer, found.subject, found.login) == ("cas:cas", "ann", "ann")
    assert (found.name, found.email, found.email_verified) == ("Ann Example", "ann@example.org", False)
    assert found.groups == ("ops", "dev")


async def test_other_attributes_are_read_where_the_settings_say_so(server: CasServer, http: HttpClient):
    server.known(PERSON | {"roles": ["boss", "ops"]})
    more = {"id_attribute": "mail", "login_attributes": ["mail"], "group_attributes": ["roles", "groups"]}
    asked = provider(server.url, http, **more)
    found = await asked.redeem(ticket_of(server.log_in(await asked.address(CHALLENGE))), CHALLENGE)
    server.known(PERSON)
    assert (found.subject, found.login) == ("ann@example.org", "ann@example.org")
    assert found.groups == ("boss", "ops", "dev")


async def test_what_would_be_markup_stays_text(server: CasServer, http: HttpClient):
    server.known(PERSON | {"displayName": "</cas:displayName><cas:user>root</cas:user> & <b>"})
    asked = provider(server.url, http)
    found = await asked.redeem(ticket_of(server.log_in(await asked.address(CHALLENGE))), CHALLENGE)
    server.known(PERSON)
    assert (found.login, found.name) == ("ann", "</cas:displayName><cas:user>root</cas:user> & <b>")


async def test_a_ticket_is_good_once_and_for_its_page(server: CasServer, http: HttpClient):
    asked = provider(server.url, http)
    ticket = ticket_of(server.log_in(await asked.address(CHALLENGE)))
    await asked.redeem(ticket, CHALLENGE)
    with pytest.raises(Unauthenticated, match="INVALID_TICKET"):
        await asked.redeem(ticket, CHALLENGE)
    other = ticket_of(server.log_in(await asked.address(CHALLENGE)))
    with pytest.raises(Unauthenticated, match="INVALID_SERVICE"):
        await asked.redeem(other, Challenge(redirect="", state="another"))


async def test_pages_that_the_settings_name_bring_tickets_themselves(server: CasServer, http: HttpClient):
    asked = provider(server.url, http)
    for page in (f"{PAGES}/login?x=1", f"{HERE}/old/"):
        challenge = Challenge(redirect=page)
        ticket = ticket_of(server.log_in(await asked.address(challenge)))
        assert (await asked.redeem(ticket, challenge)).login == "ann"


@pytest.mark.parametrize(
    "service",
    [
        "",
        "http://127.0.0.1:9/",
        "http://evil.example/",
        "https://127.0.0.1:8080/",
        "http://localhost:8123/",
        "http://127.0.0.1:8080@evil.example/",
        "http://127.0.0.1:8080.evil.example/",
        "http://127.0.0.1:8080\\@evil.example/",
        "http://127.0.0.1:8080/#x",
        "http://127.0.0.1:8080/\n",
        "//127.0.0.1:8080/",
        "javascript:alert(1)",
        "http://[::1/",
    ],
)
async def test_a_ticket_of_another_service_is_not_even_asked_about(http: HttpClient, service: str):
    with HttpTarget() as target:
        target.answer_path("/p3/serviceValidate", body=SUCCESS, headers={"Content-Type": "text/xml"})
        with pytest.raises(Unauthenticated):
            await provider(target.url, http).redeem(TICKET, Challenge(redirect=service))
        assert target.requests == []


@pytest.mark.parametrize("ticket", ["", "abc", "PT-1", "PGT-1", "ST-", "ST-a b", "ST-a&service=x", "ST-" + "a" * 600])
async def test_what_is_no_ticket_is_not_asked_about(http: HttpClient, ticket: str):
    with HttpTarget() as target:
        with pytest.raises(Unauthenticated):
            await provider(target.url, http).redeem(ticket, CHALLENGE)
        assert target.requests == []


async def test_answers_in_json(http: HttpClient):
    told = '{"serviceResponse": {"authenticationSuccess": {"user": "ann", "attributes": {"groups": ["ops"]}}}}'
    with HttpTarget() as target:
        target.answer_path("/validate", body=told, headers={"Content-Type": "application/json;charset=UTF-8"})
        found = await provider(target.url, http, validate_path="/validate", answer="json").redeem(TICKET, CHALLENGE)
        assert (found.login, found.groups) == ("ann", ("ops",))
        assert "format=JSON" in target.requests[-1].path
        assert (await provider(target.url, http, validate_path="/validate").redeem(TICKET, CHALLENGE)).login == "ann"
        assert "format=" not in target.requests[-1].path
        with pytest.raises(Retryable, match="type"):
            await provider(target.url, http, validate_path="/validate", answer="xml").redeem(TICKET, CHALLENGE)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "body": SUCCESS},
        {"status": 302, "body": SUCCESS, "headers": {"Location": "/elsewhere"}},
        {"status": 404, "body": SUCCESS},
        {"body": "<html>log in</html>"},
        {"body": SUCCESS + " " * (300 << 10)},
        {"body": SUCCESS, "headers": {"Content-Type": "application/json"}},
        {"body": SUCCESS.replace("<cas:user>ann</cas:user>", "")},
        {
            "body": '<r:serviceResponse xmlns:r="http://www.yale.edu/tp/cas"><r:authenticationFailure '
            'code="INTERNAL_ERROR"/></r:serviceResponse>'
        },
    ],
)
async def test_a_server_that_goes_wrong_lets_nobody_in(http: HttpClient, answer: dict[str, Any]):
    with HttpTarget() as target:
        target.answer_path("/elsewhere", body=SUCCESS)
        target.answer_path("/p3/serviceValidate", **answer)
        with pytest.raises(Retryable) as caught:
            await provider(target.url, http).redeem(TICKET, CHALLENGE)
        assert len(target.requests) == 1, "redirects are not followed"
        assert TICKET not in str(caught.value)


async def test_a_server_that_is_away_is_said_to_be_and_the_ticket_is_not_told(http: HttpClient):
    with pytest.raises(Retryable) as caught:
        await provider("http://127.0.0.1:9", http).redeem(TICKET, CHALLENGE)
    assert TICKET not in str(caught.value)


async def test_one_that_does_not_answer_is_given_up(http: HttpClient):
    with HttpTarget() as target:
        target.answer_path("/p3/serviceValidate", body=SUCCESS, delay=5)
        with pytest.raises(Retryable, match="does not answer"):
            await provider(target.url, http, timeout=0.2).redeem(TICKET, CHALLENGE)


async def test_the_rules_of_egress_hold_for_it():
    closed = HttpClient(EgressPolicy(Egress(allow_loopback=True, deny=["127.0.0.0/8"])))
    with HttpTarget() as target:
        with pytest.raises(Retryable):
            await provider(target.url, closed).redeem(TICKET, CHALLENGE)
        assert target.requests == []
    await closed.close()
