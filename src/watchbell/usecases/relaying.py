"""Relaying: a notifier takes deliveries from the bus, sends them through their channels, and returns receipts.

Needs nothing but the bus and the way out. One slow channel holds up nobody else: each has so many sends at a time and
so many that wait; beyond that a delivery is returned at once, to be tried later. A delivery is done when its receipt is
with the bus. One that comes a second time is answered with the receipt that it had, and not sent again.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import msgspec
import structlog

from watchbell.domain.errors import Ambiguous, Permanent, Retryable, WatchbellError
from watchbell.domain.ids import NotificationId
from watchbell.domain.oncall.incident import Attempt, AttemptOutcome
from watchbell.domain.oncall.message import Delivery, Receipt
from watchbell.ports.bus import Bus, Envelope, Subscription
from watchbell.ports.channel import Channel
from watchbell.ports.clock import Clock
from watchbell.ports.telemetry import Telemetry
from watchbell.ports.vault import Vault

DELIVERIES = "deliver"
AT_ONCE = 8
"""Sends at a time for each channel."""
WAITING = 200
"""Deliveries that wait for each channel."""
PREFETCH = 1000
_CHANNELS = 500
_REMEMBERED = 10_000
_BUSY = 5.0  # seconds

_log = structlog.get_logger("relaying")

MakeChannel = Callable[[str, dict[str, Any]], Channel]
"""(type, unsealed settings): makes a channel; raises `WatchbellError` when there is no such type or they are wrong."""


class DeliveryReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a notifier returns. `outbox_id` and `shard` as in the delivery."""

    outbox_id: str
    shard: int
    attempt: Attempt


_delivery = msgspec.msgpack.Decoder(Delivery)
_receipt = msgspec.msgpack.Decoder(DeliveryReceipt)


def receipts_topic(shard: int) -> str:
    """Where receipts go: to the keeper that holds the message's shard."""
    return f"receipts.{shard}"


def pack_delivery(delivery: Delivery, now: datetime) -> Envelope:
    """The message that carries a delivery; it runs out with the claim."""
    left = max((delivery.deadline - now).total_seconds(), 0.001)
    return Envelope(id=f"{delivery.message.id}/{delivery.attempt}", body=msgspec.msgpack.encode(delivery), ttl=left)


def unpack_receipt(envelope: Envelope) -> DeliveryReceipt:
    """What a notifier sent; `Permanent` when it cannot be read."""
    try:
        return _receipt.decode(envelope.body)
    except msgspec.DecodeError as error:
        raise Permanent(f"not a receipt: {error}") from error


