"""Counts over alerts, from the groups that a store finds: the same arithmetic for every store."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from watchbell.adapters.store import lines
from watchbell.adapters.store.alert_filter import Kind, kind_of
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.query import AlertCounts, Offender
from watchbell.domain.errors import Invalid


def count(alerts: list[Alert]) -> AlertCounts:
    """How many alerts there are, in all and by severity and status."""
    return tally((alert.severity, alert.status, 1) for alert in alerts)


def single_text(field: str) -> Callable[[Any], str]:
    """How the value of a field that groups alerts is read; `Invalid` unless the field is a text."""
    kind, _ = kind_of(field)
    if kind is not Kind.TEXT:
        raise Invalid("alerts are not grouped by this field", field)
    return lambda value: value or ""


def by_value(field: str, rows: Iterable[tuple[str, Any, int]]) -> dict[tuple[str, str], int]:
    """Counts by (environment, value) from groups of (environment, text or encoded list, how many)."""
    kind, _ = kind_of(field)
    found: dict[tuple[str, str], int] = {}
    for environment, value, number in rows:
        members = dict.fromkeys(lines.decode(value)) if kind is Kind.LIST else [value]
        for member in members:
            found[environment, member] = found.get((environment, member), 0) + number
    return dict(sorted(found.items()))


def by_field(field: str, rows: Iterable[tuple[Any, str, str, int]]) -> dict[str, AlertCounts]:
    """Counts by value from groups of (text or encoded list, severity, status, how many)."""
    kind, _ = kind_of(field)
    found: dict[str, list[tuple[str, str, int]]] = {}
    for value, severity, status, number in rows:
        members = dict.fromkeys(lines.decode(value)) if kind is Kind.LIST else [value]
        for member in members or [""]:
            found.setdefault(member or "", []).append((severity, status, number))
    return {name: tally(found[name]) for name in sorted(found)}


def offenders(rows: Sequence[tuple[Any, ...]], members: Iterable[tuple[Any, ...]]) -> list[Offender]:
    """The groups of `rows`, (name, how bad), with what their alerts have.

    `members` are (name, id, resource, environment, services, duplicates).
    """
    found: dict[str, list[tuple[Any, ...]]] = {row[0]: [] for row in rows}
    for member in members:
        found[member[0]].append(member)
    return [
        Offender(
            name=name,
            count=int(number),
            duplicate_count=sum(int(member[5]) for member in found[name]),
            environments=tuple(sorted({member[3] for member in found[name]})),
            services=tuple(sorted({service for member in found[name] for service in member[4]})),
            resources=tuple((member[1], member[2]) for member in found[name]),
        )
        for name, number, *_ in rows
    ]


def tally(groups: Any) -> AlertCounts:
    """Counts from groups of (severity, status, how many)."""
    total = 0
    by_severity: dict[str, int] = {}
    by_status: dict[str, int] = {}
    for severity, status, number in groups:
        total += number
        by_severity[severity] = by_severity.get(severity, 0) + number
        by_status[status] = by_status.get(status, 0) + number
    return AlertCounts(total=total, by_severity=by_severity, by_status=by_status)
