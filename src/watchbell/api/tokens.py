"""Bearer tokens as Alerta's clients expect them: three parts, of which they read the middle one.

The last part is the secret of a session, and it alone says who calls: what the middle part claims is never believed. So
a token ends with its session, as a cookie does, and cannot outlive a password, a role or a log-out.
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

_HEADER = {"alg": "none", "typ": "JWT"}


def token_of(claims: Mapping[str, Any], secret: str) -> str:
    """The token for a session's secret."""
    return f"{_part(_HEADER)}.{_part(claims)}.{secret}"


def secret_of(token: str) -> str:
    """The session's secret in a token; empty when it is no such token."""
    head, _, rest = token.partition(".")
    _, dot, secret = rest.partition(".")
    return secret if dot and head == _part(_HEADER) and "." not in secret else ""


def _part(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).rstrip(b"=").decode()
