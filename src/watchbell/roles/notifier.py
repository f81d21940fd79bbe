"""The notifier: sends what keepers hand over by the bus, and returns receipts.

Needs nothing but the bus and the way out.

On `stop` it takes no more, finishes what is being sent, returns the receipts and closes the channels.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from watchbell.domain.errors import Permanent
from watchbell.ports.bus import Bus
from watchbell.ports.channel import Channel
from watchbell.ports.clock import Clock
from watchbell.ports.telemetry import Telemetry
from watchbell.toolkit.sending import SendingTools
from watchbell.toolkit.settings import read
from watchbell.usecases.relaying import MakeChannel, Relay, Sender

_log = structlog.get_logger("notifier")


def channel_maker(types: Mapping[str, Any], tools: SendingTools) -> MakeChannel:
    """Makes channels from the table of channel types: `Type(Type.Config from the settings, tools)`."""

    def make(kind: str, settings: dict[str, Any]) -> Channel:
        cls = types.get(kind)
        if cls is None:
            raise Permanent(f"there is no channel type {kind!r} here; there are {', '.join(sorted(types))}")
        return cls(read(cls.Config, settings), tools)

    return make


class Notifier:
    """One notifier process."""

    def __init__(self, bus: Bus, sender: Sender, clock: Clock, telemetry: Telemetry) -> None:
        self._relay = Relay(bus, sender, clock, telemetry)
        self._sender = sender

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until told to stop."""
        await self._relay.start()
        _log.info("notifier_started")
        await stop.wait()
        await self._relay.stop()
        await self._sender.close()
        _log.info("notifier_stopped")
