"""How much work one message may cause: whoever wrote it, and the format that reads it, chose how much there is."""

from typing import Final

from watchbell.domain.errors import WatchbellError

EFFORT_MAX: Final = 500_000
"""Steps for one message, such as a node of it that a path visits: a fraction of a second."""


class TooMuch(WatchbellError):
    """It would take more steps than one message may."""

    def __init__(self) -> None:
        super().__init__(
            f"takes more than {EFFORT_MAX} steps; use paths without '..', fewer of them, or smaller messages"
        )


class Effort:
    """The steps that are left for one message."""

    def __init__(self, left: int = EFFORT_MAX) -> None:
        self.left = left

    def spend(self, steps: int) -> None:
        """Take some.

        Raises:
            TooMuch: there are not so many left.
        """
        self.left -= steps
        if self.left < 0:
            raise TooMuch
