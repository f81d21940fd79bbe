"""Health and results of checks, and the pulses of heartbeats, in SQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, literal, select

from watchbell.adapters.store.sql.codec import Codec
from watchbell.adapters.store.sql.tables import check_healths, check_results, heartbeat_pulses
from watchbell.adapters.store.sql.work import Work
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.heartbeat import Pulse
from watchbell.domain.checks.result import Result

_HEALTHS = Codec(Health, check_healths)
_RESULTS = Codec(Result, check_results)
_PULSES = Codec(Pulse, heartbeat_pulses)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_NEWEST = (check_results.c.started.desc(), check_results.c.run_id.desc())


class SqlCheckStates:
    """Tables `check_healths` and `check_results`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def healths(self, check_ids: Sequence[str] | None = None) -> dict[str, Health]:
        statement = select(*_HEALTHS.columns)
        if check_ids is not None:
            statement = statement.where(self._work.dialect.any_of(check_healths.c.check_id, list(check_ids)))
        found = _HEALTHS.structs(await self._work.locked(statement.order_by(check_healths.c.check_id), check_healths))
        return {health.check_id: health for health in found}

    async def save(self, healths: Sequence[Health]) -> None:
        await self._work.insert(check_healths, _HEALTHS.rows(healths), conflict=("check_id",))

    async def add_results(self, results: Sequence[Result]) -> None:
        await self._work.insert_new(check_results, _RESULTS.rows(results), conflict=("run_id",))

    async def results(self, check_id: str, limit: int = 100) -> list[Result]:
        return _RESULTS.structs(await self._work.rows(_newest(check_id, limit)))

    async def recent(self, check_ids: Sequence[str], limit: int = 30) -> dict[str, list[Result]]:
        groups: dict[str, list[Result]] = {}
        if not check_ids or limit <= 0:
            return groups
        wanted = self._work.dialect.rows_of("wanted", {"check_id": list(dict.fromkeys(check_ids))})
        # One short look into the index for each check finds when its newest ones began; never over all that is stored.
        counted = check_results.alias("counted")
        began = select(counted.c.started).where(counted.c.check_id == wanted.c.check_id)
        first = began.order_by(counted.c.started.desc()).offset(limit - 1).limit(1).scalar_subquery()
        since = func.coalesce(first, literal(_LONG_AGO, check_results.c.started.type))
        mine = (check_results.c.check_id == wanted.c.check_id) & (check_results.c.started >= since)
        statement = select(*_RESULTS.columns).join_from(wanted, check_results, mine)
        for result in _RESULTS.structs(await self._work.rows(statement)):
            groups.setdefault(result.check_id, []).append(result)
        for found in groups.values():
            found.sort(key=lambda result: (result.started, result.run_id))
            del found[:-limit]  # some may have begun at the same time
        return groups

    async def forget(self, check_ids: Sequence[str]) -> None:
        any_of = self._work.dialect.any_of
        await self._work.delete(check_healths, any_of(check_healths.c.check_id, list(check_ids)))
        await self._work.delete(check_results, any_of(check_results.c.check_id, list(check_ids)))

    async def trim(self, before: datetime, limit: int) -> int:
        old = select(check_results.c.run_id).where(check_results.c.started < before)
        oldest = old.order_by(check_results.c.started, check_results.c.run_id).limit(limit)
        return await self._work.delete(check_results, check_results.c.run_id.in_(oldest))


def _newest(check_id: str, limit: int) -> Any:
    mine = select(*_RESULTS.columns).where(check_results.c.check_id == check_id)
    return mine.order_by(*_NEWEST).limit(max(limit, 0))


class SqlPulses:
    """Table `heartbeat_pulses`."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, heartbeat_ids: Sequence[str] | None = None) -> dict[str, Pulse]:
        statement = select(*_PULSES.columns)
        if heartbeat_ids is not None:
            any_of = self._work.dialect.any_of
            statement = statement.where(any_of(heartbeat_pulses.c.heartbeat_id, list(heartbeat_ids)))
        statement = statement.order_by(heartbeat_pulses.c.heartbeat_id)
        found = _PULSES.structs(await self._work.locked(statement, heartbeat_pulses))
        return {pulse.heartbeat_id: pulse for pulse in found}

    async def save(self, pulses: Sequence[Pulse]) -> None:
        await self._work.insert(heartbeat_pulses, _PULSES.rows(pulses), conflict=("heartbeat_id",))

    async def forget(self, heartbeat_ids: Sequence[str]) -> None:
        any_of = self._work.dialect.any_of
        await self._work.delete(heartbeat_pulses, any_of(heartbeat_pulses.c.heartbeat_id, list(heartbeat_ids)))
