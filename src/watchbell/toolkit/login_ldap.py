"""Settings of a directory, by LDAP, that knows people and their passwords."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from watchbell.domain.admission import Terms
from watchbell.toolkit.login_provider import LOCAL, Provider
from watchbell.toolkit.settings import Problem, Secret

_PLACE = re.compile(r"\{([a-z]*)\}")
_OF_PEOPLE = frozenset({"username", "login", "domain"})
_OF_GROUPS = _OF_PEOPLE | {"dn", "email"}
_TIMEOUT_MAX = 60.0


class Ldap(Provider, frozen=True, kw_only=True):
    """A directory, by LDAP: OpenLDAP, Active Directory, FreeIPA and others.

    People type their password on Watchbell's own page. `user_filter` finds them; where they are called by a rule,
    `domains` may say it instead. Either way the directory must accept their password, by a bind as the person.
    """

    title_default: ClassVar[str] = "LDAP"

    type: Literal["ldap"] = "ldap"
    """The type, as the heading says it."""
    url: str
    """Where the directory is: `ldaps://host`, or `ldap://host` with StartTLS. A port may follow."""
    start_tls: bool = True
    """Whether StartTLS protects what goes over `ldap://`. Off is only for a directory on the machine itself."""
    ca_file: str = ""
    """PEM file of the authority that signed the directory's certificate; empty trusts the system's."""
    verify_tls: bool = True
    """Whether the certificate must be good. Without that, whoever stands between can read every password."""
    timeout: float = 10.0
    """Seconds that one log-in may take there; 60 at most."""
    bind_dn: str = ""
    """The account that searches for people and groups; empty searches without one."""
    bind_password: Secret = Secret("")
    """Its password."""
    user_base: str = ""
    """The DN below which people are."""
    user_filter: str = ""
    """What finds a person there, such as `(uid={username})`: the name that they typed without a domain.

    `{login}` is all that they typed, `{domain}` the domain.
    """
    domains: dict[str, str] = {}
    """Domain → what its people are called, such as `uid={username},ou=people,dc=example,dc=org`.

    People type `name@domain` or `domain\\\\name`. A name that is no DN, such as `{username}@example.org` in Active
    Directory, needs `user_filter`, too.
    """
    default_domain: str = ""
    """The one of `domains` whose people need not type it."""
    id_attributes: list[str] = msgspec.field(default_factory=lambda: ["entryUUID", "objectGUID", "ipaUniqueID"])
    """Attributes of which the first that is there knows the person for ever; without one it is the DN."""
    login_attributes: list[str] = msgspec.field(default_factory=lambda: ["uid", "sAMAccountName"])
    """Attributes of which the first that is there becomes the login of a new user; else it is what they typed."""
    name_attribute: str = "cn"
    """Attribute that holds the person's name."""
    email_attribute: str = "mail"
    """Attribute that holds the mail address. It counts only with `trust_email`: some directories let people write it.
    """
    group_base: str = ""
    """The DN below which groups are; empty is `user_base`."""
    group_filter: str = ""
    """What finds a person's groups there, such as `(member={dn})`; `{email}` and what `user_filter` knows do, too."""
    group_attribute: str = "cn"
    """Attribute that holds a group's name; `dn` is the whole DN."""
    member_of_attribute: str = ""
    """Attribute of the person that lists groups, such as `memberOf`."""
    link_by_login: bool = False
    """Whether the user here with the same login is the same person, if they have no password and no other provider."""

    @property
    def issuer(self) -> str:
        return f"ldap:{self.name}"

    @property
    def address(self) -> SplitResult:
        """The parts of the address."""
        return urlsplit(self.url)

    @property
    def encrypted(self) -> bool:
        """Whether passwords go over the wire encrypted."""
        return self.address.scheme == "ldaps" or self.start_tls

    def terms(self, default_roles: Sequence[str]) -> Terms:
        # Whoever runs a directory gives its logins out; mail addresses, only where the settings say so.
        by_email = self.email_attribute.lower() in {name.lower() for name in self.login_attributes}
        trusted = self.trust_email or not by_email
        terms = super().terms(default_roles)
        return msgspec.structs.replace(terms, trust_login=trusted, link_by_login=trusted and self.link_by_login)

    def faults(self, place: str) -> Iterator[Problem]:
        yield from super().faults(place)
        yield from _wire_faults(self, place)
        yield from _search_faults(self, place)
        for domain, template in self.domains.items():
            yield from _template_faults(template, f"{place}domains.{domain}", _OF_PEOPLE)
            if not is_dn(template) and not self.user_filter:
                yield Problem(field=f"{place}domains.{domain}", reason="is no DN", fix="say user_filter, too")
        if self.default_domain and self.default_domain.lower() not in {domain.lower() for domain in self.domains}:
            yield Problem(field=f"{place}default_domain", reason="is none of domains")
        if self.allowed_domains and not self.trust_email:
            reason = "would let nobody in: a directory does not verify addresses"
            yield Problem(field=f"{place}allowed_domains", reason=reason, fix="set trust_email = true")
        if not (self.group_filter or self.member_of_attribute):
            for name in ("allowed_groups", "roles", "groups"):
                if getattr(self, name):
                    fix = "say group_filter or member_of_attribute"
                    yield Problem(field=f"{place}{name}", reason="needs the groups of people", fix=fix)


