"""Who may use Watchbell: users, their sessions, and API keys. Secrets are kept as hashes only."""

from datetime import datetime

import msgspec

from watchbell.domain.managed import Managed


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `password_hash` is argon2id, empty when no password is set. `roles` are `admin`, `user` or `guest`."""

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
    """`admin`, `user` or `guest`; at least one. Whoever loses rights must log in again."""
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


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key for programs.

    `hash` is the SHA-256 of the key, in hex; `prefix` its first characters, to tell keys apart.
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


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls. `csrf` is set when the caller came by a session cookie."""

    login: str
    scopes: frozenset[str]
    csrf: str = ""
    session_id: str = ""

    def may(self, scope: str) -> bool:
        """Whether one of the scopes contains `scope`.

        Admin contains write, write contains read and delete; each for all resources or for one.
        """
        verb, _, resource = scope.partition(":")
        verbs = {
            "read": ("read", "write", "admin"),
            "write": ("write", "admin"),
            "delete": ("delete", "write", "admin"),
        }
        accepted = verbs.get(verb, ("admin",))
        return any(held in self.scopes for v in accepted for held in (v, f"{v}:{resource}"))


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Who did what to which object. Append-only; never holds a secret."""

    id: str
    at: datetime
    who: str
    action: str
    kind: str
    subject: str
    text: str = ""
