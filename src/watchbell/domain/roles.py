"""Roles: what each of them gives, those that the settings make and those of one's own."""

from collections.abc import Iterable, Mapping

import msgspec

EVERYTHING = frozenset({"admin", "write", "read"})


class RoleRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say of roles. Logins in `admin_users` are in small letters.

    Scopes in `delete_scopes`, such as `delete:alerts`, are no part of `write`, only of `admin`; `custom_scopes` exist
    besides those that there are. With `customer_views` people who are no administrators see their customers' only.
    """

    admin_users: tuple[str, ...] = ()
    admin_roles: tuple[str, ...] = ("admin",)
    user_roles: tuple[str, ...] = ("user",)
    guest_roles: tuple[str, ...] = ("guest",)
    user_scopes: tuple[str, ...] = ("read", "write")
    guest_scopes: tuple[str, ...] = ("read:alerts", "read:checks", "read:incidents", "read:services")
    custom_scopes: tuple[str, ...] = ()
    delete_scopes: tuple[str, ...] = ()
    customer_views: bool = False

    def built_in(self) -> dict[str, frozenset[str]]:
        """The roles that nobody can change, with their scopes; a role in several lists gives what all of them give."""
        found: dict[str, frozenset[str]] = {}
        for names, scopes in (
            (self.admin_roles, EVERYTHING),
            (self.user_roles, frozenset(self.user_scopes)),
            (self.guest_roles, frozenset(self.guest_scopes)),
        ):
            for name in names:
                found[name] = found.get(name, frozenset()) | scopes
        return found


USUAL = RoleRules()
"""What the settings say when nobody says anything."""


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """All roles: `own` are those that administrators made, by the name of the role or of the group of users."""

    rules: RoleRules = USUAL
    own: Mapping[str, frozenset[str]] = {}

    def names(self) -> tuple[str, ...]:
        """What users may be given; the built-in ones first."""
        built_in = self.rules.built_in()
        return (*built_in, *(name for name in self.own if name not in built_in))

    def scopes_of(self, roles: Iterable[str], login: str = "", groups: Iterable[str] = ()) -> frozenset[str]:
        """All scopes that somebody has; an unknown role gives none, and a group only what was made for it."""
        if login.lower() in self.rules.admin_users:
            return EVERYTHING
        built_in = self.rules.built_in()
        found: frozenset[str] = frozenset()
        for role in roles:
            found |= built_in[role] if role in built_in else self.own.get(role, frozenset())
        for group in groups:
            found |= self.own.get(group, frozenset())
        return found

    def administers(self, roles: Iterable[str], login: str = "") -> bool:
        """Whether the settings make somebody an administrator; what others can take away does not count."""
        return login.lower() in self.rules.admin_users or not set(self.rules.admin_roles).isdisjoint(roles)
