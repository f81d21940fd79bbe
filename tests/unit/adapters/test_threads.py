"""Threads for work of others: one lane that is stuck holds up no other."""

import asyncio
import threading

import pytest

from watchbell.adapters.threads import LaneThreads
from watchbell.domain.errors import Overloaded
from watchbell.ports.threads import Late

SOON = 0.05  # seconds, of calls that wait until the test lets them go
AMPLE = 30.0


@pytest.fixture
def let_go():
    event = threading.Event()
    yield event
    event.set()


async def test_work_is_done_in_another_thread_and_its_result_comes_back():
    threads = LaneThreads(2)
    assert await threads.run("a", threading.get_ident, AMPLE) != threading.get_ident()


async def test_what_it_raises_comes_out():
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        await LaneThreads(1).run("a", fail, AMPLE)


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), StopIteration(), GeneratorExit()])
async def test_what_would_end_the_process_is_an_ordinary_error(raised):
    def leave():
        raise raised

    with pytest.raises(RuntimeError, match=type(raised).__name__):
        await LaneThreads(1).run("a", leave, AMPLE)


async def test_a_time_out_of_its_own_is_not_late():
    def give_up():
        raise TimeoutError("a server of mine")

    with pytest.raises(TimeoutError, match="a server of mine"):
        await LaneThreads(1).run("a", give_up, AMPLE)


async def test_one_that_does_not_end_is_late_and_another_lane_goes_on(let_go):
    threads = LaneThreads(1)
    with pytest.raises(Late):
        await threads.run("stuck", let_go.wait, SOON)
    assert await threads.run("free", lambda: 7, AMPLE) == 7


async def test_a_lane_full_of_late_calls_is_refused_at_once_until_one_ends(let_go):
    threads = LaneThreads(2)
    late = await asyncio.gather(*(threads.run("a", let_go.wait, SOON) for _ in range(2)), return_exceptions=True)
    assert [type(error) for error in late] == [Late, Late]
    with pytest.raises(Overloaded, match="stuck"):
        await threads.run("a", lambda: 7, AMPLE)
    let_go.set()
    async with asyncio.timeout(AMPLE):
        while True:
            try:
                assert await threads.run("a", lambda: 7, AMPLE) == 7
            except Overloaded:
                await asyncio.sleep(0.01)
            else:
                break


async def test_who_waits_longer_than_allowed_for_a_turn_is_refused(let_go):
    threads = LaneThreads(1)
    first = asyncio.create_task(threads.run("a", let_go.wait, AMPLE))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="busy"):
        await threads.run("a", lambda: 7, SOON)
    let_go.set()
    assert await first
    assert await threads.run("a", lambda: 7, AMPLE) == 7


async def test_no_more_than_so_many_run_at_once():
    threads, inside, most = LaneThreads(3), 0, 0
    lock = threading.Lock()
    gate = threading.Barrier(3)

    def work():
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        gate.wait(AMPLE)
        with lock:
            inside -= 1

    await asyncio.gather(*(threads.run("a", work, AMPLE) for _ in range(9)))
    assert most == 3


async def test_a_caller_who_leaves_frees_the_place_when_the_call_ends(let_go):
    threads = LaneThreads(1)
    task = asyncio.create_task(threads.run("a", let_go.wait, AMPLE))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(Overloaded):
        await threads.run("a", lambda: 7, AMPLE)
    let_go.set()
    async with asyncio.timeout(AMPLE):
        while True:
            try:
                await threads.run("a", lambda: 7, AMPLE)
            except Overloaded:
                await asyncio.sleep(0.01)
            else:
                break
