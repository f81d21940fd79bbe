"""Delivering: a keeper claims messages that are due, hands them to notifiers, and records what came of them.

Claim, hand over, record: a message leaves the outbox only when its receipt is recorded. A claim that ran out without a
receipt is claimed again; the attempt is then ambiguous, and the incident's timeline says so. When the bus is away the
keeper sends by itself. Losing a lease raises `Fenced`: nothing is written, and the shard's new holder goes on.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec

from watchbell.domain.accounts import User
from watchbell.domain.errors import Ambiguous, Fenced, Retryable, WatchbellError
from watchbell.domain.oncall.delivery import Course, Judgement, drop, fail, judge, settle, vanished
from watchbell.domain.oncall.incident import Attempt, AttemptOutcome, Incident, Notification, Purpose
from watchbell.domain.oncall.message import Delivery, Message
from watchbell.domain.oncall.service import Channel
from watchbell.ports.bus import Bus
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, OutboxRow, Store, Transaction
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.configuration import Configuration, Configured
from watchbell.usecases.group_commit import GroupCommit
from watchbell.usecases.recording import DELIVER, Ledger
from watchbell.usecases.relaying import DELIVERIES, DeliveryReceipt, Sender, pack_delivery

BATCH = 200
TRAVEL = timedelta(seconds=5)
"""How long after a delivery's deadline its receipt is awaited before the claim runs out."""
WAIT = timedelta(seconds=1)
"""How long a message waits for the one before it."""


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How hard messages are tried, in seconds."""

    attempt_timeout: float = 20.0
    give_up_after: float = 86400.0


class _Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A message whose turn it is."""

    row: OutboxRow
    notification: Notification
    incident: Incident | None


