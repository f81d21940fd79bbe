"""Making the archive of events of what the collector spools: in a process of its own, out of the way of mapping.

The process is started again when it dies; what it had not done is still in the spool. On a stop it gets the time to
make the last files, which the collector completes when it leaves; what it does not make comes at the next start.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Callable

import structlog

LOOK_EVERY_S = 0.5
RESTART_AFTER_S = 2.0
STOP_WITHIN_S = 40.0

_log = structlog.get_logger("explore")


async def run_archiver(work: Callable[[], None], done: Callable[[], bool], stop: asyncio.Event) -> None:
    """Keeps `work` running in another process (so it must be picklable) until told to stop and `done` says so."""
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=work, name="watchbell-archiver", daemon=True)
    process.start()
    leave_by = 0.0
    try:
        while True:
            if not process.is_alive():
                _log.error("archiver_died", exit_code=process.exitcode, again_in_seconds=RESTART_AFTER_S)
                await asyncio.sleep(RESTART_AFTER_S)
                process = context.Process(target=work, name="watchbell-archiver", daemon=True)
                process.start()
            if stop.is_set():
                leave_by = leave_by or time.monotonic() + STOP_WITHIN_S
                if done() or time.monotonic() > leave_by:
                    return
                await asyncio.sleep(LOOK_EVERY_S / 2)
                continue
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await stop.wait()
            except TimeoutError:
                continue
    finally:
        process.terminate()
        await asyncio.to_thread(process.join, 5.0)
        if process.is_alive():
            process.kill()
