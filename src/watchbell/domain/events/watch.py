"""Watching an event rule over time: which window is judged next, and whether a signal is due.

A window is judged when every collector that counts has reported it whole, or when that has taken too long. Too few
events and no word from the collectors are both alerts, with different texts: one speaks of users, the other of
ourselves.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.events.rule import (
    Bound,
    Outcome,
    Rule,
    Verdict,
    WindowCount,
    judge_window,
    moment_of,
    window_start_ms,
)
from watchbell.domain.signal import Signal

SETTLE = timedelta(seconds=15)
"""How long after the end of a window reports are awaited."""
SILENT_WINDOWS = 2
"""So many windows in a row without a report are an alert; one may be lost in a restart."""
KNOWN_WINDOWS = 3
"""A collector that has not reported for so many windows is not waited for any more."""
_NAMESPACE = uuid.UUID("0c9d3c49-2f0b-5a55-9f6a-7f5f7f9b1f27")
RECOVERED = "normal"


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a rule.

    `judged_to` is the end of the newest window judged; `silent` counts windows unreported.
    """

    judged_to: datetime
    failing: bool = False
    silent: int = 0
    said: str = ""
    number: int = 0


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the watch, and the signal if one is due."""

    watch: Watch
    signal: Signal | None = None


def begin(rule: Rule, now: datetime) -> Watch:
    """Start watching: the window that is open now is the first to be judged."""
    return Watch(judged_to=moment_of(window_start_ms(_ms(now), rule.window_s)))


def watch(rule: Rule, before: Watch, counts: Sequence[WindowCount], now: datetime) -> Watched:
    """Judge the next window that can be judged; at most one for each call, so that each verdict can be recorded."""
    length = timedelta(seconds=rule.window_s)
    start = max(before.judged_to, moment_of(window_start_ms(_ms(now - KNOWN_WINDOWS * length - SETTLE), rule.window_s)))
    verdict, closed = _next_verdict(rule, start, counts, now)
    if verdict is None:
        return Watched(watch=before)
    after = msgspec.structs.replace(before, judged_to=start + length) if closed else before
    return _conclude(rule, after, verdict, now)


def _next_verdict(
    rule: Rule, start: datetime, counts: Sequence[WindowCount], now: datetime
) -> tuple[Verdict | None, bool]:
    """The verdict over the window that starts at `start`, and whether it is the last one about it."""
    length = timedelta(seconds=rule.window_s)
    reports = [count for count in counts if count.window_start == start and count.window_s == rule.window_s]
    total = sum(report.count for report in reports)
    partial = any(report.partial for report in reports)
    complete = sum(report.complete for report in reports)
    known = {count.node for count in counts if start - KNOWN_WINDOWS * length <= count.window_start < start}
    awaited = known | {report.node for report in reports}
    if now < start + length or (complete < len(awaited) and now < start + length + SETTLE):
        # Too many is too many at once.
        if rule.bound is Bound.ABOVE and total > rule.threshold:
            return judge_window(rule, total, 1, partial=partial), False
        return None, False
    if complete == 0 and now < start + length + SETTLE:
        return None, False
    missing = len(awaited) - complete
    if missing and complete:
        # Someone who counted before is silent: what the others saw is not all.
        verdict = judge_window(rule, total, complete, partial=True)
        if verdict.outcome is Outcome.UNKNOWN:
            reason = (
                f"{missing} of {len(awaited)} collectors did not report the window ({total} events from the others)"
            )
            return Verdict(outcome=Outcome.UNKNOWN, count=total, reason=reason), True
        return verdict, True
    return judge_window(rule, total, complete, partial=partial), True


def _conclude(rule: Rule, after: Watch, verdict: Verdict, now: datetime) -> Watched:
    if verdict.outcome is Outcome.UNKNOWN and verdict.count == 0:
        silent = after.silent + 1
        after = msgspec.structs.replace(after, silent=silent)
        if silent < SILENT_WINDOWS:
            return Watched(watch=after)
        text = f"Cannot tell whether {rule.name} is well: {verdict.reason}"
        return _say(rule, after, text, "unknown", verdict, now)
    after = msgspec.structs.replace(after, silent=0)
    if verdict.outcome is Outcome.BREACH:
        return _say(rule, after, rule.text or f"{rule.name}: {verdict.reason}", "breach", verdict, now)
    if verdict.outcome is Outcome.OK and after.failing:
        return _say(rule, after, f"{rule.name} is well again: {verdict.reason}", "", verdict, now)
    return Watched(watch=after)


def _say(rule: Rule, after: Watch, text: str, what: str, verdict: Verdict, now: datetime) -> Watched:
    """A signal, unless the same has been said already."""
    if after.failing is bool(what) and after.said == what:
        return Watched(watch=after)
    after = msgspec.structs.replace(after, failing=bool(what), said=what, number=after.number + 1)
    signal = Signal(
        id=str(uuid.uuid5(_NAMESPACE, f"{rule.id}/{after.judged_to.isoformat()}/{after.number}")),
        environment=rule.environment,
        resource=rule.resource or "events",
        event=rule.event or rule.name,
        severity=rule.severity if what else RECOVERED,
        service=tuple(rule.service),
        group="Events",
        value=str(verdict.count),
        text=text,
        attributes={"rule": rule.name, "outcome": verdict.outcome.value},
        origin="watchbell/rules",
        type="eventRuleAlert",
        create_time=now,
        timeout=0,
    )
    return Watched(watch=after, signal=signal)


def retire(rule: Rule, before: Watch, now: datetime) -> Watched:
    """Stop watching: what stands is closed."""
    if not before.failing:
        return Watched(watch=before)
    verdict = Verdict(outcome=Outcome.OK, count=0, reason="the rule is not watched any more")
    return _say(rule, before, f"{rule.name} is not watched any more", "", verdict, now)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
