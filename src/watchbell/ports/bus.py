"""The bus: wakes others and carries work. It is never the memory of anything.

Promises: `publish` returns when the broker has the messages safely; it raises `Retryable` when the broker has none of
them, and `Ambiguous` when some may have arrived all the same. Delivery is at least once, in no order; consumers tell
repeats by the envelope's id. A handler that returns has done its work; one that raises `Retryable` gets the message
again, a few times; one that raises anything else sends it to the dead letters at once, where it is kept and counted.
`broadcast` reaches who listens at that moment, or nobody.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import msgspec


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A message. `ttl` is in seconds: after that nobody wants it and the bus may drop it; None keeps it.

    `redelivered` is set by the bus: somebody had this message before, and may have begun with it.
    """

    id: str
    body: bytes
    ttl: float | None = None
    redelivered: bool = False


Handler = Callable[[Envelope], Awaitable[None]]
Listener = Callable[[bytes], Awaitable[None]]


class Subscription(Protocol):
    """Messages being handled."""

    async def stop(self) -> None:
        """Take no more, wait for those in hand, and give back what was not begun."""
        ...


class Bus(Protocol):
    """Queues by topic (competing consumers) and broadcasts."""

    async def publish(self, topic: str, envelopes: Sequence[Envelope]) -> None:
        """Put messages into the topic's queue, which is made when needed."""
        ...

    async def consume(self, topic: str, handler: Handler, *, prefetch: int = 64) -> Subscription:
        """Handle the topic's messages, up to `prefetch` at a time. Survives a reconnect."""
        ...

    async def broadcast(self, topic: str, body: bytes) -> None:
        """Tell whoever listens. Never raises for want of a broker."""
        ...

    async def listen(self, topic: str, listener: Listener) -> Subscription:
        """Hear broadcasts from now on."""
        ...

    def available(self) -> bool:
        """Whether the broker is there, as far as is known."""
        ...

    async def close(self) -> None:
        """Leave."""
        ...
