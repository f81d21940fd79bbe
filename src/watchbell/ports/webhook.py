"""A vendor's format for telling of problems."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from watchbell.domain.signal import Signal


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a vendor: the raw body, what the query string said (first value of each), and when it came."""

    body: bytes
    query: Mapping[str, str] = {}
    received: datetime


class Webhook(Protocol):
    """Reads one vendor's format. Pure: it does no I/O, and the same call gives the same signals but for their ids."""

    def read(self, call: Call) -> list[Signal]:
        """The signals of a call, in order, possibly none.

        Raises `Invalid`, naming the field, when the body is not the vendor's.
        """
        ...
