"""Watching a rule over time: which windows are judged, what that makes of each group, and whether a signal is due.

A window is judged when every collector that counts has reported it whole, or when that has taken too long. Until its
allowance for late reports ends it is judged again each time: the standing of a group is the fold of its windows from
the last one that cannot change. Too few events and no word from the collectors are both alerts, with different texts:
one speaks of users, the other of ourselves.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.events.rules.bounds import Band, Outcome, Verdict, number
from watchbell.domain.events.rules.part import ALL, WindowPart, moment_of, window_start_ms
from watchbell.domain.events.rules.rule import Rule
from watchbell.domain.events.rules.verdicts import KNOWN_WINDOWS, SETTLE, Found, verdicts
from watchbell.domain.signal import Signal

SILENT_WINDOWS = 2
"""So many windows in a row without a report are an alert; one may be lost in a restart."""
FORGET = timedelta(days=1)
"""A group without events for so long is not watched any more (or for ten windows, if that is longer)."""
_NAMESPACE = uuid.UUID("0c9d3c49-2f0b-5a55-9f6a-7f5f7f9b1f27")
RECOVERED = "normal"
BREACH = "breach"
UNKNOWN = "unknown"
WELL = ""

Bands = Callable[[str, datetime], Band]
"""The band of a group in the window that starts then."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a group stands after a window."""

    state: str = WELL
    bad: int = 0
    """Windows out of bounds in a row."""
    good: int = 0
    silent: int = 0
    """Windows that nobody reported, in a row."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule's signals are about: kept, so that they can be ended when the rule is gone."""

    name: str
    environment: str
    resource: str
    event: str
    service: tuple[str, ...] = ()


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a rule.

    `judged_to` is the end of the newest window that cannot change any more, and `groups` the standings there; `told` is
    what the last signal of a group said. The first release kept `failing` and `said` for the whole rule.
    """

    judged_to: datetime
    failing: bool = False
    said: str = ""
    number: int = 0
    groups: dict[str, Standing] = {}
    told: dict[str, str] = {}
    seen: dict[str, datetime] = {}
    """When each group last had an event."""
    target: Target | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement, for the record. Unique by (rule_id, group, window_start); the latest holds."""

    rule_id: str
    group: str
    window_start: datetime
    value: float | None
    low: float | None
    high: float | None
    expected: float | None
    outcome: Outcome
    reason: str
    state: str = WELL
    """Where the group stood after it: well (empty), `breach` or `unknown`."""


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the watch, the signals that are due, and every judgement that may be new."""

    watch: Watch
    signals: tuple[Signal, ...] = ()
    judged: tuple[Judged, ...] = ()


def begin(rule: Rule, now: datetime) -> Watch:
    """Start watching: the window that is open now is the first to be judged."""
    return Watch(judged_to=moment_of(window_start_ms(_ms(now), rule.slice_s)), target=target_of(rule))


def first_open(rule: Rule, before: Watch, now: datetime) -> datetime:
    """The start of the oldest window that is judged (again) now."""
    length = timedelta(seconds=rule.slice_s)
    behind = max(KNOWN_WINDOWS * length, timedelta(seconds=rule.late_s + rule.settle_s) + length) + SETTLE
    aligned = moment_of(window_start_ms(_ms(before.judged_to), rule.slice_s))
    return max(aligned, moment_of(window_start_ms(_ms(now - behind), rule.slice_s)))


def watch(rule: Rule, before: Watch, parts: Sequence[WindowPart], bands: Bands, now: datetime) -> Watched:
    """Judge every window that can be judged now, in order.

    `parts` are those from `KNOWN_WINDOWS` before `first_open` on.
    """
    before = _upgraded(before)
    length = timedelta(seconds=rule.slice_s)
    start = first_open(rule, before, now)
    fold = _Fold(rule, before)
    base, judged_to = fold.copy(), start
    judged: list[Judged] = []
    by_start = _by_start(rule, parts)
    while start <= now:
        found = verdicts(rule, start, by_start, sorted(fold.groups), bands, now)
        if found is None:
            break
        fold.take(start, found)
        if not found.closed:
            break
        judged += fold.records(start, found)
        start += length
        if start + timedelta(seconds=rule.settle_s) + max(SETTLE, timedelta(seconds=rule.late_s)) <= now:
            base, judged_to = fold.copy(), start
    after = msgspec.structs.replace(
        before,
        judged_to=max(judged_to, before.judged_to),
        groups=base.standings,
        seen=base.seen,
        target=target_of(rule),
    )
    after, signals = _tell(rule, after, fold, now)
    return Watched(watch=after, signals=tuple(signals), judged=tuple(judged))


def _by_start(rule: Rule, parts: Iterable[WindowPart]) -> Mapping[datetime, list[WindowPart]]:
    found: dict[datetime, list[WindowPart]] = {}
    for part in parts:
        if part.window_s == rule.slice_s:
            found.setdefault(part.window_start, []).append(part)
    return found


def _upgraded(before: Watch) -> Watch:
    if not before.failing or before.told:
        return before
    said = before.said or BREACH
    return msgspec.structs.replace(before, failing=False, said="", told={ALL: said}, groups={ALL: Standing(state=said)})


class _Fold:
    """Standings as windows are taken in order."""

    def __init__(self, rule: Rule, before: Watch) -> None:
        self._rule = rule
        self._before = before
        self.standings: dict[str, Standing] = dict(before.groups)
        self.seen: dict[str, datetime] = dict(before.seen)
        self.why: dict[str, tuple[datetime, Verdict]] = {}

    @property
    def groups(self) -> set[str]:
        """The groups that are watched."""
        return set(self.seen)

    def copy(self) -> "_Fold":
        made = _Fold(self._rule, self._before)
        made.why, made.standings, made.seen = dict(self.why), dict(self.standings), dict(self.seen)
        return made

    def take(self, start: datetime, found: Found) -> None:
        for group in found.present:
            self.seen[group] = start
        for group, verdict in found.verdicts.items():
            old = self.standings.get(group, Standing())
            new = step(self._rule, old, verdict)
            if new.state != old.state or group not in self.why or verdict.outcome is Outcome.BREACH:
                self.why[group] = (start, verdict)
            self.standings[group] = new
        self._forget(start)

    def _forget(self, start: datetime) -> None:
        patience = max(FORGET, 10 * timedelta(seconds=self._rule.slice_s))
        gone = [group for group, last in self.seen.items() if start - last > patience]
        newest = sorted(self.seen, key=lambda group: (self.seen[group], group), reverse=True)
        for group in {*gone, *newest[2 * self._rule.max_groups + 2 :]}:
            del self.seen[group]
            self.standings.pop(group, None)
            self.why[group] = (start, _gone(f"nothing was seen of {group} for long"))

    def records(self, start: datetime, found: Found) -> list[Judged]:
        return [
            Judged(
                rule_id=self._rule.id,
                group=group,
                window_start=start,
                value=verdict.value,
                low=verdict.band.low,
                high=verdict.band.high,
                expected=verdict.band.expected,
                outcome=verdict.outcome,
                reason=verdict.reason,
                state=self.standings.get(group, Standing()).state,
            )
            for group, verdict in found.verdicts.items()
        ]


def _gone(reason: str) -> Verdict:
    return Verdict(outcome=Outcome.OK, value=None, reason=reason)


def step(rule: Rule, old: Standing, verdict: Verdict) -> Standing:
    """One window more."""
    if verdict.silent:
        silent = old.silent + 1
        return msgspec.structs.replace(old, silent=silent, state=UNKNOWN if silent >= SILENT_WINDOWS else old.state)
    match verdict.outcome:
        case Outcome.BREACH:
            bad = old.bad + 1
            return Standing(state=BREACH if bad >= rule.to_fire else old.state, bad=bad)
        case Outcome.OK:
            good = old.good + 1
            well = old.state != BREACH or good >= rule.recover_after
            return Standing(state=WELL if well else BREACH, good=good)
        case _:
            return msgspec.structs.replace(old, silent=0)


def _tell(rule: Rule, after: Watch, fold: _Fold, now: datetime) -> tuple[Watch, list[Signal]]:
    """Signals for the groups that stand otherwise than was last told."""
    signals: list[Signal] = []
    told, count = dict(after.told), after.number
    for group in sorted({*fold.standings, *told}):
        state = fold.standings.get(group, Standing()).state
        if state == told.get(group, WELL):
            continue
        start, verdict = fold.why.get(group, (after.judged_to, _gone("it is within bounds")))
        count += 1
        signals.append(_signal(rule, group, state, verdict, f"{start.isoformat()}/{count}", now))
        if state == WELL:
            told.pop(group, None)
        else:
            told[group] = state
    return msgspec.structs.replace(after, told=told, number=count), signals


def _signal(rule: Rule, group: str, state: str, verdict: Verdict, key: str, now: datetime) -> Signal:
    name = f"{rule.name} for {group}" if group else rule.name
    if state == UNKNOWN:
        text = f"Cannot tell whether {name} is well: {verdict.reason}"
    elif state == BREACH:
        text = rule.text or f"{name}: {verdict.reason}"
    else:
        text = f"{name} is well again: {verdict.reason}"
    signal = _about(target_of(rule), group, state, key, rule.id, now)
    attributes = {"rule": rule.name, "ruleId": rule.id, "outcome": verdict.outcome.value, "reason": verdict.reason}
    for field, value in (("expected", verdict.band.expected), ("low", verdict.band.low), ("high", verdict.band.high)):
        if value is not None:
            attributes[field] = number(rule, value)
    if group:
        attributes["group"] = group
    return msgspec.structs.replace(
        signal,
        severity=rule.severity if state else RECOVERED,
        value="" if verdict.value is None else number(rule, verdict.value),
        text=text,
        attributes=attributes,
    )


def target_of(rule: Rule) -> Target:
    """What the rule's signals are about."""
    return Target(
        name=rule.name,
        environment=rule.environment,
        resource=rule.resource or "events",
        event=rule.event or rule.name,
        service=tuple(rule.service),
    )


def _about(target: Target, group: str, state: str, key: str, rule_id: str, now: datetime) -> Signal:
    return Signal(
        id=str(uuid.uuid5(_NAMESPACE, f"{rule_id}/{group}/{key}")),
        environment=target.environment,
        resource=f"{target.resource}/{group}" if group else target.resource,
        event=target.event,
        severity=RECOVERED,
        service=target.service,
        group="Events",
        attributes={"rule": target.name, "outcome": state or "ok"},
        origin="watchbell/rules",
        source=f"rule/{target.name}",
        type="eventRuleAlert",
        create_time=now,
        timeout=0,
    )


def retire(rule_id: str, before: Watch, now: datetime) -> Watched:
    """Stop watching, because the rule is disabled or gone: what stands is closed."""
    before = _upgraded(before)
    target = before.target
    if not before.told or target is None:
        return Watched(watch=msgspec.structs.replace(before, told={}))
    signals = [
        msgspec.structs.replace(
            _about(target, group, WELL, f"retired/{before.number}", rule_id, now),
            text=f"{target.name}{f' for {group}' if group else ''} is not watched any more",
        )
        for group in sorted(before.told)
    ]
    return Watched(watch=msgspec.structs.replace(before, told={}), signals=tuple(signals))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
