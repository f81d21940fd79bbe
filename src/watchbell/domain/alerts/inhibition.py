"""Inhibitions: while one alert stands, others that follow from it tell nobody.

An alert *stands* for this until it is closed or expired; acknowledged, shelved or under a blackout it still stands,
because what follows from it is still no news. One that flaps stands until it calms down, even while it is well.

Alerts of different customers never inhibit each other, and none inhibits itself. Nor do several all fall silent
because of each other: in such a circle the one that stood first goes on telling.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.history import entry_of
from watchbell.domain.alerts.matching import Likeness, equal, fits, narrowing
from watchbell.domain.alerts.phase import OVER, SILENT
from watchbell.domain.alerts.query import AlertQuery, AllOf, AnyOf, Expression, Filter, Negation, Order
from watchbell.domain.ids import AlertId
from watchbell.domain.managed import Managed

KIND = "inhibition"
LONGEST_GRACE = 86400
MOST_HOPS = 20
"""How many inhibitions may follow from each other; what is behind more of them tells."""
PLAIN = ("environment", "resource", "event", "group", "origin", "type")
LISTS = ("service",)
NAMED = ("attributes.", "tags.")
_ANYTHING = ("environment", "resource", "event", "group", "origin", "service", "tags", "severity")


class Selection(Likeness, frozen=True, kw_only=True):
    """Which alerts are meant. What is empty asks for nothing; all the rest must hold."""

    severity: list[str] = []
    """Severities, one of which they must have."""


class Inhibition(Managed, frozen=True, kw_only=True):
    """While an alert stands, others that follow from it are recorded and shown, but tell nobody."""

    description: str = ""
    """What it is for."""
    enabled: bool = True
    """Whether it is in force."""
    source: Selection = Selection()
    """The alerts that inhibit others while they stand."""
    target: Selection = Selection()
    """The alerts that tell nobody meanwhile, unless they told before."""
    equal: tuple[str, ...] = ("environment",)
    """What both must have in common, besides their customer.

    `environment`, `resource`, `event`, `group`, `origin`, `type`, `service` (one of them at least),
    `attributes.<name>`, or `tags.<name>` for tags such as `<name>=value`.
    """
    grace: float = 60
    """Seconds after the source's end in which targets may recover before they tell."""


def inhibition_problems(inhibition: Inhibition) -> list[tuple[str, str]]:
    """What is wrong with it."""
    found: list[tuple[str, str]] = []
    for side in ("source", "target"):
        selection: Selection = getattr(inhibition, side)
        if not any(getattr(selection, field) not in ("", "*", []) for field in _ANYTHING):
            found.append((side, f"must say which alerts: one of {', '.join(_ANYTHING)}"))
        empty = [field for field in ("service", "tags", "severity") if "" in getattr(selection, field)]
        found += [(f"{side}.{field}", "must not hold an empty text") for field in empty]
    for number, field in enumerate(inhibition.equal):
        if not _comparable(field):
            known = ", ".join((*PLAIN, *LISTS, "customer", "attributes.<name>", "tags.<name>"))
            found.append((f"equal[{number}]", f"{field!r} is nothing that alerts have in common; there are {known}"))
        elif field in inhibition.equal[:number]:
            found.append((f"equal[{number}]", f"names {field!r} twice"))
    if not 0 <= inhibition.grace <= LONGEST_GRACE:
        found.append(("grace", f"must be between 0 and {LONGEST_GRACE} seconds"))
    return found


def _comparable(field: str) -> bool:
    named = any(field.startswith(prefix) and len(field) > len(prefix) for prefix in NAMED)
    return named or field in PLAIN or field in LISTS or field == "customer"


def enabled(inhibitions: Mapping[str, Inhibition]) -> tuple[Inhibition, ...]:
    """Those in force, by name."""
    return tuple(inhibitions[name] for name in sorted(inhibitions) if inhibitions[name].enabled)


def selects(selection: Selection, alert: Alert) -> bool:
    """Whether the alert is one of those that are meant."""
    return (not selection.severity or alert.severity in selection.severity) and fits(selection, alert)


def source_of(inhibitions: Iterable[Inhibition], alert: Alert) -> str | None:
    """The first inhibition whose source the alert is; None when it is none's."""
    return next((each.name for each in inhibitions if selects(each.source, alert)), None)


def targeting(inhibitions: Iterable[Inhibition], alert: Alert) -> list[Inhibition]:
    """Those whose target the alert is."""
    return [each for each in inhibitions if selects(each.target, alert)]


def stands(alert: Alert) -> bool:
    """Whether it inhibits what follows from it."""
    return alert.status not in OVER or (alert.flapping and alert.status != "expired")


def tells(alert: Alert) -> bool:
    """Whether it would tell somebody, were it not inhibited."""
    return alert.status not in OVER and alert.status not in SILENT


