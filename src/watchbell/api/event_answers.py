"""The answers to questions about past events, as `/api/events/queries` gives them. Times are milliseconds."""

from typing import Any, TypedDict

from watchbell.api.contract import OneOf


class CountsLine(TypedDict):
    """The counts of one value."""

    value: str | None
    total: int
    counts: list[int]


class CountsAnswer(TypedDict):
    """How many, over time."""

    stepMs: int
    times: list[int]
    series: list[CountsLine]
    other: list[int] | None
    """The values that have no line of their own."""
    total: int


class TopValue(TypedDict):
    """One of the most frequent values."""

    value: str | None
    events: int
    parties: int


class TopAnswer(TypedDict):
    """The most frequent values, the events in all, and how many values there are."""

    values: list[TopValue]
    total: int
    distinct: int


class NumbersLine(TypedDict):
    """One percentile over time."""

    value: str
    numbers: list[float | None]


class NumbersAnswer(TypedDict):
    """Percentiles of a number, over time and in all."""

    stepMs: int
    times: list[int]
    series: list[NumbersLine]
    counts: list[int]
    overall: dict[str, float | None]
    """`count`, `least`, `most`, `mean`, and the percentiles."""


class FunnelStep(TypedDict):
    """How many parties got as far, and how long the step took the middle one of them."""

    name: str
    parties: int
    medianMs: int | None


class FunnelAnswer(TypedDict):
    """How many parties took each step after the one before it."""

    steps: list[FunnelStep]


class PastSession(TypedDict):
    """One visit, with its events: each its known fields, its parameters and the request behind it."""

    session: str | None
    startMs: int
    endMs: int
    events: list[dict[str, Any]]


class SessionsAnswer(TypedDict):
    """What one party did, session by session."""

    sessions: list[PastSession]
    events: int
    more: bool


class RecordsAnswer(TypedDict):
    """The newest events: each its known fields, its parameters and the request behind it."""

    records: list[dict[str, Any]]
    more: bool


AnyAnswer = OneOf((CountsAnswer, TopAnswer, NumbersAnswer, FunnelAnswer, SessionsAnswer, RecordsAnswer))
"""By what was asked."""
