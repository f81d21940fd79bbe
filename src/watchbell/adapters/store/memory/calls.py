"""Messages that webhooks received, in memory."""

from datetime import datetime

from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.webhooks.received import ReceivedCall


class MemoryReceivedCalls:
    """Table `received_calls` (by id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def add(self, call: ReceivedCall) -> None:
        self._tables.edit("received_calls")[call.id] = call

    async def of(self, name: str) -> list[ReceivedCall]:
        mine = [call for call in self._tables.read("received_calls").values() if call.name == name]
        return sorted(mine, key=lambda call: (call.at, call.id), reverse=True)

    async def names(self) -> list[str]:
        return sorted({call.name for call in self._tables.read("received_calls").values()})

    async def trim(self, name: str, keep: int, before: datetime) -> None:
        gone = [call.id for call in (await self.of(name))[keep:]]
        gone += [call.id for call in self._tables.read("received_calls").values() if call.at < before]
        self._tables.drop("received_calls", gone)
