"""Alerta's one log-in provider as a table of `login.providers`, its HMAC keys, and its proxy's headers."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from watchbell.importers.alerta.directories import (
    CAS_USED,
    LDAP_USED,
    SAML_USED,
    cas_problems,
    cas_table,
    ldap_problems,
    ldap_table,
    saml_problems,
    saml_table,
)
from watchbell.toolkit.login_providers import read_providers
from watchbell.toolkit.settings import MINIMUM_SECRET, InvalidSettings

ALL = "*"


class Found(NamedTuple):
    """What was made of the settings: ours, the names that were used, and reasons for what was not taken.

    `login` and `mail` are sections of ours.
    """

    login: dict[str, Any]
    used: frozenset[str]
    problems: dict[str, str]
    mail: Mapping[str, Any] = MappingProxyType({})


_COMMON = frozenset({"AUTH_PROVIDER", "OAUTH2_CLIENT_ID", "OAUTH2_CLIENT_SECRET", "ALLOWED_EMAIL_DOMAINS"})
_OWN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "openid": {"OIDC_ISSUER_URL": "issuer_url", "OIDC_LINK_USER_EMAIL": "link_by_email"},
        "google": {},
        "azure": {"AZURE_TENANT": "tenant"},
        "keycloak": {"KEYCLOAK_URL": "url", "KEYCLOAK_REALM": "realm"},
        "cognito": {"AWS_REGION": "region", "COGNITO_USER_POOL_ID": "user_pool_id", "COGNITO_DOMAIN": "domain"},
        "gitlab": {"GITLAB_URL": "url"},
        "github": {"GITHUB_URL": "url"},
    }
)
_GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "openid": "ALLOWED_OIDC_ROLES",
        "keycloak": "ALLOWED_KEYCLOAK_ROLES",
        "gitlab": "ALLOWED_GITLAB_GROUPS",
        "github": "ALLOWED_GITHUB_ORGS",
    }
)
_CLAIMS = ("OIDC_ROLE_CLAIM", "OIDC_GROUP_CLAIM")


def provider_of(given: Mapping[str, Any]) -> Found:
    """The provider that `AUTH_PROVIDER` names, if it is one of ours."""
    kind = str(given.get("AUTH_PROVIDER", "basic"))
    if kind in _OWN:
        return _remote(kind, given)
    if kind == "basic":
        return Found({}, frozenset({"AUTH_PROVIDER"}), {})
    if kind == "ldap":
        table = ldap_table(given)
        return _checked(table, LDAP_USED, ldap_problems(given, table))
    if kind in {"saml2", "saml"}:
        return _checked(saml_table(given), SAML_USED, saml_problems(given))
    if kind == "cas":
        return _checked(cas_table(given), CAS_USED, cas_problems(given))
    return Found({}, frozenset(), {"AUTH_PROVIDER": f"{kind!r} is not known; people log in by a password"})


def _remote(kind: str, given: Mapping[str, Any]) -> Found:
    table: dict[str, Any] = {"type": kind, "name": kind, "client_id": str(given.get("OAUTH2_CLIENT_ID", ""))}
    used = set(_COMMON)
    if given.get("OAUTH2_CLIENT_SECRET"):
        table["client_secret"] = given["OAUTH2_CLIENT_SECRET"]
    for theirs, ours in _OWN[kind].items():
        used.add(theirs)
        if given.get(theirs) is not None:
            table[ours] = given[theirs]
    _limit(table, "allowed_domains", given.get("ALLOWED_EMAIL_DOMAINS"))
    groups = _GROUPS.get(kind, "")
    if groups:
        used.add(groups)
        _limit(table, "allowed_groups", given.get(groups))
    claims = [str(given[name]) for name in _CLAIMS if given.get(name)]
    if kind in {"openid", "keycloak"} and claims:
        table["group_claims"] = list(dict.fromkeys(claims))
        used.update(_CLAIMS)
    return _checked(table, frozenset(used), {})


def _checked(table: dict[str, Any], used: frozenset[str], problems: dict[str, str]) -> Found:
    """The provider, unless it would not do here."""
    kind = str(table["type"])
    try:
        read_providers([table])
    except InvalidSettings as error:
        reasons = "; ".join(f"{each.field.rpartition('.')[2]} {each.reason}" for each in error.problems)
        reason = f"{kind!r} is left out, people log in by a password: {reasons}"
        return Found({}, used, {"AUTH_PROVIDER": reason})
    return Found({"providers": [table], "alerta_provider": kind}, used, problems)


def _limit(table: dict[str, Any], name: str, given: Any) -> None:
    """A list of who may come in. For everybody, `*`, the list is left out: our own check says where that is unsafe."""
    if isinstance(given, list) and given and ALL not in given:
        table[name] = given


def hmac_of(given: Any) -> Found:
    """Keys that sign requests. In Alerta each of them is an administrator's."""
    if not isinstance(given, list):
        return Found({}, frozenset(), {"HMAC_AUTH_CREDENTIALS": "is no list"})
    tables: list[dict[str, Any]] = []
    problems: dict[str, str] = {}
    for each in given:  # pyright: ignore[reportUnknownVariableType] - anything may stand in the file
        if not isinstance(each, dict) or not each.get("key") or not each.get("secret"):  # pyright: ignore[reportUnknownMemberType]
            return Found({}, frozenset(), {"HMAC_AUTH_CREDENTIALS": "has an entry without `key` or `secret`"})
        credentials = cast("dict[str, Any]", each)
        if len(str(credentials["secret"])) < MINIMUM_SECRET:
            problems["HMAC_AUTH_CREDENTIALS"] = (
                f"leaves out keys whose secret has less than {MINIMUM_SECRET} characters"
            )
            continue
        tables.append(
            {
                "id": str(credentials["key"]),
                "secret": str(credentials["secret"]),
                "algorithm": str(credentials.get("algorithm", "sha256")),
                "scopes": ["admin", "read", "write"],
            }
        )
    return Found({"hmac": tables} if tables else {}, frozenset({"HMAC_AUTH_CREDENTIALS"}), problems)


_PROXY: Mapping[str, str] = MappingProxyType(
    {
        "AUTH_PROXY_USER_HEADER": "proxy_user_header",
        "AUTH_PROXY_ROLES_HEADER": "proxy_roles_header",
        "AUTH_PROXY_ROLES_SEPARATOR": "proxy_roles_separator",
        "AUTH_PROXY_AUTO_SIGNUP": "proxy_sign_up",
    }
)
_PROXY_DEFAULTS = {"proxy_user_header": "X-Proxy-User", "proxy_roles_header": "X-Proxy-Roles"}


def proxy_of(given: Mapping[str, Any]) -> Found:
    """The headers of a proxy, when they are believed."""
    used = frozenset({"AUTH_PROXY", *_PROXY})
    if not given.get("AUTH_PROXY"):
        return Found({}, used, {})
    login = {**_PROXY_DEFAULTS, **{ours: given[theirs] for theirs, ours in _PROXY.items() if theirs in given}}
    roles: Any = given.get("ADMIN_ROLES", ["admin"])
    known = [*roles, *given.get("USER_ROLES", ["user"]), *given.get("GUEST_ROLES", ["guest"])]
    login["proxy_roles"] = {str(role): str(role) for role in known}
    return Found(login, used, {})


Reading = Callable[[Mapping[str, Any]], Found]
READINGS: tuple[Reading, ...] = (
    provider_of,
    proxy_of,
    lambda given: hmac_of(given.get("HMAC_AUTH_CREDENTIALS", [])),
)
