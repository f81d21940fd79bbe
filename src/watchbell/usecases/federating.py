"""Federating: a keeper tells other installations what was written down for them, until they take it.

Each destination has a lane of its own. Messages about one alert go in order, one after another; several alerts go at
the same time. When a destination takes nothing, its lane pauses, longer each time, and then tries one message first;
nothing of it is lost before `give_up_after`. What it refuses for good, and what it fails at again and again, is left
out, and counted. A keeper that dies after a message was taken and before that was recorded has it sent a second time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from watchbell.domain.errors import Fenced, Permanent, Retryable, WatchbellError
from watchbell.ports.clock import Clock
from watchbell.ports.remote import Remote, Unwell
from watchbell.ports.store import Lease, OutboxRow, Store
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.forwarding import FORWARD, forward_of

BATCH = 100
AT_ONCE = 8
"""Messages that are under way to one destination at a time."""
CLAIM = timedelta(minutes=30)
"""More than a batch takes; whoever takes over the shard does not wait for it."""
PAUSES = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds after the first, second, … failure of a destination until it is tried again."""
FAILURES = 5
"""How often a destination may fail at one message, where it takes others."""

_log = structlog.get_logger("forwarding")


class _Turn(msgspec.Struct):
    """What came of some rows: those that are done with, whether any was answered, why the destination takes no more."""

    done: list[str]
    answered: bool = False
    trouble: Retryable | None = None


class _Lane:
    """What is known of one destination."""

    def __init__(self, name: str, remote: Remote) -> None:
        self.name = name
        self.remote = remote
        self.failures = 0
        self.until: datetime | None = None
        self.unwell: dict[str, int] = {}
        self.task: asyncio.Task[None] | None = None


