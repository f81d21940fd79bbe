"""What a batch of signals comes to: lock, load, fold in memory, write, inside a transaction that is open.

Signals of the same alert in one batch fold in order. A signal that the alarm model refuses is reported for itself and
changes nothing.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry, Identity, identity_of, plain_identity_of
from watchbell.domain.alerts.blackout import Blackout, matches
from watchbell.domain.alerts.correlation import Correlator
from watchbell.domain.alerts.expire import next_due
from watchbell.domain.alerts.flapping import FlapRule
from watchbell.domain.alerts.inhibition import source_of
from watchbell.domain.alerts.joining import joined
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import UNDER_BLACKOUT
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.receive import Received, receive
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import WatchbellError
from watchbell.domain.ids import new_id, shard_of
from watchbell.domain.signal import UNSAID, Signal, sent_at
from watchbell.ports.store import OutboxRow, Timer, Transaction
from watchbell.usecases.asking import Settle
from watchbell.usecases.forwarding import NO_FORWARDING, Forwarding
from watchbell.usecases.hooking import received_rows
from watchbell.usecases.in_force import NO_RULES, InForce


class Batch(NamedTuple):
    """What a batch of signals came to: an outcome or an error for each, and the shards that have work now."""

    outcomes: list[Received | WatchbellError]
    shards: frozenset[int]


class Receiving(msgspec.Struct, frozen=True):
    """What receiving depends on besides the signals."""

    model: AlarmModel
    limits: Limits
    flapping: FlapRule = FlapRule()
    timeouts: Timeouts = Timeouts()
    value_history: bool = True
    """Whether the history says when an alert's value changed and nothing else."""
    informs: bool = False
    """Whether plug-ins are told of what was received."""
    forwarding: Forwarding = NO_FORWARDING

    def told(self, received: Sequence[tuple[Alert, Signal]], now: datetime) -> list[OutboxRow]:
        """What is to be told of signals: to plug-ins, and to other installations."""
        hooks = received_rows(received, now) if self.informs else []
        return [*hooks, *self.forwarding.received_rows(received, now)]


async def apply_signals(
    tx: Transaction,
    signals: Sequence[Signal],
    now: datetime,
    receiving: Receiving,
    rules: InForce = NO_RULES,
    settles: Sequence[Settle | None] = (),
) -> Batch:
    """Apply signals inside an open transaction.

    `settles` is what plug-ins said of each signal; none when they were not asked.
    """
    chosen = {signal.id for signal in signals if signal.id}
    signals = [completed(signal, receiving, now, rules.correlator) for signal in signals]
    identities = identities_of(signals)
    await tx.alerts.lock(identities)
    stored = await tx.alerts.related(identities)
    fold = Fold(stored, rules)
    settles = settles or [None] * len(signals)
    pairs = list(zip(signals, settles, strict=True))
    outcomes = [fold.take(signal, now, receiving, settle) for signal, settle in pairs]
    # Senders may choose ids. One that names another alert already must not overwrite that alert.
    taken = await tx.alerts.many([alert_id for alert_id in fold.created if alert_id in chosen])
    if taken:
        fold = Fold(stored, rules, reserved={alert.id for alert in taken})
        outcomes = [fold.take(signal, now, receiving, settle) for signal, settle in pairs]
    await fold.record(tx, now, receiving)
    told = [*fold.to_route, *(alert.id for alert, _ in fold.told)]
    return Batch(outcomes, frozenset(shard_of(alert_id) for alert_id in told))


def completed(
    signal: Signal, receiving: Receiving, now: datetime, correlator: Correlator = NO_RULES.correlator
) -> Signal:
    """With an id, a severity of the installation's, its time-out when the sender said none, and who takes it.

    One of Watchbell's own may say already who does. The sender's time is in UTC then, and can be reckoned with.
    """
    if correlator and signal.correlation is None:
        signal = msgspec.structs.replace(signal, correlation=correlator.of(signal))
    severity = receiving.model.severities.meaning(signal.severity)
    at = sent_at(signal.create_time, now)
    if signal.id and signal.timeout != UNSAID and severity == signal.severity and at is signal.create_time:
        return signal
    timeout = receiving.timeouts.alert if signal.timeout == UNSAID else signal.timeout
    identifier = signal.id or new_id()
    return msgspec.structs.replace(signal, id=identifier, severity=severity, timeout=timeout, create_time=at)


_NOBODY: dict[str, Alert] = {}


