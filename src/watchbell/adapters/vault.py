"""Secrets at rest: AES-256-GCM under a key derived from the installation's secret key.

A sealed text is `sealed:v1:` and the base64 of nonce (12 bytes) and ciphertext. It opens only with the same secret key.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from watchbell.domain.errors import Permanent

PREFIX = "sealed:v1:"
MARK = "sealed:"
_NONCE = 12
_CONTEXT = b"watchbell/vault/v1"


class AesVault:
    """Seals with one key. `secret_key` is a text of at least 32 characters."""

    def __init__(self, secret_key: str) -> None:
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_CONTEXT).derive(secret_key.encode())
        self._cipher = AESGCM(key)

    def seal(self, plain: str) -> str:
        if plain.startswith(PREFIX):
            return plain
        nonce = os.urandom(_NONCE)
        return PREFIX + base64.b64encode(nonce + self._cipher.encrypt(nonce, plain.encode(), _CONTEXT)).decode()

    def unseal(self, sealed: str) -> str:
        if not sealed.startswith(MARK):
            return sealed
        if not sealed.startswith(PREFIX):
            raise Permanent("a secret was sealed in a way that this release does not know")
        try:
            blob = base64.b64decode(sealed[len(PREFIX) :], validate=True)
            return self._cipher.decrypt(blob[:_NONCE], blob[_NONCE:], _CONTEXT).decode()
        except (binascii.Error, InvalidTag, ValueError) as error:
            raise Permanent("a secret cannot be opened: it was sealed with another secret_key, or damaged") from error