class Delivering:
    """Delivers what is due. `held` is the live view of the shards that this keeper holds."""

    def __init__(  # noqa: PLR0913 - ports and settings, each once
        self,
        store: Store,
        bus: Bus,
        configured: Configured,
        sender: Sender,
        clock: Clock,
        telemetry: Telemetry,
        *,
        held: Mapping[int, Lease],
        patience: Patience | None = None,
        luck: Random | None = None,
    ) -> None:
        self._store = store
        self._bus = bus
        self._configured = configured
        self._sender = sender
        self._clock = clock
        self._telemetry = telemetry
        self._held = held
        self._patience = patience or Patience()
        self._luck = luck or Random()  # noqa: S311 - spreads retries, guards nothing
        self._own: set[asyncio.Task[None]] = set()
        self._receipts: GroupCommit[DeliveryReceipt, None] = GroupCommit(self._record)

    async def run(self, leases: Sequence[Lease], limit: int = BATCH) -> int:
        """Claim up to `limit` messages of the leases' shards and hand them over; returns how many were claimed."""
        if not leases:
            return 0
        now = self._clock.now()
        deadline = now + timedelta(seconds=self._patience.attempt_timeout)
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            rows = await tx.outbox.claim(DELIVER, leases, now, deadline + TRAVEL, limit)
            deliveries: list[Delivery] = []
            if rows:
                deliveries = await self._prepare(tx, rows, await self._configured.within(tx), now, deadline)
        for delivery in deliveries:
            age = (now - delivery.message.created_at).total_seconds()
            self._telemetry.observe("stage_seconds", max(age, 0.0), stage="deliver")
        await self._hand_over(deliveries)
        return len(rows)

    async def record(self, receipt: DeliveryReceipt) -> None:
        """Record a receipt, with others in one transaction. Raises `Retryable` when another keeper has to."""
        await self._receipts.submit(receipt)

    async def close(self) -> None:
        """Wait for what this keeper sends by itself, and for the receipts in hand."""
        while self._own:
            await asyncio.gather(*self._own, return_exceptions=True)
        await self._receipts.close()

    async def _prepare(
        self, tx: Transaction, rows: Sequence[OutboxRow], config: Configuration, now: datetime, deadline: datetime
    ) -> list[Delivery]:
        deliveries: list[Delivery] = []
        ledger = Ledger()
        addresses = _Addresses(tx, config)
        for turn in await _turns(tx, rows):
            judgement = await self._judge(tx, ledger, turn, now)
            address, obstacle = await addresses.of(turn.notification)
            if judgement.course is Course.SEND and obstacle:
                judgement = Judgement(course=Course.FAIL, reason=obstacle)
            if judgement.course is not Course.SEND:
                _leave(ledger, turn, judgement, now, config.version)
                continue
            channel = config.channels[turn.notification.channel]
            attempt = turn.notification.attempts + 1
            ledger.begun(msgspec.structs.replace(turn.notification, attempts=attempt))
            deliveries.append(_delivery(turn, attempt, channel, address, deadline))
        await ledger.write(tx)
        return deliveries

    async def _judge(self, tx: Transaction, ledger: Ledger, turn: _Turn, now: datetime) -> Judgement:
        notification, row = turn.notification, turn.row
        if row.claims > 1 and notification.attempts:
            attempt, entry = vanished(notification, now)
            self._telemetry.count("delivery_attempts", type="unknown", outcome=attempt.outcome.value)
            await tx.notifications.add_attempts([attempt])
            if turn.incident is not None:
                ledger.noted(entry)
        earlier: list[Notification] = []
        if notification.purpose in {Purpose.RECOVERY, Purpose.ACKNOWLEDGEMENT}:
            await ledger.write(tx)  # what became of the pages before it is read back
            others = await tx.notifications.of_incident(notification.incident_id)
            pages = [page for page in others if _before(page, notification)]
            earlier = await _overtaken(tx, ledger, pages, turn.incident, now)
        attempts = await tx.notifications.attempts([page.id for page in earlier]) if earlier else []
        return judge(notification, turn.incident, earlier, attempts, now, self._patience.give_up_after)

    async def _hand_over(self, deliveries: Sequence[Delivery]) -> None:
        if not deliveries:
            return
        if self._bus.available():
            try:
                now = self._clock.now()
                await self._bus.publish(DELIVERIES, [pack_delivery(delivery, now) for delivery in deliveries])
            except Ambiguous as error:
                # Some may be on their way: whoever sends them again must say so.
                why = f"the bus broke off: {error.message}"
                for delivery in deliveries:
                    self._begin(self._return(delivery, self._sender.lost(delivery, why)))
                return
            except Retryable:
                self._telemetry.count("deliveries_not_published", len(deliveries))
            else:
                return
        for delivery in deliveries:
            self._begin(self._send(delivery))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="own-delivery")
        self._own.add(task)
        task.add_done_callback(self._own.discard)

    async def _send(self, delivery: Delivery) -> None:
        """Send without a notifier, because the bus is away."""
        self._telemetry.count("deliveries_sent_by_keeper")
        attempt = await self._sender.send(delivery)
        if attempt is not None:
            await self._return(delivery, attempt)

    async def _return(self, delivery: Delivery, attempt: Attempt) -> None:
        """Record an attempt of this keeper's own, as long as it matters."""
        receipt = DeliveryReceipt(outbox_id=delivery.outbox_id, shard=delivery.shard, attempt=attempt)
        while self._clock.now() < delivery.deadline + TRAVEL:
            try:
                await self.record(receipt)
            except Retryable:
                await self._clock.sleep(0.5)
            else:
                return

    async def _record(self, receipts: Sequence[DeliveryReceipt]) -> Sequence[WatchbellError | None]:
        held = frozenset(self._held)
        mine = [receipt for receipt in receipts if receipt.shard in held]
        if mine:
            leases = list({receipt.shard: self._held[receipt.shard] for receipt in mine}.values())
            try:
                async with self._store.transaction() as tx:
                    await tx.leases.verify(leases)
                    await self._settle(tx, mine)
            except Fenced as error:
                raise Retryable("the shard has moved to another keeper") from error
        lost = Retryable("this keeper does not hold the shard")
        return [None if receipt.shard in held else lost for receipt in receipts]

    async def _settle(self, tx: Transaction, receipts: Sequence[DeliveryReceipt]) -> None:
        now = self._clock.now()
        rows = await tx.outbox.get(sorted({receipt.outbox_id for receipt in receipts}))
        notifications = await tx.notifications.get(sorted({r.attempt.notification_id for r in receipts}))
        await tx.notifications.add_attempts([receipt.attempt for receipt in receipts])
        ledger = Ledger()
        for receipt in receipts:
            notification = notifications.get(receipt.attempt.notification_id)
            if notification is None or _outdated(notification, receipt.attempt):
                continue
            settled = settle(notification, receipt.attempt, now, self._patience.give_up_after, self._luck.random())
            notifications[notification.id] = settled.notification
            ledger.settled(rows.get(receipt.outbox_id), settled)
            self._telemetry.observe(
                "stage_seconds", max((now - receipt.attempt.finished_at).total_seconds(), 0.0), stage="receipt"
            )
            if receipt.attempt.outcome is AttemptOutcome.ACCEPTED:
                whole = (receipt.attempt.finished_at - notification.created_at).total_seconds()
                self._telemetry.observe("notification_seconds", max(whole, 0.0), channel=notification.channel)
        await ledger.write(tx)


