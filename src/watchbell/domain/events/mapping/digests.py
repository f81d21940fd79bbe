"""Digests of pieces of an event, plain or keyed with a seed.

With a seed it is an HMAC whose key PBKDF2 derives from it: of the digest's own length (`full`), or an eighth of that
(`divolte`), because Divolte gives the length in bytes where bits are asked for; only so its values are the same.
"""

import hashlib
import hmac
from collections.abc import Callable
from functools import lru_cache
from typing import Final

ALGORITHMS: Final = {
    "md5": "md5",
    "sha-1": "sha1",
    "sha-224": "sha224",
    "sha-256": "sha256",
    "sha-384": "sha384",
    "sha-512": "sha512",
    "sha3-224": "sha3_224",
    "sha3-256": "sha3_256",
    "sha3-384": "sha3_384",
    "sha3-512": "sha3_512",
}
"""Names in a mapping → names in hashlib."""

KEYS: Final = ("full", "divolte")
_SALT: Final = b"divolte" + bytes.fromhex("b687e2d9aa060372")
_ITERATIONS: Final = 100_000


def digester(algorithm: str, seed: str | None, key: str) -> Callable[[bytes], bytes]:
    """What digests the pieces, joined. `algorithm` is a key of `ALGORITHMS`, `key` one of `KEYS`."""
    name = ALGORITHMS[algorithm]
    if seed is None:
        return lambda data: hashlib.new(name, data, usedforsecurity=False).digest()
    size = hashlib.new(name, usedforsecurity=False).digest_size
    length = size // 8 if key == "divolte" else size
    derived = _derived(name, seed, length)
    return lambda data: hmac.digest(derived, data, name)


@lru_cache(maxsize=256)
def _derived(name: str, seed: str, length: int) -> bytes:
    """Slow on purpose (tens of milliseconds), so it is done once."""
    return hashlib.pbkdf2_hmac(name, seed.encode("utf-8", "replace"), _SALT, _ITERATIONS, length)
