"""When which check runs, and which results never came: the memory of a keeper for the shards that it holds.

Nothing here is durable, for it comes again: another keeper that loads the same checks computes the same due times and
the same run ids. No I/O, no clock: time is an argument. Costs O(log n) for each run.

- A check never runs twice at once: while a run is out, due times are skipped and counted (`overran`).
- After a pause, each check runs once; the times that went by are skipped and counted (`missed`).
- A run that nobody answered by its deadline becomes a result of status unknown (`overdue`), so that lost workers become
  alerts.
- A run that could not be handed to the bus is taken back (`withdraw`): that is the bus's problem to tell, not the
  check's.
"""

import hashlib
import heapq
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.checks.check import CheckRun
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.placement import Placed
from watchbell.domain.checks.result import Outcome, Result, Status
from watchbell.domain.checks.schedule import due_after, first_due, micros, moment, skipped
from watchbell.domain.ids import shard_of

PATIENCE = timedelta(seconds=10)
"""How long beyond its timeout a run may take to find a worker and to come back."""
NOBODY = "keeper"
"""Who signs the results of runs that nobody answered."""


class Dispatch(msgspec.Struct, frozen=True):
    """A run, and who shall do it."""

    site: str
    pool: str
    run: CheckRun

    @property
    def topic(self) -> str:
        """The bus's topic for the workers of the pool."""
        return checks_topic(self.site, self.pool)


def checks_topic(site: str, pool: str) -> str:
    """Where runs for a pool go."""
    return f"checks.{site}.{pool}"


def results_topic(shard: int) -> str:
    """Where results go: to the keeper that holds the check's shard."""
    return f"results.{shard}"


class _Entry:
    """One check."""

    __slots__ = ("due", "health", "out", "placed", "shard")

    def __init__(self, placed: Placed, health: Health) -> None:
        self.placed = placed
        self.health = health
        self.shard = shard_of(placed.check.id)
        self.due = 0
        self.out: set[str] = set()


