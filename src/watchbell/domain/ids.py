"""Identifiers, and the shard that an identifier belongs to."""

import hashlib
import uuid
from typing import NewType

AlertId = NewType("AlertId", str)
IncidentId = NewType("IncidentId", str)
CheckId = NewType("CheckId", str)
NotificationId = NewType("NotificationId", str)

SHARDS = 16
"""Into how many shards time is cut. Fixed for a database: every process must compute the same shard."""


def new_id() -> str:
    """A random identifier (UUID version 4, lower case)."""
    return str(uuid.uuid4())


def shard_of(identifier: str) -> int:
    """The shard, 0 up to `SHARDS` - 1, that owns the timers and messages of `identifier`.

    Stable over processes and releases.
    """
    return hashlib.blake2b(identifier.encode(), digest_size=2).digest()[0] % SHARDS
