"""Another installation that is told of alerts."""

from typing import Protocol

from watchbell.domain.errors import Retryable
from watchbell.domain.forwarding import Forward


class Unwell(Retryable):
    """The other side failed at this very message; it may do so for ever."""


class Remote(Protocol):
    """One destination."""

    async def send(self, forward: Forward) -> None:
        """Hand a message over; it is done when this returns. May be handed over twice.

        Ends within the destination's time-out.

        Raises:
            Permanent: the other side will never take it; another message it may.
            Unwell: the other side failed at it.
            Retryable: the other side takes nothing just now, or does not know us.
        """
        ...
