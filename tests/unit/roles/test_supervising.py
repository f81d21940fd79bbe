import asyncio

from watchbell.domain.errors import Fenced, Retryable
from watchbell.ports.telemetry import NullTelemetry
from watchbell.roles.supervising import Loop, supervise


class Counting(NullTelemetry):
    def __init__(self) -> None:
        self.counted: list[str] = []

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        self.counted.append(name)


async def run(ticks, *, every: float = 0.0, bell: asyncio.Event | None = None) -> tuple[Counting, int]:
    """Run one loop whose ticks do, in turn, what `ticks` says; the last one stops it."""
    stop, telemetry, fences, script = asyncio.Event(), Counting(), 0, list(ticks)

    async def tick() -> bool:
        what = script.pop(0)
        if not script:
            stop.set()
        if isinstance(what, Exception):
            raise what
        return what

    async def fenced() -> None:
        nonlocal fences
        fences += 1

    async with asyncio.timeout(60):
        await supervise([Loop(name="test", tick=tick, every=every, bell=bell)], stop, telemetry, fenced)
    return telemetry, fences


async def test_faults_are_counted_and_the_loop_goes_on():
    telemetry, _ = await run([ValueError("fault"), False, Retryable("away"), True])
    assert telemetry.counted == ["loop_faults", "loop_retries"]


async def test_a_lost_lease_is_told():
    telemetry, fences = await run([Fenced(), False])
    assert (telemetry.counted, fences) == (["leases_lost"], 1)


async def test_more_to_do_means_no_pause():
    await run([True, True, True], every=3600)


async def test_a_bell_cuts_the_pause_short():
    bell = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, bell.set)
    await run([False, False], every=3600, bell=bell)
