"""The bus over RabbitMQ: durable quorum queues, publisher confirms, a connection that comes back by itself.

Each topic is a queue `watchbell.<topic>`; a broadcast is a fanout exchange `watchbell.<topic>.all`. Dead letters are
kept in `watchbell.dead`, with the headers that say where from and why; messages that merely ran out are dropped. While
the broker is away `publish` raises `Retryable` after at most `patience` seconds, and what is consumed is consumed again
once it is back.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError

from watchbell.adapters.bus.memory import DELIVERY_LIMIT, retry_delay
from watchbell.domain.errors import Ambiguous, Retryable
from watchbell.ports.bus import Envelope, Handler, Listener
from watchbell.ports.telemetry import NullTelemetry, Telemetry

PREFIX = "watchbell."
DEAD = "watchbell.dead"
PATIENCE = 5.0  # seconds
_QUORUM = {"x-queue-type": "quorum"}
_QUEUE = {**_QUORUM, "x-delivery-limit": DELIVERY_LIMIT, "x-dead-letter-exchange": DEAD}
_BROKEN = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError, RuntimeError)
_BACK_OFF = (0.1, 0.2, 0.5, 1.0, 2.0)  # seconds between attempts to connect; the last one for ever

_log = structlog.get_logger("bus")


class _Consumption(ABC):
    """A subscription to a queue or to broadcasts, made again on each new connection."""

    def __init__(self, bus: "RabbitBus", topic: str, prefetch: int) -> None:
        self._bus = bus
        self.topic = topic
        self.prefetch = prefetch
        self._channel: AbstractChannel | None = None
        self._queue: AbstractQueue | None = None
        self._tag = ""
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = asyncio.Event()

    async def begin(self, connection: AbstractConnection) -> None:
        """Start on this connection."""
        self._channel = await connection.channel()
        await self._channel.set_qos(prefetch_count=self.prefetch)
        self._queue = await self._declare(self._channel)
        self._tag = await self._queue.consume(self._receive)

    async def stop(self) -> None:
        """Take no more, wait for those in hand; the broker gives the rest to others."""
        self._stopping.set()
        self._bus.forget(self)
        with contextlib.suppress(*_BROKEN):
            if self._queue is not None and self._tag:
                await asyncio.wait_for(self._queue.cancel(self._tag), PATIENCE)
        await self._idle.wait()
        with contextlib.suppress(*_BROKEN):
            if self._channel is not None:
                await asyncio.wait_for(self._channel.close(), PATIENCE)

    @abstractmethod
    async def _declare(self, channel: AbstractChannel) -> AbstractQueue:
        """The queue that is consumed, made on the broker when it is not there."""

    async def _receive(self, message: AbstractIncomingMessage) -> None:
        self._in_hand += 1
        self._idle.clear()
        try:
            with contextlib.suppress(*_BROKEN):  # the connection is gone: the broker gives the message to someone again
                await self._settle(message)
        finally:
            self._in_hand -= 1
            if not self._in_hand:
                self._idle.set()

    @abstractmethod
    async def _settle(self, message: AbstractIncomingMessage) -> None:
        """Give the message to its handler and tell the broker what became of it."""


class _Consumer(_Consumption):
    """Handles a queue's messages."""

    def __init__(self, bus: "RabbitBus", topic: str, handler: Handler, prefetch: int) -> None:
        super().__init__(bus, topic, prefetch)
        self._handler = handler
        self._telemetry = bus.telemetry

    async def _declare(self, channel: AbstractChannel) -> AbstractQueue:
        return await declare(channel, self.topic)

    async def _settle(self, message: AbstractIncomingMessage) -> None:
        if self._stopping.is_set():
            await message.nack(requeue=True)
            return
        outcome = await self._outcome(message)
        match outcome:
            case None:
                await message.ack()
            case Retryable():
                tries = int(str(message.headers.get("x-delivery-count") or 0)) + 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), retry_delay(tries))
                await message.nack(requeue=True)
            case _:
                self._telemetry.count("bus_dead_letters", topic=self.topic)
                _log.error("dead_letter", topic=self.topic, envelope=message.message_id, error=repr(outcome))
                await message.reject(requeue=False)

    async def _outcome(self, message: AbstractIncomingMessage) -> Exception | None:
        again = bool(message.redelivered)
        try:
            await self._handler(Envelope(id=message.message_id or "", body=message.body, redelivered=again))
        except Exception as error:  # task edge: what a handler raises decides what becomes of the message
            return error
        return None


