"""The one way in: every signal, whatever its source, becomes alerts here, in one transaction with its consequences.

Lock, load, fold in memory, write. Signals of the same alert in one batch fold in order. A signal that the alarm model
refuses is reported for itself and changes nothing; losing the database fails the batch, and nothing of it is written.
Plug-ins, when there are any, are asked before about each signal from outside, and only its sender waits for them.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry, Identity, identity_of, plain_identity_of
from watchbell.domain.alerts.amend import Unforeseen
from watchbell.domain.alerts.blackout import Blackout, covering
from watchbell.domain.alerts.correlation import Correlator
from watchbell.domain.alerts.expire import next_due
from watchbell.domain.alerts.flapping import FlapRule
from watchbell.domain.alerts.inhibition import source_of
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import UNDER_BLACKOUT
from watchbell.domain.alerts.policy import Limits, admit
from watchbell.domain.alerts.receive import Received, receive
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Invalid, Refused, WatchbellError
from watchbell.domain.ids import new_id, shard_of
from watchbell.domain.signal import UNSAID, Signal
from watchbell.ports.clock import Clock
from watchbell.ports.store import OutboxRow, Store, Timer, Transaction
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.asking import TRIES, Asking, Settle
from watchbell.usecases.calling import assigned_now
from watchbell.usecases.configuration import Configured
from watchbell.usecases.consulting import Consulting
from watchbell.usecases.group_commit import GroupCommit
from watchbell.usecases.hooking import received_rows
from watchbell.usecases.in_force import NO_RULES, Deciding, InForce
from watchbell.usecases.waking import Wake, no_wake


def _assigned(signal: Signal) -> Signal:
    """The signal for the customer that its sender may write for."""
    customer = assigned_now(signal.customer, "alerts")
    return signal if customer == signal.customer else msgspec.structs.replace(signal, customer=customer)


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
    signals = [_completed(signal, receiving, rules.correlator) for signal in signals]
    identities = _identities(signals)
    await tx.alerts.lock(identities)
    stored = await tx.alerts.related(identities)
    fold = _Fold(stored, rules)
    settles = settles or [None] * len(signals)
    pairs = list(zip(signals, settles, strict=True))
    outcomes = [fold.take(signal, now, receiving, settle) for signal, settle in pairs]
    # Senders may choose ids. One that names another alert already must not overwrite that alert.
    taken = await tx.alerts.many([alert_id for alert_id in fold.created if alert_id in chosen])
    if taken:
        fold = _Fold(stored, rules, reserved={alert.id for alert in taken})
        outcomes = [fold.take(signal, now, receiving, settle) for signal, settle in pairs]
    await fold.record(tx, now)
    told = [*fold.to_route, *(alert.id for alert, _ in fold.told)]
    return Batch(outcomes, frozenset(shard_of(alert_id) for alert_id in told))


def _completed(signal: Signal, receiving: Receiving, correlator: Correlator = NO_RULES.correlator) -> Signal:
    """With an id, a severity of the installation's, its time-out when the sender said none, and who takes it."""
    if correlator:
        signal = msgspec.structs.replace(signal, correlation=correlator.of(signal))
    severity = receiving.model.severities.meaning(signal.severity)
    if signal.id and signal.timeout != UNSAID and severity == signal.severity:
        return signal
    timeout = receiving.timeouts.alert if signal.timeout == UNSAID else signal.timeout
    return msgspec.structs.replace(signal, id=signal.id or new_id(), severity=severity, timeout=timeout)


_NOBODY: dict[str, Alert] = {}


class _Fold:
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
        self.told: list[tuple[Alert, str | None]] = []

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
        muted = self._muting(signal, group) if self._rules.blackouts else None
        if muted is not None:
            signal = msgspec.structs.replace(signal, status=receiving.model.muted)
        try:
            received = self._received(signal, list(group.values()), now, receiving, muted=muted is not None)
            before = group.get(received.alert.id)
            received = settle(before, received) if settle is not None else received
        except WatchbellError as error:
            return error
        if muted is not None:
            received = _explained(received, muted)
        alert = received.alert
        if before is not None and before.correlation is None and alert.correlation is not None:
            del self._groups[before.identity.subject][alert.id]
        self._put(alert)
        self._changed[alert.id] = alert
        self._entries.extend(received.entries)
        if received.change == "created":
            self.created.append(alert.id)
        if received.change == "created" or received.status_changed or received.severity_changed:
            self.to_route[alert.id] = None
        if receiving.informs:
            self.told.append((alert, signal.user))
        due, was_due = next_due(alert), next_due(before) if before else None
        # Timers are lazy: one that fires too early is set anew, so only an earlier due time is worth a write.
        if due is not None and (was_due is None or due < was_due):
            self._due[alert.id] = due
        return received

    def _received(
        self, signal: Signal, stored: Sequence[Alert], now: datetime, receiving: Receiving, *, muted: bool
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
            muted=muted,
        )
        if received.change == "created" and (signal.id in self._reserved or signal.id in self._changed):
            signal = msgspec.structs.replace(signal, id=new_id())
            received = receive(signal, (), model, now, config_version=config_version)
        if not self._rules.inhibitions:
            return received
        inhibits = source_of(self._rules.inhibitions, received.alert)
        return msgspec.structs.replace(received, alert=msgspec.structs.replace(received.alert, inhibits=inhibits))

    def _muting(self, signal: Signal, group: Mapping[str, Alert]) -> Blackout | None:
        """The blackout in force that the signal falls under, by itself or by the tags that its alert has already."""
        found = covering(self._rules.blackouts, signal)
        if found is not None:
            return found
        for alert in group.values():
            same = (alert.resource, alert.event) == (signal.resource, signal.event)
            if alert.status in UNDER_BLACKOUT and same:
                # As the alert will be: a severity that is accepted now must be told.
                return covering(self._rules.blackouts, msgspec.structs.replace(alert, severity=signal.severity))
        return None

    async def record(self, tx: Transaction, now: datetime) -> None:
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
            await tx.outbox.add(received_rows(self.told, now))
        tx.changed("alert", *self._changed)


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


