import asyncio

import pytest

from waiting import turns
from watchbell.domain.errors import Invalid, Overloaded, Retryable
from watchbell.usecases.group_commit import GroupCommit


class Log:
    """Applies numbers by doubling them; keeps the batches; fails as it is told."""

    def __init__(self):
        self.batches = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.poison = None
        self.error = None

    async def __call__(self, batch):
        await self.gate.wait()
        self.batches.append(list(batch))
        if self.error is not None:
            raise self.error
        if self.poison in batch:
            raise ValueError("poison")
        return [Invalid("negative") if item < 0 else item * 2 for item in batch]


@pytest.fixture
async def log():
    return Log()


async def gather(commit, *items):
    return await asyncio.gather(*(commit.submit(item) for item in items), return_exceptions=True)


async def test_each_hears_of_its_own_outcome(log):
    commit = GroupCommit(log)
    assert await gather(commit, 1, 2, 3) == [2, 4, 6]
    assert log.batches == [[1, 2, 3]]


async def test_what_arrives_during_a_commit_goes_with_the_next(log):
    commit = GroupCommit(log)
    log.gate.clear()
    first = asyncio.create_task(commit.submit(1))
    await turns()
    others = [asyncio.create_task(commit.submit(n)) for n in (2, 3)]
    await turns()
    log.gate.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6]
    assert log.batches == [[1], [2, 3]]


async def test_a_batch_is_no_larger_than_it_may_be(log):
    commit = GroupCommit(log, max_batch=2)
    assert await gather(commit, 1, 2, 3, 4, 5) == [2, 4, 6, 8, 10]
    assert [len(batch) for batch in log.batches] == [2, 2, 1]


async def test_an_error_of_one_item_is_that_items_alone(log):
    one, bad, two = await gather(GroupCommit(log), 1, -1, 2)
    assert (one, two) == (2, 4)
    assert isinstance(bad, Invalid)


async def test_a_poison_item_fails_alone(log):
    log.poison = 2
    one, bad, three = await gather(GroupCommit(log), 1, 2, 3)
    assert (one, three) == (2, 6)
    assert isinstance(bad, ValueError)
    assert log.batches == [[1, 2, 3], [1], [2], [3]]


async def test_a_lost_database_is_told_to_all_and_not_asked_again(log):
    log.error = Retryable("away")
    outcomes = await gather(GroupCommit(log), 1, 2)
    assert all(isinstance(outcome, Retryable) for outcome in outcomes)
    assert log.batches == [[1, 2]]


async def test_it_goes_on_after_a_failure(log):
    commit = GroupCommit(log)
    log.error = Retryable("away")
    await gather(commit, 1)
    log.error = None
    assert await commit.submit(2) == 4


async def test_a_full_queue_refuses_at_once(log):
    commit = GroupCommit(log, max_waiting=2)
    log.gate.clear()
    held = [asyncio.create_task(commit.submit(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refusal:
        await commit.submit(3)
    assert refusal.value.retry_after > 0
    log.gate.set()
    assert await asyncio.gather(*held) == [2, 4]


async def test_closing_applies_what_was_taken_and_takes_no_more(log):
    commit = GroupCommit(log)
    log.gate.clear()
    held = [asyncio.create_task(commit.submit(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(commit.close())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await commit.submit(3)
    log.gate.set()
    await closing
    assert await asyncio.gather(*held) == [2, 4]


async def test_closing_what_was_never_used(log):
    await GroupCommit(log).close()
    assert log.batches == []


async def test_who_gives_up_waiting_harms_no_other(log):
    commit = GroupCommit(log)
    log.gate.clear()
    first, second = (asyncio.create_task(commit.submit(n)) for n in (1, 2))
    await turns()
    first.cancel()
    log.gate.set()
    assert await second == 4
    with pytest.raises(asyncio.CancelledError):
        await first
