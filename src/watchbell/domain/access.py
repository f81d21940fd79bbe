"""Who may do what: scopes, what a role must be, what a password must be, and how many guesses there are."""

import re
import stringprep
import unicodedata
from collections.abc import Collection, Iterable
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

from watchbell.domain.accounts import Means, Principal, User
from watchbell.domain.errors import Fault
from watchbell.domain.roles import RoleRules, Roles

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
    "pings",
    "services",
    "tallies",
    "userinfo",
    "users",
    "webhooks",
)
VERBS = ("read", "write", "delete", "admin")
MATCH_MAX = 200
KEY_TEXT_MAX = 500

PING_SCOPES = frozenset({"write:pings"})
"""The scopes of a ping key: these and no others, because it stands in addresses, which logs and crontabs show."""

SESSION_IDLE = timedelta(hours=12)
"""A session that nobody used for so long ends."""
SESSION_LIFE = timedelta(days=7)
"""A session ends after so long, used or not."""

PASSWORD_MIN = 10
PASSWORD_MAX = 512

HARDEST_BCRYPT = 14
"""Cost of a hash by bcrypt that is still tried: each one more takes twice as long, and this one a second."""

FAILURE_WINDOW = timedelta(minutes=15)
"""Failed log-ins count for so long."""
FAILURES_HERE = 10
"""So many failures of one account from one address, and it must wait. Small: nobody else is locked out by it."""
FAILURES_ANYWHERE = 50
"""So many failures of one account, or from one address, and it must wait.

Larger, so that a stranger cannot easily lock out a person.
"""
_OF_ONE = 64
"""So many first bits of an IPv6 address are a subscriber's; the others a machine may choose anew for each try."""

_LOGIN = re.compile(r"[^\s\x00-\x20\x7f:/\\<>\"'`]{1,100}")
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_CUSTOM = re.compile(r"(?:admin|write|read|delete):[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)?")
_EMAIL = re.compile(r"[^@\s\x00-\x20\x7f<>\"(),;:\\]{1,64}@[^@\s\x00-\x20\x7f<>\"(),;:\\]{1,190}")


def network_of(address: str) -> str:
    """What limits for each address of the net are counted under: of IPv6 the first 64 bits, of IPv4 all.

    An IPv4 address within an IPv6 one is that of IPv4. What is no address stands for itself.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    behind = 128 - _OF_ONE
    return f"{IPv6Address(int(found) >> behind << behind)}/{_OF_ONE}"


def account_of(login: str) -> str:
    """What failed log-ins are counted under: the same for all ways to write a name that a directory takes as one.

    Directories compare names without regard to case, width, repeated spaces and signs that nobody sees.
    """
    seen = "".join(char for char in login[:400] if not stringprep.in_table_b1(char))
    return " ".join(unicodedata.normalize("NFKC", seen).casefold().split())[:100]


def principal_for(
    user: User,
    roles: Roles,
    groups: Iterable[str] = (),
    *,
    means: Means = Means.KEY,
    customers: frozenset[str] | None = None,
    csrf: str = "",
    session_id: str = "",
) -> Principal:
    """The caller that a user is; `groups` are the names of those that they belong to."""
    return Principal(
        login=user.login,
        scopes=roles.scopes_of(user.roles, user.login, groups),
        delete_apart=frozenset(roles.rules.delete_scopes),
        customers=customers,
        user_id=user.id,
        means=means,
        csrf=csrf,
        session_id=session_id,
    )


def all_scopes(custom: Iterable[str] = ()) -> list[str]:
    """Every scope that there is."""
    found = [*VERBS, *(f"{verb}:{resource}" for resource in RESOURCES for verb in VERBS)]
    return [*found, *(scope for scope in custom if scope not in found)]


def known_scope(scope: str, custom: Collection[str] = ()) -> bool:
    """Whether it is a scope: a verb, or a verb and a resource, or one of the installation's own."""
    verb, colon, resource = scope.partition(":")
    return scope in custom or (verb in VERBS and (not colon or resource in RESOURCES))


