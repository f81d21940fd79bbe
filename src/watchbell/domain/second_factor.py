"""Two-step log-in: codes that change every half minute (TOTP, RFC 6238) and codes for the day the telephone is lost."""

import base64
import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote, urlencode

import msgspec
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

STEP = 30
"""Seconds that a code is shown."""
DIGITS = 6
SECRET_BYTES = 20
"""As long as the hash that codes are made by, as RFC 4226 recommends."""
SKEW = 1
"""So many steps the telephone's clock may be early or late."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
"""80 bits: too many to be guessed from their hashes."""
_GROUP = 4


class Required(StrEnum):
    """Of whom a second step is required who log in by password."""

    OFF = "off"
    ADMINS = "admins"
    EVERYONE = "everyone"

    def of(self, scopes: Collection[str]) -> bool:
        """Whether it is required of somebody who may do this; who administers anything is an administrator."""
        if self is Required.ADMINS:
            return any(scope.partition(":")[0] == "admin" for scope in scopes)
        return self is Required.EVERYONE


class SecondFactor(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's two-step log-in.

    `secret` is sealed. `last_step` is the newest time step whose code was used: no code of it or before is good again.
    """

    user_id: str
    secret: str
    last_step: int
    created_at: datetime


def step_at(now: datetime) -> int:
    """The number of the time step."""
    return int(now.timestamp()) // STEP


def code_of(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a time step."""
    # What RFC 6238 and every telephone mean; a MAC does not need what SHA-1 has lost.
    return HOTP(secret, digits, SHA1()).generate(step).decode()  # noqa: S303


def step_of(secret: bytes, code: str, now: datetime) -> int | None:
    """The time step whose code it is, of those that count now; None when it is none of theirs."""
    present = step_at(now)
    found: int | None = None
    for step in range(present - SKEW, present + SKEW + 1):
        if hmac.compare_digest(code_of(secret, step).encode(), code.encode("utf-8", "surrogatepass")):
            found = step
    return found


def tidied(code: str) -> str:
    """A code as it is compared: without blanks and dashes, in capitals."""
    return "".join(code.split()).replace("-", "").upper()


def is_time_code(code: str) -> bool:
    """Whether a tidied code looks like one of a telephone; all others are recovery codes."""
    return len(code) == DIGITS and code.isascii() and code.isdecimal()


def recovery_code(random: bytes) -> str:
    """A recovery code as it is shown, in groups of four."""
    plain = base64.b32encode(random).decode()
    return "-".join(plain[at : at + _GROUP] for at in range(0, len(plain), _GROUP))


def recovery_hash(user_id: str, code: str) -> str:
    """What is stored of a recovery code."""
    return hashlib.sha256(f"{user_id}\0{tidied(code)}".encode("utf-8", "surrogatepass")).hexdigest()


def secret_text(secret: bytes) -> str:
    """The secret as people type it into their telephone."""
    return base64.b32encode(secret).decode().rstrip("=")


def secret_of(text: str) -> bytes:
    """The secret that a text stands for."""
    return base64.b32decode(text + "=" * (-len(text) % 8))


def provisioning_uri(secret: bytes, login: str, issuer: str) -> str:
    """The address that telephones read from a QR code."""
    terms = {"secret": secret_text(secret), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": STEP}
    return f"otpauth://totp/{quote(issuer, safe='')}:{quote(login, safe='')}?{urlencode(terms, quote_via=quote)}"
