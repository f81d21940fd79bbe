"""The bus within one process: queues and broadcasts in memory. What is in them ends with the process.

Keeps the same promises as a broker: competing consumers, a bounded number of messages in hand, repeats after
`Retryable`, dead letters after anything else. A queue that is full refuses with `Retryable`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import structlog

from watchbell.domain.errors import Retryable
from watchbell.ports.bus import Envelope, Handler, Listener
from watchbell.ports.telemetry import NullTelemetry, Telemetry

DELIVERY_LIMIT = 10
"""How often a message is tried before it goes to the dead letters."""
QUEUE_LIMIT = 200_000
DEAD_LIMIT = 1000
"""How many dead letters are kept: the newest."""

_log = structlog.get_logger("bus")


def retry_delay(tries: int) -> float:
    """Seconds before a message that failed `tries` times is tried again."""
    return min(0.05 * 2.0**tries, 5.0)


class _Waiting:
    """A message in a queue, with how often it failed and when it expires (loop time)."""

    __slots__ = ("envelope", "expires", "tries")

    def __init__(self, envelope: Envelope, expires: float | None) -> None:
        self.envelope = envelope
        self.expires = expires
        self.tries = 0


class _Consumer:
    """One subscription to a queue."""

    def __init__(self, queue: "_Queue", handler: Handler, prefetch: int) -> None:
        self._queue = queue
        self.handler = handler
        self.prefetch = prefetch
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def free(self) -> bool:
        return len(self.tasks) < self.prefetch

    async def stop(self) -> None:
        """Take no more and wait for what is in hand."""
        if self in self._queue.consumers:
            self._queue.consumers.remove(self)
        await asyncio.gather(*self.tasks, return_exceptions=True)


class _Queue:
    """One topic."""

    def __init__(
        self, topic: str, bury: Callable[[str, Envelope, Exception], None], delay: Callable[[int], float]
    ) -> None:
        self.topic = topic
        self._delay = delay
        self.waiting: deque[_Waiting] = deque()
        self.consumers: list[_Consumer] = []
        self._bury = bury
        self._turn = 0

    def put(self, envelopes: Sequence[Envelope]) -> None:
        if len(self.waiting) + len(envelopes) > QUEUE_LIMIT:
            raise Retryable(f"the queue {self.topic} is full")
        now = asyncio.get_running_loop().time()
        for envelope in envelopes:
            self.waiting.append(_Waiting(envelope, None if envelope.ttl is None else now + envelope.ttl))
        self.pump()

    def pump(self) -> None:
        """Hand out what waits to consumers that have a hand free, in turn."""
        now = asyncio.get_running_loop().time()
        while self.waiting:
            if (expires := self.waiting[0].expires) is not None and expires <= now:
                self.waiting.popleft()
                continue
            consumer = self._next_free()
            if consumer is None:
                return
            task = asyncio.create_task(self._handle(consumer, self.waiting.popleft()))
            consumer.tasks.add(task)
            task.add_done_callback(consumer.tasks.discard)
            task.add_done_callback(lambda _: self.pump())

    def _next_free(self) -> _Consumer | None:
        for _ in range(len(self.consumers)):
            self._turn = (self._turn + 1) % len(self.consumers)
            if self.consumers[self._turn].free:
                return self.consumers[self._turn]
        return None

    async def _handle(self, consumer: _Consumer, item: _Waiting) -> None:
        try:
            await consumer.handler(item.envelope)
        except asyncio.CancelledError:
            self.waiting.appendleft(item)
            raise
        except Retryable as error:
            item.tries += 1
            item.envelope = msgspec.structs.replace(item.envelope, redelivered=True)
            if item.tries >= DELIVERY_LIMIT:
                self._bury(self.topic, item.envelope, error)
            else:
                asyncio.get_running_loop().call_later(self._delay(item.tries), self._again, item)
        except Exception as error:  # task edge: a message that nobody can handle goes to the dead letters
            self._bury(self.topic, item.envelope, error)

    def _again(self, item: _Waiting) -> None:
        self.waiting.append(item)
        self.pump()


class _Ear:
    """One listener to broadcasts."""

    def __init__(self, ears: list["_Ear"], listener: Listener) -> None:
        self._ears = ears
        self.listener = listener
        self.tasks: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Listen no more and wait for what is in hand."""
        if self in self._ears:
            self._ears.remove(self)
        await asyncio.gather(*self.tasks, return_exceptions=True)


class MemoryBus:
    """A bus for one event loop. `delay` gives the seconds before another try.

    `dead` are the newest dead letters: topic, message, and why.
    """

    def __init__(self, telemetry: Telemetry | None = None, *, delay: Callable[[int], float] = retry_delay) -> None:
        self._telemetry = telemetry or NullTelemetry()
        self._delay = delay
        self._queues: dict[str, _Queue] = {}
        self._ears: dict[str, list[_Ear]] = {}
        self.dead: deque[tuple[str, Envelope, str]] = deque(maxlen=DEAD_LIMIT)

    async def publish(self, topic: str, envelopes: Sequence[Envelope]) -> None:
        self._queue(topic).put(envelopes)

    async def consume(self, topic: str, handler: Handler, *, prefetch: int = 64) -> _Consumer:
        queue = self._queue(topic)
        consumer = _Consumer(queue, handler, prefetch)
        queue.consumers.append(consumer)
        queue.pump()
        return consumer

    async def broadcast(self, topic: str, body: bytes) -> None:
        for ear in self._ears.get(topic, []):
            task = asyncio.create_task(_hear(ear.listener(body), topic))
            ear.tasks.add(task)
            task.add_done_callback(ear.tasks.discard)

    async def listen(self, topic: str, listener: Listener) -> _Ear:
        ears = self._ears.setdefault(topic, [])
        ear = _Ear(ears, listener)
        ears.append(ear)
        return ear

    def available(self) -> bool:
        return True

    async def close(self) -> None:
        for queue in self._queues.values():
            for consumer in list(queue.consumers):
                await consumer.stop()
        for ears in self._ears.values():
            for ear in list(ears):
                await ear.stop()

    def _queue(self, topic: str) -> _Queue:
        if topic not in self._queues:
            self._queues[topic] = _Queue(topic, self._bury, self._delay)
        return self._queues[topic]

    def _bury(self, topic: str, envelope: Envelope, error: Exception) -> None:
        self.dead.append((topic, envelope, repr(error)))
        self._telemetry.count("bus_dead_letters", topic=topic)
        _log.error("dead_letter", topic=topic, envelope=envelope.id, error=repr(error))


async def _hear(hearing: Coroutine[Any, Any, None] | Any, topic: str) -> None:
    try:
        await hearing
    except Exception as error:  # task edge: a listener's fault must not reach who broadcasts
        _log.error("listener_failed", topic=topic, error=repr(error))