class Federating:
    """Tells destinations. `held` is the live view of the shards that this keeper holds."""

    def __init__(
        self,
        store: Store,
        remotes: Mapping[str, Remote],
        clock: Clock,
        telemetry: Telemetry,
        *,
        held: Mapping[int, Lease],
        give_up_after: float = 86400.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._telemetry = telemetry
        self._held = held
        self._give_up_after = timedelta(seconds=give_up_after)
        self._lanes = [_Lane(name, remote) for name, remote in remotes.items()]
        self._closing = False

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of outbox rows that are taken here."""
        return frozenset(f"{FORWARD}{lane.name}" for lane in self._lanes)

    async def run(self) -> int:
        """Have every lane that is free look for messages; returns how many were free. Waits for none of them."""
        now = self._clock.now()
        free = [
            lane
            for lane in self._lanes
            if (lane.task is None or lane.task.done()) and (lane.until is None or lane.until <= now)
        ]
        if self._closing or not self._held:
            return 0
        for lane in free:
            lane.task = asyncio.create_task(self._work(lane), name=f"forward {lane.name}")
        return len(free)

    async def settle(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*(lane.task for lane in self._lanes if lane.task is not None), return_exceptions=True)

    async def close(self) -> None:
        """Begin nothing more, and wait for what is under way; what waits is told by the next keeper."""
        self._closing = True
        await self.settle()

    async def _work(self, lane: _Lane) -> None:
        """Send all that waits, until there is no more, or the destination takes no more."""
        try:
            while not self._closing:
                leases = list(self._held.values())
                rows = await self._claim(lane, leases)
                if not rows:
                    return
                turn = await self._turn(lane, rows)
                await self._record(leases, rows, turn)
                self._judge(lane, turn)
                if turn.trouble is not None:
                    return
        except Fenced:
            # What was sent and not recorded is sent again, by whoever holds the shard now.
            _log.warning("forward_not_recorded", destination=lane.name, error="the shard has moved")
        except WatchbellError as error:
            _log.warning("forward_not_recorded", destination=lane.name, error=error.message)
        except Exception as error:  # task edge: what nobody foresaw must not end the lane for good
            self._pause(lane)
            _log.error("forward_failed", destination=lane.name, exc_info=error)

    async def _claim(self, lane: _Lane, leases: Sequence[Lease]) -> list[OutboxRow]:
        now = self._clock.now()
        limit = 1 if lane.failures else BATCH
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            return await tx.outbox.claim(FORWARD + lane.name, leases, now, now + CLAIM, limit, taking_over=True)

    async def _turn(self, lane: _Lane, rows: Sequence[OutboxRow]) -> _Turn:
        turn = _Turn(done=[])
        queues: dict[str, list[OutboxRow]] = {}
        for row in rows:
            queues.setdefault(row.subject, []).append(row)
        turns = asyncio.Semaphore(AT_ONCE)

        async def follow(queue: Sequence[OutboxRow]) -> None:
            async with turns:
                for row in queue:
                    if turn.trouble is not None or self._closing:
                        return
                    trouble = await self._sent(lane, row, turn)
                    if trouble is not None:
                        turn.trouble = trouble
                        return
                    turn.done.append(row.id)

        await asyncio.gather(*(follow(queue) for queue in queues.values()))
        return turn

    async def _sent(self, lane: _Lane, row: OutboxRow, turn: _Turn) -> Retryable | None:
        """Send one; what keeps the destination from taking it, None when it is done with."""
        forward = forward_of(row)
        if forward is None:
            _log.error("forward_unreadable", destination=lane.name, row=row.id)
            return None
        try:
            await lane.remote.send(forward)
        except Permanent as error:
            turn.answered = True
            self._leave(lane, row, "refused", error.message)
        except Retryable as error:
            if not self._is_hopeless(lane, row, error):
                self._telemetry.count("forward_messages", destination=lane.name, outcome="failed")
                return error
            turn.answered = turn.answered or isinstance(error, Unwell)
            self._leave(lane, row, "given_up", error.message)
        else:
            turn.answered = True
            self._telemetry.count("forward_messages", destination=lane.name, outcome="sent")
        lane.unwell.pop(row.id, None)
        return None

    def _is_hopeless(self, lane: _Lane, row: OutboxRow, error: Retryable) -> bool:
        if isinstance(error, Unwell):
            lane.unwell[row.id] = lane.unwell.get(row.id, 0) + 1
        old = self._clock.now() - row.created_at > self._give_up_after
        return old or lane.unwell.get(row.id, 0) >= FAILURES

    def _leave(self, lane: _Lane, row: OutboxRow, outcome: str, why: str) -> None:
        self._telemetry.count("forward_messages", destination=lane.name, outcome=outcome)
        _log.error("forward_left_out", destination=lane.name, alert=row.subject, outcome=outcome, error=why)

    async def _record(self, leases: Sequence[Lease], rows: Sequence[OutboxRow], turn: _Turn) -> None:
        done = set(turn.done)
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            await tx.outbox.done(turn.done)
            for row in rows:
                if row.id not in done:
                    # As long as it was: later messages about the same alert must not overtake it.
                    await tx.outbox.postpone(row.id, row.available_at)

    def _judge(self, lane: _Lane, turn: _Turn) -> None:
        if turn.trouble is None:
            if turn.answered:
                if lane.failures:
                    _log.info("forward_works_again", destination=lane.name)
                lane.failures, lane.until = 0, None
                self._telemetry.gauge("forward_up", 1, destination=lane.name)
            return
        pause = self._pause(lane, turn.trouble.retry_after)
        self._telemetry.gauge("forward_up", 0, destination=lane.name)
        _log.warning(
            "forward_waits", destination=lane.name, error=turn.trouble.message, failures=lane.failures, seconds=pause
        )

    def _pause(self, lane: _Lane, asked: float = 0.0) -> float:
        pause = max(PAUSES[min(lane.failures, len(PAUSES) - 1)], min(asked, PAUSES[-1]))
        lane.failures += 1
        lane.until = self._clock.now() + timedelta(seconds=pause)
        return pause