def is_dn(template: str) -> bool:
    """Whether it names an entry, and not an account in another way."""
    return "=" in template


def filled(template: str, values: Mapping[str, str], escape: Callable[[str], str]) -> str:
    """The template with each value in its place, escaped."""
    return _PLACE.sub(lambda found: escape(values[found[1]]), template)


def _wire_faults(settings: Ldap, place: str) -> Iterator[Problem]:
    parts = settings.address
    try:
        sound = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    beyond = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in {"ldap", "ldaps"} or not sound or beyond:
        yield Problem(field=f"{place}url", reason=f"{settings.url!r} must be ldaps://host or ldap://host")
    elif not settings.encrypted and parts.hostname not in LOCAL:
        reason = "would send passwords that anybody on the way can read"
        yield Problem(field=f"{place}start_tls", reason=reason, fix="set it to true, or use ldaps://")
    if not 0 < settings.timeout <= _TIMEOUT_MAX:
        yield Problem(field=f"{place}timeout", reason=f"must be more than 0, and {_TIMEOUT_MAX:g} seconds at most")


def _search_faults(settings: Ldap, place: str) -> Iterator[Problem]:
    if not settings.user_filter and not settings.domains:
        yield Problem(field=f"{place}user_filter", reason="is required", fix="or say domains")
    if settings.user_filter:
        yield from _filter_faults(settings.user_filter, f"{place}user_filter", _OF_PEOPLE)
        if not settings.user_base:
            yield Problem(field=f"{place}user_base", reason="is required with user_filter")
    if settings.group_filter:
        yield from _filter_faults(settings.group_filter, f"{place}group_filter", _OF_GROUPS)
        if not (settings.group_base or settings.user_base):
            yield Problem(field=f"{place}group_base", reason="is required with group_filter")
    if bool(settings.bind_dn) != bool(settings.bind_password):
        name = "bind_password" if settings.bind_dn else "bind_dn"
        yield Problem(field=f"{place}{name}", reason="is missing: the two go together")


def _filter_faults(text: str, field: str, known: frozenset[str]) -> Iterator[Problem]:
    yield from _template_faults(text, field, known)
    depth, depths = 0, list[int]()
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        depths.append(depth)
    if not text or depth != 0 or 0 in depths[:-1]:
        yield Problem(field=field, reason="is no filter: its brackets do not match", fix="such as (uid={username})")


def _template_faults(text: str, field: str, known: frozenset[str]) -> Iterator[Problem]:
    used = set(_PLACE.findall(text))
    for name in sorted(used - known):
        fix = f"known are: {', '.join(sorted(known))}"
        yield Problem(field=field, reason=f"has the unknown place {{{name}}}", fix=fix)
    if not used & (known - {"domain"}):
        yield Problem(field=field, reason="is the same for everybody", fix="write {username} where the name belongs")
