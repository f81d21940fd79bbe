"""Who may use Watchbell: users, their sessions, and API keys. Secrets are kept as hashes only."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from watchbell.domain.managed import Managed


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `roles` are names of roles.

    `password_hash` is empty when no password is set, by argon2id, or by bcrypt until somebody who was imported logs in.
    """

    id: str
    login: str
    name: str = ""
    email: str = ""
    password_hash: str = ""
    roles: tuple[str, ...] = ("user",)
    active: bool = True
    created_at: datetime
    last_login: datetime | None = None


class Person(Managed, frozen=True, kw_only=True):
    """A user as files have them, under the login. There is no password in a file.

    A new user cannot log in until one is set by `watchbell user password` or in the pages. Planning, applying and
    exporting users takes the scope `admin:users`. `--prune` deletes users only if the files name at least one.
    """

    name: str
    """The login: 1 to 100 characters without spaces, quotes, colons, slashes or brackets, small and capitals alike."""
    full_name: str = ""
    """The person's name."""
    email: str = ""
    """Address for messages."""
    roles: list[str] = msgspec.field(default_factory=lambda: ["user"])
    """`admin`, `user`, `guest` or roles of one's own; at least one. Whoever loses rights must log in again."""
    active: bool = True
    """Whether the person may log in. Sessions and keys of inactive users end."""


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A log-in.

    `id` is the SHA-256 of the cookie's value, in hex; `csrf` is the token that unsafe requests must carry.
    """

    id: str
    user_id: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    by_password: bool = False
    """Whether it began with a password, here or in a directory; a second step may be asked of its owner then."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key for programs.

    `hash` is the SHA-256 of the key, in hex; `prefix` its first characters, to tell keys apart. `user` is the owner's
    login, or the name of a program that is no user. With customer views the key reaches what is the `customer`'s, or
    without one all that its owner reaches; never more than its owner, if that is a user.
    """

    id: str
    hash: str
    prefix: str
    user: str
    scopes: tuple[str, ...]
    text: str = ""
    created_at: datetime
    expires_at: datetime | None = None
    last_used: datetime | None = None
    customer: str | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is noted of a user besides how they log in; `attributes` hold what clients keep there: preferences."""

    user_id: str
    text: str = ""
    attributes: dict[str, Any] = {}
    email_verified: bool = False
    updated_at: datetime


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of users; `members` are their ids."""

    id: str
    name: str
    text: str = ""
    members: tuple[str, ...] = ()


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """A role of one's own: whoever has the role `match`, or belongs to the group `match`, has the scopes."""

    id: str
    match: str
    scopes: tuple[str, ...]


class CustomerLookup(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever has the login, role, group or mail domain `match` belongs to `customer`."""

    id: str
    match: str
    customer: str


_CONTAINED_IN = {
    "read": ("read", "write", "admin"),
    "write": ("write", "admin"),
    "delete": ("delete", "write", "admin"),
}


class Means(StrEnum):
    """How a caller said who they are."""

    KEY = "key"
    """By an API key, which may have been handed to a program; also whoever said nothing."""
    SESSION = "session"
    """By a log-in of some time ago."""
    BASIC = "basic"
    """By login and password with this very request."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls. `csrf` is set when the caller came by a session cookie.

    Scopes in `delete_apart`, such as `delete:alerts`, are no part of `write`. `customers` are those whose alerts the
    caller may see; None is everybody's. `key` is the beginning of the API key, if they came with one.
    """

    login: str
    scopes: frozenset[str]
    delete_apart: frozenset[str] = frozenset()
    customers: frozenset[str] | None = None
    user_id: str = ""
    key: str = ""
    means: Means = Means.KEY
    csrf: str = ""
    session_id: str = ""
    must_enrol: bool = False
    """Whether they may do nothing but set up a second step, which is required of them."""

    def may(self, scope: str) -> bool:
        """Whether one of the scopes contains `scope`.

        Admin contains write, write contains read and delete; each for all resources or for one.
        """
        verb, _, resource = scope.partition(":")
        accepted = ("delete", "admin") if scope in self.delete_apart else _CONTAINED_IN.get(verb, ("admin",))
        return any(held in self.scopes for v in accepted for held in (v, f"{v}:{resource}"))
