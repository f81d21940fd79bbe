"""Escalating: timers take an incident's next step; people take it, hand it back, call it over, or write something down.

Taking an incident takes its alerts too, and resolving it closes them: `act` does that, in the same transaction. Losing
a lease raises `Fenced`, losing the database `Retryable`; nothing is written then.
"""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from watchbell.domain.alerts.act import Acted, act, settled
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Conflict, Invalid, Missing
from watchbell.domain.ids import IncidentId, new_id, shard_of
from watchbell.domain.oncall.answering import acknowledge, resolve, unacknowledge
from watchbell.domain.oncall.decision import Circumstances, Decision
from watchbell.domain.oncall.incident import Incident, TimelineEntry
from watchbell.domain.oncall.ladder import escalate
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Timer, Transaction
from watchbell.usecases.configuration import Configured
from watchbell.usecases.forwarding import NO_FORWARDING, Forwarding
from watchbell.usecases.operating import locked
from watchbell.usecases.operating import record as record_actions
from watchbell.usecases.recording import ESCALATE, Rulebook, circumstances, record, shown

NOTE_LIMIT = 4000

ActOnAlerts = Callable[[Transaction, Sequence[str], str, str, str, datetime], Awaitable[Sequence[int]]]
"""(transaction, alert ids, action `ack`, `unack` or `close`, text, who, now): acts on those alerts that allow it.

Returns the shards that have something to route now.
"""
Answer = Callable[[Incident, Sequence[Alert], str, str, Circumstances], Decision]


def acting(
    model: AlarmModel,
    timeouts: Timeouts | None = None,
    *,
    informs: bool = False,
    forwarding: Forwarding = NO_FORWARDING,
) -> ActOnAlerts:
    """Acts on alerts by the alarm model; those in a state that does not allow the action are left alone.

    `informs` is whether plug-ins are told, `forwarding` which other installations.
    """

    async def act_on_alerts(
        tx: Transaction, alert_ids: Sequence[str], action: str, text: str, who: str, now: datetime
    ) -> Sequence[int]:
        changes: list[Acted] = []
        for alert in await locked(tx, alert_ids):
            with contextlib.suppress(Conflict):
                if action == "close":
                    changes.append(settled(alert, model, now, user=who, text=text, timeouts=timeouts))
                else:
                    changes.append(act(alert, action, model, now, user=who, text=text, timeouts=timeouts))
        return await record_actions(tx, changes, now, informs=informs, forwarding=forwarding)

    return act_on_alerts


class Escalating:
    """Moves incidents on."""

    def __init__(
        self, store: Store, configured: Configured, rules: Rulebook, clock: Clock, act: ActOnAlerts | None = None
    ) -> None:
        self._store = store
        self._configured = configured
        self._rules = rules
        self._clock = clock
        self._act = act

    async def fire(self, timers: Sequence[Timer], leases: Sequence[Lease]) -> set[int]:
        """Take the steps that are due; returns the shards that have something to deliver now."""
        shards: set[int] = set()
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            config = await self._configured.within(tx)
            for subject in sorted({timer.subject for timer in timers}):
                incident = await tx.incidents.get(subject)
                if incident is None or incident.escalates_at is None:
                    await tx.timers.cancel([(ESCALATE, subject)])
                    continue
                now = self._clock.now()
                if incident.escalates_at > now:
                    due = incident.escalates_at
                    timer = Timer(kind=ESCALATE, subject=subject, shard=shard_of(subject), due=due)
                    await tx.timers.set([timer])
                    continue
                at = circumstances(config, incident.service, incident, self._rules, now)
                # Not locked: alerts come before incidents everywhere, and here they are only spoken of.
                alerts = await tx.alerts.many(shown(incident), locking=False)
                shards |= await record(tx, escalate(incident, alerts, at), now)
        return shards

    async def acknowledge(self, incident_id: str, who: str, text: str = "") -> tuple[Incident, set[int]]:
        """`who` takes the incident. Returns it, and the shards that have something to deliver now.

        Raises:
            Missing: there is no such incident.
            Refused: it is resolved.
        """
        return await self._answer(incident_id, acknowledge, "ack", who, text)

    async def unacknowledge(self, incident_id: str, who: str, text: str = "") -> tuple[Incident, set[int]]:
        """`who` hands the incident back. Raises as `acknowledge`."""
        return await self._answer(incident_id, unacknowledge, "unack", who, text)

    async def resolve(self, incident_id: str, who: str, text: str = "") -> tuple[Incident, set[int]]:
        """`who` calls the incident over. Raises `Missing`."""
        return await self._answer(incident_id, resolve, "close", who, text)

    async def note(self, incident_id: str, who: str, text: str) -> TimelineEntry:
        """Write something down in the timeline.

        Raises:
            Invalid: the text is empty or too long.
            Missing: there is no such incident.
        """
        text = text.strip()
        if not text or len(text) > NOTE_LIMIT:
            raise Invalid(f"must have 1 to {NOTE_LIMIT} characters", "text")
        async with self._store.transaction() as tx:
            if await tx.incidents.get(incident_id) is None:
                raise Missing(f"There is no incident {incident_id}.")
            entry = TimelineEntry(
                id=new_id(), incident_id=IncidentId(incident_id), at=self._clock.now(), kind="note", text=text, by=who
            )
            await tx.incidents.add_entries([entry])
            tx.changed("incident", incident_id)
        return entry

    async def _answer(
        self, incident_id: str, answer: Answer, action: str, who: str, text: str
    ) -> tuple[Incident, set[int]]:
        # Alerts are locked before incidents everywhere, so that nobody waits in a circle.
        async with self._store.reading() as tx:
            glimpse = await tx.incidents.get(incident_id)
        if glimpse is None:
            raise Missing(f"There is no incident {incident_id}.")
        async with self._store.transaction() as tx:
            now = self._clock.now()
            config = await self._configured.within(tx)
            routed: Sequence[int] = ()
            if self._act is not None and glimpse.active:
                routed = await self._act(tx, glimpse.active, action, text or f"incident {glimpse.title}", who, now)
            alerts = await tx.alerts.many(shown(glimpse))
            incident = await tx.incidents.get(incident_id)
            if incident is None:
                raise Missing(f"There is no incident {incident_id}.")
            at = circumstances(config, incident.service, incident, self._rules, now)
            decision = answer(incident, alerts, who, text, at)
            shards = await record(tx, decision, now)
        return decision.incident, shards | set(routed)
