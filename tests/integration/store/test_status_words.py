"""An installation that has changed its alarm model is asked in the words of both."""

from collections.abc import Iterable
from typing import Any

import pytest
from litestar.datastructures import MultiDict

from contract.store.samples import new_alert
from watchbell.api.alert_query import query_from
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.model import AlarmModel
from watchbell.ports.store import Store

STATUSES = ("UNACK", "ACKED", "RTNUN", "NORM", "OOSRV", "open", "ack", "closed", "expired", "blackout")


async def found(store: Store, model: AlarmModel, given: Iterable[tuple[str, Any]]) -> set[str]:
    query = query_from(MultiDict(list(given)), model)
    async with store.reading() as tx:
        alerts = await tx.alerts.find(query)
        assert (await tx.reports.ids(query, 100)) == sorted(alert.id for alert in alerts)
        assert (await tx.alerts.counts(query)).total == len(alerts)
    return {alert.status for alert in alerts}


@pytest.mark.parametrize(
    ("given", "statuses"),
    [
        ([("status", "open"), ("status", "ack")], {"UNACK", "ACKED", "open", "ack"}),
        ([("status", "UNACK")], {"UNACK", "open"}),
        ([("q", "status:open OR status:RTNUN")], {"UNACK", "open", "RTNUN"}),
        ([("q", "status:ack")], {"ACKED", "ack"}),
        ([("q", "NOT status:(open OR ack)")], set(STATUSES) - {"UNACK", "ACKED", "open", "ack"}),
        ([("status!", "closed")], set(STATUSES) - {"NORM", "closed", "expired"}),
        ([("status", "~ope")], {"open"}),
        ([("status", "strange")], set()),
    ],
)
async def test_under_isa(store: Store, given: list[tuple[str, Any]], statuses: set[str]):
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert(f"a{n}", event=f"e{n}", status=each) for n, each in enumerate(STATUSES)])
    assert await found(store, IsaModel(), given) == statuses


async def test_back_under_alertas(store: Store):
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert(f"a{n}", event=f"e{n}", status=each) for n, each in enumerate(STATUSES)])
    assert await found(store, AlertaModel(), [("status", "open"), ("status", "ack")]) == {
        "open",
        "ack",
        "UNACK",
        "ACKED",
    }
    assert await found(store, AlertaModel(), [("status", "expired")]) == {"expired"}