class Schedule:
    """The due times of the checks that this keeper holds.

    `missed` and `overran` count what was skipped since the start.
    """

    def __init__(self, patience: timedelta = PATIENCE) -> None:
        self._patience = patience
        self._entries: dict[str, _Entry] = {}
        self._times: list[tuple[int, str]] = []
        self._deadlines: list[tuple[datetime, str]] = []
        self._out: dict[str, Dispatch] = {}
        self.missed = 0
        self.overran = 0

    def __len__(self) -> int:
        return len(self._entries)

    def load(self, checks: Mapping[str, Placed], healths: Mapping[str, Health], now: datetime) -> None:
        """Hold exactly these checks.

        Those already held keep their runs and, unless their interval changed, their due times. One that never ran is
        due at once, but for some seconds over which many are spread.
        """
        for gone in self._entries.keys() - checks.keys():
            self.remove(gone)
        for check_id, placed in checks.items():
            self.put(placed, healths.get(check_id), now)

    def put(self, placed: Placed, health: Health | None, now: datetime) -> None:
        """Hold a check, new or changed; a disabled one is let go. `health` None keeps what is known."""
        check = placed.check
        if not check.enabled:
            self.remove(check.id)
            return
        entry = self._entries.get(check.id)
        if entry is None:
            entry = self._entries[check.id] = _Entry(placed, health or Health(check_id=check.id))
            if health is None:
                self._plan_at(check.id, entry, first_due(check, micros(now)))
                return
        else:
            former, entry.placed = entry.placed.check, placed
            if health is not None and health.version >= entry.health.version:
                entry.health = health
            if (former.interval, former.retry_interval) == (check.interval, check.retry_interval):
                return
        self._plan(check.id, entry, micros(now))

    def remove(self, check_id: str) -> None:
        """Let a check go; what is out for it is forgotten."""
        entry = self._entries.pop(check_id, None)
        if entry is not None:
            for run_id in entry.out:
                self._out.pop(run_id, None)

    def holds(self, check_id: str) -> bool:
        """Whether the check is held."""
        return check_id in self._entries

    def due(self, now: datetime) -> list[Dispatch]:
        """The runs to send now, earliest first. Each is expected back until its deadline."""
        moment_now = micros(now)
        found: list[Dispatch] = []
        while self._times and self._times[0][0] <= moment_now:
            due, check_id = heapq.heappop(self._times)
            entry = self._entries.get(check_id)
            if entry is None or entry.due != due:
                continue  # it was planned anew since
            check = entry.placed.check
            missed, newest = skipped(check, entry.health, due, moment_now)
            self.missed += missed
            self._plan(check_id, entry, moment_now)
            if entry.out:
                self.overran += 1
            else:
                found.append(self._send(entry, moment(newest), now))
        return found

    def run_now(self, check_id: str, now: datetime) -> Dispatch | None:
        """A run beside the schedule, whatever else is out; None when the check is not held."""
        entry = self._entries.get(check_id)
        return None if entry is None else self._send(entry, now, now, manual=True)

    def judged(self, results: Iterable[Result], healths: Mapping[str, Health], now: datetime) -> None:
        """Note that runs came back, and the health that they made: a soft state may bring the next run forward."""
        for result in results:
            self._back(result.run_id)
        for check_id, health in healths.items():
            entry = self._entries.get(check_id)
            if entry is None or health.version < entry.health.version:
                continue
            changed = health.hard is not entry.health.hard
            entry.health = health
            if changed or not health.hard:
                self._plan(check_id, entry, micros(now))

    def overdue(self, now: datetime) -> list[Result]:
        """A result of status unknown for each run that nobody answered by its deadline."""
        found: list[Result] = []
        while self._deadlines and self._deadlines[0][0] <= now:
            _, run_id = heapq.heappop(self._deadlines)
            dispatch = self._back(run_id)
            if dispatch is not None:
                found.append(_unanswered(dispatch))
        return found

    def withdraw(self, dispatches: Iterable[Dispatch]) -> None:
        """Expect these back no more: they could not be sent."""
        for dispatch in dispatches:
            self._back(dispatch.run.run_id)

    def next_at(self) -> datetime | None:
        """When to look again; None when nothing is held and nothing is out."""
        times = [moment(self._times[0][0])] if self._times else []
        times += [self._deadlines[0][0]] if self._deadlines else []
        return min(times, default=None)

    @property
    def out(self) -> int:
        """How many runs are expected back."""
        return len(self._out)

    def _plan(self, check_id: str, entry: _Entry, after: int) -> None:
        self._plan_at(check_id, entry, due_after(entry.placed.check, entry.health, after))

    def _plan_at(self, check_id: str, entry: _Entry, due: int) -> None:
        if due != entry.due:
            entry.due = due
            heapq.heappush(self._times, (due, check_id))

    def _send(self, entry: _Entry, due: datetime, now: datetime, *, manual: bool = False) -> Dispatch:
        check = entry.placed.check
        run = CheckRun(
            run_id=run_id_of(check.id, due),
            check_id=check.id,
            name=check.name,
            type=check.type,
            config=check.config,
            address=entry.placed.address,
            host=check.host,
            timeout=check.timeout,
            shard=entry.shard,
            due=due,
            deadline=now + timedelta(seconds=check.timeout) + self._patience,
            manual=manual,
        )
        dispatch = Dispatch(check.site, check.pool, run)
        self._out[run.run_id] = dispatch
        entry.out.add(run.run_id)
        heapq.heappush(self._deadlines, (run.deadline, run.run_id))
        return dispatch

    def _back(self, run_id: str) -> Dispatch | None:
        dispatch = self._out.pop(run_id, None)
        if dispatch is not None:
            entry = self._entries.get(dispatch.run.check_id)
            if entry is not None:
                entry.out.discard(run_id)
        return dispatch


def run_id_of(check_id: str, due: datetime) -> str:
    """The id of a run: the same wherever it is computed, so that a run sent twice counts once."""
    digest = hashlib.blake2b(f"{check_id}/{micros(due)}".encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def _unanswered(dispatch: Dispatch) -> Result:
    run = dispatch.run
    summary = f"No worker answered (site {dispatch.site}, pool {dispatch.pool})"
    details = f"The run was due at {run.due.isoformat()} and its result was awaited until {run.deadline.isoformat()}."
    return Result(
        run_id=run.run_id,
        check_id=run.check_id,
        due=run.due,
        started=run.due,
        duration=0.0,
        worker=NOBODY,
        outcome=Outcome(status=Status.UNKNOWN, summary=summary, details=details),
        manual=run.manual,
    )
