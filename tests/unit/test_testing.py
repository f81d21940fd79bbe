import asyncio

import pytest

from watchbell.domain.errors import Retryable
from watchbell.domain.oncall.message import Message
from watchbell.testing import START, HandClock, RecordingChannel


async def test_sleepers_wake_in_order_when_the_clock_is_moved():
    clock, woken = HandClock(), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, (clock.now() - START).total_seconds()))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1, 2)]
    await asyncio.sleep(0)
    clock.advance(2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [seconds for seconds, _ in woken] == [1, 2]
    clock.advance(1)
    await asyncio.gather(*tasks)
    assert [seconds for seconds, _ in woken] == [1, 2, 3]
    assert (clock.now() - START).total_seconds() == 3


async def test_no_sleep_returns_at_once():
    await HandClock().sleep(0)


async def test_a_recording_channel_keeps_and_fails_as_told():
    channel = RecordingChannel()
    channel.failures.append(Retryable("busy"))
    message = Message(id="1", to="", purpose="alert", title="t", text="x", severity="major", created_at=START)
    with pytest.raises(Retryable):
        await channel.send(message)
    receipt = await channel.send(message)
    assert channel.sent == [message]
    assert receipt.reference == "recorded-1"
