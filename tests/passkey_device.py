"""A device that makes passkeys and signs with them, as a browser and a security key do it together."""

import base64
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256

ORIGIN = "https://watchbell.example"
PRESENT, VERIFIED, MADE = 0x01, 0x04, 0x40


def text_of(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def bytes_of(text: str) -> bytes:
    """What such a text stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Device:
    """One device with one passkey. `counter` None does not count, as devices whose passkeys are synchronised."""

    counter: int | None = 0
    origin: str = ORIGIN
    flags: int = PRESENT | VERIFIED
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user: bytes = b""
    algorithm: int = -7

    def make(self, asked: dict[str, Any], **client: Any) -> dict[str, Any]:
        """What `navigator.credentials.create` answers."""
        self.user = bytes_of(asked["user"]["id"])
        key = dict(ES256.from_cryptography_key(self.key.public_key())) | {3: self.algorithm}
        attested = bytes(16) + struct.pack(">H", len(self.credential)) + self.credential + cbor.encode(key)
        data = self._data(asked["rp"]["id"], self.flags | MADE) + attested
        made = cbor.encode({"fmt": "none", "authData": data, "attStmt": {}})
        response = {"attestationObject": text_of(made), "transports": ["internal", "carrier pigeon"]}
        return self._answer(response, self._client("webauthn.create", asked["challenge"], client))

    def use(self, asked: dict[str, Any], **client: Any) -> dict[str, Any]:
        """What `navigator.credentials.get` answers."""
        if self.counter is not None:
            self.counter += 1
        data, said = self._data(asked["rpId"], self.flags), self._client("webauthn.get", asked["challenge"], client)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "authenticatorData": text_of(data),
            "signature": text_of(signature),
            "userHandle": text_of(self.user),
        }
        return self._answer(response, said)

    def _data(self, host: str, flags: int) -> bytes:
        return hashlib.sha256(host.encode()).digest() + struct.pack(">BI", flags, self.counter or 0)

    def _client(self, kind: str, challenge: str, more: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | more).encode()

    def _answer(self, response: dict[str, Any], client: bytes) -> dict[str, Any]:
        name = text_of(self.credential)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response | {"clientDataJSON": text_of(client)},
            "clientExtensionResults": {"credProps": {"rk": True}},
            "authenticatorAttachment": "platform",
        }
