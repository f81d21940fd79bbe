from datetime import UTC, datetime

import pytest

from watchbell.domain.access import (
    known_scope,
    may_grant,
    network_of,
    password_faults,
    principal_for,
    role_faults,
    rule_faults,
    user_faults,
)
from watchbell.domain.accounts import Principal, User
from watchbell.domain.roles import RoleRules, Roles

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("2001:DB8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::7", "2001:db8:0:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_what_limits_are_counted_under(address: str, counted: str):
    assert network_of(address) == counted


def holding(*scopes: str) -> Principal:
    return Principal(login="ann", scopes=frozenset(scopes))


@pytest.mark.parametrize(
    ("held", "asked", "may"),
    [
        ("admin", "read:alerts", True),
        ("admin", "delete:alerts", True),
        ("admin", "admin:users", True),
        ("write", "read:alerts", True),
        ("write", "delete:alerts", True),
        ("write", "admin:users", False),
        ("read", "write:alerts", False),
        ("write:alerts", "read:alerts", True),
        ("write:alerts", "read:checks", False),
        ("admin:keys", "write:keys", True),
        ("read:alerts", "read:alertsx", False),
    ],
)
def test_containment(held: str, asked: str, may: bool):
    assert holding(held).may(asked) is may


@pytest.mark.parametrize(
    ("held", "wanted", "may"),
    [
        ({"read", "write"}, "write", True),
        ({"read", "write"}, "admin", False),
        ({"write:alerts"}, "write", False),
        ({"write:alerts"}, "read:alerts", True),
        ({"read"}, "read", True),
        ({"read"}, "delete", False),
        ({"admin"}, "admin:users", True),
        ({"admin:users"}, "admin", False),
    ],
)
def test_nobody_gives_on_more_than_they_hold(held: set[str], wanted: str, may: bool):
    assert may_grant(holding(*held), wanted) is may


def test_scopes_are_known_by_verb_and_resource():
    assert known_scope("write:alerts")
    assert known_scope("admin")
    for scope in ("", "fly", "read:", "read:moon", "read:alerts:x", "READ"):
        assert not known_scope(scope)


def test_roles_give_scopes_and_unknown_ones_none():
    roles = Roles()
    assert roles.scopes_of(["admin"]) == {"admin", "write", "read"}
    assert roles.scopes_of(["guest", "user"]) >= {"read", "write"}
    assert roles.scopes_of(["king"]) == set()


def test_roles_of_ones_own_match_roles_and_groups_but_built_in_ones_only_roles():
    roles = Roles(own={"ops": frozenset({"write:alerts"}), "admin": frozenset({"read:oembed"})})
    assert roles.scopes_of(["ops"]) == {"write:alerts"}
    assert roles.scopes_of([], groups=["ops"]) == {"write:alerts"}
    assert roles.scopes_of([], groups=["user"]) == set()
    assert "admin" not in roles.scopes_of([], groups=["admin"])
    assert "read:oembed" not in roles.scopes_of(["admin"])
    assert roles.names() == ("admin", "user", "guest", "ops")


def test_the_settings_name_administrators_and_what_roles_may():
    rules = RoleRules(admin_users=("ann",), user_roles=("staff",), user_scopes=("read",), guest_roles=())
    roles = Roles(rules=rules)
    assert "admin" in roles.scopes_of([], "Ann")
    assert roles.administers([], "Ann")
    assert not roles.administers(["staff"], "bob")
    assert roles.scopes_of(["staff"]) == {"read"}
    assert roles.scopes_of(["user", "guest"]) == set()


def test_deleting_may_be_apart_from_writing():
    user = User(id="1", login="bob", created_at=START)
    rules = RoleRules(delete_scopes=("delete:alerts",))
    apart = principal_for(user, Roles(rules=rules))
    assert not apart.may("delete:alerts")
    assert not may_grant(apart, "delete:alerts")
    assert not may_grant(apart, "delete")
    assert apart.may("write:alerts")
    assert apart.may("delete:heartbeats")
    assert principal_for(user, Roles()).may("delete:alerts")
    own = Roles(rules=rules, own={"cleaner": frozenset({"delete:alerts"})})
    assert principal_for(user, own, ["cleaner"]).may("delete:alerts")


def test_scopes_of_ones_own():
    assert known_scope("read:reports", ["read:reports"])
    assert role_faults("ops", ["read:reports"], ["read:reports"]) == []
    assert [fault.field for fault in role_faults(" ", ["fly"])] == ["match", "scopes"]
    assert [fault.field for fault in role_faults("ops", [])] == ["scopes"]


def test_what_is_wrong_with_the_settings_of_roles():
    wrong = RoleRules(
        admin_roles=(),
        custom_scopes=("fly:moon", "read:moon.dark", "read:"),
        delete_scopes=("write:alerts", "delete:moon"),
        user_scopes=("read", "king"),
        guest_scopes=("read:moon.dark",),
    )
    assert [fault.field for fault in rule_faults(wrong)] == [
        "custom_scopes",
        "custom_scopes",
        "delete_scopes",
        "delete_scopes",
        "user_scopes",
        "admin_roles",
    ]
    assert rule_faults(RoleRules()) == []


@pytest.mark.parametrize("password", ["short", "a" * 513, "aaaaaaaaaaaa", "Ann@Example.org", "ann.longer.login"])
def test_weak_passwords(password: str):
    assert password_faults(password, "ann.longer.login", "ann@example.org")


def test_good_passwords_may_hold_anything():
    assert password_faults("ü 🔔 : \x00 quite long", "ann", "") == []


@pytest.mark.parametrize("login", ["", "a b", "a:b", "<script>", "a\nb", "x" * 101, "a\u202eb", "a/b"])
def test_bad_logins(login: str):
    assert [fault.field for fault in user_faults(login, "", "", ["user"])] == ["login"]


def test_all_faults_of_a_user_at_once():
    found = user_faults("a b", "x" * 300, "no address", ["king"], ["user"])
    assert [fault.field for fault in found] == ["login", "name", "email", "roles"]
    assert [fault.field for fault in user_faults("ann", "", "", [])] == ["roles"]
