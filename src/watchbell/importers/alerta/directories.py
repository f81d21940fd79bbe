"""Alerta's settings of LDAP, SAML 2 and CAS, as a table of `login.providers`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import urlsplit

from watchbell.toolkit.login_provider import LOCAL

ALL = "*"
_COPIED: Mapping[str, str] = MappingProxyType(
    {
        "LDAP_URL": "url",
        "LDAP_CACERT": "ca_file",
        "LDAP_BIND_USERNAME": "bind_dn",
        "LDAP_BIND_PASSWORD": "bind_password",
        "LDAP_USER_FILTER": "user_filter",
        "LDAP_USER_NAME_ATTR": "name_attribute",
    }
)
LDAP_USED = frozenset(
    {
        *_COPIED,
        *("LDAP_TIMEOUT", "LDAP_BASEDN", "LDAP_ALLOW_SELF_SIGNED_CERT", "LDAP_DOMAINS", "LDAP_DEFAULT_DOMAIN"),
        *("LDAP_USER_BASEDN", "LDAP_USER_EMAIL_ATTR", "LDAP_USE_EMAIL_DOMAIN_WHITELIST", "ALLOWED_EMAIL_DOMAINS"),
        *("LDAP_GROUP_BASEDN", "LDAP_GROUP_FILTER", "LDAP_GROUP_NAME_ATTR", "ALLOWED_LDAP_GROUPS", "AUTH_PROVIDER"),
    }
)
"""The settings that the table of LDAP is made of."""

SAML_USED = frozenset(
    {
        *("SAML2_ENTITY_ID", "SAML2_METADATA_URL", "SAML2_EMAIL_ATTRIBUTE", "ALLOWED_SAML2_GROUPS"),
        *("ALLOWED_EMAIL_DOMAINS", "AUTH_PROVIDER"),
    }
)
"""The settings that the table of SAML is made of."""

CAS_USED = frozenset(
    {
        *("CAS_SERVER", "CAS_VALIDATE_ROUTE", "CAS_ROLE_CLAIM", "CAS_GROUP_CLAIM", "CAS_RESPONSE_TYPE"),
        *("ALLOWED_EMAIL_DOMAINS", "AUTH_PROVIDER"),
    }
)
"""The settings that the table of CAS is made of."""


def ldap_table(given: Mapping[str, Any]) -> dict[str, Any]:
    """The table. As in Alerta, logins are mail addresses, and the directory's are believed."""
    email = str(given.get("LDAP_USER_EMAIL_ATTR") or "mail")
    table: dict[str, Any] = {"type": "ldap", "name": "ldap", "trust_email": True, "link_by_login": True}
    table |= {"email_attribute": email, "login_attributes": [email]}
    table |= {ours: given[theirs] for theirs, ours in _COPIED.items() if given.get(theirs)}
    base = given.get("LDAP_BASEDN") or ""
    if given.get("LDAP_USER_BASEDN") or base:
        table["user_base"] = given.get("LDAP_USER_BASEDN") or base
    _wire(table, given)
    _domains(table, given)
    if given.get("LDAP_GROUP_FILTER"):
        table["group_base"] = given.get("LDAP_GROUP_BASEDN") or base
        table["group_filter"] = str(given["LDAP_GROUP_FILTER"]).replace("{userdn}", "{dn}")
        table["group_attribute"] = given.get("LDAP_GROUP_NAME_ATTR") or "dn"
    _limit(table, "allowed_groups", given.get("ALLOWED_LDAP_GROUPS"))
    return table


def saml_table(given: Mapping[str, Any]) -> dict[str, Any]:
    """The table. As in Alerta, logins are mail addresses, and the identity provider's are believed."""
    email = str(given.get("SAML2_EMAIL_ATTRIBUTE") or "emailAddress")
    table: dict[str, Any] = {"type": "saml", "name": "saml", "trust_email": True}
    table |= {"email_attributes": [email], "login_attributes": [email]}
    for theirs, ours in (("SAML2_METADATA_URL", "metadata_url"), ("SAML2_ENTITY_ID", "entity_id")):
        if given.get(theirs):
            table[ours] = given[theirs]
    _limit(table, "allowed_groups", given.get("ALLOWED_SAML2_GROUPS"))
    _limit(table, "allowed_domains", given.get("ALLOWED_EMAIL_DOMAINS"))
    return table


