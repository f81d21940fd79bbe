"""GitHub: OAuth 2 with PKCE; who somebody is, and their organisations and teams, by its API."""

from typing import Any, cast
from urllib.parse import urlencode

from watchbell.adapters.login.calls import ProviderCalls
from watchbell.adapters.login.openid import pkce
from watchbell.domain.admission import Identity
from watchbell.domain.errors import Unauthenticated
from watchbell.ports.login import Challenge
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.login_providers import GitHub

SCOPES = "read:user user:email read:org"


class GitHubProvider:
    """GitHub, or an Enterprise Server."""

    def __init__(self, settings: GitHub, http: HttpClient) -> None:
        self._settings = settings
        self._calls = ProviderCalls(http, settings.heading)

    async def authorization_endpoint(self) -> str:
        return f"{self._settings.issuer}/login/oauth/authorize"

    async def address(self, challenge: Challenge) -> str:
        asked = {
            "client_id": self._settings.client_id,
            "redirect_uri": challenge.redirect,
            "scope": SCOPES,
            "state": challenge.state,
            "code_challenge": pkce(challenge.verifier),
            "code_challenge_method": "S256",
        }
        return f"{await self.authorization_endpoint()}?{urlencode(asked)}"

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        form = {
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.reveal(),
            "code": code,
            "redirect_uri": challenge.redirect,
        }
        if challenge.verifier:
            form["code_verifier"] = challenge.verifier
        answer = await self._calls.post(f"{self._settings.issuer}/login/oauth/access_token", form)
        token = answer.get("access_token")
        if not isinstance(token, str):
            raise Unauthenticated("GitHub sends no token.")
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        return await self._identity(headers)

    async def _identity(self, headers: dict[str, str]) -> Identity:
        api = self._settings.api
        user: Any = await self._calls.fetch(f"{api}/user", headers)
        if not isinstance(user, dict) or "id" not in user or "login" not in user:
            raise Unauthenticated("GitHub does not say who this is.")
        person = cast("dict[str, Any]", user)
        emails = _rows(await self._calls.fetch(f"{api}/user/emails", headers))
        main = [row for row in emails if row.get("primary") and row.get("verified")]
        orgs = _rows(await self._calls.fetch(f"{api}/user/orgs?per_page=100", headers))
        teams = _rows(await self._calls.fetch(f"{api}/user/teams?per_page=100", headers))
        groups = [str(row.get("login")) for row in orgs]
        groups += [f"{_org(row)}/{row.get('slug')}" for row in teams]
        return Identity(
            issuer=self._settings.issuer,
            subject=str(person["id"]),
            login=str(person["login"]),
            name=str(person.get("name") or ""),
            email=str(main[0].get("email")) if main else "",
            email_verified=bool(main),
            groups=tuple(dict.fromkeys(groups)),
        )


def _org(team: dict[str, Any]) -> str:
    found: Any = team.get("organization")
    return str(cast("dict[str, Any]", found).get("login")) if isinstance(found, dict) else ""


def _rows(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list):
        return []
    return [cast("dict[str, Any]", row) for row in cast("list[Any]", answer) if isinstance(row, dict)]
