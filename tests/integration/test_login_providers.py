"""Log-in providers over HTTP: OpenID Connect with real signatures, and GitHub's API."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from api_client import SetClock
from servers.openid import CLIENT, SECRET, OpenIdServer, shared_secret_token, unsigned_token
from servers.target import HttpTarget
from watchbell.adapters.login.github import GitHubProvider
from watchbell.adapters.login.openid import OpenIdProvider
from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.ports.login import Challenge
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.login_providers import AnyOpenId, GitHub
from watchbell.toolkit.settings import Secret

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CHALLENGE = Challenge(redirect="https://w.example/back", state="s", nonce="n", verifier="v" * 50)


@pytest.fixture
def server() -> Iterator[OpenIdServer]:
    with OpenIdServer() as server:
        server.now = int(NOW.timestamp())
        yield server


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(EgressPolicy(Egress(allow_loopback=True)))
    yield client
    await client.close()


def provider(server: OpenIdServer, http: HttpClient, clock: SetClock | None = None, **more: Any) -> OpenIdProvider:
    settings = AnyOpenId(name="sso", issuer_url=server.issuer, client_id=CLIENT, client_secret=Secret(SECRET), **more)
    return OpenIdProvider(settings, http, clock or SetClock(NOW))


async def test_who_comes_back_with_a_code_is_who_the_signed_token_says(server: OpenIdServer, http: HttpClient):
    server.claims = {"sub": "s-1", "name": "Ann", "email": "ann@example.org", "email_verified": True}
    server.userinfo = {"preferred_username": "ann", "groups": ["ops", "dev"], "realm": {"roles": ["boss"]}}
    asked = provider(server, http, group_claims=["groups", "realm.roles"])
    url = await asked.address(CHALLENGE)
    sent = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{server.issuer}/authorize?")
    assert (sent["state"], sent["nonce"], sent["code_challenge_method"]) == ("s", "n", "S256")
    assert "v" * 50 not in url
    found = await asked.redeem(server.consent(url), CHALLENGE)
    assert (found.issuer, found.subject, found.login) == (server.issuer, "s-1", "ann")
    assert (found.name, found.email, found.email_verified) == ("Ann", "ann@example.org", True)
    assert found.groups == ("ops", "dev", "boss")


async def test_a_code_is_good_once_and_only_with_its_verifier(server: OpenIdServer, http: HttpClient):
    asked = provider(server, http)
    code = server.consent(await asked.address(CHALLENGE))
    await asked.redeem(code, CHALLENGE)
    with pytest.raises(Unauthenticated):
        await asked.redeem(code, CHALLENGE)
    stolen = server.consent(await asked.address(CHALLENGE))
    with pytest.raises(Unauthenticated):
        await asked.redeem(stolen, Challenge(redirect=CHALLENGE.redirect))


def _by_another_key(claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims, RSAKey.generate_key(2048))


@pytest.mark.parametrize("signed", [unsigned_token, shared_secret_token, _by_another_key, lambda claims: "no.token"])
async def test_a_token_that_the_provider_did_not_sign_proves_nothing(
    server: OpenIdServer, http: HttpClient, signed: Callable[[dict[str, Any]], str]
):
    server.signed = signed
    asked = provider(server, http)
    with pytest.raises(Unauthenticated):
        await asked.redeem(server.consent(await asked.address(CHALLENGE)), CHALLENGE)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody-else"},
        {"aud": [CLIENT, "another"]},
        {"azp": "another"},
        {"exp": int(NOW.timestamp()) - 121},
        {"iat": int(NOW.timestamp()) + 121},
        {"nonce": "of another log-in"},
        {"sub": 7},
    ],
)
async def test_a_token_of_somebody_else_or_of_another_time_is_refused(
    server: OpenIdServer, http: HttpClient, claims: dict[str, Any]
):
    server.claims = {"sub": "s-1", **claims}
    asked = provider(server, http)
    with pytest.raises(Unauthenticated):
        await asked.redeem(server.consent(await asked.address(CHALLENGE)), CHALLENGE)


async def test_what_is_told_of_somebody_else_is_refused(server: OpenIdServer, http: HttpClient):
    server.userinfo = {"sub": "s-2"}
    asked = provider(server, http)
    with pytest.raises(Unauthenticated):
        await asked.redeem(server.consent(await asked.address(CHALLENGE)), CHALLENGE)


async def test_new_keys_are_fetched_when_a_token_needs_them_but_not_each_time(server: OpenIdServer, http: HttpClient):
    clock = SetClock(NOW)
    asked = provider(server, http, clock)

    async def log_in() -> str:
        return (await asked.redeem(server.consent(await asked.address(CHALLENGE)), CHALLENGE)).subject

    await log_in()
    server.keys.append(ECKey.generate_key("P-256", {"kid": "two"}))
    with pytest.raises(Unauthenticated):
        await log_in()
    await clock.sleep(61)
    assert await log_in() == "s-1"
    assert await log_in() == "s-1"
    assert server.asked.count("/keys") == 2
    assert server.asked.count("/.well-known/openid-configuration") == 1


async def test_a_document_of_another_issuer_is_refused(server: OpenIdServer, http: HttpClient):
    honest = server.document()
    server.document = lambda: honest | {"issuer": "https://evil.example"}
    with pytest.raises(Retryable):
        await provider(server, http).address(CHALLENGE)


async def test_a_provider_that_is_away_is_said_to_be(server: OpenIdServer, http: HttpClient):
    settings = AnyOpenId(name="sso", issuer_url="http://127.0.0.1:9", client_id=CLIENT)
    with pytest.raises(Retryable):
        await OpenIdProvider(settings, http, SetClock(NOW)).address(CHALLENGE)


async def test_github_tells_mail_organisations_and_teams(http: HttpClient):
    answers = {
        "/login/oauth/access_token": {"access_token": "gh"},
        "/api/v3/user": {"id": 42, "login": "ann", "name": "Ann"},
        "/api/v3/user/emails": [
            {"email": "old@example.org", "primary": False, "verified": True},
            {"email": "ann@example.org", "primary": True, "verified": True},
        ],
        "/api/v3/user/orgs?per_page=100": [{"login": "acme"}],
        "/api/v3/user/teams?per_page=100": [{"slug": "ops", "organization": {"login": "acme"}}],
    }
    with HttpTarget() as target:
        for path, content in answers.items():
            target.answer_path(path.partition("?")[0], body=json.dumps(content))
        settings = GitHub(name="gh", url=target.url, client_id="id", client_secret=Secret("secret"))
        asked = GitHubProvider(settings, http)
        assert (await asked.address(CHALLENGE)).startswith(f"{target.url}/login/oauth/authorize?client_id=id&")
        found = await asked.redeem("code", CHALLENGE)
        assert (found.subject, found.login, found.email, found.email_verified) == ("42", "ann", "ann@example.org", True)
        assert found.groups == ("acme", "acme/ops")
        assert target.requests[1].headers["authorization"] == "Bearer gh"
        target.answer_path("/login/oauth/access_token", body='{"error": "bad_verification_code"}')
        with pytest.raises(Unauthenticated):
            await asked.redeem("code", CHALLENGE)
