"""Hawk: requests that a program signs with a shared secret (HMAC), as Alerta's clients do.

The secret itself is never sent. What is signed: time, nonce, method, address, and by `hash` the body.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from typing import Literal

import msgspec

from watchbell.domain.errors import Unauthenticated

SKEW = 60.0
"""Seconds that the clocks of caller and server may differ."""
_FIELD = re.compile(r'\s*(id|ts|nonce|mac|hash|ext|app|dlg)="([^"\\\r\n]{0,1000})"\s*')


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """What the header says."""

    id: str
    ts: str
    nonce: str
    mac: str
    hash: str = ""
    ext: str = ""
    app: str = ""
    dlg: str = ""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The request as the server sees it. `path` has the query with it."""

    method: str
    path: str
    host: str
    port: int


class HawkKey(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever signs with this secret may do what the scopes say."""

    id: str
    secret: str
    algorithm: Literal["sha256", "sha1"] = "sha256"
    scopes: tuple[str, ...] = ()


def parse(header: str) -> Signed:
    """What stands behind `Hawk` in the header.

    Raises:
        Unauthenticated: it cannot be read.
    """
    found: dict[str, str] = {}
    for part in header.split(","):
        match = _FIELD.fullmatch(part)
        if match is None or match[1] in found:
            raise Unauthenticated("The Hawk header cannot be read.")
        found[match[1]] = match[2]
    if not all(found.get(name) for name in ("id", "ts", "nonce", "mac")):
        raise Unauthenticated("The Hawk header needs id, ts, nonce and mac.")
    return msgspec.convert(found, Signed)


def check(signed: Signed, target: Target, secret: str, algorithm: Literal["sha256", "sha1"], now: datetime) -> None:
    """Nothing, when the signature is that of the secret for this request, and of now.

    Raises:
        Unauthenticated: it is not.
    """
    made = _mac(signed, target, secret, algorithm)
    if not hmac.compare_digest(made, signed.mac.encode("utf-8", "surrogatepass")):
        raise Unauthenticated("The Hawk signature is not valid.")
    if not signed.ts.isascii() or not signed.ts.isdigit() or abs(int(signed.ts) - now.timestamp()) > SKEW:
        raise Unauthenticated("The Hawk signature is of another time: are both clocks right?")


def check_body(signed: Signed, media_type: str, body: bytes, algorithm: Literal["sha256", "sha1"]) -> None:
    """Nothing, when the body is the one that was signed; an empty one need not be.

    Raises:
        Unauthenticated: it is another, or was not signed.
    """
    if not body and not signed.hash:
        return
    if not hmac.compare_digest(_digest(media_type, body, algorithm), signed.hash.encode("utf-8", "surrogatepass")):
        raise Unauthenticated("The body is not the one that Hawk signed.")


def sign(target: Target, key: HawkKey, now: datetime, nonce: str, media_type: str, body: bytes) -> str:
    """The header of a request that the key signs, with its body."""
    unsigned = Signed(
        id=key.id,
        ts=str(int(now.timestamp())),
        nonce=nonce,
        mac="",
        hash=_digest(media_type, body, key.algorithm).decode() if body else "",
    )
    mac = _mac(unsigned, target, key.secret, key.algorithm).decode()
    payload = f', hash="{unsigned.hash}"' if unsigned.hash else ""
    return f'Hawk id="{key.id}", ts="{unsigned.ts}", nonce="{nonce}"{payload}, mac="{mac}"'


def _mac(signed: Signed, target: Target, secret: str, algorithm: Literal["sha256", "sha1"]) -> bytes:
    text = (
        f"hawk.1.header\n{signed.ts}\n{signed.nonce}\n{target.method.upper()}\n{target.path}\n{target.host.lower()}\n"
        f"{target.port}\n{signed.hash}\n{signed.ext}\n"
    )
    if signed.app:
        text += f"{signed.app}\n{signed.dlg}\n"
    return base64.b64encode(hmac.digest(secret.encode(), text.encode("utf-8", "surrogatepass"), algorithm))


def _digest(media_type: str, body: bytes, algorithm: Literal["sha256", "sha1"]) -> bytes:
    plain = media_type.partition(";")[0].strip().lower()
    made = hashlib.new(algorithm, b"hawk.1.payload\n" + plain.encode() + b"\n" + body + b"\n").digest()
    return base64.b64encode(made)
