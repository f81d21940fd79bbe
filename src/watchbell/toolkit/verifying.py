"""Whether a call was signed with a secret that was shared, and not long ago.

Times are in seconds since 1970; a call is too old, or from the future, beyond `WINDOW`. What was signed is compared in
a time that says nothing about it. Everything is `Unauthenticated` alike: a forger learns only that it was wrong.
"""

import base64
import binascii
import hashlib
import hmac

from watchbell.domain.errors import Unauthenticated
from watchbell.ports.webhook import Call

WINDOW = 300
"""Seconds between the signature and now."""
MOST = 10
"""Signatures of one call that are looked at; there are several while a secret is changed."""
PREFIX = "whsec_"


def refused(why: str = "The signature is missing or wrong.") -> Unauthenticated:
    """The error for what was not signed rightly."""
    return Unauthenticated(why)


def must_match(given: str, *others: str, expected: str) -> None:
    """Raise `Unauthenticated` unless one of those given is the expected text; how far they agree does not show."""
    matches = [hmac.compare_digest(each.encode(), expected.encode()) for each in (given, *others)]
    if not any(matches):
        raise refused()


def fresh(timestamp: str, call: Call) -> None:
    """Raise `Unauthenticated` unless the time is a number of seconds within the window."""
    told = int(timestamp) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 13 else None
    if told is None or abs(call.received.timestamp() - told) > WINDOW:
        raise refused("The time of the signature is missing or too far from now.")


def hex_digest(secret: str, signed: bytes) -> str:
    """HMAC with SHA-256, in hexadecimal."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def standard(call: Call, secret: str) -> None:
    """Standard Webhooks: `webhook-id`, `webhook-timestamp`, and `webhook-signature` with `v1,<base64>` among others.

    The secret is `whsec_` and base64, or any text.
    """
    identifier, timestamp = call.headers.get("webhook-id", ""), call.headers.get("webhook-timestamp", "")
    if not identifier:
        raise refused()
    fresh(timestamp, call)
    signed = f"{identifier}.{timestamp}.".encode() + call.body
    expected = "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()
    given = call.headers.get("webhook-signature", "").split(" ")[:MOST]
    must_match(*given, expected=expected)


def _key(secret: str) -> bytes:
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
