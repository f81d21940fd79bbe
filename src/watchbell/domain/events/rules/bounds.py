"""What a window was expected to hold, and what it means that it holds something else."""

from enum import StrEnum

import msgspec

from watchbell.domain.events.rules.rule import Bound, Measure, Per, Rule


class Outcome(StrEnum):
    """What a window says."""

    OK = "ok"
    BREACH = "breach"
    IDLE = "idle"
    """Nothing: too few events for a ratio, or the bounds are still being learned."""
    UNKNOWN = "unknown"
    """It is not known what it holds."""


class Band(msgspec.Struct, frozen=True, kw_only=True):
    """Between `low` and `high` is well; None: no bound on that side. `learning` says why there is no band yet."""

    low: float | None = None
    high: float | None = None
    expected: float | None = None
    learning: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement over one window and group, with the reason that a person reads."""

    outcome: Outcome
    value: float | None
    reason: str
    band: Band = Band()
    silent: bool = False
    """Nobody reported the window."""


def fixed_band(rule: Rule) -> Band:
    """The bounds as the rule gives them."""
    if rule.measure is Measure.ABSENCE:
        return Band(low=1)
    match rule.bound:
        case Bound.ABOVE:
            return Band(high=rule.threshold)
        case Bound.BELOW:
            return Band(low=rule.threshold)
        case Bound.BOTH:
            return Band(low=rule.threshold, high=rule.upper)


def judge(rule: Rule, value: float | None, band: Band, *, partial: bool = False) -> Verdict:
    """What `value` means. `partial`: not everyone watched the whole window, so that too little is not certain."""
    if value is None:
        return Verdict(outcome=Outcome.IDLE, value=None, reason=f"too little to tell in {spell(rule.slice_s)}")
    said = f"{described(rule, value)} in {spell(rule.slice_s)}"
    if band.learning:
        return Verdict(outcome=Outcome.IDLE, value=value, reason=f"{said}; {band.learning}", band=band)
    about = "" if band.expected is None else f" (expected about {number(rule, band.expected)})"
    if band.high is not None and value > band.high:
        reason = f"{said}, above {number(rule, band.high)}{about}"
        return Verdict(outcome=Outcome.BREACH, value=value, reason=reason, band=band)
    if band.low is not None and value < band.low:
        if partial:
            reason = f"the window was watched only in part ({said})"
            return Verdict(outcome=Outcome.UNKNOWN, value=value, reason=reason, band=band)
        reason = _absent(rule) if rule.measure is Measure.ABSENCE else f"{said}, below {number(rule, band.low)}{about}"
        return Verdict(outcome=Outcome.BREACH, value=value, reason=reason, band=band)
    return Verdict(outcome=Outcome.OK, value=value, reason=f"{said}, {_within(rule, band)}{about}", band=band)


def _absent(rule: Rule) -> str:
    return f"no event for {spell(rule.window_s)}"


def _within(rule: Rule, band: Band) -> str:
    if band.low is not None and band.high is not None:
        return f"between {number(rule, band.low)} and {number(rule, band.high)}"
    if band.high is not None:
        return f"not above {number(rule, band.high)}"
    return f"not below {number(rule, band.low or 0)}"


def described(rule: Rule, value: float) -> str:
    """The value with its unit."""
    match rule.measure:
        case Measure.COUNT | Measure.ABSENCE:
            return "1 event" if value == 1 else f"{value:g} events"
        case Measure.RATE:
            return f"{number(rule, value)} events a {'minute' if rule.per is Per.MINUTE else 'second'}"
        case Measure.DISTINCT:
            return f"{value:g} different {rule.field or 'parties'}"
        case Measure.PERCENTILE:
            return f"percentile {rule.percentile:g} of {rule.field} is {number(rule, value)}"
        case Measure.RATIO | Measure.FUNNEL:
            return number(rule, value)


def number(rule: Rule, value: float) -> str:
    """A value of the rule without unit: shares in per cent."""
    if rule.measure in {Measure.RATIO, Measure.FUNNEL}:
        return f"{value * 100:.3g} %"
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def spell(seconds: int) -> str:
    """A length of time."""
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
