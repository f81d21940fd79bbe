"""An identity provider that speaks SAML 2: pysaml2's own, with a key of its own, and can be told to go wrong."""

import base64
import datetime as dt
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from servers.process import Folder, find_program

with warnings.catch_warnings():
    # The library's encryption, which nobody uses here, names what has moved.
    warnings.simplefilter("ignore")
    from saml2.config import IdPConfig
    from saml2.metadata import entity_descriptor
    from saml2.saml import NameID
    from saml2.server import Server

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
IDP = "https://idp.example/metadata"
PERSON = {"uid": "ann", "displayName": "Ann Example", "mail": "ann@example.org", "groups": ["ops", "dev"]}


class SamlIdp:
    """The identity provider: `metadata` is its metadata, `answer` what a browser would post."""

    def __init__(self, entity_id: str = IDP) -> None:
        self.entity_id = entity_id
        self._folder = Folder("saml")
        self._xmlsec = find_program("xmlsec1", "xmlsec1")
        self._write_key(self._folder.path)
        self._config = self._configured(None)
        self.metadata = str(entity_descriptor(self._config))
        self.metadata_file = self._folder.path / "idp.xml"
        self.metadata_file.write_text(self.metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._folder.remove()

    def answer(self, url: str, sp_metadata: bytes, **changed: Any) -> tuple[str, str]:
        """What comes back for somebody who is sent to `url`: the answer's XML, and the relay state.

        `changed` are other words of the answer: `person`, `name_id`, `format`, `in_response_to`, `destination`,
        `audience`, `signed`, `lifetime` (a dictionary of the library's).
        """
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        server = Server(config=self._configured(sp_metadata, changed.get("lifetime")))
        asked = server.parse_authn_request(
            query["SAMLRequest"], "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
        ).message
        name = NameID(format=changed.get("format", PERSISTENT), text=changed.get("name_id", "person-1"))
        made = server.create_authn_response(
            changed.get("person", PERSON),
            in_response_to=changed.get("in_response_to", asked.id),
            destination=changed.get("destination", asked.assertion_consumer_service_url),
            sp_entity_id=changed.get("audience", asked.issuer.text),
            name_id=name,
            authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"},
            sign_assertion=changed.get("signed", True),
            sign_response=False,
            sign_alg=changed.get("sign_alg", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
            digest_alg=changed.get("digest_alg", "http://www.w3.org/2001/04/xmlenc#sha256"),
        )
        return str(made), query.get("RelayState", "")

    def _configured(self, sp_metadata: bytes | None, lifetime: dict[str, int] | None = None) -> Any:
        folder = self._folder.path
        told: dict[str, Any] = {
            "entityid": self.entity_id,
            "key_file": str(folder / "idp.key"),
            "cert_file": str(folder / "idp.pem"),
            "xmlsec_binary": self._xmlsec,
            "service": {
                "idp": {
                    "endpoints": {"single_sign_on_service": [("https://idp.example/sso", REDIRECT)]},
                    "policy": {"default": {"lifetime": lifetime or {"minutes": 5}, "name_form": _BASIC}},
                }
            },
        }
        if sp_metadata is not None:
            told["metadata"] = {"inline": [sp_metadata.decode()]}
        config = IdPConfig()
        config.load(told)
        return config

    @staticmethod
    def _write_key(folder: Path) -> None:
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example")])
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        certificate = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        (folder / "idp.pem").write_bytes(
            certificate.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        )
        (folder / "idp.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )


_BASIC = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"


def posted(xml: str) -> str:
    """As the browser posts it."""
    return base64.b64encode(xml.encode()).decode()
