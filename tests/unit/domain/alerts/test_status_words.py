"""Statuses in queries, in the words of either model."""

import pytest

from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.query import AlertQuery, AllOf, AnyOf, Filter, Negation
from watchbell.domain.alerts.status_words import meant, understood


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("open", {"UNACK", "open", "assign", "unknown"}),
        ("UNACK", {"UNACK", "open", "assign", "unknown"}),
        ("ack", {"ACKED", "ack"}),
        ("closed", {"NORM", "closed", "expired"}),
        ("RTNUN", {"RTNUN"}),
        ("DSUPR", {"DSUPR"}),
        ("blackout", {"OOSRV", "blackout"}),
        ("strange", {"strange"}),
    ],
)
def test_under_isa(word: str, found: set[str]):
    assert set(meant(IsaModel(), word)) == found


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("open", {"open", "UNACK"}),
        ("assign", {"assign"}),
        ("ACKED", {"ack", "ACKED"}),
        ("closed", {"closed", "NORM", "RTNUN"}),
        ("expired", {"expired"}),
        ("OOSRV", {"blackout", "DSUPR", "OOSRV"}),
        ("Open", {"Open"}),
    ],
)
def test_under_alertas(word: str, found: set[str]):
    assert set(meant(AlertaModel(), word)) == found


def test_filters_and_searches_are_translated_and_nothing_else_is():
    def status(operator: str, *values: str, negate: bool = False) -> Filter:
        return Filter(field="status", operator=operator, values=values, negate=negate)  # type: ignore[arg-type]

    text = Filter(field="text", operator="term", values=("open",))
    part = status("contains", "ope")
    query = AlertQuery(
        filters=(status("eq", "ack", "RTNUN", negate=True), part, text),
        search=AllOf(parts=(AnyOf(parts=(status("term", "ACK"), text)), Negation(part=status("like", "op*")))),
    )
    found = understood(query, IsaModel())
    assert found.filters == (status("eq", "ACKED", "ack", "RTNUN", negate=True), part, text)
    either = AnyOf(parts=(status("eq", "ACKED", "ack"), text))
    assert found.search == AllOf(parts=(either, Negation(part=status("like", "op*"))))