def _identities(signals: Sequence[Signal]) -> set[Identity]:
    """What they speak of, and what they would without the rules that correlate them."""
    found = {identity_of(signal) for signal in signals}
    return found | {plain_identity_of(signal) for signal in signals if signal.correlation is not None}


def _admit_one_of_many(index: int, signal: Signal, limits: Limits) -> None:
    """As `admit`; the error says which of the list it is about."""
    try:
        admit(signal, limits)
    except Invalid as error:
        raise Invalid(error.reason, f"[{index}].{error.field}" if error.field else f"[{index}]") from error
    except Refused as error:
        raise Refused(f"[{index}]: {error.message}") from error


class _Waiting(msgspec.Struct, frozen=True):
    """A signal, when it was received, and what plug-ins said of it."""

    signal: Signal
    since: datetime
    settle: Settle | None = None


class Intake:
    """Receives signals for callers that wait for the outcome, many in one commit."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        receiving: Receiving,
        telemetry: Telemetry,
        *,
        configured: Configured | None = None,
        wake: Wake = no_wake,
        consulting: Consulting | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._configured = configured or Configured(store, clock, telemetry)
        self._receiving = receiving
        self._telemetry = telemetry
        self._wake = wake
        self._in_force = Deciding()
        self._asking = Asking(consulting or Consulting(), receiving.limits)
        self._commit: GroupCommit[_Waiting, Received] = GroupCommit(self._apply)

    async def receive(self, signal: Signal) -> Received:
        """Receive one signal.

        Raises `Refused` or `Invalid` by policy, `Overloaded` and `Retryable` when it may come again, and what plug-ins
        refuse with, or `Permanent` when one fails.
        """
        signal = _assigned(signal)
        if self._asking.asks:
            since = self._clock.now()
            shown = await self._asking.shown(_completed(signal, self._receiving))
            return (await self._consulted([shown], since, together=False))[0]
        admit(signal, self._receiving.limits)
        return await self._commit.submit(_Waiting(signal, self._clock.now()))

    async def receive_many(self, signals: Sequence[Signal]) -> list[Received]:
        """Receive a list in one transaction: all of it, or nothing.

        What plug-ins divert is left out; when nothing is left, raises `Diverted`.
        """
        signals = [_assigned(signal) for signal in signals]
        since = self._clock.now()
        if self._asking.asks and signals:
            shown = await self._asking.all_shown([_completed(signal, self._receiving) for signal in signals])
            return await self._consulted(shown, since, together=True)
        for index, signal in enumerate(signals):
            _admit_one_of_many(index, signal, self._receiving.limits)
        if not signals:
            return []
        return await self._applied_together([_Waiting(signal, since) for signal in signals])

    async def close(self) -> None:
        """Apply what was taken, and take no more."""
        await self._commit.close()

    async def _consulted(self, signals: Sequence[Signal], since: datetime, *, together: bool) -> list[Received]:
        """Foresee what becomes of the signals' statuses, ask plug-ins about it, and apply the signals so."""
        for _ in range(TRIES):
            settles = await self._settles(signals)
            waiting = [_Waiting(one, since, settle) for one, settle in zip(signals, settles, strict=True)]
            try:
                if together:
                    return await self._applied_together(waiting)
                return [await self._commit.submit(one) for one in waiting]
            except Unforeseen:
                continue
        raise Unforeseen

    async def _settles(self, signals: Sequence[Signal]) -> list[Settle | None]:
        if not self._asking.settles:
            return [None] * len(signals)
        now = self._clock.now()
        config = await self._configured.current()
        rules = self._in_force.at(config, now)
        signals = [_completed(signal, self._receiving, rules.correlator) for signal in signals]
        async with self._store.reading() as tx:
            stored = await tx.alerts.related(_identities(signals))
        fold = _Fold(stored, rules)
        seen: list[tuple[Alert | None, Received]] = []

        def see(before: Alert | None, received: Received) -> Received:
            seen.append((before, received))
            return received

        settles: list[Settle | None] = []
        for signal in signals:
            foreseen = fold.take(signal, now, self._receiving, see)
            if isinstance(foreseen, WatchbellError):
                raise foreseen
            settles.append(await self._asking.settle(*seen.pop(), signal.text, now))
        return settles

    async def _applied_together(self, waiting: Sequence[_Waiting]) -> list[Received]:
        outcomes = await self._apply(waiting, together=True)
        return [outcome for outcome in outcomes if isinstance(outcome, Received)]

    async def _apply(
        self, waiting: Sequence["_Waiting"], *, together: bool = False
    ) -> Sequence[Received | WatchbellError]:
        signals = [one.signal for one in waiting]
        settles = [one.settle for one in waiting] if self._asking.asks else ()
        config = await self._configured.current()
        now = self._clock.now()
        rules = self._in_force.at(config, now)
        async with self._store.transaction() as tx:
            batch = await apply_signals(tx, signals, now, self._receiving, rules, settles)
            if together:
                for outcome in batch.outcomes:
                    if isinstance(outcome, WatchbellError):
                        raise outcome
        recorded = self._clock.now()
        for one in waiting:
            # From the receipt: what waited for the commit before it waited, too.
            self._telemetry.observe("stage_seconds", (recorded - one.since).total_seconds(), stage="record")
        self._telemetry.count("signals_received", len(signals))
        if batch.shards:
            await self._wake(sorted(batch.shards))
        return batch.outcomes