class Fold:
    """Alerts as they stand while a batch is folded."""

    def __init__(
        self,
        stored: Sequence[Alert],
        rules: InForce,
        reserved: AbstractSet[str] = frozenset(),
    ) -> None:
        self._rules = rules
        self._reserved = reserved
        self.created: list[str] = []
        self._groups: dict[tuple[str, str, str], dict[str, Alert]] = {}
        # An alert that leaves its identity in this batch gets it back when it is wanted again: were it another's by
        # then, the store would see two of the same while they are written.
        self._held: dict[Identity, str] = {}
        for alert in stored:
            self._held[self._put(alert)] = alert.id
        self._changed: dict[str, Alert] = {}
        self._entries: list[HistoryEntry] = []
        self._due: dict[str, datetime | None] = {}
        self.to_route: dict[str, None] = {}
        self.told: list[tuple[Alert, Signal]] = []

    def _put(self, alert: Alert) -> Identity:
        identity = alert.identity
        self._groups.setdefault(identity.subject, {})[alert.id] = alert
        return identity

    def _candidates(self, signal: Signal) -> Mapping[str, Alert]:
        """The alerts that the signal may be about, by id; the one that had its identity before this batch first."""
        identity = identity_of(signal)
        group = self._groups.get(identity.subject, _NOBODY)
        if signal.correlation is not None:
            group = {**group, **self._groups.get(plain_identity_of(signal).subject, _NOBODY)}
        former = self._held.get(identity)
        if former is None or former not in group or len(group) == 1:
            return group
        return {former: group[former], **group}

    def take(
        self, signal: Signal, now: datetime, receiving: Receiving, settle: Settle | None = None
    ) -> Received | WatchbellError:
        group = self._candidates(signal)
        muted = self._muting(signal, group) if self._rules.blackouts else []
        if muted:
            signal = msgspec.structs.replace(signal, status=receiving.model.muted)
        try:
            received = self._received(signal, list(group.values()), now, receiving, [each.id for each in muted])
            before = group.get(received.alert.id)
            received = settle(before, received) if settle is not None else received
        except WatchbellError as error:
            return error
        if muted:
            received = _explained(received, muted[0])
        alert = received.alert
        if before is not None and before.correlation is None and alert.correlation is not None:
            del self._groups[before.identity.subject][alert.id]
        self._keep(alert, received.entries)
        if alert.correlation is not None:
            self._join(plain_identity_of(signal), alert, group, now, receiving)
        if received.change == "created":
            self.created.append(alert.id)
        if received.status_changed or received.severity_changed or _moved(before, alert):
            self.to_route[alert.id] = None
        if receiving.informs or receiving.forwarding.wanted:
            self.told.append((alert, signal))
        due, was_due = next_due(alert), next_due(before) if before else None
        # Timers are lazy: one that fires too early is set anew, so only an earlier due time is worth a write.
        if due is not None and (was_due is None or due < was_due):
            self._due[alert.id] = due
        return received

    def _keep(self, alert: Alert, entries: Sequence[HistoryEntry]) -> None:
        self._put(alert)
        self._changed[alert.id] = alert
        self._entries.extend(entries)

    def _join(
        self, plain: Identity, into: Alert, group: Mapping[str, Alert], now: datetime, receiving: Receiving
    ) -> None:
        """End the alert that had such signals before the rule that makes them part of another: none reaches it more."""
        for alert in group.values():
            if alert.id != into.id and alert.identity == plain:
                done = joined(alert, into, receiving.model, now, self._rules.version)
                if done is not None:
                    self._keep(done.alert, done.entries)
                    self.to_route[alert.id] = None

    def _received(
        self, signal: Signal, stored: Sequence[Alert], now: datetime, receiving: Receiving, muted_by: Sequence[str]
    ) -> Received:
        model, config_version = receiving.model, self._rules.version
        received = receive(
            signal,
            stored,
            model,
            now,
            config_version=config_version,
            flapping=receiving.flapping,
            value_history=receiving.value_history,
            muted_by=muted_by,
        )
        if received.change == "created" and (signal.id in self._reserved or signal.id in self._changed):
            signal = msgspec.structs.replace(signal, id=new_id())
            received = receive(signal, (), model, now, config_version=config_version)
        if not self._rules.inhibitions:
            return received
        inhibits = source_of(self._rules.inhibitions, received.alert)
        return msgspec.structs.replace(received, alert=msgspec.structs.replace(received.alert, inhibits=inhibits))

    def _muting(self, signal: Signal, group: Mapping[str, Alert]) -> list[Blackout]:
        """The blackouts in force that the signal falls under, by itself or by the tags that its alert has already."""
        found = [each for each in self._rules.blackouts if matches(each, signal)]
        if found:
            return found
        for alert in group.values():
            same = (alert.resource, alert.event) == (signal.resource, signal.event)
            if alert.status in UNDER_BLACKOUT and same:
                # As the alert will be: a severity that is accepted now must be told.
                told = msgspec.structs.replace(alert, severity=signal.severity)
                return [each for each in self._rules.blackouts if matches(each, told)]
        return []

    async def record(self, tx: Transaction, now: datetime, receiving: Receiving) -> None:
        if not self._changed:
            return
        await tx.alerts.save(list(self._changed.values()))
        if self._entries:
            await tx.history.add(self._entries)
        timers = [
            Timer(kind="alert", subject=alert_id, shard=shard_of(alert_id), due=due)
            for alert_id, due in self._due.items()
            if due is not None
        ]
        if timers:
            await tx.timers.set(timers)
        if self.to_route:
            await tx.outbox.add([route_row(alert_id, now) for alert_id in self.to_route])
        if self.told:
            await tx.outbox.add(receiving.told(self.told, now))
        tx.changed("alert", *self._changed)


def _moved(before: Alert | None, after: Alert) -> bool:
    """Whether the alert is new, or belongs to other services than before."""
    return before is None or (before.service != after.service and set(before.service) != set(after.service))


def _explained(received: Received, muted: Blackout) -> Received:
    """The same, with the blackout named in its reasons."""
    why = f"{received.reason}; under the blackout {muted.name!r}"
    entries = tuple(msgspec.structs.replace(entry, reason=why) for entry in received.entries)
    return msgspec.structs.replace(received, reason=why, entries=entries)


def route_row(alert_id: str, now: datetime) -> OutboxRow:
    """The message that lets a keeper look what an alert means for services."""
    return OutboxRow(
        id=new_id(), kind="route", subject=alert_id, shard=shard_of(alert_id), created_at=now, available_at=now
    )


def identities_of(signals: Sequence[Signal]) -> set[Identity]:
    """What they speak of, and what they would without the rules that correlate them."""
    found = {identity_of(signal) for signal in signals}
    return found | {plain_identity_of(signal) for signal in signals if signal.correlation is not None}
