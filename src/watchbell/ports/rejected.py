"""Where rejected events are kept, with the reason, so that someone can see what was wrong with them."""

from collections.abc import Sequence
from typing import Protocol

from watchbell.domain.events.event import Rejection


class RejectedEvents(Protocol):
    """Keeps rejections. At least once: after a crash some may be kept a second time. Bounded: the oldest go first."""

    def keep(self, rejections: Sequence[Rejection]) -> None:
        """Appends.

        Raises:
            Retryable: the disk failed; nothing, or a part, was kept.
        """
        ...
