"""A sink: where mapped records go.

A sink says how far it is durable, in positions of the journal. That is what makes delivery exact: after a restart the
journal is read again from the slowest sink's position, and each sink is spared what it already has.

What a record does not say of its event (who did it, when it was received), a sink reads from the event that came with
it.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from watchbell.domain.events.event import Event
from watchbell.ports.journal import Positions

Record = dict[str, Any]


class Sink(Protocol):
    """Takes records in batches.

    One caller, in order. A failed call leaves the sink usable: `open` it again and write again from its positions.
    """

    def open(self) -> Positions:
        """Recovers what a crash left behind and returns how far the sink is durable. Idempotent.

        Raises:
            Retryable: the place is not reachable just now.
        """
        ...

    def write(self, records: Sequence[Record], upto: Positions, about: Sequence[Event] = ()) -> None:
        """Takes records that came from the journal up to `upto`. Not durable before `sync`. All of them or none.

        `about` are the events behind the records, in the same order and number; empty: nothing is known of them.
        Several writes with empty `upto` may stand before the one that names the position of all of them.

        Raises:
            Retryable: the place failed (a full disk, a lost server); records since the last `sync` must be written
            again after `open`. Permanent: a record does not fit, or the place has refused it for good; nothing was
            taken. Written one by one, the others are taken and the one is refused again, with the reason.
        """
        ...

    def sync(self) -> Positions:
        """Makes everything written durable and returns how far that is.

        Raises:
            Retryable: as `write`.
        """
        ...

    def tend(self) -> list[str]:
        """What time brings: publishes a file that is due. Returns the names that were published.

        Raises:
            Retryable: as `write`.
        """
        ...

    def close(self) -> list[str]:
        """Makes everything durable, publishes it and releases the sink. Returns the names that were published."""
        ...
