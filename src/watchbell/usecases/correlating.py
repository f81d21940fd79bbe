"""What a correlation would make of the alerts that stand now. Losing the database raises `Retryable`."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.correlation import Correlation, Correlator
from watchbell.domain.alerts.inhibition import STANDING, stands
from watchbell.domain.alerts.matching import fits, narrowing
from watchbell.domain.alerts.query import AlertQuery, Order
from watchbell.ports.store import Store

MOST = 1000
"""Alerts that are looked at, the last received first."""
GROUPS = 10
RESOURCES = 5


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that would be one: how many, and some of their resources."""

    environment: str
    key: str
    count: int
    resources: tuple[str, ...]


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """`alerts` that the rule is for would be `become`; `keyless` of them have no key and stay as they are."""

    alerts: int
    become: int
    keyless: int
    groups: tuple[Group, ...]
    """The largest."""


async def foreseen(store: Store, correlation: Correlation) -> Foreseen:
    """What the rule, alone, would make of the newest `MOST` alerts that stand."""
    query = AlertQuery(
        filters=tuple(narrowing(correlation.alerts)),
        search=STANDING,
        order=(Order(field="last_receive_time", descending=True),),
        page_size=MOST,
    )
    async with store.reading() as tx:
        alerts = await tx.alerts.find(query)
    return _grouped([alert for alert in alerts if stands(alert) and fits(correlation.alerts, alert)], correlation)


def _grouped(alerts: Sequence[Alert], correlation: Correlation) -> Foreseen:
    correlator = Correlator([msgspec.structs.replace(correlation, enabled=True)])
    groups: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    keyless = 0
    for alert in alerts:
        found = correlator.of(alert)
        if found is None:
            keyless += 1
        else:
            groups[alert.environment, found.key, alert.customer or ""].append(alert.resource)
    largest = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))[:GROUPS]
    return Foreseen(
        alerts=len(alerts),
        become=len(groups) + keyless,
        keyless=keyless,
        groups=tuple(
            Group(environment=environment, key=key, count=len(held), resources=tuple(sorted(set(held))[:RESOURCES]))
            for (environment, key, _), held in largest
        ),
    )
