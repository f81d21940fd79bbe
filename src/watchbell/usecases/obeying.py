"""Doing what another system asks for by a webhook: receive signals, end problems, act on alerts, begin blackouts.

In this order. Of signals and ends of problems each is taken by itself: one that is refused costs none of the others.
Actions are done as a whole or not at all. What the caller may not do, the route has refused.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.accounts import Principal
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.deed import Deed, Mute, Recovery
from watchbell.domain.alerts.phase import OVER
from watchbell.domain.alerts.query import AlertQuery, Filter
from watchbell.domain.alerts.receive import Received
from watchbell.domain.correlated import Member
from watchbell.domain.errors import Invalid, Missing
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.usecases.intake import Intake
from watchbell.usecases.managing import Managing
from watchbell.usecases.muting import made
from watchbell.usecases.operating import Operating
from watchbell.usecases.sifting import Refusal, sifted

MOST = 10_000
"""Alerts that one recovery ends."""
LONGEST = 366 * 86400


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    signals: Sequence[Signal] = ()
    recoveries: Sequence[Recovery] = ()
    deeds: Sequence[Deed] = ()
    mutes: Sequence[Mute] = ()


class Obeyed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it: of each signal, and the alerts that deeds and mutes named, in their order.

    `refused` are signals that were not taken although others were.
    """

    received: Sequence[Received]
    refused: Sequence[Refusal] = ()
    alerts: Sequence[Alert]


class Obeying:
    """Does what webhooks ask for."""

    def __init__(self, store: Store, clock: Clock, intake: Intake, operating: Operating, managing: Managing) -> None:
        self._store = store
        self._clock = clock
        self._intake = intake
        self._operating = operating
        self._managing = managing

    async def obey(self, asked: Asked, by: Principal) -> Obeyed:
        """Do all of it, but for signals that are refused while others are taken.

        Raises `Missing` when an alert is not there, `Invalid`, `Refused` or `Conflict` when something makes no sense,
        and what `sifted` raises of signals: then nothing that follows is done.
        """
        signals = [*asked.signals, *[signal for each in asked.recoveries for signal in await self._over(each)]]
        muted = [await self._named(mute) for mute in asked.mutes]
        taken = sifted(signals, await self._intake.receive_each(signals))
        alerts = await self._operating.carry_out(asked.deeds, user=by.login) if asked.deeds else []
        for mute, alert in zip(asked.mutes, muted, strict=True):
            await self._mute(mute, alert, by)
        named = [*alerts, *[alert for alert in muted if alert is not None]]
        return Obeyed(received=taken.received, refused=taken.refused, alerts=named)

    async def _over(self, recovery: Recovery) -> list[Signal]:
        wanted = (
            Filter(field=f"attributes.{recovery.attribute}", values=(recovery.value,)),
            Filter(field="type", values=(recovery.type,)),
        )
        async with self._store.reading() as tx:
            ids = await tx.reports.ids(AlertQuery(filters=wanted), MOST)
            alerts = await tx.alerts.many(ids)
        now = self._clock.now()
        standing = [alert for alert in alerts if alert.status not in OVER]
        return [signal for alert in standing for signal in _recovered(alert, recovery, now)]

    async def _named(self, mute: Mute) -> Alert | None:
        if not 0 < mute.duration <= LONGEST:
            raise Invalid(f"must be a number of seconds up to {LONGEST}", "duration")
        if not mute.alert:
            return None
        async with self._store.reading() as tx:
            alert = await tx.alerts.get(mute.alert)
        if alert is None:
            raise Missing("not found")
        return alert

    async def _mute(self, mute: Mute, alert: Alert | None, by: Principal) -> None:
        about = mute if alert is None else alert
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = {
            "environment": about.environment,
            "resource": about.resource,
            "event": about.event,
            "start": now,
            "duration": mute.duration,
            "text": mute.text,
            "user": by.login,
            "created": now,
        }
        await made(self._managing, by, fields)


def _recovered(alert: Alert, recovery: Recovery, now: datetime) -> list[Signal]:
    """The signals that end the alert, or what of it is over, under whatever key it is known."""
    whole = Signal(
        id="",
        environment=alert.environment,
        resource=alert.resource,
        event=alert.event,
        severity="normal",
        service=alert.service,
        group=alert.group,
        value=alert.value,
        text=alert.text,
        tags=alert.tags,
        attributes=alert.attributes,
        origin=alert.origin,
        type=alert.type,
        create_time=now,
        timeout=alert.timeout,
        customer=alert.customer,
    )
    if alert.correlation is None:
        return [msgspec.structs.replace(whole, id=new_id())]
    # By the key that it has: the rule, asked anew, may find another in what all its senders said together.
    of_rule = msgspec.structs.replace(whole, correlation=msgspec.structs.replace(alert.correlation, members=()))
    members = alert.correlation.members
    if not members:
        return [msgspec.structs.replace(of_rule, id=new_id())]
    return [_of_member(of_rule, each) for each in members if recovery.event in {"", each.event}]


def _of_member(whole: Signal, member: Member) -> Signal:
    shown = (member.resource, member.event) == (whole.resource, whole.event)
    return msgspec.structs.replace(
        whole,
        id=new_id(),
        resource=member.resource,
        event=member.event,
        service=whole.service if member.service is None else member.service,
        value=whole.value if shown else None,
        text=whole.text if shown else member.text,
        timeout=whole.timeout if member.timeout is None else member.timeout,
    )
