"""The verdicts over one window: who has reported it, what the parts add up to, and what each group's number means."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.events.rules.bounds import Band, Outcome, Verdict, judge, spell
from watchbell.domain.events.rules.part import ALL, OTHERS, WindowPart, merge, value_of
from watchbell.domain.events.rules.rule import Bound, Measure, Rule

SETTLE = timedelta(seconds=15)
"""How long after the end of a window reports are awaited."""
KNOWN_WINDOWS = 3
"""A collector that has not reported for so many windows is not waited for any more."""

_GROWING = frozenset({Measure.COUNT, Measure.RATE, Measure.DISTINCT})


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts over a window by group; `present` are the groups with events in it.

    Not `closed`: the window is still open, but too many is too many at once.
    """

    verdicts: Mapping[str, Verdict]
    present: frozenset[str]
    closed: bool


class _Reports(msgspec.Struct, frozen=True, kw_only=True):
    """Who reported a window."""

    awaited: int
    complete: int
    partial: bool


def verdicts(
    rule: Rule,
    start: datetime,
    by_start: Mapping[datetime, Sequence[WindowPart]],
    watched: Iterable[str],
    bands: Callable[[str, datetime], Band],
    now: datetime,
) -> Found | None:
    """The verdicts over the window that starts at `start`; None: it is too early to tell."""
    length = timedelta(seconds=rule.slice_s)
    parts = by_start.get(start, ())
    reports = _reports(start, length, by_start, parts)
    due = start + length + timedelta(seconds=rule.settle_s)
    late = now >= due + SETTLE
    if now < due or (reports.complete < max(reports.awaited, 1) and not late):
        return _early(rule, start, parts, bands)
    if reports.complete == 0:
        early = _early(rule, start, parts, bands)
        return _silent(length, parts) if early is None else msgspec.structs.replace(early, closed=True)
    partial = reports.partial or reports.complete < reports.awaited
    found: dict[str, Verdict] = {}
    grouped = _grouped(rule, parts)
    for group in sorted({*grouped, *watched}) if rule.group_by else [ALL]:
        if group == OTHERS and rule.bound is not Bound.ABOVE:
            continue  # who is among the others differs from window to window
        value = value_of(rule, merge(rule, grouped.get(group, ())))
        found[group] = judge(rule, value, bands(group, start), partial=partial)
    if rule.group_by:
        found[ALL] = Verdict(outcome=Outcome.OK, value=float(len(grouped)), reason=f"{len(grouped)} groups")
    if reports.complete < reports.awaited:
        found = {group: _blamed(verdict, reports) for group, verdict in found.items()}
    return Found(verdicts=found, present=frozenset(grouped) - {ALL}, closed=True)


def _reports(
    start: datetime,
    length: timedelta,
    by_start: Mapping[datetime, Sequence[WindowPart]],
    parts: Sequence[WindowPart],
) -> _Reports:
    before = [start - back * length for back in range(1, KNOWN_WINDOWS + 1)]
    known = {part.node for moment in before for part in by_start.get(moment, ()) if part.group == ALL}
    here = [part for part in parts if part.group == ALL]
    return _Reports(
        awaited=len(known | {part.node for part in here}),
        complete=sum(part.complete for part in here),
        partial=any(part.partial for part in here),
    )


def _grouped(rule: Rule, parts: Iterable[WindowPart]) -> dict[str, list[WindowPart]]:
    """Parts by group; what is beyond the cap, fewest events first, is put to the others."""
    found: dict[str, list[WindowPart]] = {}
    for part in parts:
        if (part.group == ALL) is not bool(rule.group_by):
            found.setdefault(part.group, []).append(part)
    named = [group for group in found if group not in {ALL, OTHERS}]
    if len(named) > rule.max_groups:
        named.sort(key=lambda group: (-sum(part.count + part.of for part in found[group]), group))
        for group in named[rule.max_groups :]:
            found.setdefault(OTHERS, []).extend(found.pop(group))
    return found


def _early(
    rule: Rule, start: datetime, parts: Sequence[WindowPart], bands: Callable[[str, datetime], Band]
) -> Found | None:
    """Too many is too many before the window ends; the rest must wait."""
    if rule.measure not in _GROWING or rule.bound is Bound.BELOW:
        return None
    found: dict[str, Verdict] = {}
    for group, held in _grouped(rule, parts).items():
        verdict = judge(rule, value_of(rule, merge(rule, held)), bands(group, start), partial=True)
        if verdict.outcome is Outcome.BREACH:
            found[group] = verdict
    return Found(verdicts=found, present=frozenset(found) - {ALL}, closed=False) if found else None


def _silent(length: timedelta, parts: Sequence[WindowPart]) -> Found:
    """Nobody is done with the window; silence is when nobody counted anything either."""
    reason = f"no collector reported the window (in {spell(int(length.total_seconds()))})"
    silent = not any(part.count or part.of for part in parts)
    verdict = Verdict(outcome=Outcome.UNKNOWN, value=None, reason=reason, silent=silent)
    return Found(verdicts={ALL: verdict}, present=frozenset(), closed=True)


def _blamed(verdict: Verdict, reports: _Reports) -> Verdict:
    """Someone who counted before is silent: what the others saw is not all."""
    if verdict.outcome is not Outcome.UNKNOWN:
        return verdict
    missing = reports.awaited - reports.complete
    reason = f"{missing} of {reports.awaited} collectors did not report the window ({verdict.reason})"
    return msgspec.structs.replace(verdict, reason=reason)
