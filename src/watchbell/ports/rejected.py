"""Where rejected events are kept, with the reason, so that someone can see what was wrong with them."""

from collections.abc import Sequence
from typing import Protocol

from watchbell.domain.events.event import Rejection


class RejectedEvents(Protocol):
    """Keeps rejections, safe from a crash of the machine. Bounded: the oldest go first."""

    def keep(self, rejections: Sequence[Rejection], number: int = 0) -> None:
        """Appends. `number` is greater with each call; 0: `settle` never removes them.

        Raises:
            Retryable: the disk failed; nothing was kept.
        """
        ...

    def settle(self, number: int) -> None:
        """Removes what was kept with a greater number: a crash came before its checkpoint, and it comes again.

        Raises:
            Retryable: the disk failed.
        """
        ...

    def trimmed(self) -> int:
        """How many are no more kept because they were too many or too old."""
        ...
