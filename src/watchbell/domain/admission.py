"""Who is let in on another's word: what a log-in provider says of a person, and the terms on which that is taken.

Names that strangers choose (logins, groups) give nothing by themselves: only what the settings map, and logins of
administrators only where the mail address proves them.
"""

import re
from collections.abc import Iterable, Mapping

import msgspec

ANY = "*"
_NOT_IN_LOGINS = re.compile(r"[\s\x00-\x20\x7f:/\\<>\"'`]+")
_GROUPS_MAX = 500


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A person as a provider knows them. `issuer` and `subject` together are theirs for ever; all else may change."""

    issuer: str
    subject: str
    login: str
    name: str = ""
    email: str = ""
    email_verified: bool = False
    groups: tuple[str, ...] = ()
    """Groups, teams, organisations and roles there."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On which terms a provider's people come in. An empty list of domains or groups asks for none."""

    allowed_domains: tuple[str, ...] = ()
    allowed_groups: tuple[str, ...] = ()
    roles: Mapping[str, str] = {}
    """Group there → role here: given and taken away with each log-in."""
    groups: Mapping[str, str] = {}
    """Group there → group of users here, in the same way."""
    default_roles: tuple[str, ...] = ("user",)
    """Of those who would have no role."""
    sign_up: bool = True
    """Whether whoever is not known yet becomes a user."""
    link_by_email: bool = True
    """Whether a user with the same mail address, which the provider has verified, is the same person."""
    trust_email: bool = False
    """Whether the provider's addresses count as verified although it does not say so."""
    trust_login: bool = False
    """Whether logins there are given out, and not chosen.

    One of `auth.admin_users` is that administrator's then, and one that customers are looked up by that person's.
    """
    link_by_login: bool = False
    """Whether a user with the same login is the same person, if nothing else opens their account."""


class ProxyTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Which headers a trusted proxy names people in; an empty `user_header` believes none."""

    user_header: str = ""
    roles_header: str = ""
    separator: str = ","
    roles: Mapping[str, str] = {}
    """Role in the header → role here."""
    sign_up: bool = True


def tidied(identity: Identity, terms: Terms) -> Identity:
    """The identity with a login that may be one here, names without control characters, and bounds."""
    verified = bool(identity.email) and (identity.email_verified or terms.trust_email)
    return msgspec.structs.replace(
        identity,
        login=_NOT_IN_LOGINS.sub("-", "".join(c for c in identity.login if c.isprintable()))[:100],
        name="".join(c for c in identity.name if c.isprintable())[:200],
        email_verified=verified,
        groups=identity.groups[:_GROUPS_MAX],
    )


def refusal(identity: Identity, terms: Terms) -> str:
    """Why somebody may not come in; empty when they may."""
    if not identity.subject:
        return "the provider does not say who they are"
    domains = {domain.lower() for domain in terms.allowed_domains}
    if domains and ANY not in domains:
        if not identity.email_verified:
            return "the provider has not verified their mail address"
        if identity.email.rpartition("@")[2].lower() not in domains:
            return "their mail domain is not allowed"
    allowed = set(terms.allowed_groups)
    if allowed and ANY not in allowed and allowed.isdisjoint(identity.groups):
        return "they belong to none of the allowed groups"
    return ""


def mapped(present: Iterable[str], theirs: Iterable[str], mapping: Mapping[str, str]) -> tuple[str, ...]:
    """What somebody has here after a log-in: what the mapping does not know stays, the rest is as it says."""
    given = {here for there, here in mapping.items() if there in set(theirs)}
    kept = [name for name in present if name not in mapping.values()]
    return tuple(dict.fromkeys([*kept, *sorted(given)]))
