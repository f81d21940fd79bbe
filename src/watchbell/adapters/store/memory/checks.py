"""Health and results of checks, and the pulses of heartbeats, in memory."""

from collections.abc import Sequence
from datetime import datetime

from watchbell.adapters.store.memory.tables import Tables
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.heartbeat import Pulse
from watchbell.domain.checks.result import Result


class MemoryCheckStates:
    """Tables `healths` (by check id) and `results` (by run id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def healths(self, check_ids: Sequence[str] | None = None) -> dict[str, Health]:
        rows = self._tables.read("healths")
        found = rows.values() if check_ids is None else self._tables.pick("healths", check_ids)
        return {health.check_id: health for health in found}

    async def save(self, healths: Sequence[Health]) -> None:
        self._tables.edit("healths").update({health.check_id: health for health in healths})

    async def add_results(self, results: Sequence[Result]) -> None:
        rows = self._tables.edit("results")
        for result in results:
            rows.setdefault(result.run_id, result)

    async def results(self, check_id: str, limit: int = 100) -> list[Result]:
        rows = self._tables.read("results").values()
        found = sorted((result for result in rows if result.check_id == check_id), key=_age, reverse=True)
        return found[:limit]

    async def recent(self, check_ids: Sequence[str], limit: int = 30) -> dict[str, list[Result]]:
        groups: dict[str, list[Result]] = {}
        for result in sorted(self._tables.read("results").values(), key=_age):
            if result.check_id in check_ids:
                groups.setdefault(result.check_id, []).append(result)
        return {check_id: found[max(len(found) - limit, 0) :] for check_id, found in groups.items()}

    async def forget(self, check_ids: Sequence[str]) -> None:
        self._tables.drop("healths", check_ids)
        gone = [result.run_id for result in self._tables.read("results").values() if result.check_id in check_ids]
        self._tables.drop("results", gone)

    async def trim(self, before: datetime, limit: int) -> int:
        rows = self._tables.read("results").values()
        old = sorted((result for result in rows if result.started < before), key=_age)
        return self._tables.drop("results", [result.run_id for result in old[:limit]])


def _age(result: Result) -> tuple[datetime, str]:
    return result.started, result.run_id


class MemoryPulses:
    """Table `pulses` (by heartbeat id)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, heartbeat_ids: Sequence[str] | None = None) -> dict[str, Pulse]:
        rows = self._tables.read("pulses")
        found = rows.values() if heartbeat_ids is None else self._tables.pick("pulses", heartbeat_ids)
        return {pulse.heartbeat_id: pulse for pulse in found}

    async def save(self, pulses: Sequence[Pulse]) -> None:
        self._tables.edit("pulses").update({pulse.heartbeat_id: pulse for pulse in pulses})

    async def forget(self, heartbeat_ids: Sequence[str]) -> None:
        self._tables.drop("pulses", heartbeat_ids)
