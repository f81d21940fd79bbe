"""Funnels over several collectors: what each of them publishes, and how one partition of that is counted.

Every collector finds which of its events may be steps, and publishes these, and how far it has come, to a log that is
divided by party. Whoever holds a partition counts it: steps wait until every collector has come past them, and are then
taken in the order of their receipt. So what is counted does not depend on which collector saw what. The state is one
value that the next holder goes on from.
"""

from collections.abc import Sequence

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event
from watchbell.domain.events.rules.counting import FunnelCounting
from watchbell.domain.events.rules.expression import Fields
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Measure, Rule
from watchbell.domain.events.rules.windows import CountedWindows, RuleIndex, WindowCounter, mark_of

GIVEN_UP_MS = 20_000
"""A collector that was not heard of for so long, while others were, is not waited for any more."""

HEARING_MS = 3000
"""Nothing heard of anybody for longer than this says nothing about one of them."""

RESTATE_MS = 10_000
"""How often everything is reported again: a holder that lost its partition unknowingly may have reported since."""


class Taken(msgspec.Struct, array_like=True, frozen=True):
    """One event that may be steps of a funnel. `steps` as `FunnelCounting.steps_of`."""

    rule_id: str
    mark: str
    """What the rule was (see `mark_of`)."""
    moment: int
    """When it counts, in milliseconds since 1970."""
    steps: int


class PathStep(msgspec.Struct, array_like=True, frozen=True):
    """What one event of a party may be."""

    party: str
    received_ms: int
    taken: tuple[Taken, ...]


class Progress(msgspec.Struct, array_like=True, frozen=True):
    """A collector has published everything that it accepted before `upto_ms`; 0: it leaves, nothing more will come."""

    node: str
    upto_ms: int


class _Finding(FunnelCounting):
    """Finds steps instead of following them."""

    def __init__(self, rule: Rule, fields: Fields, found: list[Taken]) -> None:
        self._found = found
        self._mark = mark_of(rule)
        super().__init__(rule, fields)

    def _offer_step(self, event: Event) -> None:
        steps = self.steps_of(event)
        if steps:
            self._found.append(Taken(self.rule.id, self._mark, self.moment(event), steps))


class StepFinder:
    """Finds the events that may be steps of these rules' funnels."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._found: list[Taken] = []
        fields = Fields()
        countings: list[_Finding] = []
        for rule in rules:
            if rule.enabled and is_funnel(rule):
                try:
                    countings.append(_Finding(rule, fields, self._found))
                except Invalid:  # written for a newer release
                    continue
        self._index = RuleIndex(fields, countings)

    def find(self, event: Event) -> PathStep | None:
        """What the event may be; None when it is no step.

        Raises whatever a rule met that cannot bear the event.
        """
        self._found.clear()
        failures = self._index.add((event,))
        if failures:
            raise failures[0].error
        return PathStep(event.party_id, event.received_ms, tuple(self._found)) if self._found else None


def is_funnel(rule: Rule) -> bool:
    """Whether the rule needs the whole path of a party."""
    return rule.measure is Measure.FUNNEL


class KeptPartition(msgspec.Struct, array_like=True):
    """The state as it is kept."""

    windows: CountedWindows = msgspec.field(default_factory=CountedWindows)
    held: list[PathStep] = []
    progress: dict[str, int] = {}
    counted_to_ms: int = 0


class PartitionPaths:
    """Counts one partition. `node` names it in what is counted. Not thread-safe."""

    def __init__(self, node: str, kept: KeptPartition | None = None) -> None:
        kept = kept or KeptPartition()
        self._windows = WindowCounter(node, kept.windows)
        self._held: list[PathStep] = list(kept.held)
        self._progress: dict[str, int] = dict(kept.progress)
        self._counted_to_ms = kept.counted_to_ms
        self._clock = 0
        """Runs while something is heard, so that a pause of our own is nobody's silence."""
        self._heard: dict[str, int] = dict.fromkeys(self._progress, 0)
        self._heard_ms: int | None = None
        self._restated_ms = 0

    def missed(self, from_ms: int, to_ms: int) -> None:
        """What came in this time is not known."""
        self._windows.away(from_ms, to_ms)

    def take(self, message: PathStep | Progress, now_ms: int) -> None:
        """The next message of the partition."""
        if isinstance(message, PathStep):
            self._held.append(message)
            return
        before = self._heard_ms
        if before is not None:
            self._clock += min(max(0, now_ms - before), HEARING_MS)
        self._heard_ms = now_ms
        if message.upto_ms == 0:
            self._progress.pop(message.node, None)
            self._heard.pop(message.node, None)
            # Whoever is the last to leave leaves nothing behind that could be waited for.
            return
        self._progress[message.node] = max(message.upto_ms, self._progress.get(message.node, 0))
        self._heard[message.node] = self._clock
        self._give_up(now_ms)

    def _give_up(self, now_ms: int) -> None:
        for node in [node for node, heard in self._heard.items() if self._clock - heard > GIVEN_UP_MS]:
            self._windows.away(self._progress.pop(node), now_ms)
            del self._heard[node]

    def advance(self, rules: Sequence[Rule], now_ms: int) -> None:
        """Counts, for these rules, what every collector has come past."""
        self._windows.use([rule for rule in rules if is_funnel(rule)], now_ms)
        if self._progress:
            self._counted_to_ms = max(self._counted_to_ms, min(self._progress.values()))
        if not self._held:
            return
        # In Python sorting is stable: what one collector received in one millisecond stays in its order.
        self._held.sort(key=lambda step: step.received_ms)
        count = next(
            (n for n, step in enumerate(self._held) if step.received_ms >= self._counted_to_ms), len(self._held)
        )
        for step in self._held[:count]:
            for taken in step.taken:
                self._windows.add_step(taken.rule_id, taken.mark, step.party, taken.moment, taken.steps)
        del self._held[:count]

    def report(self, now_ms: int) -> list[WindowPart]:
        """What changed since the last report; now and then everything."""
        if self._counted_to_ms == 0:
            return []
        if now_ms - self._restated_ms >= RESTATE_MS:
            self._restated_ms = now_ms
            self._windows.restate()
        return self._windows.report(now_ms, self._counted_to_ms)

    def again(self, rows: Sequence[WindowPart]) -> None:
        """These could not be delivered."""
        self._windows.again(rows)

    def state(self) -> KeptPartition:
        """What the next holder needs."""
        return KeptPartition(self._windows.state(), list(self._held), dict(self._progress), self._counted_to_ms)
