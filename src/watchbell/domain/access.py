"""Who may do what: roles and their scopes, what a password must be, and how many guesses there are."""

import re
from collections.abc import Iterable
from datetime import timedelta

from watchbell.domain.accounts import Principal, User
from watchbell.domain.errors import Fault

RESOURCES = (
    "alerts",
    "blackouts",
    "checks",
    "customers",
    "events",
    "groups",
    "heartbeats",
    "incidents",
    "keys",
    "management",
    "objects",
    "oembed",
    "perms",
    "services",
    "tallies",
    "userinfo",
    "users",
    "webhooks",
)
VERBS = ("read", "write", "delete", "admin")
EVERYTHING = frozenset({"admin", "write", "read"})

ROLE_SCOPES: dict[str, frozenset[str]] = {
    "admin": EVERYTHING,
    "user": frozenset({"read", "write"}),
    "guest": frozenset({"read:alerts", "read:checks", "read:incidents", "read:services"}),
}

SESSION_IDLE = timedelta(hours=12)
"""A session that nobody used for so long ends."""
SESSION_LIFE = timedelta(days=7)
"""A session ends after so long, used or not."""

PASSWORD_MIN = 10
PASSWORD_MAX = 512

FAILURE_WINDOW = timedelta(minutes=15)
"""Failed log-ins count for so long."""
FAILURES_HERE = 10
"""So many failures of one account from one address, and it must wait. Small: nobody else is locked out by it."""
FAILURES_ANYWHERE = 50
"""So many failures of one account, or from one address, and it must wait.

Larger, so that a stranger cannot easily lock out a person.
"""

_LOGIN = re.compile(r"[^\s\x00-\x20\x7f:/\\<>\"'`]{1,100}")
_EMAIL = re.compile(r"[^@\s\x00-\x20\x7f<>\"(),;:\\]{1,64}@[^@\s\x00-\x20\x7f<>\"(),;:\\]{1,190}")


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """All scopes that the roles give; an unknown role gives none."""
    found: frozenset[str] = frozenset()
    for role in roles:
        found |= ROLE_SCOPES.get(role, frozenset())
    return found


def principal_for(user: User, *, csrf: str = "", session_id: str = "") -> Principal:
    """The caller that a user is."""
    return Principal(login=user.login, scopes=scopes_of(user.roles), csrf=csrf, session_id=session_id)


def known_scope(scope: str) -> bool:
    """Whether it is a scope: a verb, or a verb and a resource."""
    verb, colon, resource = scope.partition(":")
    return verb in VERBS and (not colon or resource in RESOURCES)


def may_grant(principal: Principal, scope: str) -> bool:
    """Whether the caller holds all that the scope would give, and so may give it on."""
    if ":" in scope:
        return principal.may(scope)
    contained_in = {
        "read": {"read", "write", "admin"},
        "write": {"write", "admin"},
        "delete": {"delete", "write", "admin"},
    }
    return bool(principal.scopes & contained_in.get(scope, {"admin"}))


def password_faults(password: str, *others: str) -> list[Fault]:
    """What is wrong with a password; `others` are texts that it must not be, such as the login."""
    if len(password) < PASSWORD_MIN:
        return [Fault(field="password", reason=f"must have at least {PASSWORD_MIN} characters")]
    if len(password) > PASSWORD_MAX:
        return [Fault(field="password", reason=f"must have at most {PASSWORD_MAX} characters")]
    if len(set(password)) < 4:
        return [Fault(field="password", reason="is too easy to guess", fix="use more different characters")]
    if any(other and password.casefold() == other.casefold() for other in others):
        return [Fault(field="password", reason="must not be the login, the name or the e-mail address")]
    return []


def user_faults(login: str, name: str, email: str, roles: Iterable[str]) -> list[Fault]:
    """Everything wrong with what describes a user."""
    found: list[Fault] = []
    if not _LOGIN.fullmatch(login) or not login.isprintable():
        found.append(
            Fault(
                field="login", reason="must be 1 to 100 characters without spaces, quotes, colons, slashes or brackets"
            )
        )
    if len(name) > 200 or (name and not name.isprintable()):
        found.append(Fault(field="name", reason="must be at most 200 characters without control characters"))
    if email and not _EMAIL.fullmatch(email):
        found.append(Fault(field="email", reason="is not an e-mail address"))
    chosen = list(roles)
    found += [
        Fault(field="roles", reason=f"there is no role {role!r}", fix=f"roles are {', '.join(ROLE_SCOPES)}")
        for role in chosen
        if role not in ROLE_SCOPES
    ]
    if not chosen:
        found.append(Fault(field="roles", reason="needs at least one role"))
    return found
