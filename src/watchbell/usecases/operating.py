"""What people do to alerts: actions, statuses, tags, attributes, notes, deletion.

All of a request in one transaction, or nothing. Plug-ins, when there are any, are asked before it.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from watchbell.domain.alerts import act
from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.amend import Unforeseen
from watchbell.domain.alerts.deed import Deed, change_of
from watchbell.domain.alerts.expire import next_due
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.policy import Limits, admit_attributes, admit_tags, admit_words
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Conflict, Invalid, Missing
from watchbell.domain.ids import shard_of
from watchbell.ports.alert_plugin import Action
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Timer, Transaction
from watchbell.usecases.advising import TRIES, Advising, Change, Work
from watchbell.usecases.auditing_alerts import audited
from watchbell.usecases.consulting import Consulting
from watchbell.usecases.forwarding import NO_FORWARDING, Forwarding
from watchbell.usecases.hooking import action_rows
from watchbell.usecases.nudging import nudge_assigned
from watchbell.usecases.receiving import route_row
from watchbell.usecases.waking import Wake, no_wake


async def record(
    tx: Transaction,
    changes: Sequence[Acted],
    now: datetime,
    *,
    informs: bool = False,
    forwarding: Forwarding = NO_FORWARDING,
) -> list[int]:
    """Write what actions came to, with timers and routing; returns the shards that have work now.

    `informs` is whether plug-ins are told of actions.
    """
    if not changes:
        return []
    alerts = [change.alert for change in changes]
    await tx.alerts.save(alerts)
    entries = [entry for change in changes for entry in change.entries]
    if entries:
        await tx.history.add(entries)
    moved = [change.alert for change in changes if change.status_changed or change.severity_changed or change.to_route]
    await set_timers(tx, alerts)
    if moved:
        await tx.outbox.add([route_row(alert.id, now) for alert in moved])
    told = [*(action_rows(changes, now) if informs else ()), *forwarding.acted_rows(changes, now)]
    if told:
        await tx.outbox.add(told)
    await nudge_assigned(tx, changes, now)
    tx.changed("alert", *(alert.id for alert in alerts))
    return sorted({*(shard_of(alert.id) for alert in moved), *(row.shard for row in told)})


async def set_timers(tx: Transaction, alerts: Sequence[Alert]) -> None:
    """Look at each alert again when it is due."""
    timers = [
        Timer(kind="alert", subject=alert.id, shard=shard_of(alert.id), due=due)
        for alert in alerts
        if (due := next_due(alert)) is not None
    ]
    if timers:
        await tx.timers.set(timers)


CHUNK = 200
"""How many alerts one transaction changes."""


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of many: the ids that changed, and for those that did not, why."""

    updated: list[str]
    refused: dict[str, str]


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
        consulting: Consulting | None = None,
        forwarding: Forwarding = NO_FORWARDING,
    ) -> None:
        self._store = store
        self._clock = clock
        self._model = model
        self._timeouts = timeouts or Timeouts()
        self._limits = limits or Limits()
        self._wake = wake
        self._forwarding = forwarding
        self._advising = Advising(consulting or Consulting(), store, forwarding)
        self._record = partial(record, informs=self._advising.informs, forwarding=forwarding)

    async def act(
        self, name: str, action: str, *, user: str | None, text: str = "", timeout: int | None = None
    ) -> Alert:
        """Apply an action.

        Raises `Missing`, or `Conflict` when it makes no sense now.
        """
        now = self._clock.now()
        return await self._one(name, now, self._acting(action, now, user, text, timeout))

    async def act_on_all(
        self, ids: Sequence[str], action: str, *, user: str | None, text: str = "", timeout: int | None = None
    ) -> Swept:
        """The same for each of many; those for which it makes no sense are left as they are."""
        now = self._clock.now()
        return await self._each(ids, now, self._acting(action, now, user, text, timeout))

    def _acting(self, action: str, now: datetime, user: str | None, text: str, timeout: int | None) -> Work:
        admit_words(self._limits, action=action, text=text)

        def change_by(asked: Action) -> Change:
            said: dict[str, Any] = {"user": user, "text": asked.text, "timeout": asked.timeout}
            return lambda alert: act.act(alert, asked.word, self._model, now, timeouts=self._timeouts, **said)

        wanted = Action(word=action, text=text or f"{action} operator action", timeout=timeout)
        return self._advising.acting(wanted, change_by, now)

    async def assign(self, name: str, to: str, *, user: str | None, text: str = "") -> Alert:
        """Make an alert somebody's: of a person by login, or of a group by name; '' makes it nobody's.

        Raises `Missing`, or `Invalid` when there is no such person or group.
        """
        now = self._clock.now()
        return await self._one(name, now, await self._assigning(to, now, user, text))

    async def assign_all(self, ids: Sequence[str], to: str, *, user: str | None, text: str = "") -> Swept:
        """The same for each of many."""
        now = self._clock.now()
        return await self._each(ids, now, await self._assigning(to, now, user, text))

    async def _assigning(self, to: str, now: datetime, user: str | None, text: str) -> Work:
        admit_words(self._limits, assignee=to, text=text)
        whose = await self._person_or_group(to) if to else ""

        def change_by(asked: Action) -> Change:
            return lambda alert: act.assign(alert, whose, now, user=user, text=asked.text)

        return self._advising.acting(Action(word="assign", text=text), change_by, now)

    async def _person_or_group(self, name: str) -> str:
        """The name as it is written here: an alert that is a misspelt name's is nobody's."""
        async with self._store.reading() as tx:
            person = await tx.users.get(name)
            if person is not None:
                return person.login
            if any(group.name == name for group in await tx.people.groups()):
                return name
        raise Invalid(f"there is no person and no group {name!r}", act.ASSIGNEE)

    async def set_status(
        self, name: str, status: str, *, user: str | None, text: str = "", timeout: int | None = None
    ) -> Alert:
        """Set a status, whatever the state machine thinks of it."""
        now = self._clock.now()
        return await self._one(name, now, self._setting(status, now, user, text, timeout))

    async def set_status_of_all(
        self, ids: Sequence[str], status: str, *, user: str | None, text: str = "", timeout: int | None = None
    ) -> Swept:
        """The same for each of many."""
        now = self._clock.now()
        return await self._each(ids, now, self._setting(status, now, user, text, timeout))

    async def set_each(self, ids: Sequence[str], change: Change, now: datetime) -> Swept:
        """Set statuses as `change` says."""
        return await self._each(ids, now, self._advising.setting(change, now))

    def _setting(self, status: str, now: datetime, user: str | None, text: str, timeout: int | None) -> Work:
        admit_words(self._limits, text=text)

        def change(alert: Alert) -> Acted:
            return act.set_status(alert, status, self._model, now, user=user, text=text, timeout=timeout)

        return self._advising.setting(change, now)

    async def carry_out(self, deeds: Sequence[Deed], *, user: str | None) -> list[Alert]:
        """Do several things, one after another, in one transaction; the alert of each as the last left it.

        Raises `Missing`, `Invalid` or `Conflict`: then nothing was done.
        """
        now = self._clock.now()
        for deed in deeds:
            admit_words(self._limits, action=deed.word if deed.verb in {"action", "status"} else "", text=deed.text)
            if deed.verb == "tag":
                admit_tags((deed.word,), self._limits)
        works = [self._deed(deed, now, user) for deed in deeds]
        changes = [await self._advising.change(deed.alert, work) for deed, work in zip(deeds, works, strict=True)]
        shards: set[int] = set()
        async with self._store.transaction() as tx:
            ids = [await _id_of(tx, deed.alert) for deed in deeds]
            alerts: dict[str, Alert] = {alert.id: alert for alert in await locked(tx, list(dict.fromkeys(ids)))}
            for alert_id, change, work in zip(ids, changes, works, strict=True):
                if alert_id not in alerts:
                    raise Missing("not found")
                try:
                    acted = change(alerts[alert_id])
                except Unforeseen:  # by an earlier deed of the same request: nobody refused, so it is done as asked
                    acted = work.change(alerts[alert_id])
                shards |= set(await self._record(tx, [acted], now))
                alerts[alert_id] = acted.alert
        if shards:
            await self._wake(sorted(shards))
        return [alerts[alert_id] for alert_id in ids]

    def _deed(self, deed: Deed, now: datetime, user: str | None) -> Work:
        def change_by(asked: Action) -> Change:
            done = msgspec.structs.replace(deed, word=asked.word, text=asked.text)
            return change_of(done, self._model, now, user, self._timeouts)

        wanted = Action(word=deed.word, text=deed.text)
        if deed.verb == "action":
            return self._advising.acting(wanted, change_by, now)
        change = change_by(wanted)
        return self._advising.setting(change, now) if deed.verb == "status" else Work(change)

    async def tag(self, name: str, tags: Sequence[str]) -> Alert:
        """Add tags."""
        admit_tags(tags, self._limits)
        return await self._one(name, self._clock.now(), Work(lambda alert: act.tag(alert, tags)))

    async def tag_all(self, ids: Sequence[str], tags: Sequence[str]) -> Swept:
        """Add tags to each."""
        admit_tags(tags, self._limits)
        return await self._each(ids, self._clock.now(), Work(lambda alert: act.tag(alert, tags)))

    async def untag(self, name: str, tags: Sequence[str]) -> Alert:
        """Remove tags."""
        return await self._one(name, self._clock.now(), Work(lambda alert: act.untag(alert, tags)))

    async def untag_all(self, ids: Sequence[str], tags: Sequence[str]) -> Swept:
        """Remove tags from each."""
        return await self._each(ids, self._clock.now(), Work(lambda alert: act.untag(alert, tags)))

    async def set_attributes(self, name: str, attributes: Mapping[str, Any]) -> Alert:
        """Merge attributes; null removes one."""
        admit_attributes(attributes, self._limits)
        return await self._one(name, self._clock.now(), Work(lambda alert: act.set_attributes(alert, attributes)))

    async def set_attributes_of_all(self, ids: Sequence[str], attributes: Mapping[str, Any]) -> Swept:
        """Merge attributes into those of each."""
        admit_attributes(attributes, self._limits)
        return await self._each(ids, self._clock.now(), Work(lambda alert: act.set_attributes(alert, attributes)))

    async def delete(self, name: str) -> None:
        """Delete an alert with its history.

        Its incident is looked at again.
        """
        now = self._clock.now()
        await self._advising.delete(name)
        async with self._store.transaction() as tx:
            alert = await named(tx, name)
            await self._delete(tx, [alert], now)
        await self._wake([shard_of(alert.id)])

    async def delete_all(self, ids: Sequence[str]) -> list[str]:
        """Delete each that is still there, and that plug-ins let go; returns their ids."""
        now = self._clock.now()
        gone: list[str] = []
        for chunk in _chunks(ids):
            free = await self._advising.let_go(chunk)
            async with self._store.transaction() as tx:
                alerts = await locked(tx, free)
                await self._delete(tx, alerts, now)
            gone += [alert.id for alert in alerts]
            await self._wake(sorted({shard_of(alert.id) for alert in alerts}))
        return gone

    async def _delete(self, tx: Transaction, alerts: Sequence[Alert], now: datetime) -> None:
        ids = [alert.id for alert in alerts]
        if not ids:
            return
        await tx.alerts.delete(ids)
        # What a person deletes is gone: their reason may be what it says.
        await tx.past.delete(await tx.past.of(ids))
        await audited(tx, now, "delete", alerts, ())
        await tx.timers.cancel([("alert", identifier) for identifier in ids])
        told = self._forwarding.deleted_rows(alerts, now)
        await tx.outbox.add([*(route_row(identifier, now) for identifier in ids), *told])
        tx.changed("alert", *ids)

    async def _one(self, name: str, now: datetime, work: Work) -> Alert:
        if work.advice is None:
            return await self._changed(name, now, work.change)
        advice = work.advice()
        for _ in range(TRIES):
            alert = await self._advising.seen(name)
            with contextlib.suppress(Unforeseen):
                return await self._changed(alert.id, now, await advice(alert))
        raise Unforeseen

    async def _changed(self, name: str, now: datetime, change: Change) -> Alert:
        async with self._store.transaction() as tx:
            before = await named(tx, name)
            acted = change(before)
            shards = await self._record(tx, [acted], now)
            await audited(tx, now, "change", [before], [acted.alert])
        if shards:
            await self._wake(shards)
        return acted.alert

    async def _each(self, ids: Sequence[str], now: datetime, work: Work) -> Swept:
        """Change many, some hundreds in a transaction: nobody else waits for all of them."""
        updated: list[str] = []
        refused: dict[str, str] = {}
        for chunk in _chunks(ids):
            changes = await self._advising.changes(chunk, work, refused)
            async with self._store.transaction() as tx:
                done: list[Acted] = []
                alerts = [alert for alert in await locked(tx, chunk) if alert.id not in refused]
                for alert in alerts:
                    try:
                        done.append(changes.get(alert.id, work.change)(alert))
                    except (Conflict, Unforeseen) as error:
                        refused[alert.id] = error.message
                shards = await self._record(tx, done, now)
                await audited(tx, now, "change", alerts, [acted.alert for acted in done])
            updated += [acted.alert.id for acted in done]
            if shards:
                await self._wake(shards)
        return Swept(updated=updated, refused=refused)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


async def locked(tx: Transaction, ids: Sequence[str]) -> list[Alert]:
    """Those that are still there, locked against signals and other operators.

    Identities come before rows, as they do for signals: in another order two could wait for each other.
    """
    await tx.alerts.lock(await tx.reports.identities(ids))
    return await tx.alerts.many(ids)


async def named(tx: Transaction, name: str) -> Alert:
    """The alert by its id or the beginning of it, locked."""
    (alert,) = await locked(tx, [await _id_of(tx, name)]) or [None]
    if alert is None:
        raise Missing("not found")
    return alert


async def _id_of(tx: Transaction, name: str) -> str:
    found = await tx.alerts.get(name)
    if found is None:
        raise Missing("not found")
    return found.id
