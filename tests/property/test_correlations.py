"""An alert of several signals against a plain book-keeping of who said what last: it is never better than its worst."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
from hypothesis import given

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.correlation import Correlation, Correlator
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.signal import Signal
from watchbell.usecases.in_force import InForce
from watchbell.usecases.receiving import Receiving, apply_signals

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = AlertaModel()
RANKS = MODEL.severities.ranks
RECEIVING = Receiving(MODEL, Limits())
RULES = InForce(version=1, correlator=Correlator([Correlation(name="racks", key="attributes.rack")]))

said = st.fixed_dictionaries(
    {
        "resource": st.sampled_from(("web1", "web2", "db1")),
        "event": st.sampled_from(("Down", "Slow")),
        "severity": st.sampled_from(("critical", "major", "warning", "informational", "normal", "ok")),
        "attributes": st.sampled_from(({"rack": "a"}, {"rack": "b"}, {})),
        "environment": st.sampled_from(("Production", "Development")),
        "correlate": st.sampled_from(((), ("Down", "Slow"))),
    }
)


async def _take(batches: Sequence[Sequence[dict[str, Any]]]) -> list[Alert]:
    """The alerts after all batches, by identity."""
    store, number = MemoryStore(), 0
    for batch in batches:
        signals: list[Signal] = []
        for fields in batch:
            number += 1
            signals.append(Signal(id=f"m{number:04}", create_time=NOW, **fields))
        async with store.transaction() as tx:
            done = await apply_signals(tx, signals, NOW, RECEIVING, RULES)
            assert not [outcome for outcome in done.outcomes if isinstance(outcome, Exception)]
    async with store.reading() as tx:
        return sorted(await tx.alerts.find(AlertQuery(page_size=1000)), key=lambda alert: alert.identity)


def _facts(alert: Alert) -> tuple[Any, ...]:
    return alert.identity, alert.resource, alert.event, alert.severity, alert.status, alert.correlation


@given(st.lists(st.lists(said, min_size=1, max_size=4), max_size=8))
def test_an_alert_is_as_bad_as_the_worst_that_has_not_recovered(batches: list[list[dict[str, Any]]]) -> None:
    alerts = asyncio.run(_take(batches))
    standing: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
    last: dict[tuple[str, str], str] = {}
    for fields in (each for batch in batches for each in batch if each["attributes"]):
        group = (fields["environment"], fields["attributes"]["rack"])
        problem = (fields["resource"], fields["event"])
        last[group] = fields["severity"]
        held = standing.setdefault(group, {})
        held.pop(problem, None)
        if not MODEL.severities.is_normal(fields["severity"]):
            held[problem] = fields["severity"]
    correlated = {(each.environment, each.correlation.key): each for each in alerts if each.correlation is not None}
    assert correlated.keys() == standing.keys()
    for group, held in standing.items():
        alert = correlated[group]
        assert alert.correlation is not None
        members = {(member.resource, member.event): member.severity for member in alert.correlation.members}
        assert members == held
        if held:
            assert RANKS[alert.severity] == min(RANKS[severity] for severity in held.values())
            assert held[alert.resource, alert.event] == alert.severity
            assert alert.status == "open"
        else:
            assert (alert.status, alert.severity) == ("closed", last[group])


@given(st.lists(said, max_size=12))
def test_in_one_batch_or_one_by_one_the_end_is_the_same(signals: list[dict[str, Any]]) -> None:
    together = asyncio.run(_take([signals] if signals else []))
    one_by_one = asyncio.run(_take([[signal] for signal in signals]))
    assert [_facts(alert) for alert in together] == [_facts(alert) for alert in one_by_one]
