"""Settings of directories."""

from typing import Any

import pytest

from watchbell.toolkit.login_ldap import Ldap
from watchbell.toolkit.login_providers import read_providers
from watchbell.toolkit.settings import InvalidSettings, masked

FOUND = {
    "type": "ldap",
    "name": "staff",
    "url": "ldap://d.example",
    "user_base": "ou=people,dc=d",
    "user_filter": "(&(objectClass=person)(uid={username}))",
}
CALLED = {"type": "ldap", "name": "staff", "url": "ldaps://d.example", "domains": {"d.example": "uid={username},dc=d"}}


def only(table: dict[str, Any]) -> Ldap:
    (found,) = read_providers([table])
    assert isinstance(found, Ldap)
    return found


@pytest.mark.parametrize("table", [FOUND, CALLED, FOUND | {"start_tls": False, "url": "ldap://localhost:1389"}])
def test_either_way_to_find_people_will_do(table: dict[str, Any]):
    assert only(table).heading == "LDAP"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "The Staff"}, "name"),
        ({"url": "https://d.example"}, "url"),
        ({"url": "ldap://"}, "url"),
        ({"url": "ldap://d.example:x"}, "url"),
        ({"url": "ldap://user@d.example"}, "url"),
        ({"url": "ldap://d.example/dc=d"}, "url"),
        ({"start_tls": False}, "start_tls"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 61.0}, "timeout"),
        ({"user_filter": ""}, "user_filter"),
        ({"user_filter": "(uid=ann)"}, "user_filter"),
        ({"user_filter": "(uid={name})"}, "user_filter"),
        ({"user_filter": "(uid={username}))(a=b"}, "user_filter"),
        ({"user_filter": "uid={username}"}, "user_filter"),
        ({"user_base": ""}, "user_base"),
        ({"group_filter": "(member={dn}"}, "group_filter"),
        ({"bind_dn": "cn=search,dc=d"}, "bind_password"),
        ({"bind_password": "secret"}, "bind_dn"),
        ({"domains": {"d": "dc=d"}}, "domains.d"),
        ({"default_domain": "d"}, "default_domain"),
        ({"allowed_domains": ["d.example"]}, "allowed_domains"),
        ({"allowed_groups": ["ops"]}, "allowed_groups"),
        ({"roles": {"ops": "admin"}}, "roles"),
        ({"client_id": "w"}, "client_id"),
    ],
)
def test_faults_name_their_field(change: dict[str, Any], field: str):
    with pytest.raises(InvalidSettings) as caught:
        read_providers([FOUND | change])
    assert f"login.providers[0].{field}" in [problem.field for problem in caught.value.problems]


def test_a_name_that_is_no_dn_needs_a_filter():
    with pytest.raises(InvalidSettings, match="is no DN"):
        read_providers([CALLED | {"domains": {"d": "{username}@d.example"}}])
    only(FOUND | {"domains": {"d": "{username}@d.example"}})


def test_a_mail_address_that_people_may_write_makes_nobody_an_administrator():
    assert only(FOUND).terms(["user"]).trust_login
    by_mail = FOUND | {"login_attributes": ["Mail"], "link_by_login": True}
    assert not only(by_mail).terms(["user"]).trust_login
    assert not only(by_mail).terms(["user"]).link_by_login
    assert only(by_mail | {"trust_email": True}).terms(["user"]).trust_login


def test_the_secret_is_shown_to_nobody():
    table = FOUND | {"bind_dn": "cn=search,dc=d", "bind_password": "s3cret"}
    assert "s3cret" not in repr(masked([table]))
    assert "s3cret" not in repr(only(table))
