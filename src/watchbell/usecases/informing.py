"""Informing: telling plug-ins what has happened to alerts, after it has been committed.

A keeper claims rows of its shards. Those of one alert are told in order, one after another; different alerts do not
wait for each other. A row is done when every plug-in has been asked: if the process ends before, all are asked again,
here or by another keeper. A plug-in that fails is asked again after each of `PAUSES`, then given up; one that is late
is not, for it may still be at it. Losing a lease leaves the row to whoever has it now.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec
import structlog

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.amend import Amendment, amendment_of, changed_quietly
from watchbell.domain.errors import Fenced, Retryable, WatchbellError
from watchbell.domain.ids import AlertId
from watchbell.ports.alert_plugin import Action
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, OutboxRow, Store, Transaction
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.consulting import REFUSALS, Consulting, Failed
from watchbell.usecases.group_commit import GroupCommit
from watchbell.usecases.hooking import PLUGIN, HookCall, call_of, hook_row
from watchbell.usecases.operating import locked, record

BATCH = 200
IN_HAND = 1000
"""Rows that are being told, or wait for one of the same alert, at a time."""
CLAIM = timedelta(seconds=60)
"""What is in hand longer is claimed again, and let be."""
PAUSES = (5.0, 30.0, 120.0, 600.0)
"""Seconds after the first, second, … failure of a plug-in until it is asked again."""

_log = structlog.get_logger("informing")


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a row: what plug-ins want changed, and the row that takes its place when some failed."""

    row: OutboxRow
    alert_id: AlertId
    amendment: Amendment = Amendment()
    again: OutboxRow | None = None


class Informing:
    """Tells plug-ins. `held` is the live view of the shards that this keeper holds."""

    def __init__(
        self, store: Store, consulting: Consulting, clock: Clock, telemetry: Telemetry, *, held: Mapping[int, Lease]
    ) -> None:
        self._store = store
        self._consulting = consulting
        self._clock = clock
        self._telemetry = telemetry
        self._held = held
        self._rows: set[str] = set()
        self._queues: dict[str, list[tuple[OutboxRow, HookCall]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._done: GroupCommit[_Told, None] = GroupCommit(self._record)

    @property
    def wanted(self) -> bool:
        """Whether any plug-in wants to be told of anything."""
        return self._consulting.asks("post_receive", "post_action")

    async def run(self, leases: Sequence[Lease]) -> int:
        """Claim what is to be told in the leases' shards, and begin with it; returns how many rows were new."""
        room = min(BATCH, IN_HAND - len(self._rows))
        if not leases or room <= 0 or not self.wanted:
            return 0
        now = self._clock.now()
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            # What a keeper had that lost its lease comes first: later rows of the same alert must not overtake it.
            rows = await tx.outbox.claim(PLUGIN, leases, now, now + CLAIM, room, taking_over=True)
            rows = [row for row in rows if row.id not in self._rows]
            calls = {row.id: call for row in rows if (call := call_of(row)) is not None}
            unread = [row.id for row in rows if row.id not in calls]
            await tx.outbox.done(unread)
        if unread:
            _log.error("plugin_call_unreadable", rows=len(unread))
        fresh = [(row, calls[row.id]) for row in rows if row.id in calls]
        for row, call in sorted(fresh, key=lambda pair: pair[1].alert.version):
            self._take(row, call)
        return len(fresh)

    async def close(self) -> None:
        """Begin nothing more, and wait for what has begun; what waits is told by the next keeper."""
        self._closing = True
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._done.close()

    def _take(self, row: OutboxRow, call: HookCall) -> None:
        self._rows.add(row.id)
        queue = self._queues.get(row.subject)
        if queue is not None:
            queue.append((row, call))
            return
        self._queues[row.subject] = [(row, call)]
        task = asyncio.create_task(self._work(row.subject), name="inform")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, subject: str) -> None:
        """Tell everything that is known of one alert, in order."""
        queue = self._queues[subject]
        try:
            while queue and not self._closing:
                row, call = queue.pop(0)
                try:
                    await self._done.submit(await self._told(row, call))
                except WatchbellError as error:
                    # The store or the lease is away: the claim runs out, and it is told again.
                    _log.warning("plugin_call_not_recorded", alert=subject, error=error.message)
                finally:
                    self._rows.discard(row.id)
        finally:
            self._rows.difference_update(row.id for row, _ in queue)
            del self._queues[subject]

    async def _told(self, row: OutboxRow, call: HookCall) -> _Told:
        """Ask the plug-ins, each with the alert as the one before left it."""
        shown, failed = call.alert, list[str]()
        action = Action(word=call.action, text=call.text, timeout=call.timeout)
        for one, given in await self._consulting.wanted(call.hook, call.alert, call.user):
            if call.left is not None and one.name not in call.left:
                continue
            try:
                shown = await self._consulting.inform(one, call.hook, shown, action, given)
            except REFUSALS as error:
                _log.warning("plugin_refuses_too_late", plugin=one.name, hook=call.hook, error=str(error))
            except Failed as failure:
                if failure.again:
                    failed.append(one.name)
        return _Told(
            row=row,
            alert_id=call.alert.id,
            amendment=amendment_of(call.alert, shown),
            again=self._again(row, call, shown, failed) if failed else None,
        )

    def _again(self, row: OutboxRow, call: HookCall, shown: Alert, failed: Sequence[str]) -> OutboxRow | None:
        if row.attempts >= len(PAUSES):
            self._telemetry.count("plugin_calls_given_up", len(failed), hook=call.hook)
            _log.error("plugin_call_given_up", plugins=list(failed), hook=call.hook, alert=call.alert.id)
            return None
        now = self._clock.now()
        later = now + timedelta(seconds=PAUSES[row.attempts])
        rest = msgspec.structs.replace(call, alert=shown, left=tuple(failed))
        return hook_row(rest, now, available_at=later, attempts=row.attempts + 1)

    async def _record(self, told: Sequence[_Told]) -> Sequence[WatchbellError | None]:
        held = dict(self._held)
        mine = [one for one in told if one.row.shard in held]
        if mine:
            leases = [held[shard] for shard in sorted({one.row.shard for one in mine})]
            try:
                async with self._store.transaction() as tx:
                    await tx.leases.verify(leases)
                    await self._write(tx, mine)
            except Fenced as error:
                raise Retryable("the shard has moved to another keeper") from error
        lost = Retryable("this keeper does not hold the shard")
        return [None if one.row.shard in held else lost for one in told]

    async def _write(self, tx: Transaction, told: Sequence[_Told]) -> None:
        amended = [one for one in told if one.amendment]
        if amended:
            ids = list(dict.fromkeys(one.alert_id for one in amended))
            present = {alert.id: alert for alert in await locked(tx, ids)}
            changes: dict[AlertId, Acted] = {}
            for one in amended:
                if one.alert_id in present:
                    changes[one.alert_id] = change = changed_quietly(present[one.alert_id], one.amendment)
                    present[one.alert_id] = change.alert
            await record(tx, list(changes.values()), self._clock.now())
        await tx.outbox.done([one.row.id for one in told])
        again = [one.again for one in told if one.again is not None]
        if again:
            await tx.outbox.add(again)
