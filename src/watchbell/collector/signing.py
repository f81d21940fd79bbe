"""Whether who sends an event knows the secret that the source asks for. Comparisons take the same time for any text."""

import hashlib
import hmac

from watchbell.collector.protocol import Scope
from watchbell.collector.sources import KeyedSource

SIGNATURE = "x-watchbell-signature"


class Proof:
    """What one source demands; without a secret, nothing."""

    def __init__(self, source: KeyedSource) -> None:
        self._bearer = source.shared_key.reveal().encode()
        self._signing = source.signing_key.reveal().encode()

    def has_key(self, scope: Scope) -> bool:
        """Whether the request carries the shared key. Asked before the body is read."""
        if not self._bearer:
            return True
        kind, _, key = (scope.headers.get("authorization") or "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(key.strip().encode(), self._bearer)

    def is_signed(self, scope: Scope, body: bytes) -> bool:
        """Whether the signature covers this query string and this body."""
        if not self._signing:
            return True
        sent = scope.headers.get(SIGNATURE) or ""
        signature = signature_of(self._signing, scope.query_string, body)
        return hmac.compare_digest(sent.encode(), signature.encode())


def signature_of(key: bytes, query: str, body: bytes) -> str:
    """The header's value for a request: `sha256=` and the HMAC of the query string, a line feed and the body."""
    digest = hmac.new(key, query.encode("utf-8", "surrogateescape") + b"\n" + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"
