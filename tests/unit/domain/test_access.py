import pytest

from watchbell.domain.access import known_scope, may_grant, password_faults, scopes_of, user_faults
from watchbell.domain.accounts import Principal


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
    assert scopes_of(["admin"]) == {"admin", "write", "read"}
    assert scopes_of(["guest", "user"]) >= {"read", "write"}
    assert scopes_of(["king"]) == set()


@pytest.mark.parametrize("password", ["short", "a" * 513, "aaaaaaaaaaaa", "Ann@Example.org", "ann.longer.login"])
def test_weak_passwords(password: str):
    assert password_faults(password, "ann.longer.login", "ann@example.org")


def test_good_passwords_may_hold_anything():
    assert password_faults("ü 🔔 : \x00 quite long", "ann", "") == []


@pytest.mark.parametrize("login", ["", "a b", "a:b", "<script>", "a\nb", "x" * 101, "a\u202eb", "a/b"])
def test_bad_logins(login: str):
    assert [fault.field for fault in user_faults(login, "", "", ["user"])] == ["login"]


def test_all_faults_of_a_user_at_once():
    found = user_faults("a b", "x" * 300, "no address", ["king"])
    assert [fault.field for fault in found] == ["login", "name", "email", "roles"]
    assert [fault.field for fault in user_faults("ann", "", "", [])] == ["roles"]
