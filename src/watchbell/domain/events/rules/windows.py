"""The windows that one node is counting: open ones, and closed ones for as long as events may come late.

The state is small and explicit, so that it can be kept with the journal's checkpoint: after a crash counting goes on
where the journal is read again, and nothing is counted twice or left out.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event
from watchbell.domain.events.rules.counting import MAX_PATHS, Cell, Counting, FunnelCounting, counting_for
from watchbell.domain.events.rules.expression import Fields
from watchbell.domain.events.rules.part import ALL, WindowPart, moment_of, window_start_ms
from watchbell.domain.events.rules.rule import Rule

KEPT_WINDOWS = 3
"""How many windows of a rule are remembered at least behind the one that is being counted."""

KEPT_GAPS = 100
"""How many absences are remembered."""

MAX_WINDOWS = 1000
"""How many windows of a rule one report holds at most, when counting lags far behind."""


class KeptCell(msgspec.Struct, array_like=True, frozen=True):
    """One cell as it is kept."""

    rule_id: str
    start: int
    group: str
    count: int
    of: int
    sketch: str


class CountedWindows(msgspec.Struct, array_like=True):
    """The state as it is kept with a checkpoint."""

    counts: list[tuple[str, int, int]] = []
    """As the first release kept counts: (rule id, window start in milliseconds, count). Read, not written."""
    since: dict[str, int] = {}
    """Rule id → since when (milliseconds) it has been counted."""
    gaps: list[tuple[int, int]] = []
    """From when to when (milliseconds) the node was away."""
    cells: list[KeptCell] = []
    marks: dict[str, str] = {}
    """Rule id → what its cells were counted for; when that has changed they are of no use."""
    paths: dict[str, list[tuple[str, int, int]]] = {}
    """Rule id → the paths of a funnel."""


class Failure(NamedTuple):
    """An event that could not be counted, or only by some rules."""

    event: Event
    error: Exception


class RuleIndex:
    """Rules made ready for counting, found by a field that they ask for: cost follows matches, not rules."""

    def __init__(self, fields: Fields, countings: Iterable[Counting]) -> None:
        self._fields = fields
        self._always: list[Callable[[Event], None]] = []
        by_field: dict[str, dict[Any, list[Callable[[Event], None]]]] = {}
        for counting in countings:
            for keys, offer in counting.offers:
                for key in dict.fromkeys(keys):
                    if key is None:
                        self._always.append(offer)
                    else:
                        by_field.setdefault(key[0], {}).setdefault(key[1], []).append(offer)
        self._fields_wanted = list(by_field.items())

    def add(self, events: Iterable[Event]) -> list[Failure]:
        """Offers each event to the rules that may want it; those that some rule could not bear."""
        failures: list[Failure] = []
        if not self._always and not self._fields_wanted:
            return failures
        left = iter(events)
        while True:
            try:
                self._offer(left)
            except Exception as error:  # task edge: an event that nobody foresaw must not stop those after it
                failures.append(Failure(self._fields.shown, error))
            else:
                return failures

    def _offer(self, events: Iterator[Event]) -> None:
        show, always, wanted = self._fields.show, self._always, self._fields_wanted
        for event in events:
            show(event)
            for offer in always:
                offer(event)
            for field, table in wanted:
                found = table.get(getattr(event, field))
                if found is not None:
                    for offer in found:
                        offer(event)


class WindowCounter:
    """Counts events for rules in windows. Not thread-safe; one per mapper."""

    def __init__(self, node: str, kept: CountedWindows | None = None, *, max_paths: int = MAX_PATHS) -> None:
        kept = kept or CountedWindows()
        self._node = node
        self._max_paths = max_paths
        self._kept: CountedWindows | None = kept if kept.cells or kept.counts or kept.since else None
        self._since: dict[str, int] = dict(kept.since)
        self._gaps: list[tuple[int, int]] = list(kept.gaps)
        self._reported: dict[tuple[str, int, str], WindowPart] = {}
        self._rules: dict[str, Rule] = {}
        self._countings: dict[str, Counting] = {}
        self._marks: dict[str, str] = {}
        self._fields = Fields()
        self._index = RuleIndex(self._fields, ())

    def use(self, rules: Sequence[Rule], now_ms: int) -> None:
        """Counts for these rules from now on.

        A rule that counts otherwise than before starts anew; one that left is forgotten; one that cannot be counted
        (it was written for a newer release) is left out.
        """
        current = {rule.id: rule for rule in rules if rule.enabled}
        if current == self._rules:
            return
        for rule_id in self._rules.keys() - current.keys():
            self._forget(rule_id)
        self._fields = Fields()
        countings: dict[str, Counting] = {}
        for rule_id, rule in current.items():
            counting = self._counting(rule)
            if counting is None:
                continue
            countings[rule_id] = counting
            self._since.setdefault(rule_id, now_ms)
        self._rules = {rule_id: current[rule_id] for rule_id in current}
        self._countings = countings
        self._marks = {rule_id: mark_of(counting.rule) for rule_id, counting in countings.items()}
        self._kept = None
        self._index = RuleIndex(self._fields, countings.values())

    def _counting(self, rule: Rule) -> Counting | None:
        try:
            made = counting_for(rule, self._fields, self._max_paths)
        except Invalid:
            self._forget(rule.id)
            return None
        before = self._countings.get(rule.id)
        if before is not None and before.rule.counted == rule.counted:
            for (start, group), cell in before.cells.items():
                made.restore(start, group, cell.count, cell.of, cell.pack())
            made.follow(before.paths())
        elif before is not None:
            self._forget(rule.id)
        elif self._kept is not None:
            self._restore(self._kept, made)
        return made

    def _restore(self, kept: CountedWindows, made: Counting) -> None:
        rule_id = made.rule.id
        if kept.marks.get(rule_id, mark_of(made.rule)) != mark_of(made.rule):
            self._forget(rule_id)
            return
        for old_id, start, count in kept.counts:
            if old_id == rule_id:
                made.restore(start, ALL, count, 0, "")
        for cell in kept.cells:
            if cell.rule_id == rule_id:
                made.restore(cell.start, cell.group, cell.count, cell.of, cell.sketch)
        made.follow(kept.paths.get(rule_id, ()))

    def _forget(self, rule_id: str) -> None:
        self._since.pop(rule_id, None)
        for key in [key for key in self._reported if key[0] == rule_id]:
            del self._reported[key]

    def away(self, from_ms: int, to_ms: int) -> None:
        """The node accepted nothing in this time: windows that hold a part of it have been watched only in part."""
        self._gaps = [*self._gaps, (from_ms, to_ms)][-KEPT_GAPS:]

    def add(self, events: Iterable[Event]) -> list[Failure]:
        """Counts `events`, each once; those that could not be counted by every rule."""
        return self._index.add(events)

    def add_step(self, rule_id: str, mark: str, party: str, moment: int, steps: int) -> None:
        """Counts what another node found to be one of a funnel's `steps` (as `FunnelCounting.steps_of`).

        `mark`: what the rule was there (`mark_of`); of another rule than is counted here it says nothing.
        """
        counting = self._countings.get(rule_id)
        if isinstance(counting, FunnelCounting) and self._marks[rule_id] == mark:
            counting.advance(party, moment, lambda number: bool(steps >> number & 1))

    def report(self, now_ms: int, counted_to_ms: int) -> list[WindowPart]:
        """What changed since the last report, windows without events included.

        `counted_to_ms`: every event that the node accepted before this moment has been added.
        """
        changed: list[WindowPart] = []
        for counting in self._countings.values():
            rule = counting.rule
            counting.tend(min(now_ms, counted_to_ms))
            oldest, newest = self._range(rule, now_ms, counted_to_ms)
            for row in self._rows(counting, oldest, newest, counted_to_ms):
                key = (rule.id, int(row.window_start.timestamp() * 1000), row.group)
                if self._reported.get(key) != row:
                    self._reported[key] = row
                    changed.append(row)
            self._prune(counting, min(now_ms, counted_to_ms))
        return changed

    def restate(self) -> None:
        """With the next report everything is reported again."""
        self._reported.clear()

    def again(self, rows: Iterable[WindowPart]) -> None:
        """These could not be delivered: they are reported with the next report."""
        for row in rows:
            self._reported.pop((row.rule_id, int(row.window_start.timestamp() * 1000), row.group), None)

    def _range(self, rule: Rule, now_ms: int, counted_to_ms: int) -> tuple[int, int]:
        """The windows that may still change: from a few before where counting stands (it may lag behind) up to now."""
        length = rule.slice_s * 1000
        newest = window_start_ms(now_ms, rule.slice_s)
        oldest = window_start_ms(min(now_ms, counted_to_ms), rule.slice_s) - _behind(rule)
        oldest = max(oldest, window_start_ms(self._since[rule.id], rule.slice_s), newest - MAX_WINDOWS * length)
        return oldest, newest

    def _rows(self, counting: Counting, oldest: int, newest: int, counted_to_ms: int) -> list[WindowPart]:
        rule = counting.rule
        rows: list[WindowPart] = []
        totals: dict[int, Cell] = {}
        for (start, group), cell in counting.cells.items():
            if not oldest <= start <= newest:
                continue
            if group == ALL:
                totals[start] = cell
                continue
            total = totals.setdefault(start, Cell())
            total.count += cell.count
            total.of += cell.of
            rows.append(self._row(rule, start, group, cell))
        for start in range(oldest, newest + 1, rule.slice_s * 1000):
            whole = self._row(rule, start, ALL, totals.get(start) or Cell())
            end = start + rule.slice_s * 1000
            partial = counting.crowded(start) or self._is_partial(start, end, self._since[rule.id])
            complete = end + rule.settle_s * 1000 <= counted_to_ms
            rows.append(msgspec.structs.replace(whole, complete=complete, partial=partial))
        return rows

    def _row(self, rule: Rule, start: int, group: str, cell: Cell) -> WindowPart:
        return WindowPart(
            rule_id=rule.id,
            node=self._node,
            window_start=moment_of(start),
            window_s=rule.slice_s,
            group=group,
            count=cell.count,
            of=cell.of,
            sketch=cell.pack(),
        )

    def _is_partial(self, start: int, end: int, since: int) -> bool:
        return start < since or any(left < end and start < back for left, back in self._gaps)

    def _prune(self, counting: Counting, moment_ms: int) -> None:
        rule = counting.rule
        oldest = window_start_ms(moment_ms, rule.slice_s) - _behind(rule)
        counting.prune(oldest)
        for key in [key for key in self._reported if key[0] == rule.id and key[1] < oldest]:
            del self._reported[key]

    def state(self) -> CountedWindows:
        """What must be kept so that counting can go on after a restart."""
        if self._kept is not None:  # rules are not known yet: what was kept stays kept
            kept = self._kept
            return CountedWindows(kept.counts, dict(self._since), list(self._gaps), kept.cells, kept.marks, kept.paths)
        cells = [
            KeptCell(rule_id, start, group, cell.count, cell.of, cell.pack())
            for rule_id, counting in self._countings.items()
            for (start, group), cell in counting.cells.items()
        ]
        return CountedWindows(
            since=dict(self._since),
            gaps=list(self._gaps),
            cells=cells,
            marks=dict(self._marks),
            paths={rule_id: paths for rule_id, counting in self._countings.items() if (paths := counting.paths())},
        )


def _behind(rule: Rule) -> int:
    """How far behind the newest window the oldest one is that may still change, in milliseconds."""
    windows = max(KEPT_WINDOWS, -(-(rule.late_s + rule.settle_s) // rule.slice_s))
    return windows * rule.slice_s * 1000


def mark_of(rule: Rule) -> str:
    """What the rule's counting depends on, in short."""
    return hashlib.blake2b(msgspec.json.encode(rule.counted, order="sorted"), digest_size=8).hexdigest()