def saml_problems(given: Mapping[str, Any]) -> dict[str, str]:
    """What is not the same here, by the setting's name."""
    found: dict[str, str] = {}
    if given.get("SAML2_CONFIG"):
        found["SAML2_CONFIG"] = "has options of a library: the type `saml` has settings of its own"
    if given.get("SAML2_USER_NAME_FORMAT"):
        found["SAML2_USER_NAME_FORMAT"] = "is not there: `name_attributes` says where the name is"
    return found


def cas_table(given: Mapping[str, Any]) -> dict[str, Any]:
    """The table. As in Alerta, logins are the names that CAS knows, and its addresses are believed."""
    claims = (given.get("CAS_ROLE_CLAIM") or "roles", given.get("CAS_GROUP_CLAIM") or "groups")
    table: dict[str, Any] = {"type": "cas", "name": "cas", "trust_email": True, "link_by_login": True}
    table["url"] = str(given.get("CAS_SERVER") or "")
    table["validate_path"] = str(given.get("CAS_VALIDATE_ROUTE") or "/serviceValidate")
    table["answer"] = str(given.get("CAS_RESPONSE_TYPE") or "AUTO").lower()
    table["group_attributes"] = list(dict.fromkeys(map(str, claims)))
    _limit(table, "allowed_domains", given.get("ALLOWED_EMAIL_DOMAINS"))
    return table


def cas_problems(given: Mapping[str, Any]) -> dict[str, str]:
    """What is not the same here, by the setting's name."""
    found: dict[str, str] = {}
    if not given.get("BASE_URL"):
        found["CAS_SERVER"] = "needs `server.base_url`, the address that tickets are for"
    if given.get("CAS_ROLE_CLAIM"):
        found["CAS_ROLE_CLAIM"] = "is a group there: `roles` of the type `cas` says which role it gives here"
    return found


def _limit(table: dict[str, Any], name: str, given: Any) -> None:
    if isinstance(given, list) and given and ALL not in given:
        table[name] = given


def ldap_problems(given: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, str]:
    """What is not the same here, by the setting's name."""
    found: dict[str, str] = {}
    if str(given.get("LDAP_URL", "")).startswith("ldap:") and "start_tls" not in table:
        found["LDAP_URL"] = "is spoken with StartTLS here, which the directory must offer, or write ldaps://"
    if given.get("LDAP_CONFIG"):
        found["LDAP_CONFIG"] = "has options of another library: `ca_file`, `verify_tls` and `timeout` are there"
    return found


def _wire(table: dict[str, Any], given: Mapping[str, Any]) -> None:
    if str(given.get("LDAP_URL", "")).startswith("ldap:") and _host(given) in LOCAL:
        table["start_tls"] = False
    if given.get("LDAP_ALLOW_SELF_SIGNED_CERT"):
        table["verify_tls"] = False
    timeout = given.get("LDAP_TIMEOUT")
    if isinstance(timeout, int | float) and timeout > 0:
        table["timeout"] = min(float(timeout), 60.0)


def _host(given: Mapping[str, Any]) -> str:
    try:
        return urlsplit(str(given.get("LDAP_URL", ""))).hostname or ""
    except ValueError:
        return ""


def _domains(table: dict[str, Any], given: Mapping[str, Any]) -> None:
    """What people are called, where no filter finds them, and the mail domains that come in."""
    told = given.get("LDAP_DOMAINS")
    domains = (
        {str(name): str(text) for name, text in cast("dict[Any, Any]", told).items()} if isinstance(told, dict) else {}
    )
    if domains and not given.get("LDAP_USER_FILTER"):
        table["domains"] = {name: _called(text) for name, text in domains.items()}
        if given.get("LDAP_DEFAULT_DOMAIN"):
            table["default_domain"] = given["LDAP_DEFAULT_DOMAIN"]
    mail = given.get("ALLOWED_EMAIL_DOMAINS")
    limited = given.get("LDAP_USE_EMAIL_DOMAIN_WHITELIST", True) and isinstance(mail, list) and ALL not in mail
    if limited and mail:
        table["allowed_domains"] = list(dict.fromkeys([*map(str, cast("list[Any]", mail)), *domains]))


def _called(text: str) -> str:
    for place in ("%s", "{}", "{0}"):
        text = text.replace(place, "{username}")
    return text
