"""OpenID Connect: discovery, the code flow with PKCE, and ID tokens whose signature is checked.

The discovery document and the keys are kept for an hour; a token signed with a key that is not among them has the keys
read again, at most once in a minute. Only signatures with a key pair count: neither `none` nor a shared secret.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from watchbell.adapters.login.calls import ProviderCalls
from watchbell.domain.admission import Identity
from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.ports.clock import Clock
from watchbell.ports.login import Challenge
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.login_providers import OpenId

KEPT = timedelta(hours=1)
ASKED_AGAIN = timedelta(minutes=1)
LEEWAY = 120  # seconds that clocks may differ
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]


class OpenIdProvider:
    """One provider."""

    def __init__(self, settings: OpenId, http: HttpClient, clock: Clock) -> None:
        self._settings = settings
        self._calls = ProviderCalls(http, settings.heading)
        self._clock = clock
        self._document: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._document_at: datetime | None = None
        self._keys_at: datetime | None = None

    async def authorization_endpoint(self) -> str:
        return self._endpoint(await self._discovered(), "authorization_endpoint")

    async def address(self, challenge: Challenge) -> str:
        endpoint = await self.authorization_endpoint()
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": challenge.redirect,
            "scope": " ".join(self._settings.scopes),
            "state": challenge.state,
            "nonce": challenge.nonce,
            "code_challenge": pkce(challenge.verifier),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(asked)}"

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        document = await self._discovered()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": challenge.redirect}
        if challenge.verifier:
            form["code_verifier"] = challenge.verifier
        headers = self._credentials(document, form)
        answer = await self._calls.post(self._endpoint(document, "token_endpoint"), form, headers)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise Unauthenticated(f"{self._settings.heading} sends no ID token.")
        claims = await self._proved(token, challenge.nonce)
        return self._identity(claims | await self._userinfo(document, answer, claims))

    def _credentials(self, document: dict[str, Any], form: dict[str, str]) -> dict[str, str]:
        """How we say who we are: by a header where the provider takes it, else in the form."""
        identifier, secret = self._settings.client_id, self._settings.client_secret.reveal()
        methods: Any = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if secret and "client_secret_basic" in methods:
            pair = f"{quote(identifier, safe='')}:{quote(secret, safe='')}"
            return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        form["client_id"] = identifier
        if secret:
            form["client_secret"] = secret
        return {}

    async def _proved(self, token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that is the provider's, for us, of now, and of this log-in."""
        title = self._settings.heading
        try:
            claims = jwt.decode(token, await self._key_set(token), algorithms=ALGORITHMS).claims
            registry = jwt.JWTClaimsRegistry(
                now=int(self._clock.now().timestamp()),
                leeway=LEEWAY,
                iss={"essential": True, "value": self._settings.issuer},
                aud={"essential": True, "value": self._settings.client_id},
                exp={"essential": True},
                iat={"essential": True},
                sub={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthenticated(f"{title}'s ID token is not good: {type(error).__name__}") from None
        audience: Any = claims["aud"]
        several = isinstance(audience, list) and len(cast("list[Any]", audience)) > 1
        if claims.get("azp", self._settings.client_id) != self._settings.client_id or (several and "azp" not in claims):
            raise Unauthenticated(f"{title}'s ID token is for somebody else.")
        if nonce and claims.get("nonce") != nonce:
            raise Unauthenticated(f"{title}'s ID token belongs to another log-in.")
        return claims

    async def _key_set(self, token: str) -> KeySet:
        now = self._clock.now()
        wanted = _kid_of(token)
        kept = self._keys if self._keys_at is not None and now - self._keys_at < KEPT else None
        if kept is not None:
            known = {key.kid for key in kept.keys}
            fresh = self._keys_at is not None and now - self._keys_at < ASKED_AGAIN
            if wanted is None or wanted in known or fresh:
                return kept
        document = await self._discovered()
        try:
            self._keys = KeySet.import_key_set(await self._calls.fetch(self._endpoint(document, "jwks_uri")))
        except (JoseError, ValueError, TypeError, KeyError):
            raise Retryable(f"{self._settings.heading}'s keys cannot be read.") from None
        self._keys_at = now
        return self._keys

    async def _userinfo(
        self, document: dict[str, Any], answer: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What the provider tells besides; the ID token's own claims about who it is stay."""
        token = answer.get("access_token")
        if not document.get("userinfo_endpoint") or not isinstance(token, str):
            return {}
        headers = {"Authorization": f"Bearer {token}"}
        told = await self._calls.fetch(self._endpoint(document, "userinfo_endpoint"), headers)
        if not isinstance(told, dict) or cast("dict[str, Any]", told).get("sub") != claims["sub"]:
            raise Unauthenticated(f"{self._settings.heading} tells of somebody else.")
        return {name: value for name, value in cast("dict[str, Any]", told).items() if name not in {"sub", "iss"}}

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        groups: list[str] = []
        for name in self._settings.group_claims:
            groups += _texts(_claim(claims, name))
        logins = [str(claims[name]) for name in self._settings.login_claims if claims.get(name)]
        return Identity(
            issuer=self._settings.issuer,
            subject=str(claims["sub"]),
            login=logins[0] if logins else "",
            name=str(claims.get("name") or ""),
            email=str(claims.get("email") or ""),
            email_verified=claims.get("email_verified") in (True, "true"),
            groups=tuple(dict.fromkeys(groups)),
        )

    async def _discovered(self) -> dict[str, Any]:
        now = self._clock.now()
        if self._document_at is None or now - self._document_at >= KEPT:
            issuer = self._settings.issuer
            found = await self._calls.fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if not isinstance(found, dict) or cast("dict[str, Any]", found).get("issuer") != issuer:
                raise Retryable(f"{self._settings.heading}'s discovery document is not that of {issuer}.")
            self._document, self._document_at = cast("dict[str, Any]", found), now
        return self._document

    def _endpoint(self, document: dict[str, Any], name: str) -> str:
        url = document.get(name)
        schemes = ("https://",) if self._settings.issuer.startswith("https://") else ("https://", "http://")
        if not isinstance(url, str) or not url.startswith(schemes):
            raise Retryable(f"{self._settings.heading} names no usable {name}.")
        return url


def pkce(verifier: str) -> str:
    """The challenge that goes with a verifier (S256)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def _kid_of(token: str) -> str | None:
    try:
        from joserfc.jws import extract_compact  # noqa: PLC0415

        kid = extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError, TypeError):
        return None
    return kid if isinstance(kid, str) else None


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its name, or by the way into an object."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = cast("dict[str, Any]", found).get(part) if isinstance(found, Mapping) else None
    return found


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(one) for one in cast("list[Any]", value)] if isinstance(value, list) else []
