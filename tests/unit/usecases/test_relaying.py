"""Bulkheads: one channel that hangs holds up nobody else, and is bounded itself."""

import asyncio
from datetime import timedelta

import pytest

from oncall_bench import Bench
from waiting import turns
from watchbell.domain.oncall.incident import AttemptOutcome
from watchbell.domain.oncall.message import Delivery, Message, Receipt
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import START, HandClock
from watchbell.usecases.relaying import AT_ONCE, WAITING, Sender


class Hanging:
    """A provider that accepts and says nothing, until it is let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = asyncio.Event()

    async def send(self, message: Message) -> Receipt:
        self.begun += 1
        await self.go.wait()
        return Receipt()

    async def close(self) -> None:
        self.go.set()


class Quick:
    async def send(self, message: Message) -> Receipt:
        return Receipt()

    async def close(self) -> None:
        """Nothing is held."""


class Broken(Quick):
    async def send(self, message: Message) -> Receipt:
        raise KeyError("a fault")


AMPLE = 60.0


def delivery(channel: str, number: int = 0, seconds: float = AMPLE) -> Delivery:
    """One whose sender has so many seconds from the moment that it is given it: the clock stands still."""
    message = Message(
        id=f"{channel}-{number}", to="", purpose="alert", title="t", text="t", severity="major", created_at=START
    )
    return Delivery(
        outbox_id="o",
        shard=0,
        attempt=1,
        channel=channel,
        type=channel,
        config={},
        message=message,
        deadline=START + timedelta(seconds=seconds),
    )


@pytest.fixture
def hanging() -> Hanging:
    return Hanging()


@pytest.fixture
def sender(hanging: Hanging) -> Sender:
    channels = {"slow": hanging, "fast": Quick(), "broken": Broken()}
    return Sender(lambda kind, settings: channels[kind], Bench().vault, HandClock(START), NullTelemetry())


async def test_a_slow_channel_does_not_hold_up_another(sender, hanging):
    slow = [asyncio.create_task(sender.send(delivery("slow", n))) for n in range(50)]
    await turns()
    quick = await asyncio.wait_for(sender.send(delivery("fast")), AMPLE)
    assert quick is not None
    assert quick.outcome is AttemptOutcome.ACCEPTED
    assert hanging.begun == AT_ONCE
    hanging.go.set()
    assert {(await task).outcome for task in slow} == {AttemptOutcome.ACCEPTED}


async def test_more_than_a_channel_can_hold_is_handed_back_at_once(sender, hanging):
    slow = [asyncio.create_task(sender.send(delivery("slow", n))) for n in range(WAITING)]
    await turns()
    refused = await sender.send(delivery("slow", WAITING))
    assert refused is not None
    assert (refused.outcome, refused.retry_after) == (AttemptOutcome.RETRY, 5.0)
    hanging.go.set()
    await asyncio.gather(*slow)


async def test_no_turn_before_half_of_the_time_is_no_attempt_at_the_provider(sender, hanging):
    slow = [asyncio.create_task(sender.send(delivery("slow", n))) for n in range(AT_ONCE)]
    await turns()
    late = await sender.send(delivery("slow", 99, seconds=0.2))
    assert late is not None
    assert late.outcome is AttemptOutcome.RETRY
    assert "busy" in late.detail
    hanging.go.set()
    await asyncio.gather(*slow)


async def test_a_provider_that_does_not_answer_is_ambiguous(sender):
    attempt = await sender.send(delivery("slow", seconds=0.1))
    assert attempt is not None
    assert attempt.outcome is AttemptOutcome.AMBIGUOUS


async def test_a_fault_in_a_channel_is_ambiguous_and_ends_nothing(sender):
    attempt = await sender.send(delivery("broken"))
    assert attempt is not None
    assert (attempt.outcome, attempt.detail) == (AttemptOutcome.AMBIGUOUS, "the channel type broken failed: KeyError")
    await sender.close()
