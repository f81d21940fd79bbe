"""Alerta's settings of LDAP as a provider of ours."""

from pathlib import Path

import pytest

from watchbell.importers.alerta import Alerta
from watchbell.loading import Beneath, load
from watchbell.ports.importer import Imported


def read(folder: Path, text: str) -> Imported:
    file = folder / "alertad.conf"
    file.write_text(text)
    return Alerta().read(file, {})


LDAP_COMMON = {
    "type": "ldap",
    "name": "ldap",
    "trust_email": True,
    "link_by_login": True,
    "email_attribute": "mail",
    "login_attributes": ["mail"],
}


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        (
            """
LDAP_URL = 'ldaps://d.example'
LDAP_CACERT = '/ca.pem'
LDAP_TIMEOUT = 5
LDAP_BASEDN = 'dc=d'
LDAP_BIND_USERNAME = 'cn=s'
LDAP_BIND_PASSWORD = 's3cret'
LDAP_USER_FILTER = '(uid={username})'
LDAP_USER_NAME_ATTR = 'displayName'
LDAP_GROUP_BASEDN = 'ou=g'
LDAP_GROUP_NAME_ATTR = 'cn'
LDAP_GROUP_FILTER = '(member={userdn})'
ALLOWED_LDAP_GROUPS = ['ops']
LDAP_DOMAINS = {'d.example': ''}
ALLOWED_EMAIL_DOMAINS = ['e.example']
""",
            {
                "url": "ldaps://d.example",
                "ca_file": "/ca.pem",
                "timeout": 5.0,
                "bind_dn": "cn=s",
                "bind_password": "s3cret",
                "user_base": "dc=d",
                "user_filter": "(uid={username})",
                "name_attribute": "displayName",
                "group_base": "ou=g",
                "group_filter": "(member={dn})",
                "group_attribute": "cn",
                "allowed_groups": ["ops"],
                "allowed_domains": ["e.example", "d.example"],
            },
        ),
        (
            """
LDAP_URL = 'ldap://localhost:389'
LDAP_DOMAINS = {'d': 'cn=%s,dc=d', 'e': 'cn={},dc=e'}
LDAP_DEFAULT_DOMAIN = 'd'
LDAP_ALLOW_SELF_SIGNED_CERT = True
LDAP_TIMEOUT = -1
""",
            {
                "url": "ldap://localhost:389",
                "start_tls": False,
                "verify_tls": False,
                "domains": {"d": "cn={username},dc=d", "e": "cn={username},dc=e"},
                "default_domain": "d",
            },
        ),
    ],
)
def test_ldap_becomes_ours(tmp_path: Path, text: str, provider: dict[str, object]):
    imported = read(tmp_path, f"AUTH_PROVIDER = 'ldap'\nAUTH_REQUIRED = True\n{text}")
    assert imported.settings["login"] == {"providers": [LDAP_COMMON | provider], "alerta_provider": "ldap"}
    assert imported.remarks == []
    assert imported.secret is ("bind_password" in provider)
    assert load(environment={}, beneath=Beneath(imported.settings, "x")).login.alerta_provider == "ldap"


def test_what_is_not_the_same_is_said(tmp_path: Path):
    imported = read(
        tmp_path,
        "AUTH_PROVIDER = 'ldap'\nLDAP_URL = 'ldap://d.example'\nLDAP_DOMAINS = {'d': 'cn=%s'}\n"
        "LDAP_CONFIG = {'OPT_DEBUG_LEVEL': 255}",
    )
    reasons = {remark.what: remark.reason for remark in imported.remarks}
    assert "StartTLS" in reasons["LDAP_URL"]
    assert "another library" in reasons["LDAP_CONFIG"]
