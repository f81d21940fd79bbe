"""The part of a window that one node counted, as it travels from collectors to keepers, and what parts add up to.

A part is absolute: reported again it replaces what was told before, so reports may be repeated and come in any order.
Parts of different nodes are merged: numbers are added, sketches united.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from watchbell.domain.events.rules.rule import Measure, Per, Rule
from watchbell.domain.events.rules.sketch import Digest, Distinct, Sketch, sketch_for, unpack

ALL = ""
"""The group that stands for the whole window."""

OTHERS = "(others)"
"""The group of what came when there were too many groups."""


class WindowPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one node counted for one rule in one window, for one group.

    Unique by (rule_id, node, window_start, group); the one that was told last holds. The part of `ALL` says whether
    the node is done with the window; when the rule has groups, its numbers are their sum.
    """

    rule_id: str
    node: str
    window_start: datetime
    window_s: int
    group: str = ALL
    count: int = 0
    """Events (of a funnel: parties that took the last step)."""
    of: int = 0
    """Events that are the whole (of a funnel: parties that took the first step)."""
    sketch: str = ""
    """Different values or a distribution, in base 64."""
    complete: bool = False
    """No event that this node accepted before the end of the window is left to count."""
    partial: bool = False
    """The node did not watch for the whole window (it, or the rule, began in the middle)."""
    told_ms: int = 0
    """When the node told it (its clock, milliseconds since 1970): of two reports of one part the later holds."""


class Merged(msgspec.Struct, kw_only=True):
    """Parts of one window and group, added up."""

    count: int = 0
    of: int = 0
    sketch: Sketch | None = None


def merge(rule: Rule, parts: Iterable[WindowPart]) -> Merged:
    """The sum of parts. In one order, so that the same parts give the same sum whatever order they came in."""
    total = Merged(sketch=sketch_for(rule))
    for part in sorted(parts, key=lambda part: part.node):
        total.count += part.count
        total.of += part.of
        if total.sketch is not None and part.sketch:
            total.sketch.merge(unpack(part.sketch))
    return total


def value_of(rule: Rule, merged: Merged) -> float | None:
    """The number that is judged; None when there is too little to tell."""
    match rule.measure:
        case Measure.COUNT | Measure.ABSENCE:
            return float(merged.count)
        case Measure.RATE:
            return merged.count / rule.window_s * (60 if rule.per is Per.MINUTE else 1)
        case Measure.RATIO | Measure.FUNNEL:
            return merged.count / merged.of if merged.of >= max(rule.at_least, 1) else None
        case Measure.DISTINCT:
            return merged.sketch.estimate() if isinstance(merged.sketch, Distinct) else 0.0
        case Measure.PERCENTILE:
            if not isinstance(merged.sketch, Digest) or merged.sketch.count() < max(rule.at_least, 1):
                return None
            return merged.sketch.quantile(rule.percentile / 100)


def window_start_ms(moment_ms: int, window_s: int) -> int:
    """The start of the window that `moment_ms` (milliseconds since 1970) lies in."""
    return moment_ms - moment_ms % (window_s * 1000)


def moment_of(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware datetime."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
