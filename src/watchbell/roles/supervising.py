"""Loops that never end before they are told to: a fault in one is logged, counted, and tried again after a pause.

A lost lease is no fault: whoever supervises is told, and the loop goes on with what is still held.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from watchbell.domain.errors import Fenced, Retryable
from watchbell.ports.telemetry import Telemetry

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds after the first, second, … fault in a row; the last one for all further."""

_log = structlog.get_logger("supervising")


class Loop(msgspec.Struct, frozen=True, kw_only=True):
    """Something done again and again. `tick` returns whether there is more to do at once.

    `every` is in seconds; `bell` cuts the pause short.
    """

    name: str
    tick: Callable[[], Awaitable[bool]]
    every: float
    bell: asyncio.Event | None = None


async def supervise(
    loops: Sequence[Loop], stop: asyncio.Event, telemetry: Telemetry, fenced: Callable[[], Awaitable[None]]
) -> None:
    """Run all loops until `stop`; a tick under way is finished first."""
    await asyncio.gather(*(_spin(loop, stop, telemetry, fenced) for loop in loops))


async def _spin(loop: Loop, stop: asyncio.Event, telemetry: Telemetry, fenced: Callable[[], Awaitable[None]]) -> None:
    faults = 0
    while not stop.is_set():
        pause = loop.every
        try:
            if loop.bell is not None:
                loop.bell.clear()
            if await loop.tick():
                pause = 0.0
            faults = 0
        except Fenced:
            telemetry.count("leases_lost", loop=loop.name)
            await _tell(fenced, loop.name)
        except Retryable as error:
            pause = PAUSES[min(faults, len(PAUSES) - 1)]
            faults += 1
            telemetry.count("loop_retries", loop=loop.name)
            _log.warning("loop_retries", loop=loop.name, error=error.message, pause_seconds=pause)
        except Exception as error:  # task edge: one loop's fault must not end the others
            pause = PAUSES[min(faults, len(PAUSES) - 1)]
            faults += 1
            telemetry.count("loop_faults", loop=loop.name)
            _log.error("loop_fault", loop=loop.name, pause_seconds=pause, exc_info=error)
        await nap(pause, stop, loop.bell if not faults else None)


async def _tell(fenced: Callable[[], Awaitable[None]], name: str) -> None:
    try:
        await fenced()
    except Exception as error:  # task edge: what follows a lost lease must not end the loop
        _log.error("loop_fault", loop=name, exc_info=error)


async def nap(seconds: float, stop: asyncio.Event, bell: asyncio.Event | None = None) -> None:
    """Sleep, but not through a stop or a bell."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    events = [stop] if bell is None else [stop, bell]
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await wait
