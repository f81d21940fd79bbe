"""The keeper's part in checks: it sends runs to workers when they are due, and judges what comes back.

The schedule is memory; what is not answered in time becomes a result of its own. When the bus is away nothing is run,
and nothing is blamed on the checks.
"""

from collections.abc import Mapping, Sequence

import structlog

from watchbell.domain.checks.placement import Placed, place_all
from watchbell.domain.checks.result import Result
from watchbell.domain.errors import Fenced, Retryable, WatchbellError
from watchbell.domain.ids import shard_of
from watchbell.ports.bus import Bus, Envelope
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store
from watchbell.ports.telemetry import Telemetry
from watchbell.roles.worker import pack_runs, unpack_results
from watchbell.usecases.configuration import Configured
from watchbell.usecases.group_commit import GroupCommit
from watchbell.usecases.judging import Judging
from watchbell.usecases.scheduling import Dispatch, Schedule
from watchbell.usecases.waking import Taken, Wake

_log = structlog.get_logger("checking")


class Checking:
    """Schedules and judges the checks of the shards held."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        configured: Configured,
        clock: Clock,
        telemetry: Telemetry,
        *,
        held: Mapping[int, Lease],
        taken: Taken,
        wake: Wake,
    ) -> None:
        self._store = store
        self._bus = bus
        self._configured = configured
        self._clock = clock
        self._telemetry = telemetry
        self._held = held
        self._taken = taken
        self._wake = wake
        self._judging = Judging(store, taken, telemetry)
        self._schedule = Schedule()
        self._placed: dict[str, Placed] = {}
        self._loaded: tuple[int, frozenset[int]] = (-1, frozenset())
        self._results: GroupCommit[list[Result], None] = GroupCommit(self._judge, max_batch=50)

    async def tick(self) -> bool:
        """Load what changed, send what is due, and judge what nobody answered."""
        await self._load()
        now = self._clock.now()
        due = self._schedule.due(now)
        if due:
            await self._send(due)
        overdue = self._schedule.overdue(now)
        if overdue:
            await self._results.submit(overdue)
        return False

    async def handle(self, envelope: Envelope) -> None:
        """Judge a worker's results, with others in one transaction. `Retryable` when another keeper has to."""
        await self._results.submit(unpack_results(envelope))

    async def run_now(self, body: bytes) -> None:
        """Run a check beside its schedule, if it is held here."""
        dispatch = self._schedule.run_now(body.decode(errors="replace"), self._clock.now())
        if dispatch is not None:
            await self._send([dispatch])

    async def close(self) -> None:
        """Judge what was taken."""
        await self._results.close()

    async def _send(self, dispatches: Sequence[Dispatch]) -> None:
        try:
            for topic, envelopes in pack_runs(dispatches).items():
                await self._bus.publish(topic, envelopes)
        except Retryable as error:
            self._schedule.withdraw(dispatches)
            self._telemetry.count("check_runs_unsent", len(dispatches))
            _log.warning("runs_unsent", runs=len(dispatches), error=error.message)

    async def _load(self) -> None:
        """Hold the checks of the shards held, as they are configured now."""
        config = await self._configured.current()
        shards = frozenset(self._held)
        if (config.version, shards) == self._loaded:
            return
        everything = place_all(config.checks.values(), config.hosts)
        mine = {key: placed for key, placed in everything.items() if shard_of(key) in shards}
        # From now on results of checks that are gone count for nothing.
        self._placed = mine
        await self._judging.retire(self._configured, shards, list(self._held.values()), self._clock.now())
        await self._wake(sorted(self._taken.drain()))
        async with self._store.reading() as tx:
            healths = await tx.checks.healths(list(mine)) if mine else {}
        self._schedule.load(mine, healths, self._clock.now())
        self._loaded = (config.version, shards)
        self._telemetry.gauge("checks_scheduled", len(self._schedule))

    async def _judge(self, batches: Sequence[list[Result]]) -> Sequence[WatchbellError | None]:
        results = [result for batch in batches for result in batch]
        mine = [result for result in results if shard_of(result.check_id) in self._held]
        shards = {shard_of(result.check_id) for result in mine}
        leases = [self._held[shard] for shard in sorted(shards)]
        if mine:
            now = self._clock.now()
            try:
                verdicts = await self._judging.judge(self._placed, mine, leases, now)
            except Fenced as error:
                raise Retryable("the shard has moved to another keeper") from error
            self._schedule.judged(mine, verdicts.healths, now)
            recorded = self._clock.now()
            for result in verdicts.accepted:
                age = (recorded - result.started).total_seconds() - result.duration
                self._telemetry.observe("stage_seconds", max(age, 0.0), stage="judge")
            await self._wake(sorted(self._taken.drain()))
        lost = Retryable("this keeper does not hold the shard")
        return [None if all(shard_of(r.check_id) in shards for r in batch) else lost for batch in batches]
