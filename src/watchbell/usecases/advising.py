"""Advising: what plug-ins make of a change that a person wants, before it is made.

They are asked outside of any transaction. What comes of it is a change that is applied to the alert as it stands under
the lock; it raises `Unforeseen` when the alert has changed so much meanwhile that they must be asked anew.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.amend import Amendment, Unforeseen, amended, settled, weighed
from watchbell.domain.errors import Missing, WatchbellError
from watchbell.ports.alert_plugin import Action
from watchbell.ports.store import Store
from watchbell.usecases.consulting import Consulting, Taken
from watchbell.usecases.forwarding import NO_FORWARDING, Forwarding

TRIES = 3
"""How often plug-ins are asked about an alert that changes again and again meanwhile."""
AT_ONCE = 8
"""Alerts of one request about which plug-ins are asked at the same time."""

Change = Callable[[Alert], Acted]
"""What is done to an alert."""
Advice = Callable[[Alert], Awaitable[Change]]
"""Asks plug-ins about an alert as it stands; the change that they want. May be asked again, for the same alert only."""


class Work(msgspec.Struct, frozen=True):
    """What is done to each of some alerts; `advice` makes who is asked before about one of them."""

    change: Change
    advice: Callable[[], Advice] | None = None


class ActionAdvice:
    """About an action. Plug-ins hear of it once, and of the status whenever the alert has changed meanwhile."""

    def __init__(
        self, consulting: Consulting, action: Action, change_by: Callable[[Action], Change], now: datetime
    ) -> None:
        self._consulting = consulting
        self._action = action
        self._change_by = change_by
        self._now = now
        self._taken: tuple[Taken, str] | None = None

    async def __call__(self, alert: Alert) -> Change:
        """The change."""
        # A severity is what they made of the one that they saw.
        if self._taken is None or (self._taken[0].severity is not None and self._taken[1] != alert.severity):
            self._taken = await self._consulting.take_action(alert, self._action), alert.severity
        taken, seen = self._taken
        change = self._change_by(taken.action)

        def amending(present: Alert) -> Acted:
            acted = change(present)
            acted = msgspec.structs.replace(acted, alert=amended(acted.alert, taken.amendment))
            if taken.severity is None:
                return acted
            if present.severity != seen:
                raise Unforeseen
            return weighed(acted, present, taken.severity)

        foreseen = amending(alert)
        return await _status_advice(self._consulting, alert, foreseen, amending, self._now)


class StatusAdvice:
    """About a status that is set by hand."""

    def __init__(self, consulting: Consulting, change: Change, now: datetime) -> None:
        self._consulting = consulting
        self._change = change
        self._now = now

    async def __call__(self, alert: Alert) -> Change:
        """The change."""
        return await _status_advice(self._consulting, alert, self._change(alert), self._change, self._now)


async def _status_advice(
    consulting: Consulting, alert: Alert, foreseen: Acted, change: Change, now: datetime
) -> Change:
    if not consulting.asks("status_change"):
        return change
    shown = msgspec.structs.replace(alert, tags=foreseen.alert.tags, attributes=foreseen.alert.attributes)
    text = foreseen.entries[-1].text if foreseen.entries else ""
    verdict = await consulting.status_change(shown, foreseen.alert.status, text)
    return lambda present: settled(change(present), present, verdict, now)


class Advising:
    """What plug-ins are asked about people's requests; `informs` is whether they are told of actions afterwards."""

    def __init__(self, consulting: Consulting, store: Store, forwarding: Forwarding = NO_FORWARDING) -> None:
        self._consulting = consulting
        self._store = store
        self._forwarding = forwarding
        self.informs = consulting.asks("post_action")

    def acting(self, wanted: Action, change_by: Callable[[Action], Change], now: datetime) -> Work:
        """An action, about which they are asked before. Raises `Diverted` when it was here already."""
        self._forwarding.refuse_loop(f"Action {wanted.word}")
        if not self._consulting.asks("take_action", "status_change"):
            return Work(change_by(wanted))
        return Work(change_by(wanted), lambda: ActionAdvice(self._consulting, wanted, change_by, now))

    def setting(self, change: Change, now: datetime) -> Work:
        """A status that is set by hand, about which they are asked before."""
        if not self._consulting.asks("status_change"):
            return Work(change)
        return Work(change, lambda: StatusAdvice(self._consulting, change, now))

    async def change(self, name: str, work: Work) -> Change:
        """The change of one alert. Raises `Missing`, and what plug-ins refuse with."""
        return work.change if work.advice is None else await work.advice()(await self.seen(name))

    async def changes(self, ids: Sequence[str], work: Work, refused: dict[str, str]) -> Mapping[str, Change]:
        """The change of each alert by id, unless it is the work's own; those that are refused are noted with why."""
        if work.advice is None:
            return {}
        advice = work.advice
        changes: dict[str, Change] = {}
        turns = asyncio.Semaphore(AT_ONCE)

        async def ask(alert: Alert) -> None:
            async with turns:
                try:
                    changes[alert.id] = await advice()(alert)
                except WatchbellError as error:
                    refused[alert.id] = error.message

        async with self._store.reading() as tx:
            alerts = await tx.alerts.many(ids)
        await asyncio.gather(*(ask(alert) for alert in alerts))
        return changes

    async def delete(self, name: str) -> None:
        """Raises `Missing`, `Refused` when they do not let the alert go, `Diverted` when this was here already."""
        self._forwarding.refuse_loop("Delete")
        if self._consulting.asks("delete"):
            await self._consulting.delete(await self.seen(name))

    async def let_go(self, ids: Sequence[str]) -> Sequence[str]:
        """Those of the alerts that they let go."""
        self._forwarding.refuse_loop("Delete")
        if not self._consulting.asks("delete"):
            return ids
        async with self._store.reading() as tx:
            alerts = await tx.alerts.many(ids)
        gone: list[str] = []
        for alert in alerts:
            with contextlib.suppress(WatchbellError):
                await self._consulting.delete(alert)
                gone.append(alert.id)
        return gone

    async def note(self, name: str, text: str) -> tuple[Amendment, str]:
        """The note as they want it, and what changes besides. Raises `Missing`, and what they refuse with."""
        if not self._consulting.asks("take_note"):
            return Amendment(), text
        return await self._consulting.take_note(await self.seen(name), text)

    async def seen(self, name: str) -> Alert:
        """The alert as it stands now; locks nothing. Raises `Missing`."""
        async with self._store.reading() as tx:
            alert = await tx.alerts.get(name)
        if alert is None:
            raise Missing("not found")
        return alert
