"""Settings of log-in providers: the tables of `login.providers`."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, cast
from urllib.parse import urlsplit

import msgspec

from watchbell.toolkit.login_cas import Cas
from watchbell.toolkit.login_ldap import Ldap
from watchbell.toolkit.login_provider import LOCAL, Provider
from watchbell.toolkit.login_saml import Saml
from watchbell.toolkit.settings import InvalidSettings, Problem, Secret, read

_EVERYBODYS = ("https://accounts.google.com", "https://gitlab.com", "https://github.com")


class Remote(Provider, frozen=True, kw_only=True):
    """A provider to which browsers are sent, and that knows Watchbell by an id and a secret."""

    name: str
    """Short name in addresses: small letters, digits and dashes. The provider sends browsers back to
    `<base_url>/api/session/callback/<name>`, which must be registered there."""
    title: str = ""
    """What the button says; empty is the type's own name."""
    client_id: str
    """What the provider calls Watchbell."""
    client_secret: Secret = Secret("")
    """The secret that goes with it; empty for a public client."""

    address_field: ClassVar[str] = "url"
    """The setting that says where the provider is."""

    def faults(self, place: str) -> Iterator[Problem]:
        yield from super().faults(place)
        if not self.client_id:
            yield Problem(field=f"{place}client_id", reason="is required")
        parts = urlsplit(self.issuer)
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)):
            yield Problem(field=f"{place}{self.address_field}", reason=f"{self.issuer!r} must begin with https://")
        if self.issuer in _EVERYBODYS and self.sign_up and not self.allowed_domains and not self.allowed_groups:
            reason = f"anybody has an account at {self.issuer}"
            fix = "say who may come in, by allowed_domains or allowed_groups; * is really anybody"
            yield Problem(field=f"{place}allowed_domains", reason=reason, fix=fix)


class OpenId(Remote, frozen=True, kw_only=True):
    """Any provider that speaks OpenID Connect and has a discovery document."""

    title_default = "OpenID Connect"

    type: Literal["openid"] = "openid"
    """The type, as the heading says it."""
    scopes: list[str] = msgspec.field(default_factory=lambda: ["openid", "profile", "email"])
    """What is asked for; some providers tell groups only when `groups` is asked for."""
    group_claims: list[str] = msgspec.field(default_factory=lambda: ["groups", "roles"])
    """Claims that hold groups or roles; a dot leads into an object."""
    login_claims: list[str] = msgspec.field(default_factory=lambda: ["preferred_username", "nickname", "email"])
    """Claims of which the first that is there becomes the login of a new user."""


class AnyOpenId(OpenId, frozen=True, kw_only=True):
    """Any provider that speaks OpenID Connect and has a discovery document."""

    address_field = "issuer_url"

    issuer_url: str
    """The issuer: the address before `/.well-known/openid-configuration`."""

    @property
    def issuer(self) -> str:
        return self.issuer_url


class Google(OpenId, frozen=True, kw_only=True):
    """Google, by OpenID Connect. Anybody has an account there, so `allowed_domains` must say who comes in."""

    title_default = "Google"
    type: Literal["google"] = "google"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The type, as the heading says it."""

    @property
    def issuer(self) -> str:
        return "https://accounts.google.com"


class Azure(OpenId, frozen=True, kw_only=True):
    """Microsoft Entra ID (Azure), by OpenID Connect. It does not verify mail addresses: see `trust_email`."""

    title_default = "Microsoft"

    type: Literal["azure"] = "azure"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The type, as the heading says it."""
    tenant: str
    """The tenant's id or domain; `common` and `organizations`, which are everybody, are refused."""

    @property
    def issuer(self) -> str:
        return f"https://login.microsoftonline.com/{self.tenant}/v2.0"

    def faults(self, place: str) -> Iterator[Problem]:
        yield from super().faults(place)
        if self.tenant in {"common", "organizations", "consumers"}:
            yield Problem(field=f"{place}tenant", reason="would let everybody in", fix="name your own tenant")


