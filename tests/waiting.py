"""Waiting in tests of coroutines: for what must come, and for everything that needs no time."""

import asyncio
from collections.abc import Callable

from servers.process import PATIENCE


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Poll until the condition holds; TimeoutError if it never does.

    `seconds` is what a machine with nothing else to do may take; a busy one gets a multiple of it.
    """
    async with asyncio.timeout(seconds * PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for is in plain lists, or in the store
            await asyncio.sleep(0.01)


async def turns(number: int = 200) -> None:
    """So many turns of the event loop: whatever waits for no thread, socket or clock gets as far as it can.

    A sleep of some milliseconds is no such promise: on a busy machine it is over after one or two turns.
    """
    for _ in range(number):
        await asyncio.sleep(0)
