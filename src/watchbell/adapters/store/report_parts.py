"""A report from the rows that a store finds: the same reading for every store."""

from collections.abc import Iterable, Sequence
from typing import Any

from watchbell.domain.alerts.report import AlertReport, Spread, Standing, Volume, Worst

Row = tuple[Any, ...]
"""Part, name, index, number, and three numbers more."""


def read(rows: Iterable[Row], longest: Sequence[Standing], most: int) -> AlertReport:
    """The report."""
    parts: dict[str, list[Row]] = {}
    for part, *rest in rows:
        parts.setdefault(part, []).append(tuple(rest))
    ((_, _, total, flapped, *_),) = parts["total"]
    volume = sorted((int(index), name, int(number)) for name, index, number, *_ in parts.get("volume", ()))
    return AlertReport(
        total=int(total),
        flapped=int(flapped),
        volume=tuple(Volume(index=index, severity=name, count=number) for index, name, number in volume),
        acknowledging=_spread(parts["acknowledging"]),
        resolving=_spread(parts["resolving"]),
        resources=_worst(parts.get("resources", ())),
        events=_worst(parts.get("events", ())),
        flapping=_worst(parts.get("flapping", ())),
        longest=tuple(sorted(longest, key=lambda one: (-one.stood, one.alert_id))[:most]),
    )


def _spread(rows: Sequence[Row]) -> Spread:
    ((_, _, number, mean, median, p90),) = rows
    return Spread(count=int(number), mean=mean, median=median, p90=p90) if number else Spread()


def _worst(rows: Sequence[Row]) -> tuple[Worst, ...]:
    return tuple(
        Worst(name=name, count=int(number), stood=float(stood), severity_changes=int(changes))
        for name, _, number, stood, changes, _ in rows
    )


def standing(row: Sequence[Any]) -> Standing:
    """One that stood long, from its values in the order of the fields."""
    return Standing(**dict(zip(Standing.__struct_fields__, row, strict=True)))
