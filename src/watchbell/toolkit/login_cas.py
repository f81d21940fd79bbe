"""Settings of a Central Authentication Service, which people's browsers bring a ticket from."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from watchbell.domain.admission import Terms
from watchbell.toolkit.login_provider import LOCAL, Provider
from watchbell.toolkit.settings import Problem

_TIMEOUT_MAX = 60.0


class Cas(Provider, frozen=True, kw_only=True):
    """A Central Authentication Service (CAS), such as Apereo CAS, by version 3 or 2 of its protocol.

    It sends browsers back to `<base_url>/api/session/callback/<name>`, which it must allow as a service; what follows
    a `?` there is another each time. It needs `server.base_url`.
    """

    title_default: ClassVar[str] = "CAS"

    type: Literal["cas"] = "cas"
    """The type, as the heading says it."""
    title: str = ""
    """What the button says; empty is the type's own name."""
    url: str
    """Where it is: the address before `/login`."""
    validate_path: str = "/p3/serviceValidate"
    """Where tickets are checked, after `url`. `/serviceValidate`, of version 2, may tell no groups."""
    answer: Literal["auto", "xml", "json"] = "auto"
    """How it answers: `xml`, as all do, `json`, which it is asked for then, or `auto`, whichever comes."""
    ca_file: str = ""
    """PEM file of the authority that signed its certificate, to trust beside the system's."""
    timeout: float = 10.0
    """Seconds that checking a ticket may take; 60 at most."""
    id_attribute: str = ""
    """Attribute that knows the person for ever; empty is the name that CAS knows them by."""
    login_attributes: list[str] = []
    """Attributes of which the first that is there becomes the login of a new user; else it is the name in CAS."""
    name_attributes: list[str] = msgspec.field(default_factory=lambda: ["displayName", "cn", "name"])
    """Attributes of which the first that is there is the person's name."""
    email_attributes: list[str] = msgspec.field(default_factory=lambda: ["mail", "email"])
    """Attributes of which the first that is there is the mail address. It counts only with `trust_email`."""
    group_attributes: list[str] = msgspec.field(default_factory=lambda: ["groups", "roles", "memberOf"])
    """Attributes that hold groups or roles."""
    link_by_login: bool = False
    """Whether logins there are given out, and not chosen: the user here with the same login is the same person then, if
    they have no password and no other provider, a login of `auth.admin_users` is that administrator's, and one that
    customers are looked up by is that person's.
    """

    @property
    def issuer(self) -> str:
        return f"cas:{self.name}"

    def terms(self, default_roles: Sequence[str]) -> Terms:
        terms = super().terms(default_roles)
        return msgspec.structs.replace(terms, trust_login=self.link_by_login, link_by_login=self.link_by_login)

    def faults(self, place: str) -> Iterator[Problem]:
        yield from super().faults(place)
        if not _sound(self.url):
            reason = f"{self.url!r} must begin with https://, and have no ? and no #"
            yield Problem(field=f"{place}url", reason=reason)
        path = self.validate_path
        if not path.startswith("/") or path.startswith("//") or not path.isprintable() or set("?#\\ ") & set(path):
            yield Problem(field=f"{place}validate_path", reason="must be a path such as /p3/serviceValidate")
        if not 0 < self.timeout <= _TIMEOUT_MAX:
            yield Problem(field=f"{place}timeout", reason=f"must be more than 0, and {_TIMEOUT_MAX:g} seconds at most")
        if self.allowed_domains and not self.trust_email:
            reason = "would let nobody in: CAS does not say whether addresses are verified"
            yield Problem(field=f"{place}allowed_domains", reason=reason, fix="set trust_email = true")


def _sound(url: str) -> bool:
    try:
        parts = urlsplit(url)
        there = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)
    return there and safe and "@" not in parts.netloc and not parts.query and not parts.fragment
