"""Counting one rule: which events it takes, and the cells (window, group) that they fall into.

What is kept is bounded: windows by how late events may be, groups by `max_groups`, a group's sketch by its size, the
paths of a funnel by `max_paths`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from watchbell.domain.events.event import Event
from watchbell.domain.events.rules.expression import Expression, Fields, Test, equality, is_field, reader, simple_tests
from watchbell.domain.events.rules.part import ALL, OTHERS
from watchbell.domain.events.rules.rule import Measure, Rule, Term, TimeOf
from watchbell.domain.events.rules.sketch import Sketch, sketch_for, unpack

MAX_PATHS = 50_000
"""So many parties' paths are followed at once for one funnel; beyond that the oldest is given up."""

GROUP_TEXT = 100
NO_GROUP = "(none)"

Key = tuple[str, str | None]
"""A field and the value that it must have."""


class Matcher:
    """Whether an event is one that a filter and an expression choose."""

    def __init__(self, wanted: dict[str, Term], where: str, fields: Fields) -> None:
        self.duplicates = "duplicate" in wanted or "duplicate" in where
        """They speak of duplicates; otherwise duplicates do not count."""
        self.key: Key | None = _key_of(wanted, where)
        """Events that do not have this never match."""
        rest = {name: value for name, value in wanted.items() if self.key is None or name != self.key[0]}
        if self.key is not None and self.key[0] in wanted and wanted[self.key[0]] != self.key[1]:
            rest = dict(wanted)
        self._tests: tuple[Test, ...] = tuple(simple_tests(rest))
        self._fields = fields
        self._where = Expression(where) if where and not _is_key_only(where, self.key) else None
        if self._where is not None:
            fields.need(self._where.names)

    def matches(self, event: Event) -> bool:
        """Whether it is; the key has been looked at already, and `fields` shows the event."""
        if event.duplicate and not self.duplicates:
            return False
        for test in self._tests:
            if not test(event):
                return False
        return self._where is None or self._where.test(self._fields)

    def holds(self, event: Event) -> bool:
        """Whether it is, the key included."""
        return (self.key is None or getattr(event, self.key[0]) == self.key[1]) and self.matches(event)


def _key_of(wanted: dict[str, Term], where: str) -> Key | None:
    # A parameter is dear to read and a number is no use as a key (True equals 1): both are only tested.
    for name, value in wanted.items():
        if "." not in name and (value is None or isinstance(value, str)):
            return name, value
    return equality(where) if where else None


def _is_key_only(where: str, key: Key | None) -> bool:
    found = equality(where)
    return found is not None and found == key and "&&" not in where


class Cell(msgspec.Struct):
    """The numbers of one window and group. `packed` is the sketch as text, None when it has changed since."""

    count: int = 0
    of: int = 0
    sketch: Sketch | None = None
    packed: str | None = None

    def pack(self) -> str:
        """The sketch as text; empty without one."""
        if self.sketch is None:
            return ""
        if self.packed is None:
            self.packed = self.sketch.pack()
        return self.packed


class Counting:
    """Counts one rule. `offers` says with which events it must be called."""

    def __init__(self, rule: Rule, fields: Fields, *, max_paths: int = MAX_PATHS) -> None:
        self.rule = rule
        self._max_paths = max_paths
        self.cells: dict[tuple[int, str], Cell] = {}
        """(window start in milliseconds, group) → numbers."""
        self._groups: dict[int, int] = {}
        self._length = rule.slice_s * 1000
        self._late_ms = rule.late_s * 1000
        self._by_event = rule.time is TimeOf.EVENT
        self._group = _grouping(rule.group_by, fields) if rule.group_by else None
        self._newest: tuple[int, Cell] | None = None
        self.offers: list[tuple[Sequence[Key | None], Callable[[Event], None]]] = []
        self._prepare(fields)

    def _prepare(self, fields: Fields) -> None:
        rule = self.rule
        matcher = Matcher(rule.filter, rule.where, fields)
        take = self._take_value if rule.measure in {Measure.DISTINCT, Measure.PERCENTILE} else self._take
        self._read = reader(rule.field or "party_id")
        self._offer(matcher, take)
        if rule.measure is Measure.RATIO:
            self._offer(Matcher(rule.of_filter, rule.of_where, fields), self._take_whole)

    def _offer(self, matcher: Matcher, take: Callable[[Event], None]) -> None:
        matches = matcher.matches

        def offer(event: Event) -> None:
            if matches(event):
                take(event)

        self.offers.append(((matcher.key,), offer))

    def moment(self, event: Event) -> int:
        """When the event counts, in milliseconds since 1970."""
        received = event.received_ms
        if self._by_event and 0 <= received - event.client_ms <= self._late_ms:
            return event.client_ms
        return received

    def cell(self, event: Event) -> Cell:
        """Where the event falls."""
        moment = self.moment(event)
        start = moment - moment % self._length
        if self._group is None:
            if self._newest is not None and self._newest[0] == start:
                return self._newest[1]
            found = self._cell_at(start, ALL)
            self._newest = (start, found)
            return found
        group = self._group(event)
        found = self.cells.get((start, group))
        return found if found is not None else self._cell_at(start, group)

    def _cell_at(self, start: int, group: str) -> Cell:
        if group not in {ALL, OTHERS} and (start, group) not in self.cells:
            if self._groups.get(start, 0) >= self.rule.max_groups:
                group = OTHERS
            else:
                self._groups[start] = self._groups.get(start, 0) + 1
        found = self.cells.get((start, group))
        if found is None:
            found = self.cells[start, group] = Cell(sketch=sketch_for(self.rule))
        return found

    def _take(self, event: Event) -> None:
        self.cell(event).count += 1

    def _take_whole(self, event: Event) -> None:
        self.cell(event).of += 1

    def _take_value(self, event: Event) -> None:
        value = self._read(event)
        if value is None:
            return
        cell = self.cell(event)
        if cell.sketch is not None and cell.sketch.add(value):
            cell.count += 1
            cell.packed = None

    def tend(self, moment_ms: int) -> None:
        """Forgets what has nothing to do with windows still open; called now and then."""

    def prune(self, oldest: int) -> None:
        """Forgets windows that start before `oldest`."""
        for key in [key for key in self.cells if key[0] < oldest]:
            del self.cells[key]
        for start in [start for start in self._groups if start < oldest]:
            del self._groups[start]
        if self._newest is not None and self._newest[0] < oldest:
            self._newest = None

    def crowded(self, start: int) -> bool:
        """Whether a part of this window had to be given up."""
        del start
        return False

    def restore(self, start: int, group: str, count: int, of: int, packed: str) -> None:
        """Puts a cell back as it was kept."""
        sketch = unpack(packed) if packed else sketch_for(self.rule)
        self.cells[start, group] = Cell(count=count, of=of, sketch=sketch, packed=packed or None)
        if group not in {ALL, OTHERS}:
            self._groups[start] = self._groups.get(start, 0) + 1

    def paths(self) -> list[tuple[str, int, int]]:
        """What else must be kept: of a funnel the (party, time of the first step, step awaited)."""
        return []

    def follow(self, paths: Sequence[tuple[str, int, int]]) -> None:
        """Puts paths back as they were kept."""


