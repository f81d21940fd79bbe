"""What people do to alerts: actions, statuses, tags, attributes, notes, deletion.

All of a request in one transaction, or nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from watchbell.domain.alerts import act
from watchbell.domain.alerts.act import Acted, Timeouts
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.expire import next_due
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.policy import Limits, admit_attributes, admit_tags, admit_words
from watchbell.domain.errors import Missing
from watchbell.domain.ids import shard_of
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Timer, Transaction
from watchbell.usecases.intake import route_row
from watchbell.usecases.waking import Wake, no_wake

Change = Callable[[Alert], Acted]


async def record(tx: Transaction, changes: Sequence[Acted], now: datetime) -> list[int]:
    """Write what actions came to, with timers and routing; returns the shards that have work now."""
    if not changes:
        return []
    alerts = [change.alert for change in changes]
    await tx.alerts.save(alerts)
    entries = [entry for change in changes for entry in change.entries]
    if entries:
        await tx.history.add(entries)
    moved = [change.alert for change in changes if change.status_changed or change.severity_changed]
    await set_timers(tx, alerts)
    if moved:
        await tx.outbox.add([route_row(alert.id, now) for alert in moved])
    tx.changed("alert", *(alert.id for alert in alerts))
    return sorted({shard_of(alert.id) for alert in moved})


async def set_timers(tx: Transaction, alerts: Sequence[Alert]) -> None:
    """Look at each alert again when it is due."""
    timers = [
        Timer(kind="alert", subject=alert.id, shard=shard_of(alert.id), due=due)
        for alert in alerts
        if (due := next_due(alert)) is not None
    ]
    if timers:
        await tx.timers.set(timers)


class Operating:
    """Operators' verbs.

    An alert is named by its id or the beginning of it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        model: AlarmModel,
        *,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        wake: Wake = no_wake,
    ) -> None:
        self._store = store
        self._clock = clock
        self._model = model
        self._timeouts = timeouts or Timeouts()
        self._limits = limits or Limits()
        self._wake = wake

    async def act(
        self, name: str, action: str, *, user: str | None, text: str = "", timeout: int | None = None
    ) -> Alert:
        """Apply an action.

        Raises `Missing`, or `Conflict` when it makes no sense now.
        """
        admit_words(self._limits, action=action, text=text)
        now = self._clock.now()
        return await self._one(
            name,
            now,
            lambda alert: act.act(
                alert, action, self._model, now, user=user, text=text, timeout=timeout, timeouts=self._timeouts
            ),
        )

    async def set_status(
        self, name: str, status: str, *, user: str | None, text: str = "", timeout: int | None = None
    ) -> Alert:
        """Set a status, whatever the state machine thinks of it."""
        admit_words(self._limits, text=text)
        now = self._clock.now()
        return await self._one(
            name,
            now,
            lambda alert: act.set_status(alert, status, self._model, now, user=user, text=text, timeout=timeout),
        )

    async def tag(self, name: str, tags: Sequence[str]) -> Alert:
        """Add tags."""
        admit_tags(tags, self._limits)
        return await self._one(name, self._clock.now(), lambda alert: act.tag(alert, tags))

    async def untag(self, name: str, tags: Sequence[str]) -> Alert:
        """Remove tags."""
        return await self._one(name, self._clock.now(), lambda alert: act.untag(alert, tags))

    async def set_attributes(self, name: str, attributes: Mapping[str, Any]) -> Alert:
        """Merge attributes; null removes one."""
        admit_attributes(attributes, self._limits)
        return await self._one(name, self._clock.now(), lambda alert: act.set_attributes(alert, attributes))

    async def note(self, name: str, text: str, *, user: str | None) -> Alert:
        """Write a note into the history."""
        admit_words(self._limits, text=text)
        now = self._clock.now()
        return await self._one(name, now, lambda alert: act.noted(alert, text, now, user=user))

    async def delete(self, name: str) -> None:
        """Delete an alert with its history.

        Its incident is looked at again.
        """
        now = self._clock.now()
        async with self._store.transaction() as tx:
            alert = await _locked(tx, name)
            await tx.alerts.delete([alert.id])
            await tx.timers.cancel([("alert", alert.id)])
            await tx.outbox.add([route_row(alert.id, now)])
            tx.changed("alert", alert.id)
        await self._wake([shard_of(alert.id)])

    async def _one(self, name: str, now: datetime, change: Change) -> Alert:
        async with self._store.transaction() as tx:
            acted = change(await _locked(tx, name))
            shards = await record(tx, [acted], now)
        if shards:
            await self._wake(shards)
        return acted.alert


async def _locked(tx: Transaction, name: str) -> Alert:
    """The alert by its id or the beginning of it, locked against signals and other operators."""
    found = await tx.alerts.get(name)
    if found is None:
        raise Missing("not found")
    await tx.alerts.lock([found.identity])
    (locked,) = await tx.alerts.many([found.id]) or [None]
    if locked is None:
        raise Missing("not found")
    return locked
