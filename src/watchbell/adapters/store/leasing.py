"""What both stores know of leases."""

from collections.abc import Sequence
from datetime import UTC, datetime

from watchbell.ports.store import Lease

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""When a lease that was given back ran out."""


def shards_of(leases: Sequence[Lease]) -> dict[int, int]:
    """Shard → token, for leases named `shard/<n>`; others are left out."""
    pairs = ((*lease.name.partition("/"), lease.token) for lease in leases)
    return {int(number): token for kind, _, number, token in pairs if kind == "shard" and number.isdecimal()}
