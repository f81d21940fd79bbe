"""A way to send a message to people."""

from typing import Protocol

from watchbell.domain.oncall.message import Message, Receipt


class Channel(Protocol):
    """One configured channel.

    `send` returns when the provider has accepted the message, raises `Permanent` when it never will, and `Retryable`
    when it may later. It has its own deadline and never blocks for ever. The message's id goes out as the idempotency
    key where the provider knows such a thing.
    """

    async def send(self, message: Message) -> Receipt:
        """Send one message."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
