"""A report from the rows that a store finds: the same reading for every store.

A row of what is counted has a part, a name, an index, a number, and `MORE` numbers besides: for the volume how many
flapped, and how many were acknowledged and resolved and after how many seconds in all; for the worst how long they
stood and how often their severity changed. The part `services` has a row for each list of services, encoded as `lines`
does, and all of them: one service may be in many lists.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from watchbell.adapters.store import lines
from watchbell.domain.alerts.report import AlertReport, Spread, Standing, Volume, Worst

MORE = 5
SPREADS = ("seconds_to_acknowledge", "seconds_to_resolve")
Row = tuple[Any, ...]


def among(counted: Iterable[Row]) -> dict[str, int]:
    """How many have each of the `SPREADS`."""
    volume = [row for row in counted if row[0] == "volume"]
    return {name: int(sum(row[5 + 2 * place] for row in volume)) for place, name in enumerate(SPREADS)}


def places(number: int) -> tuple[int, int]:
    """Where among so many ordered values the median and the ninth tenth are, from 1: nearest ranks."""
    return -(-number * 5 // 10), -(-number * 9 // 10)


def read(counted: Sequence[Row], ranked: Iterable[Row], longest: Sequence[Standing], most: int) -> AlertReport:
    """The report; `ranked` are (spread, place, value) for all `places` of its spreads."""
    parts: dict[str, list[Row]] = {}
    for part, *rest in counted:
        parts.setdefault(part, []).append(tuple(rest))
    volume = parts.get("volume", [])
    found = {(name, int(place)): value for name, place, value in ranked}
    acknowledging, resolving = (_spread(name, at, volume, found) for at, name in enumerate(SPREADS))
    return AlertReport(
        total=sum(int(row[2]) for row in volume),
        flapped=sum(int(row[3]) for row in volume),
        volume=tuple(
            Volume(index=index, severity=name, count=number)
            for index, name, number in sorted((int(row[1]), row[0], int(row[2])) for row in volume)
        ),
        acknowledging=acknowledging,
        resolving=resolving,
        resources=_worst(parts.get("resources", ())),
        events=_worst(parts.get("events", ())),
        services=_by_member(parts.get("services", ()), most),
        flapping=_worst(parts.get("flapping", ())),
        longest=tuple(sorted(longest, key=lambda one: (-one.stood, one.alert_id))[:most]),
    )


def _spread(name: str, at: int, volume: Sequence[Row], found: dict[tuple[str, int], float]) -> Spread:
    number = int(sum(row[4 + 2 * at] for row in volume))
    if not number:
        return Spread()
    seconds = sum(row[5 + 2 * at] for row in volume)
    median, p90 = (found[name, place] for place in places(number))
    return Spread(count=number, mean=seconds / number, median=median, p90=p90)


def _worst(rows: Sequence[Row]) -> tuple[Worst, ...]:
    return tuple(
        Worst(name=name, count=int(number), stood=float(stood), severity_changes=int(changes))
        for name, _, number, stood, changes, *_ in rows
    )


def _by_member(rows: Iterable[Row], most: int) -> tuple[Worst, ...]:
    """The members that the most episodes have, from the numbers of each list of members."""
    sums: dict[str, list[Any]] = {}
    for listed, _, *numbers in rows:
        for name in dict.fromkeys(lines.decode(listed)):
            row = sums.setdefault(name, [0, 0.0, 0])
            for place, number in enumerate(numbers[:3]):
                row[place] += number
    worst = sorted(sums.items(), key=lambda item: (-item[1][0], item[0]))[:most]
    return _worst([(name, 0, *numbers) for name, numbers in worst])


def standing(row: Sequence[Any]) -> Standing:
    """One that stood long, from its values in the order of the fields."""
    return Standing(**dict(zip(Standing.__struct_fields__, row, strict=True)))
