"""Settings of an identity provider that speaks SAML 2."""

from collections.abc import Iterator
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from watchbell.toolkit.login_provider import LOCAL, Provider
from watchbell.toolkit.settings import Problem


class Saml(Provider, frozen=True, kw_only=True):
    """An identity provider that speaks SAML 2, such as AD FS, Shibboleth or Keycloak. It must sign its assertions.

    It needs the package `pysaml2` (`pip install watchbell[saml]`) and the program `xmlsec1`. What the identity provider
    must know of Watchbell is at `<base_url>/api/auth/saml/metadata.xml`.
    """

    title_default: ClassVar[str] = "SAML"

    type: Literal["saml"] = "saml"
    """The type, as the heading says it."""
    title: str = ""
    """What the button says; empty is the type's own name."""
    metadata_url: str = ""
    """Where the identity provider's metadata is; read anew each hour."""
    metadata_file: str = ""
    """A file with it instead; read anew each hour, too."""
    idp: str = ""
    """The identity provider's entity id, where the metadata has several."""
    entity_id: str = ""
    """What we are called there; empty is the address of our metadata."""
    id_attribute: str = ""
    """Attribute that knows the person for ever; empty is the NameID, which must then not be a transient one."""
    login_attributes: list[str] = msgspec.field(default_factory=lambda: ["uid", "eduPersonPrincipalName", "mail"])
    """Attributes of which the first that is there becomes the login of a new user; else it is the NameID."""
    name_attributes: list[str] = msgspec.field(default_factory=lambda: ["displayName", "cn", "name"])
    """Attributes of which the first that is there is the person's name."""
    email_attributes: list[str] = msgspec.field(default_factory=lambda: ["mail", "email", "emailAddress"])
    """Attributes of which the first that is there is the mail address. It counts only with `trust_email`."""
    group_attributes: list[str] = msgspec.field(default_factory=lambda: ["groups", "memberOf", "Role"])
    """Attributes that hold groups or roles."""

    @property
    def issuer(self) -> str:
        return f"saml:{self.name}"

    def faults(self, place: str) -> Iterator[Problem]:
        yield from super().faults(place)
        if bool(self.metadata_url) == bool(self.metadata_file):
            fix = "say one of metadata_url and metadata_file"
            yield Problem(field=f"{place}metadata_url", reason="is how we know the identity provider", fix=fix)
        parts = urlsplit(self.metadata_url)
        if self.metadata_url and not (
            parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL))
        ):
            yield Problem(field=f"{place}metadata_url", reason=f"{self.metadata_url!r} must begin with https://")
        if self.allowed_domains and not self.trust_email:
            reason = "would let nobody in: SAML does not say whether addresses are verified"
            yield Problem(field=f"{place}allowed_domains", reason=reason, fix="set trust_email = true")