class Keycloak(OpenId, frozen=True, kw_only=True):
    """Keycloak, by OpenID Connect."""

    title_default = "Keycloak"

    type: Literal["keycloak"] = "keycloak"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The type, as the heading says it."""
    url: str
    """Keycloak's address, without `/realms`."""
    realm: str
    """The realm."""
    group_claims: list[str] = msgspec.field(default_factory=lambda: ["groups", "roles", "realm_access.roles"])
    """Claims that hold groups or roles; a dot leads into an object."""

    @property
    def issuer(self) -> str:
        return f"{self.url.rstrip('/')}/realms/{self.realm}"


class Cognito(OpenId, frozen=True, kw_only=True):
    """Amazon Cognito, by OpenID Connect."""

    title_default = "Amazon Cognito"

    type: Literal["cognito"] = "cognito"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The type, as the heading says it."""
    region: str
    """AWS region, such as `eu-west-1`."""
    user_pool_id: str
    """Id of the pool of users."""
    domain: str = ""
    """The pool's domain, which Alerta's own pages need."""
    group_claims: list[str] = msgspec.field(default_factory=lambda: ["cognito:groups"])
    """Claims that hold groups or roles; a dot leads into an object."""
    login_claims: list[str] = msgspec.field(default_factory=lambda: ["preferred_username", "username", "email"])
    """Claims of which the first that is there becomes the login of a new user."""

    @property
    def issuer(self) -> str:
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.user_pool_id}"


class GitLab(OpenId, frozen=True, kw_only=True):
    """GitLab, by OpenID Connect. For gitlab.com `allowed_domains` or `allowed_groups` must say who comes in."""

    title_default = "GitLab"

    type: Literal["gitlab"] = "gitlab"  # pyright: ignore[reportIncompatibleVariableOverride]
    """The type, as the heading says it."""
    url: str = "https://gitlab.com"
    """GitLab's address."""
    group_claims: list[str] = msgspec.field(default_factory=lambda: ["groups", "groups_direct"])
    """Claims that hold groups or roles; a dot leads into an object."""

    @property
    def issuer(self) -> str:
        return self.url.rstrip("/")


class GitHub(Remote, frozen=True, kw_only=True):
    """GitHub, by OAuth 2. Groups are organisations (`acme`) and teams (`acme/ops`).

    For github.com `allowed_groups` or `allowed_domains` must say who comes in.
    """

    title_default = "GitHub"

    type: Literal["github"] = "github"
    """The type, as the heading says it."""
    url: str = "https://github.com"
    """GitHub's address, or that of an own GitHub Enterprise Server."""

    @property
    def issuer(self) -> str:
        return self.url.rstrip("/")

    @property
    def api(self) -> str:
        """Where the API is."""
        return "https://api.github.com" if self.issuer == "https://github.com" else f"{self.issuer}/api/v3"


KINDS: dict[str, type[Provider]] = {
    "openid": AnyOpenId,
    "google": Google,
    "azure": Azure,
    "keycloak": Keycloak,
    "cognito": Cognito,
    "gitlab": GitLab,
    "github": GitHub,
    "ldap": Ldap,
    "saml": Saml,
    "cas": Cas,
}


def read_providers(tables: Sequence[Any], prefix: str = "login.providers") -> list[Provider]:
    """The providers.

    Raises:
        InvalidSettings: with everything that is wrong.
    """
    found: list[Provider] = []
    problems: list[Problem] = []
    for number, table in enumerate(tables):
        place = f"{prefix}[{number}]."
        given = cast("dict[str, Any]", table) if isinstance(table, dict) else {}
        kind = str(given.get("type"))
        if kind not in KINDS:
            problems.append(Problem(field=f"{place}type", reason=f"must be one of {', '.join(KINDS)}"))
            continue
        try:
            provider = read(KINDS[kind], given, prefix=place)
        except InvalidSettings as error:
            problems += error.problems
            continue
        problems += provider.faults(place)
        if any(provider.name == other.name for other in found):
            problems.append(Problem(field=f"{place}name", reason="is the name of another provider, too"))
        found.append(provider)
    if problems:
        raise InvalidSettings(problems)
    return found