def unsealed(value: Any, vault: Vault) -> Any:
    """Settings with every sealed text opened."""
    if isinstance(value, str):
        return vault.unseal(value)
    if isinstance(value, dict):
        return {key: unsealed(inner, vault) for key, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [unsealed(inner, vault) for inner in cast("list[Any]", value)]
    return value


class _Lane:
    """What one channel is doing."""

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(AT_ONCE)
        self.waiting = 0


class Sender:
    """Sends deliveries through their channels. Never raises: whatever happens becomes an attempt."""

    def __init__(self, make: MakeChannel, vault: Vault, clock: Clock, telemetry: Telemetry) -> None:
        self._make = make
        self._vault = vault
        self._clock = clock
        self._telemetry = telemetry
        self._channels: OrderedDict[str, Channel] = OrderedDict()
        self._lanes: dict[str, _Lane] = {}

    async def send(self, delivery: Delivery) -> Attempt | None:
        """Try once. None when its time is over: the claim has run out, and a keeper takes care of it."""
        if self._clock.now() >= delivery.deadline:
            self._telemetry.count("deliveries_expired", channel=delivery.channel)
            return None
        lane = self._lanes.setdefault(delivery.channel, _Lane())
        if lane.waiting >= WAITING:
            busy = f"{WAITING} messages wait for the channel {delivery.channel!r} already"
            return self._attempt(delivery, self._clock.now(), AttemptOutcome.RETRY, busy, retry_after=_BUSY)
        lane.waiting += 1
        try:
            return await self._in_turn(lane, delivery)
        finally:
            lane.waiting -= 1

    async def close(self) -> None:
        """Close every channel."""
        while self._channels:
            _, channel = self._channels.popitem()
            await channel.close()

    async def _in_turn(self, lane: _Lane, delivery: Delivery) -> Attempt:
        left = (delivery.deadline - self._clock.now()).total_seconds()
        try:
            # Half of the time to get a turn, so that the other half is there to send.
            async with asyncio.timeout(left / 2):
                await lane.slots.acquire()
        except TimeoutError:
            why = f"the channel {delivery.channel!r} was busy for {left / 2:g} s"
            return self._attempt(delivery, self._clock.now(), AttemptOutcome.RETRY, why, retry_after=_BUSY)
        try:
            return await self._try(delivery)
        finally:
            lane.slots.release()

    async def _try(self, delivery: Delivery) -> Attempt:
        started = self._clock.now()
        try:
            channel = await self._channel(delivery)
        except WatchbellError as error:  # another notifier, or the settings after someone mended them, may do better
            return self._attempt(delivery, started, AttemptOutcome.RETRY, f"cannot be used here: {error.message}")
        except Exception as error:  # task edge: a channel type that cannot be made is that attempt's end
            _log.error("channel_not_made", channel=delivery.channel, type=delivery.type, exc_info=error)
            why = f"the channel type {delivery.type} failed: {type(error).__name__}"
            return self._attempt(delivery, started, AttemptOutcome.RETRY, why)
        try:
            async with asyncio.timeout((delivery.deadline - started).total_seconds()):
                receipt = await channel.send(delivery.message)
        except Exception as error:  # task edge: whatever a channel does is that attempt's end, not the notifier's
            return self._failed(delivery, started, error)
        return self._attempt(delivery, started, AttemptOutcome.ACCEPTED, receipt.detail, receipt=receipt)

    def _failed(self, delivery: Delivery, started: datetime, error: Exception) -> Attempt:
        match error:
            case Permanent():
                return self._attempt(delivery, started, AttemptOutcome.PERMANENT, error.message)
            case Ambiguous():
                return self._attempt(delivery, started, AttemptOutcome.AMBIGUOUS, error.message)
            case Retryable():
                why, wait = error.message, error.retry_after
                return self._attempt(delivery, started, AttemptOutcome.RETRY, why, retry_after=wait)
            case TimeoutError():
                why = "the provider did not answer in time"
                return self._attempt(delivery, started, AttemptOutcome.AMBIGUOUS, why)
            case _:
                _log.error("channel_failed", channel=delivery.channel, type=delivery.type, exc_info=error)
                why = f"the channel type {delivery.type} failed: {type(error).__name__}"
                return self._attempt(delivery, started, AttemptOutcome.AMBIGUOUS, why)

    def lost(self, delivery: Delivery, why: str = "the notifier that had it vanished") -> Attempt:
        """The attempt of somebody else that may have sent it, or not."""
        return self._attempt(delivery, self._clock.now(), AttemptOutcome.AMBIGUOUS, why)

    async def _channel(self, delivery: Delivery) -> Channel:
        """The channel with these settings, kept for the next message."""
        settings = msgspec.json.encode([delivery.type, delivery.config], order="deterministic")
        key = hashlib.blake2b(settings, digest_size=16).hexdigest()
        channel = self._channels.get(key)
        if channel is None:
            channel = self._make(delivery.type, unsealed(delivery.config, self._vault))
            self._channels[key] = channel
            if len(self._channels) > _CHANNELS:
                _, oldest = self._channels.popitem(last=False)
                await oldest.close()
        self._channels.move_to_end(key)
        return channel

    def _attempt(
        self,
        delivery: Delivery,
        started: datetime,
        outcome: AttemptOutcome,
        detail: str,
        *,
        retry_after: float = 0.0,
        receipt: Receipt | None = None,
    ) -> Attempt:
        finished = self._clock.now()
        self._telemetry.count("delivery_attempts", type=delivery.type, outcome=outcome.value)
        self._telemetry.observe("stage_seconds", max((finished - started).total_seconds(), 0.0), stage="send")
        if outcome is not AttemptOutcome.ACCEPTED:
            _log.warning("delivery_not_taken", channel=delivery.channel, outcome=outcome.value, detail=detail)
        return Attempt(
            notification_id=NotificationId(delivery.message.id),
            number=delivery.attempt,
            provider=delivery.channel,
            started_at=started,
            finished_at=finished,
            outcome=outcome,
            detail=detail[:1000],
            reference=receipt.reference[:300] if receipt is not None else "",
            retry_after=retry_after,
        )


class Relay:
    """Takes deliveries from the bus. Start it with `start`, end it with `stop`."""

    def __init__(self, bus: Bus, sender: Sender, clock: Clock, telemetry: Telemetry) -> None:
        self._bus = bus
        self._sender = sender
        self._clock = clock
        self._telemetry = telemetry
        self._subscription: Subscription | None = None
        self._sending: dict[str, asyncio.Future[Attempt | None]] = {}
        self._sent: OrderedDict[str, Attempt | None] = OrderedDict()

    async def start(self) -> None:
        """Take deliveries from now on."""
        self._subscription = await self._bus.consume(DELIVERIES, self._handle, prefetch=PREFETCH)

    async def stop(self) -> None:
        """Take no more, finish what is being sent, return its receipts."""
        if self._subscription is not None:
            await self._subscription.stop()

    async def _handle(self, envelope: Envelope) -> None:
        try:
            delivery = _delivery.decode(envelope.body)
        except msgspec.DecodeError as error:
            raise Permanent(f"not a delivery: {error}") from error
        attempt = await self._once(envelope, delivery)
        if attempt is not None:
            await self._return(DeliveryReceipt(outbox_id=delivery.outbox_id, shard=delivery.shard, attempt=attempt))

    async def _once(self, envelope: Envelope, delivery: Delivery) -> Attempt | None:
        """Send, unless this was sent or is being sent already, or another had it before."""
        key = envelope.id
        if key in self._sent:
            self._telemetry.count("deliveries_repeated", channel=delivery.channel)
            return self._sent[key]
        if key in self._sending:
            return await asyncio.shield(self._sending[key])
        if envelope.redelivered:
            return self._sender.lost(delivery)
        sending = self._sending[key] = asyncio.ensure_future(self._sender.send(delivery))
        try:
            attempt = await sending
        finally:
            del self._sending[key]
        self._sent[key] = attempt
        if len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)
        return attempt

    async def _return(self, receipt: DeliveryReceipt) -> None:
        envelope = Envelope(
            id=f"{receipt.attempt.notification_id}/{receipt.attempt.number}", body=msgspec.msgpack.encode(receipt)
        )
        try:
            await self._bus.publish(receipts_topic(receipt.shard), [envelope])
        except Retryable:
            # The message comes again, here or elsewhere; here it is answered from memory.
            self._telemetry.count("receipts_unsent")
            raise