async def _turns(tx: Transaction, rows: Sequence[OutboxRow]) -> list[_Turn]:
    """What the claimed rows speak of; rows that speak of nothing are done."""
    notifications = await tx.notifications.get([row.subject for row in rows])
    incidents: dict[str, Incident | None] = {"": None}
    # In order of id, so that two keepers that lock the same incidents never wait in a circle.
    for identifier in sorted({notification.incident_id for notification in notifications.values()}):
        if identifier:
            incidents[identifier] = await tx.incidents.get(identifier)
    orphans = [row.id for row in rows if row.subject not in notifications]
    if orphans:
        await tx.outbox.done(orphans)
    return [
        _Turn(row=row, notification=found, incident=incidents[found.incident_id])
        for row in rows
        if (found := notifications.get(row.subject)) is not None
    ]


def _before(page: Notification, notification: Notification) -> bool:
    same = (page.channel, page.to) == (notification.channel, notification.to)
    return same and page.purpose is Purpose.ALERT and page.created_at <= notification.created_at


async def _overtaken(
    tx: Transaction, ledger: Ledger, pages: Sequence[Notification], incident: Incident | None, now: datetime
) -> list[Notification]:
    """The pages, after those that wait for another attempt have been dropped where events overtook them."""
    rows = await tx.outbox.get([page.id for page in pages])
    found: list[Notification] = []
    for page in pages:
        row = rows.get(page.id)
        in_flight = row is not None and row.claimed_until is not None and row.claimed_until > now
        judgement = judge(page, incident, (), (), now, float("inf"))
        if row is not None and not in_flight and judgement.course is Course.DROP:
            settled = drop(page, judgement.reason, now)
            ledger.settled(row, settled)
            found.append(settled.notification)
        else:
            found.append(page)
    return found


class _Addresses:
    """From logins to addresses; each person is looked up once."""

    def __init__(self, tx: Transaction, config: Configuration) -> None:
        self._tx = tx
        self._config = config
        self._users: dict[str, User | None] = {"": None}

    async def of(self, notification: Notification) -> tuple[str, str]:
        """The address that the channel understands, or why there is none."""
        channel, to = self._config.channels.get(notification.channel), notification.to
        if channel is None:
            return "", f"there is no channel {notification.channel!r} any more"
        if not channel.enabled:
            return "", f"the channel {notification.channel!r} is disabled"
        if channel.type != "email":
            return to, ""
        if to not in self._users:
            self._users[to] = await self._tx.users.get(to)
        user = self._users[to]
        if user is None:
            return to, "" if not to or "@" in to else f"there is no user {to!r}"
        if not user.active:
            return "", f"the user {user.login} is disabled"
        return user.email, "" if user.email else f"the user {user.login} has no e-mail address"


def _leave(ledger: Ledger, turn: _Turn, judgement: Judgement, now: datetime, config_version: int) -> None:
    """Record that a message is not sent now, or ever."""
    match judgement.course:
        case Course.WAIT:
            ledger.left(turn.row, now + WAIT)
        case Course.DROP:
            ledger.settled(turn.row, drop(turn.notification, judgement.reason, now, config_version))
        case Course.FAIL:
            ledger.settled(turn.row, fail(turn.notification, judgement.reason, now, config_version))
        case _:
            ledger.left(turn.row)


def _outdated(notification: Notification, attempt: Attempt) -> bool:
    """Whether a receipt speaks of an attempt that another has followed. Only that it arrived still matters then."""
    return attempt.number < notification.attempts and attempt.outcome is not AttemptOutcome.ACCEPTED


def _delivery(turn: _Turn, attempt: int, channel: Channel, address: str, deadline: datetime) -> Delivery:
    notification, incident = turn.notification, turn.incident
    return Delivery(
        outbox_id=turn.row.id,
        shard=turn.row.shard,
        attempt=attempt,
        channel=channel.name,
        type=channel.type,
        config=channel.config,
        deadline=deadline,
        message=Message(
            id=notification.id,
            to=address,
            purpose=notification.purpose.value,
            title=notification.title,
            text=notification.text,
            severity=notification.severity,
            link=notification.link,
            incident_id=notification.incident_id,
            service=incident.service if incident is not None else "",
            created_at=notification.created_at,
            data=notification.data,
        ),
    )
