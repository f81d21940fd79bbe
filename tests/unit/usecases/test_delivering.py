"""From the outbox to the receipt, and everything that can go wrong in between."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from oncall_bench import CHANNEL, POLICY, SERVICE, Bench, Recorder, alert, changed, kinds
from watchbell.domain.accounts import User
from watchbell.domain.errors import Ambiguous, Permanent, Retryable
from watchbell.domain.oncall.incident import AttemptOutcome, Notification, NotificationStatus, Purpose
from watchbell.domain.oncall.message import Delivery
from watchbell.domain.oncall.service import Policy, Step, Target
from watchbell.ports.bus import Envelope
from watchbell.usecases.delivering import Patience
from watchbell.usecases.relaying import DELIVERIES, DeliveryReceipt, unpack_receipt


class AwayBus:
    """A broker that is gone."""

    async def publish(self, topic, envelopes):
        raise Retryable("gone")

    def available(self) -> bool:
        return False


async def carry(bench: Bench) -> list[DeliveryReceipt]:
    """Do what a notifier and the bus do: send what is in the queue, and record the receipts."""
    queue = bench.bus._queue(DELIVERIES)
    receipts: list[DeliveryReceipt] = []
    while queue.waiting:
        await bench.relay._handle(queue.waiting.popleft().envelope)
    for topic, receipt_queue in bench.bus._queues.items():
        while topic.startswith("receipts.") and receipt_queue.waiting:
            receipt = unpack_receipt(receipt_queue.waiting.popleft().envelope)
            receipts.append(receipt)
            await bench.delivering.record(receipt)
    return receipts


async def deliver(bench: Bench) -> list[DeliveryReceipt]:
    await bench.delivering.run(bench.leases)
    return await carry(bench)


async def only(bench: Bench) -> Notification:
    (notification,) = await bench.notifications()
    return notification


async def attempts(bench: Bench) -> list[AttemptOutcome]:
    async with bench.store.reading() as tx:
        ids = [notification.id for notification in await bench.notifications()]
        return [attempt.outcome for attempt in await tx.notifications.attempts(ids)]


async def test_a_message_leaves_the_outbox_when_its_receipt_is_recorded():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    assert len(await bench.outbox("deliver")) == 1
    await carry(bench)
    assert await bench.outbox("deliver") == []
    assert (await only(bench)).status is NotificationStatus.DELIVERED
    assert kinds(await bench.timeline((await bench.incidents())[0]))[-1] == "delivered"
    assert [m.to for m in bench.channel.messages] == ["anna@example.org"]


async def test_a_claimed_message_is_not_claimed_again():
    bench = await Bench().start()
    await bench.send(alert())
    assert await bench.delivering.run(bench.leases) == 1
    assert await bench.delivering.run(bench.leases) == 0


async def test_a_retryable_failure_is_tried_again_later_under_the_same_key():
    bench = await Bench(channel=Recorder([Retryable("busy"), Retryable("busy", retry_after=60)])).start()
    await bench.send(alert())
    await deliver(bench)
    assert (await only(bench)).status is NotificationStatus.PENDING
    await deliver(bench)
    assert await attempts(bench) == [AttemptOutcome.RETRY]
    bench.clock.advance(2)
    await deliver(bench)
    bench.clock.advance(30)
    await deliver(bench)
    assert await attempts(bench) == [AttemptOutcome.RETRY] * 2  # the provider asked for a minute
    bench.clock.advance(31)
    await deliver(bench)
    assert await attempts(bench) == [AttemptOutcome.RETRY, AttemptOutcome.RETRY, AttemptOutcome.ACCEPTED]
    assert [message.id for message in bench.channel.messages] == [(await only(bench)).id]


async def test_a_permanent_failure_is_told_in_the_timeline():
    bench = await Bench(channel=Recorder([Permanent("no such user")])).start()
    await bench.send(alert())
    await deliver(bench)
    assert (await only(bench)).status is NotificationStatus.FAILED
    last = (await bench.timeline((await bench.incidents())[0]))[-1]
    assert (last.kind, last.reason) == ("failed", "no such user")
    assert await bench.outbox("deliver") == []


async def test_given_up_when_too_old():
    patience = Patience(give_up_after=100)
    bench = await Bench(patience=patience, channel=Recorder([Retryable("busy")] * 50)).start()
    await bench.send(alert())
    for _ in range(20):
        await deliver(bench)
        bench.clock.advance(40)
    assert (await only(bench)).status is NotificationStatus.FAILED
    last = (await bench.timeline((await bench.incidents())[0]))[-1]
    assert "no provider took it within 1 min 40 s" in last.reason


async def test_a_claim_that_runs_out_is_ambiguous_and_sent_again_under_the_same_key():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    bench.bus._queue(DELIVERIES).waiting.clear()  # the notifier died with it
    bench.clock.advance(26)
    await deliver(bench)
    assert await attempts(bench) == [AttemptOutcome.AMBIGUOUS, AttemptOutcome.ACCEPTED]
    timeline = kinds(await bench.timeline((await bench.incidents())[0]))
    assert timeline[-2:] == ["ambiguous", "delivered"]
    assert [message.id for message in bench.channel.messages] == [(await only(bench)).id]


async def test_a_late_receipt_settles_what_was_claimed_again():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    stale = bench.bus._queue(DELIVERIES).waiting.popleft().envelope
    await bench.relay._handle(stale)
    late = [
        q.waiting.popleft().envelope for t, q in bench.bus._queues.items() if t.startswith("receipts") and q.waiting
    ]
    bench.clock.advance(26)
    await bench.delivering.run(bench.leases)
    await bench.delivering.record(unpack_receipt(late[0]))
    assert (await only(bench)).status is NotificationStatus.DELIVERED
    assert await bench.outbox("deliver") == []


async def test_an_outdated_failure_does_not_disturb_the_attempt_under_way():
    bench = await Bench(channel=Recorder([Permanent("no")])).start()
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    await bench.relay._handle(bench.bus._queue(DELIVERIES).waiting.popleft().envelope)
    late = [
        q.waiting.popleft().envelope for t, q in bench.bus._queues.items() if t.startswith("receipts") and q.waiting
    ]
    bench.clock.advance(26)
    await bench.delivering.run(bench.leases)
    await bench.delivering.record(unpack_receipt(late[0]))
    assert (await only(bench)).status is NotificationStatus.PENDING


async def test_the_same_receipt_twice_changes_nothing():
    bench = await Bench().start()
    await bench.send(alert())
    (receipt,) = await deliver(bench)
    before = await bench.timeline((await bench.incidents())[0])
    await bench.delivering.record(receipt)
    assert await bench.timeline((await bench.incidents())[0]) == before


async def test_a_receipt_for_a_shard_that_moved_is_for_another_keeper():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    held = dict(bench.held)
    bench.clock.advance(40 * 86400)
    await bench.hold("keeper-2")
    bench.held.update(held)
    receipt = DeliveryReceipt(
        outbox_id=(await only(bench)).id,
        shard=(await bench.outbox("deliver"))[0].shard,
        attempt=bench.sender.lost(msgspec.msgpack.decode(_envelope(bench).body, type=Delivery)),
    )
    with pytest.raises(Retryable):
        await bench.delivering.record(receipt)


def _envelope(bench: Bench) -> Envelope:
    return bench.bus._queue(DELIVERIES).waiting[0].envelope


async def test_without_the_bus_the_keeper_sends_by_itself():
    bench = await Bench().start()
    bench.delivering._bus = AwayBus()  # type: ignore[assignment]
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    await bench.delivering.close()
    assert len(bench.channel.messages) == 1
    assert (await only(bench)).status is NotificationStatus.DELIVERED


async def test_a_page_that_the_end_overtakes_is_dropped_and_so_is_its_recovery():
    bench = await Bench(channel=Recorder([Retryable("busy")])).start()
    first = alert()
    await bench.send(first)
    await deliver(bench)
    await bench.send(changed(first, status="closed", severity="normal"))
    await deliver(bench)
    statuses = {n.purpose: n.status for n in await bench.notifications()}
    assert statuses == {Purpose.ALERT: NotificationStatus.DROPPED, Purpose.RECOVERY: NotificationStatus.DROPPED}
    assert bench.channel.messages == []
    reasons = [entry.reason for entry in await bench.timeline((await bench.incidents())[0])]
    assert "the incident was resolved before the message could be sent" in reasons
    assert "the page before it reached nobody" in reasons
    assert await bench.outbox("deliver") == []


async def test_the_recovery_waits_for_the_page_under_way():
    bench = await Bench().start()
    first = alert()
    await bench.send(first)
    await bench.delivering.run(bench.leases)
    await bench.send(changed(first, status="closed", severity="normal"))
    await bench.delivering.run(bench.leases)
    await carry(bench)
    assert [m.purpose for m in bench.channel.messages] == ["alert"]
    bench.clock.advance(1)
    await deliver(bench)
    assert [m.purpose for m in bench.channel.messages] == ["alert", "recovery"]


async def test_a_recovery_follows_an_ambiguous_page():
    bench = await Bench(channel=Recorder([Ambiguous("silence")])).start()
    first = alert()
    await bench.send(first)
    await deliver(bench)
    await bench.send(changed(first, status="closed", severity="normal"))
    await deliver(bench)
    assert [m.purpose for m in bench.channel.messages] == ["recovery"]


async def test_a_page_that_an_acknowledgement_overtakes_is_dropped():
    bench = await Bench(channel=Recorder([Retryable("busy")])).start()
    await bench.send(alert())
    await deliver(bench)
    bench.clock.advance(5)
    (incident,) = await bench.incidents()
    await bench.escalating.acknowledge(incident.id, "anna")
    await deliver(bench)
    assert (await only(bench)).status is NotificationStatus.DROPPED
    assert (await bench.timeline(incident))[-1].reason == "anna took the incident before the message could be sent"


def _policy(to: str) -> Policy:
    return msgspec.structs.replace(POLICY, steps=[Step(targets=[Target(channel="mail", to=to)])])


MAIL = msgspec.structs.replace(CHANNEL, type="email")


@pytest.mark.parametrize(
    ("user", "to", "address", "reason"),
    [
        ({"email": "anna@home.example"}, "anna", "anna@home.example", ""),
        ({"email": ""}, "anna", "", "the user anna has no e-mail address"),
        ({"email": "a@b.c", "active": False}, "anna", "", "the user anna is disabled"),
        ({}, "bert", "", "there is no user 'bert'"),
        ({}, "x@example.org", "x@example.org", ""),
    ],
)
async def test_a_login_becomes_an_address(user, to, address, reason):
    bench = await Bench().start(SERVICE, _policy(to), MAIL)
    async with bench.store.transaction() as tx:
        await tx.users.save(User(id="u1", login="anna", created_at=bench.clock.now(), **user))
    await bench.send(alert())
    await deliver(bench)
    assert [message.to for message in bench.channel.messages] == ([address] if address else [])
    assert (await bench.timeline((await bench.incidents())[0]))[-1].reason == reason


async def test_a_channel_that_was_removed_or_disabled_fails_with_a_reason():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.configure(msgspec.structs.replace(CHANNEL, enabled=False))
    await deliver(bench)
    assert (await bench.timeline((await bench.incidents())[0]))[-1].reason == "the channel 'mail' is disabled"
    assert bench.channel.messages == []


async def test_secrets_travel_sealed_and_reach_the_channel_open():
    bench = await Bench().start()
    sealed = bench.vault.seal("hunter2")
    await bench.configure(msgspec.structs.replace(CHANNEL, config={"url": sealed, "more": [{"deep": sealed}]}))
    seen: list[dict[str, object]] = []

    def make(kind, settings):
        seen.append(settings)
        return bench.channel

    bench.sender._make = make
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    assert b"hunter2" not in _envelope(bench).body
    await carry(bench)
    assert seen == [{"url": "hunter2", "more": [{"deep": "hunter2"}]}]


async def test_a_channel_that_cannot_be_made_is_tried_again():
    bench = await Bench().start()

    def make(kind, settings):
        raise Permanent("there is no such type")

    bench.sender._make = make
    await bench.send(alert())
    await deliver(bench)
    assert await attempts(bench) == [AttemptOutcome.RETRY]


async def test_a_delivery_past_its_deadline_is_not_sent():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    bench.clock.advance(21)
    assert await carry(bench) == []
    assert bench.channel.messages == []


async def test_a_repeated_delivery_is_answered_and_not_sent_again():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    envelope = _envelope(bench)
    await asyncio.gather(*(bench.relay._handle(envelope) for _ in range(3)))
    assert len(bench.channel.messages) == 1


async def test_a_delivery_that_another_notifier_had_is_ambiguous_and_not_sent():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.delivering.run(bench.leases)
    queue = bench.bus._queue(DELIVERIES).waiting
    queue[0].envelope = msgspec.structs.replace(queue[0].envelope, redelivered=True)
    await carry(bench)
    assert await attempts(bench) == [AttemptOutcome.AMBIGUOUS]
    bench.clock.advance(timedelta(seconds=2).total_seconds())
    await deliver(bench)
    assert len(bench.channel.messages) == 1


async def test_what_is_not_a_delivery_is_refused_for_good():
    bench = await Bench().start()
    with pytest.raises(Permanent):
        await bench.relay._handle(Envelope(id="x", body=b"\xff\xfe"))
    with pytest.raises(Permanent):
        unpack_receipt(Envelope(id="x", body=b"{}"))
