"""What a rule would have said over windows that were counted before."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.events.rules.bounds import Band, Outcome, Verdict, judge
from watchbell.domain.events.rules.rule import Rule
from watchbell.domain.events.rules.watch import BREACH, Judged, Standing, step


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One alert that there would have been; `end` is None when it would stand still."""

    group: str
    start: datetime
    end: datetime | None
    reason: str


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """The windows judged by the rule, and the alerts that would have come of them, oldest first."""

    windows: tuple[Judged, ...]
    episodes: tuple[Episode, ...]


def replay(rule: Rule, stored: Iterable[Judged], bands: Callable[[str, datetime], Band]) -> Replay:
    """Judge stored windows again. A window that was unknown stays unknown."""
    length = timedelta(seconds=rule.slice_s)
    standings: dict[str, Standing] = {}
    open_: dict[str, Episode] = {}
    windows: list[Judged] = []
    done: list[Episode] = []
    for row in sorted(stored, key=lambda row: (row.window_start, row.group)):
        before = standings.get(row.group, Standing())
        verdict = _verdict(rule, row, bands(row.group, row.window_start))
        after = standings[row.group] = step(rule, before, verdict)
        windows.append(_again(row, verdict, after))
        end = row.window_start + length
        if after.state == BREACH and row.group not in open_:
            open_[row.group] = Episode(group=row.group, start=end, end=None, reason=verdict.reason)
        elif after.state != BREACH and row.group in open_:
            done.append(msgspec.structs.replace(open_.pop(row.group), end=end))
    episodes = sorted([*done, *open_.values()], key=lambda episode: (episode.start, episode.group))
    return Replay(windows=tuple(windows), episodes=tuple(episodes))


def _verdict(rule: Rule, row: Judged, band: Band) -> Verdict:
    if row.outcome is Outcome.UNKNOWN:
        return Verdict(outcome=Outcome.UNKNOWN, value=row.value, reason=row.reason, band=band)
    return judge(rule, row.value, band)


def _again(row: Judged, verdict: Verdict, after: Standing) -> Judged:
    return msgspec.structs.replace(
        row,
        low=verdict.band.low,
        high=verdict.band.high,
        expected=verdict.band.expected,
        outcome=verdict.outcome,
        reason=verdict.reason,
        state=after.state,
    )
