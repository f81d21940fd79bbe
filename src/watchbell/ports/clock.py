"""Time, as a parameter."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """A clock that can be waited for."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so long; at once when not positive."""
        ...
