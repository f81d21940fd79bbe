"""Settings of log-in providers."""

from typing import Any

import pytest

from watchbell.toolkit.login_providers import KINDS, Azure, read_providers
from watchbell.toolkit.settings import InvalidSettings, masked

KEYCLOAK = {"type": "keycloak", "name": "sso", "url": "https://id.example/", "realm": "staff", "client_id": "w"}


def test_each_type_knows_its_issuer():
    tables: list[dict[str, Any]] = [
        KEYCLOAK,
        {"type": "openid", "name": "any", "issuer_url": "https://any.example/x/", "client_id": "w"},
        {"type": "google", "name": "google", "client_id": "w", "allowed_domains": ["example.org"]},
        {"type": "azure", "name": "azure", "client_id": "w", "tenant": "contoso.example"},
        {"type": "cognito", "name": "cognito", "client_id": "w", "region": "eu-west-1", "user_pool_id": "p_1"},
        {"type": "gitlab", "name": "gitlab", "client_id": "w", "url": "https://git.example"},
        {"type": "github", "name": "github", "client_id": "w", "allowed_groups": ["acme"]},
        {"type": "ldap", "name": "staff", "url": "ldaps://d.example", "domains": {"d": "uid={username},dc=d"}},
        {"type": "saml", "name": "idp", "metadata_url": "https://idp.example/metadata"},
        {"type": "cas", "name": "cas", "url": "https://cas.example/cas"},
    ]
    found = read_providers(tables)
    assert {each.type for each in found} == set(KINDS)
    assert [each.issuer for each in found] == [
        "https://id.example/realms/staff",
        "https://any.example/x/",
        "https://accounts.google.com",
        "https://login.microsoftonline.com/contoso.example/v2.0",
        "https://cognito-idp.eu-west-1.amazonaws.com/p_1",
        "https://git.example",
        "https://github.com",
        "ldap:staff",
        "saml:idp",
        "cas:cas",
    ]
    assert isinstance(found[3], Azure)
    assert found[3].heading == "Microsoft"
    assert found[0].terms(["user"]).default_roles == ("user",)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "kerberos"}, "type"),
        ({"type": "cas"}, "url"),
        ({"type": "cas", "url": "http://cas.example"}, "url"),
        ({"type": "cas", "url": "https://cas.example/?x=1"}, "url"),
        ({"type": "cas", "url": "https://ann@cas.example"}, "url"),
        ({"type": "cas", "url": "https://cas.example:port"}, "url"),
        ({"type": "cas", "url": "https://cas.example", "validate_path": "validate"}, "validate_path"),
        ({"type": "cas", "url": "https://cas.example", "validate_path": "/validate?x"}, "validate_path"),
        ({"type": "cas", "url": "https://cas.example", "timeout": 0}, "timeout"),
        ({"type": "cas", "url": "https://cas.example", "allowed_domains": ["x"]}, "allowed_domains"),
        ({"type": "saml"}, "metadata_url"),
        ({"type": "saml", "metadata_url": "http://idp.example"}, "metadata_url"),
        ({"type": "saml", "metadata_url": "https://idp.example", "metadata_file": "/x"}, "metadata_url"),
        ({"type": "saml", "metadata_file": "/x", "allowed_domains": ["x"]}, "allowed_domains"),
        ({"name": "S S O"}, "name"),
        ({"client_id": ""}, "client_id"),
        ({"url": "http://id.example"}, "url"),
        ({"realm": 5}, "realm"),
        ({"secret": "x"}, "secret"),
        ({"type": "openid"}, "issuer_url"),
        ({"type": "azure", "tenant": "common"}, "tenant"),
        ({"type": "google"}, "allowed_domains"),
        ({"type": "github", "url": "https://github.com/"}, "allowed_domains"),
        ({"type": "gitlab", "url": "https://gitlab.com"}, "allowed_domains"),
    ],
)
def test_faults_name_their_field(change: dict[str, Any], field: str):
    table = KEYCLOAK | change
    if change.get("type") in {"azure", "google", "github", "gitlab"}:
        table = {name: value for name, value in table.items() if name not in {"realm", "url"}} | change
    if change.get("type") in {"saml", "cas"}:
        table = {"name": "sso"} | change
    with pytest.raises(InvalidSettings) as caught:
        read_providers([table])
    assert f"login.providers[0].{field}" in [problem.field for problem in caught.value.problems]


def test_two_of_one_name_and_tables_that_are_none_are_refused():
    with pytest.raises(InvalidSettings) as caught:
        read_providers([KEYCLOAK, KEYCLOAK, "keycloak"])
    assert [problem.field for problem in caught.value.problems] == [
        "login.providers[1].name",
        "login.providers[2].type",
    ]


def test_secrets_in_tables_are_not_shown():
    shown = repr(
        masked([KEYCLOAK | {"client_secret": "s3cret", "nested": {"password": "s3cret", "api_key": "s3cret"}}])
    )
    assert "s3cret" not in shown
    assert "keycloak" in shown