class FunnelCounting(Counting):
    """Follows parties along the steps of a funnel. They count in the window of their first step."""

    def _prepare(self, fields: Fields) -> None:
        self._steps = [Matcher(step.filter, step.where, fields) for step in self.rule.steps]
        self._paths: dict[str, tuple[int, int]] = {}
        self._given_up: set[int] = set()
        self._within = self.rule.within_s * 1000
        keys = [step.key for step in self._steps]
        # Found by several fields an event would be offered several times, and take several steps at once.
        by_one_field = len({key[0] if key is not None else "" for key in keys}) == 1
        self.offers.append((keys if all(keys) and by_one_field else [None], self._offer_step))

    def _offer_step(self, event: Event) -> None:
        steps = self._steps
        self.advance(event.party_id, self.moment(event), lambda number: steps[number].holds(event))

    def steps_of(self, event: Event) -> int:
        """The steps that the event may be: bit 0 is the first one."""
        return sum(1 << number for number, step in enumerate(self._steps) if step.holds(event))

    def advance(self, party: str, moment: int, is_step: Callable[[int], bool]) -> None:
        """A party did something at `moment` (milliseconds since 1970) that may be a step, by number from 0."""
        path = self._paths.get(party)
        if path is None or moment - path[0] > self._within:
            if is_step(0):
                self._enter(party, moment)
            return
        entered, wanted = path
        if wanted < len(self._steps) and is_step(wanted):
            self._paths[party] = (entered, wanted + 1)
            if wanted + 1 == len(self._steps):
                self._cell_at(entered - entered % self._length, ALL).count += 1

    def _enter(self, party: str, moment: int) -> None:
        self._paths.pop(party, None)
        if len(self._paths) >= self._max_paths:
            oldest = next(iter(self._paths))
            entered, wanted = self._paths.pop(oldest)
            if wanted < len(self._steps) and moment - entered <= self._within:
                self._given_up.add(entered - entered % self._length)
        self._paths[party] = (moment, 1)
        self._cell_at(moment - moment % self._length, ALL).of += 1

    def tend(self, moment_ms: int) -> None:
        """See Counting: paths that have run out."""
        for party, (entered, _) in list(self._paths.items()):
            if moment_ms - entered <= self._within:
                break
            del self._paths[party]

    def prune(self, oldest: int) -> None:
        """See Counting."""
        super().prune(oldest)
        self._given_up = {start for start in self._given_up if start >= oldest}

    def crowded(self, start: int) -> bool:
        """See Counting."""
        return start in self._given_up

    def paths(self) -> list[tuple[str, int, int]]:
        """See Counting."""
        return [(party, entered, wanted) for party, (entered, wanted) in self._paths.items()]

    def follow(self, paths: Sequence[tuple[str, int, int]]) -> None:
        """See Counting."""
        self._paths = {party: (entered, wanted) for party, entered, wanted in paths}


def counting_for(rule: Rule, fields: Fields, max_paths: int = MAX_PATHS) -> Counting:
    """What counts the rule."""
    return (
        FunnelCounting(rule, fields, max_paths=max_paths) if rule.measure is Measure.FUNNEL else Counting(rule, fields)
    )


def _grouping(group_by: str, fields: Fields) -> Callable[[Event], str]:
    if is_field(group_by):
        read = reader(group_by)
        return lambda event: group_text(read(event))
    expression = Expression(group_by, "group_by")
    fields.need(expression.names)
    return lambda _event: group_text(expression.value(fields))


def group_text(value: Any) -> str:
    """The name of a group: short, on one line, printable."""
    if isinstance(value, str) and value.isprintable():
        return value[:GROUP_TEXT] or NO_GROUP
    if value is None:
        return NO_GROUP
    text = value if isinstance(value, str) else msgspec.json.encode(value, enc_hook=str).decode()
    return "".join(character if character.isprintable() else " " for character in text[:GROUP_TEXT]).strip() or NO_GROUP
