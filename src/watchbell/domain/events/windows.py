"""The windows that one node is counting: open ones, and those just closed, in case an event comes late.

The state is small and explicit, so that it can be kept with the journal's checkpoint: after a crash counting goes on
where the journal is read again, and nothing is counted twice or left out.
"""

from collections.abc import Iterable, Sequence

import msgspec

from watchbell.domain.events.event import Event
from watchbell.domain.events.rule import Rule, RuleIndex, WindowCount, moment_of, window_start_ms

KEPT_WINDOWS = 3
"""How many windows of a rule are remembered behind the one that is being counted; what is older no longer changes."""

KEPT_GAPS = 100
"""How many absences are remembered."""

MAX_WINDOWS = 1000
"""How many windows of a rule one report holds at most, when counting lags far behind."""


class CountedWindows(msgspec.Struct, array_like=True):
    """The state as it is kept with a checkpoint."""

    counts: list[tuple[str, int, int]] = []
    """(rule id, window start in milliseconds, count)"""
    since: dict[str, int] = {}
    """Rule id → since when (milliseconds) it has been counted."""
    gaps: list[tuple[int, int]] = []
    """From when to when (milliseconds) the node was away."""


class WindowCounter:
    """Counts events for rules in windows of receipt time. Not thread-safe; one per mapper."""

    def __init__(self, node: str, kept: CountedWindows | None = None) -> None:
        kept = kept or CountedWindows()
        self._node = node
        self._counts: dict[tuple[str, int], int] = {(rule, start): count for rule, start, count in kept.counts}
        self._since: dict[str, int] = dict(kept.since)
        self._gaps: list[tuple[int, int]] = list(kept.gaps)
        self._reported: dict[tuple[str, int], WindowCount] = {}
        self._rules: dict[str, Rule] = {}
        self._index = RuleIndex(())

    def use(self, rules: Sequence[Rule], now_ms: int) -> None:
        """Counts for these rules from now on.

        A rule whose filter or window changed starts anew; one that left is forgotten.
        """
        current = {rule.id: rule for rule in rules if rule.enabled}
        if current == self._rules:
            return
        for rule_id, rule in current.items():
            before = self._rules.get(rule_id)
            if before is not None and (before.filter != rule.filter or before.window_s != rule.window_s):
                self._forget(rule_id)
            self._since.setdefault(rule_id, now_ms)
        if self._rules:
            for rule_id in self._rules.keys() - current.keys():
                self._forget(rule_id)
        self._rules = current
        self._index = RuleIndex(list(current.values()))

    def _forget(self, rule_id: str) -> None:
        self._since.pop(rule_id, None)
        for table in (self._counts, self._reported):
            for key in [key for key in table if key[0] == rule_id]:
                del table[key]

    def away(self, from_ms: int, to_ms: int) -> None:
        """The node accepted nothing in this time: windows that hold a part of it have been watched only in part."""
        self._gaps = [*self._gaps, (from_ms, to_ms)][-KEPT_GAPS:]

    def add(self, events: Iterable[Event]) -> None:
        """Counts `events`, each once."""
        self._index.count(events, self._counts)

    def report(self, now_ms: int, counted_to_ms: int) -> list[WindowCount]:
        """What changed since the last report, windows without events included.

        `counted_to_ms`: every event that the node accepted before this moment has been added.
        """
        changed: list[WindowCount] = []
        for rule in self._rules.values():
            for start in self._starts(rule, now_ms, counted_to_ms):
                row = self._row(rule, start, counted_to_ms)
                if self._reported.get((rule.id, start)) != row:
                    self._reported[rule.id, start] = row
                    changed.append(row)
            self._prune(rule, min(now_ms, counted_to_ms))
        return changed

    def again(self, rows: Iterable[WindowCount]) -> None:
        """These could not be delivered: they are reported with the next report."""
        for row in rows:
            self._reported.pop((row.rule_id, int(row.window_start.timestamp() * 1000)), None)

    def _starts(self, rule: Rule, now_ms: int, counted_to_ms: int) -> list[int]:
        """The windows that may still change: from a few before where counting stands (it may lag behind) up to now."""
        length = rule.window_s * 1000
        newest = window_start_ms(now_ms, rule.window_s)
        oldest = window_start_ms(min(now_ms, counted_to_ms), rule.window_s) - KEPT_WINDOWS * length
        oldest = max(oldest, window_start_ms(self._since[rule.id], rule.window_s), newest - MAX_WINDOWS * length)
        return list(range(oldest, newest + 1, length))

    def _row(self, rule: Rule, start: int, counted_to_ms: int) -> WindowCount:
        return WindowCount(
            rule_id=rule.id,
            node=self._node,
            window_start=moment_of(start),
            window_s=rule.window_s,
            count=self._counts.get((rule.id, start), 0),
            complete=start + rule.window_s * 1000 <= counted_to_ms,
            partial=self._is_partial(start, start + rule.window_s * 1000, self._since[rule.id]),
        )

    def _is_partial(self, start: int, end: int, since: int) -> bool:
        return start < since or any(left < end and start < back for left, back in self._gaps)

    def _prune(self, rule: Rule, moment_ms: int) -> None:
        oldest = window_start_ms(moment_ms, rule.window_s) - KEPT_WINDOWS * rule.window_s * 1000
        for table in (self._counts, self._reported):
            for key in [key for key in table if key[0] == rule.id and key[1] < oldest]:
                del table[key]

    def state(self) -> CountedWindows:
        """What must be kept so that counting can go on after a restart."""
        return CountedWindows(
            counts=[(rule, start, count) for (rule, start), count in self._counts.items()],
            since=dict(self._since),
            gaps=list(self._gaps),
        )