def scope_faults(field: str, scopes: Iterable[str], custom: Collection[str] = ()) -> list[Fault]:
    """Those that are no scopes."""
    return [
        Fault(field=field, reason=f"there is no scope {scope!r}", fix="for example read, write:alerts or admin")
        for scope in scopes
        if not known_scope(scope, custom)
    ]


def role_faults(match: str, scopes: Collection[str], custom: Collection[str] = ()) -> list[Fault]:
    """Everything wrong with a role of one's own."""
    found = scope_faults("scopes", scopes, custom)
    if not match or len(match) > MATCH_MAX or not match.isprintable() or match != match.strip():
        reason = f"must be 1 to {MATCH_MAX} characters without control characters and spaces around"
        found.insert(0, Fault(field="match", reason=reason))
    if not scopes:
        found.append(Fault(field="scopes", reason="needs at least one scope"))
    return found


def key_faults(scopes: Collection[str], text: str, custom: Collection[str] = ()) -> list[Fault]:
    """Everything wrong with what a key may do and what it is said to be for."""
    found = scope_faults("scopes", scopes, custom)
    if not scopes:
        found.append(Fault(field="scopes", reason="needs at least one scope"))
    if len(text) > KEY_TEXT_MAX or not all(c.isprintable() for c in text):
        reason = f"must be at most {KEY_TEXT_MAX} characters without control characters"
        found.append(Fault(field="text", reason=reason))
    return found


def rule_faults(rules: RoleRules) -> list[Fault]:
    """Everything wrong with what the settings say of roles; fields are those of the section `auth`."""
    found = [
        Fault(field="custom_scopes", reason=f"{scope!r} is no scope", fix="write it as read:thing or write:thing.part")
        for scope in rules.custom_scopes
        if not _CUSTOM.fullmatch(scope)
    ]
    found += [
        Fault(field="delete_scopes", reason=f"{scope!r} is no scope for deleting", fix="for example delete:alerts")
        for scope in rules.delete_scopes
        if not scope.startswith("delete:") or not known_scope(scope, rules.custom_scopes)
    ]
    found += scope_faults("user_scopes", rules.user_scopes, rules.custom_scopes)
    found += scope_faults("guest_scopes", rules.guest_scopes, rules.custom_scopes)
    if not rules.admin_roles and not rules.admin_users:
        found.append(Fault(field="admin_roles", reason="needs a role, or nobody administers", fix="for example admin"))
    return found


def may_grant(principal: Principal, scope: str) -> bool:
    """Whether the caller holds all that the scope would give, and so may give it on."""
    if ":" in scope:
        return principal.may(scope)
    contained_in = {
        "read": {"read", "write", "admin"},
        "write": {"write", "admin"},
        # Where some deleting is apart from writing, deleting everything is, too.
        "delete": {"delete", "admin"} if principal.delete_apart else {"delete", "write", "admin"},
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


def is_address(text: str) -> bool:
    """Whether it is an e-mail address."""
    return bool(_EMAIL.fullmatch(text))


def bcrypt_cost(password_hash: str) -> int:
    """The cost of a hash by bcrypt; 0 when it is none."""
    found = _BCRYPT.fullmatch(password_hash)
    return int(found[1]) if found is not None else 0


def user_faults(
    login: str, name: str, email: str, roles: Iterable[str], known: Collection[str] | None = None
) -> list[Fault]:
    """Everything wrong with what describes a user; `known` are the roles that there are, None when nobody can tell."""
    found: list[Fault] = []
    if not _LOGIN.fullmatch(login) or not login.isprintable():
        found.append(
            Fault(
                field="login", reason="must be 1 to 100 characters without spaces, quotes, colons, slashes or brackets"
            )
        )
    if len(name) > 200 or (name and not name.isprintable()):
        found.append(Fault(field="name", reason="must be at most 200 characters without control characters"))
    if email and not is_address(email):
        found.append(Fault(field="email", reason="is not an e-mail address"))
    chosen = list(roles)
    found += [
        Fault(field="roles", reason=f"there is no role {role!r}", fix=f"roles are {', '.join(known or ())}")
        for role in chosen
        if known is not None and role not in known
    ]
    if not chosen:
        found.append(Fault(field="roles", reason="needs at least one role"))
    return found
