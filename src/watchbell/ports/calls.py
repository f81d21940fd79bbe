"""Where messages that webhooks received are kept for a while."""

from datetime import datetime
from typing import Protocol

from watchbell.domain.webhooks.received import ReceivedCall


class ReceivedCalls(Protocol):
    """Messages by webhook."""

    async def add(self, call: ReceivedCall) -> None:
        """Insert."""
        ...

    async def of(self, name: str) -> list[ReceivedCall]:
        """Those of a webhook, newest first."""
        ...

    async def names(self) -> list[str]:
        """The webhooks that there are messages of, by name."""
        ...

    async def trim(self, name: str, keep: int, before: datetime) -> None:
        """Delete all but the newest `keep` of a webhook, and those of every webhook from before `before`."""
        ...
