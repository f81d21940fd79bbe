"""What the settings of every log-in provider have."""

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from watchbell.domain.admission import Terms
from watchbell.toolkit.settings import Problem, Settings

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that are reached without leaving the machine."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Provider(Settings, frozen=True, kw_only=True):
    """What every provider has."""

    title_default: ClassVar[str] = ""

    type: str
    """The type, as the heading says it."""
    name: str
    """Short name: small letters, digits and dashes."""
    title: str = ""
    """What people call it; empty is the type's own name."""
    allowed_domains: list[str] = []
    """Mail domains whose people may log in, by addresses that the provider has verified; `*` is any."""
    allowed_groups: list[str] = []
    """Groups there, of which people must belong to one to log in."""
    roles: dict[str, str] = {}
    """Group there → role here. Such a role is given and taken away with each log-in; other roles stay."""
    groups: dict[str, str] = {}
    """Group there → group of users here, in the same way. It is made when it is not there."""
    default_roles: list[str] = []
    """Roles of new people; empty is the first of `auth.user_roles`."""
    sign_up: bool = True
    """Whether somebody who is not known yet becomes a user."""
    link_by_email: bool = True
    """Whether the user with the same mail address is the same person, if the provider has verified it."""
    trust_email: bool = False
    """Whether addresses count as verified although the provider does not say so.

    Only where people cannot choose them.
    """

    @property
    def issuer(self) -> str:
        """Who vouches."""
        raise NotImplementedError

    @property
    def heading(self) -> str:
        """What people call it."""
        return self.title or self.title_default

    def terms(self, default_roles: Sequence[str]) -> Terms:
        """On which terms people come in."""
        return Terms(
            allowed_domains=tuple(self.allowed_domains),
            allowed_groups=tuple(self.allowed_groups),
            roles=self.roles,
            groups=self.groups,
            default_roles=tuple(self.default_roles or default_roles),
            sign_up=self.sign_up,
            link_by_email=self.link_by_email,
            trust_email=self.trust_email,
        )

    def faults(self, place: str) -> Iterator[Problem]:
        """What is wrong with settings that are right by themselves; `place` stands before the names of fields."""
        if not _NAME.fullmatch(self.name):
            yield Problem(field=f"{place}name", reason="must be small letters, digits and dashes")