def holds(inhibition: Inhibition, source: Alert, target: Alert) -> bool:
    """Whether the one alert inhibits the other by this, for as long as it stands."""
    return (
        source.id != target.id
        and (source.customer or "") == (target.customer or "")
        and selects(inhibition.source, source)
        and selects(inhibition.target, target)
        and all(_in_common(field, source, target) for field in inhibition.equal)
    )


def _in_common(field: str, source: Alert, target: Alert) -> bool:
    return field == "customer" or bool(values_of(source, field) & values_of(target, field))


def values_of(alert: Alert, field: str) -> frozenset[str]:
    """What the alert has of a field that is compared; nothing when it lacks it, and so it has nothing in common."""
    if field.startswith("attributes."):
        value: Any = alert.attributes.get(field.removeprefix("attributes."))
        return frozenset() if value in (None, "") else frozenset({_text_of(value)})
    if field.startswith("tags."):
        prefix = f"{field.removeprefix('tags.')}="
        return frozenset(tag for tag in alert.tags if tag.startswith(prefix) and tag != prefix)
    if field in LISTS:
        return frozenset(getattr(alert, field))
    return frozenset({getattr(alert, field)} - {""})


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def sources_for(inhibition: Inhibition, target: Alert) -> AlertQuery | None:
    """What finds the standing alerts that may inhibit this one, the one that stood first before all others.

    None when the target lacks what they would have in common. `holds` decides.
    """
    filters = [Filter(field="inhibits", operator="exists", values=()), *narrowing(inhibition.source)]
    if inhibition.source.severity:
        filters.append(equal("severity", *inhibition.source.severity))
    customer = Filter(field="customer", operator="exists", values=(), negate=True)
    filters.append(equal("customer", target.customer) if target.customer else customer)
    for field in inhibition.equal:
        values = values_of(target, field) if field != "customer" else None
        if values is None:
            continue
        if not values:
            return None
        filters.append(equal("tags" if field.startswith("tags.") else field, *sorted(values)))
    return AlertQuery(filters=tuple(filters), search=STANDING, order=(Order(field="receive_time"),))


STANDING: Expression = AnyOf(
    parts=(
        Negation(part=equal("status", *OVER)),
        AllOf(parts=(equal("flapping", "true"), Negation(part=equal("status", "expired")))),
    )
)
"""What `stands` means to a store."""


def circles(alerts: Sequence[Alert]) -> set[str]:
    """Of alerts that inhibit others, those that stood first in a circle: they must tell."""
    known = {alert.id: alert for alert in alerts}
    found: set[str] = set()
    settled: set[str] = set()
    for alert in alerts:
        way: list[Alert] = []
        here: Alert | None = alert
        while here is not None and here.id not in settled:
            settled.add(here.id)
            way.append(here)
            here = known.get(here.inhibited_by) if here.inhibited_by else None
        if here is not None and here in way:
            circle = way[way.index(here) :]
            found.add(min(circle, key=lambda each: (each.receive_time, each.id)).id)
    return found


def inhibited(alert: Alert, inhibition: Inhibition, source: Alert, now: datetime, version: int) -> Acted | None:
    """The alert tells nobody while the source stands; None when that is so already."""
    if (alert.inhibited_by, alert.inhibition, alert.inhibited_until) == (source.id, inhibition.name, None):
        return None
    after = _marked(alert, source.id, inhibition.name, None)
    why = f"the inhibition {inhibition.name!r}: the alert {source.id} stands ({source.severity}, {source.status})"
    again = alert.inhibited_by == source.id
    entries = () if again else (_line(after, "inhibited", f"by {source.resource} {source.event}", why, now, version),)
    return Acted(alert=after, entries=entries)


def over(alert: Alert, inhibition: Inhibition, now: datetime, version: int) -> Acted | None:
    """Its source is over: the grace begins or ends; None while it lasts."""
    until = alert.inhibited_until or now + timedelta(seconds=inhibition.grace)
    if until <= now:
        why = f"the alert {alert.inhibited_by} has been over for {inhibition.grace:g} seconds"
        return released(alert, why, now, version)
    if until == alert.inhibited_until:
        return None
    return Acted(alert=_marked(alert, alert.inhibited_by, alert.inhibition, until))


def cleared(alert: Alert) -> Acted:
    """The alert tells nobody anyway, so nothing inhibits it."""
    return Acted(alert=_marked(alert, None, None, None))


def released(alert: Alert, why: str, now: datetime, version: int) -> Acted:
    """The alert is inhibited no more, and on-call looks at it."""
    after = _marked(alert, None, None, None)
    entry = _line(after, "released", "people hear of it from now on", why, now, version)
    return Acted(alert=after, entries=(entry,), to_route=True)


def _marked(alert: Alert, by: AlertId | None, inhibition: str | None, until: datetime | None) -> Alert:
    return msgspec.structs.replace(
        alert, inhibited_by=by, inhibition=inhibition, inhibited_until=until, version=alert.version + 1
    )


def _line(alert: Alert, kind: str, text: str, why: str, now: datetime, version: int) -> HistoryEntry:
    return entry_of(alert, kind, now, text=text, timeout=alert.timeout, reason=why, config_version=version)