class _Ear(_Consumption):
    """Hears broadcasts, by a queue of its own that vanishes with it."""

    def __init__(self, bus: "RabbitBus", topic: str, listener: Listener) -> None:
        super().__init__(bus, topic, 100)
        self._listener = listener

    async def _declare(self, channel: AbstractChannel) -> AbstractQueue:
        name = f"{PREFIX}{self.topic}.all"
        exchange = await channel.declare_exchange(name, aio_pika.ExchangeType.FANOUT, durable=True)
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        await queue.bind(exchange)
        return queue

    async def _settle(self, message: AbstractIncomingMessage) -> None:
        await message.ack()
        try:
            await self._listener(message.body)
        except Exception as error:  # task edge: a listener's fault must not end the listening
            _log.error("listener_failed", topic=self.topic, error=repr(error))


class RabbitBus:
    """A bus over one connection. Connects when first used and whenever the connection is lost."""

    def __init__(self, url: str, telemetry: Telemetry | None = None, *, patience: float = PATIENCE) -> None:
        self.telemetry = telemetry or NullTelemetry()
        self._url = url
        self._patience = patience
        self._consumptions: list[_Consumption] = []
        self._ready = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._connection: AbstractConnection | None = None
        self._publisher: AbstractChannel | None = None
        self._declared: set[str] = set()
        self._begun: set[_Consumption] = set()
        self._taking_up: list[asyncio.Task[None]] = []

    async def publish(self, topic: str, envelopes: Sequence[Envelope]) -> None:
        begun = False
        try:
            async with asyncio.timeout(self._patience):
                channel = await self._channel()
                if topic not in self._declared:
                    await declare(channel, topic)
                    self._declared.add(topic)
                begun = True
                await asyncio.gather(*(self._send(channel, topic, envelope) for envelope in envelopes))
        except _BROKEN as error:
            if begun:
                raise Ambiguous(f"the broker did not confirm what was sent to {topic}: {error!r}") from error
            raise Retryable(f"the broker is away: {error!r}") from error

    async def _send(self, channel: AbstractChannel, topic: str, envelope: Envelope) -> None:
        message = aio_pika.Message(
            envelope.body,
            message_id=envelope.id,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            expiration=None if envelope.ttl is None else max(envelope.ttl, 0.001),
        )
        await channel.default_exchange.publish(message, routing_key=PREFIX + topic)

    async def consume(self, topic: str, handler: Handler, *, prefetch: int = 64) -> _Consumer:
        consumer = _Consumer(self, topic, handler, prefetch)
        await self._add(consumer)
        return consumer

    async def broadcast(self, topic: str, body: bytes) -> None:
        if not self.available():
            self._start()
            return
        with contextlib.suppress(*_BROKEN):
            async with asyncio.timeout(self._patience):
                channel = await self._channel()
                name = f"{PREFIX}{topic}.all"
                exchange = (
                    await channel.declare_exchange(name, aio_pika.ExchangeType.FANOUT, durable=True)
                    if name not in self._declared
                    else await channel.get_exchange(name, ensure=False)
                )
                self._declared.add(name)
                await exchange.publish(aio_pika.Message(body), routing_key="", mandatory=False)

    async def listen(self, topic: str, listener: Listener) -> _Ear:
        ear = _Ear(self, topic, listener)
        await self._add(ear)
        return ear

    def available(self) -> bool:
        return self._ready.is_set() and self._connection is not None and not self._connection.is_closed

    async def close(self) -> None:
        for consumption in list(self._consumptions):
            await consumption.stop()
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self._ready.clear()

    def forget(self, consumption: _Consumption) -> None:
        """Do not make this consumption again after a reconnect."""
        if consumption in self._consumptions:
            self._consumptions.remove(consumption)
        self._begun.discard(consumption)

    async def _add(self, consumption: _Consumption) -> None:
        """Begin now when the broker is there, else as soon as it is."""
        self._consumptions.append(consumption)
        self._start()
        with contextlib.suppress(*_BROKEN):
            async with asyncio.timeout(self._patience):
                await self._ready.wait()
                await self._begin(consumption)
        if self.available() and consumption not in self._begun:
            self._taking_up.append(asyncio.create_task(self._take_up(consumption)))

    async def _begin(self, consumption: _Consumption) -> None:
        if self._connection is not None and consumption not in self._begun:
            self._begun.add(consumption)
            try:
                await consumption.begin(self._connection)
            except BaseException:
                self._begun.discard(consumption)
                raise

    async def _channel(self) -> AbstractChannel:
        self._start()
        await self._ready.wait()
        if self._publisher is None or self._publisher.is_closed:
            if self._connection is None:
                raise ConnectionError("not connected")
            self._publisher = await self._connection.channel(publisher_confirms=True)
        return self._publisher

    def _start(self) -> None:
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep_connected(), name="rabbitmq-connection")

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            try:
                await self._stay_connected()
                failures = 0
            except _BROKEN as error:
                place = urlsplit(self._url)
                address = f"{place.hostname}:{place.port or (5671 if place.scheme == 'amqps' else 5672)}"
                hint = "start it, or mend bus.url; until then keepers deliver themselves"
                _log.warning("broker_away", setting="bus.url", address=address, error=repr(error), hint=hint)
                self.telemetry.count("bus_connection_failures")
            self._ready.clear()
            await asyncio.sleep(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
            failures += 1

    async def _take_up(self, consumption: _Consumption) -> None:
        """Begin a consumption again. One queue that the broker cannot serve yet must not keep the others waiting."""
        failures = 0
        while consumption in self._consumptions and consumption not in self._begun:
            try:
                async with asyncio.timeout(self._patience):
                    await self._begin(consumption)
            except _BROKEN as error:
                _log.warning("queue_not_consumed", topic=consumption.topic, error=repr(error))
                await asyncio.sleep(_BACK_OFF[min(failures, len(_BACK_OFF) - 1)])
                failures += 1

    async def _stay_connected(self) -> None:
        """Connect, take up everything, and return when the connection is lost."""
        connection = await aio_pika.connect(self._url, timeout=self._patience)
        lost = asyncio.Event()

        def note(*_: Any) -> None:
            lost.set()

        connection.close_callbacks.add(note)
        try:
            self._connection = connection
            self._publisher = await connection.channel(publisher_confirms=True)
            self._declared = set()
            self._begun = set()
            await declare_dead(self._publisher)
            self._ready.set()
            _log.info("broker_connected")
            self._taking_up = [asyncio.create_task(self._take_up(one)) for one in self._consumptions]
            await lost.wait()
            _log.warning("broker_lost")
        finally:
            for task in self._taking_up:
                task.cancel()
            self._ready.clear()
            self._connection = None
            with contextlib.suppress(*_BROKEN):
                await asyncio.wait_for(connection.close(), 2)


async def declare(channel: AbstractChannel, topic: str) -> AbstractQueue:
    """The queue of a topic, made when it is not there."""
    return await channel.declare_queue(PREFIX + topic, durable=True, arguments=dict(_QUEUE))


async def declare_dead(channel: AbstractChannel) -> None:
    """Where dead letters go. Bound by the reason of their death: what only ran out is not kept."""
    exchange = await channel.declare_exchange(DEAD, aio_pika.ExchangeType.HEADERS, durable=True)
    queue = await channel.declare_queue(DEAD, durable=True, arguments=dict(_QUORUM))
    for reason in ("rejected", "delivery_limit"):
        await queue.bind(exchange, arguments={"x-match": "any-with-x", "x-first-death-reason": reason})
