"""Messages that webhooks received, on every store."""

from datetime import UTC, datetime, timedelta

from watchbell.domain.webhooks.received import ReceivedCall

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def call(number: int, name: str = "shop", minutes: float = 0) -> ReceivedCall:
    return ReceivedCall(
        id=f"c{number}",
        name=name,
        at=NOW - timedelta(minutes=minutes),
        content_type="application/json",
        query={"environment": "Test", "ü": "\u2028"},
        body='{"a": "ü"}',
        problem="" if number % 2 else "severity: is 'x'",
    )


async def test_they_come_back_as_they_were_newest_first(store):
    calls = [call(1, minutes=3), call(2, minutes=1), call(3, "other"), call(4, minutes=1)]
    async with store.transaction() as tx:
        for each in calls:
            await tx.received_calls.add(each)
    async with store.reading() as tx:
        assert await tx.received_calls.of("shop") == [calls[3], calls[1], calls[0]]
        assert await tx.received_calls.of("nothing") == []
        assert await tx.received_calls.names() == ["other", "shop"]


async def test_a_trim_keeps_the_newest_of_its_webhook_and_no_old_ones_of_any(store):
    async with store.transaction() as tx:
        for number in range(5):
            await tx.received_calls.add(call(number, minutes=number))
        await tx.received_calls.add(call(8, "other", minutes=1))
        await tx.received_calls.add(call(9, "other", minutes=100))
    async with store.transaction() as tx:
        await tx.received_calls.trim("shop", 2, NOW - timedelta(minutes=60))
        assert [each.id for each in await tx.received_calls.of("shop")] == ["c0", "c1"]
        assert [each.id for each in await tx.received_calls.of("other")] == ["c8"]
        await tx.received_calls.trim("shop", 0, NOW - timedelta(minutes=60))
        assert await tx.received_calls.names() == ["other"]
