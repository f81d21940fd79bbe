"""Looking for the alerts that inhibit another: every store finds those that hold, the first that stood first."""

import msgspec
import pytest

from contract.store.samples import after, new_alert
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.flapping import Flaps
from watchbell.domain.alerts.inhibition import STANDING, Inhibition, Selection, holds, sources_for, stands
from watchbell.domain.alerts.matching import Wanted, fits, narrowing
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.ids import AlertId
from watchbell.ports.store import Store

TARGET = new_alert(
    "target", event="Unreachable", attributes={"site": "a", "rack": 7}, tags=("row=1",), service=("web", "shop")
)
ALERTS = [
    new_alert("late", event="SwitchDown", receive_time=after(9), attributes={"site": "a"}, tags=("row=1", "x")),
    new_alert("early", event="SwitchDown", receive_time=after(1), attributes={"site": "a", "rack": 7}),
    new_alert("shelved", event="SwitchDown", receive_time=after(2), status="shelved", attributes={"site": "a"}),
    new_alert("closed", event="SwitchDown", receive_time=after(3), status="closed", attributes={"site": "a"}),
    new_alert(
        "flapping",
        event="SwitchDown",
        receive_time=after(4),
        status="closed",
        attributes={"site": "a"},
        flaps=Flaps(since=after(0)),
    ),
    new_alert("elsewhere", event="SwitchDown", attributes={"site": "b"}, service=("shop",)),
    new_alert("wild?*", event="Switch?Down", resource="s\\w*", attributes={"site": "a"}, severity="major"),
    new_alert("customers", event="SwitchDown", attributes={"site": "a"}, customer="acme"),
    new_alert("other", event="Slow", attributes={"site": "a"}, origin="probe/Älter", group="Net"),
]


@pytest.fixture
async def stored(store: Store) -> list[Alert]:
    alerts = [msgspec.structs.replace(alert, inhibits="rule") for alert in ALERTS]
    unmarked = new_alert("unmarked", event="SwitchDown", attributes={"site": "a"})
    async with store.transaction() as tx:
        await tx.alerts.save([*alerts, unmarked, TARGET])
    return alerts


@pytest.mark.parametrize("equal", [(), ("attributes.site",), ("attributes.rack",), ("tags.row",), ("service",)])
@pytest.mark.parametrize(
    "source",
    [
        Selection(event="SwitchDown"),
        Selection(event="switchdown"),
        Selection(event="Switch*"),
        Selection(event="*Down", severity=["major"]),
        Selection(event="Switch?Down"),
        Selection(resource="s\\w*"),
        Selection(origin="probe/*"),
        Selection(tags=["x"]),
        Selection(environment="*", severity=["critical"]),
    ],
)
async def test_a_store_finds_what_holds(store: Store, stored: list[Alert], source: Selection, equal: tuple[str, ...]):
    rule = Inhibition(name="rule", source=source, target=Selection(event="Unreachable"), equal=equal)
    asked = sources_for(rule, TARGET)
    assert asked is not None
    async with store.reading() as tx:
        found = await tx.alerts.find(asked)
    wanted = sorted(
        (each for each in stored if stands(each) and holds(rule, each, TARGET)),
        key=lambda each: (each.receive_time, each.id),
    )
    assert [each.id for each in found if holds(rule, each, TARGET)] == [each.id for each in wanted]


async def test_what_stands_is_the_same_to_a_store(store: Store, stored: list[Alert]):
    async with store.reading() as tx:
        found = await tx.alerts.find(AlertQuery(search=STANDING))
    assert {each.id for each in found} == {each.id for each in stored if stands(each)} | {"unmarked", "target"}


@pytest.mark.parametrize(
    "wanted",
    [Selection(event="Switch*"), Selection(group="Net"), Selection(origin="*Älter"), Selection(service=["shop"])],
)
async def test_narrowing_lets_through_all_that_fit(store: Store, stored: list[Alert], wanted: Wanted):
    async with store.reading() as tx:
        found = await tx.alerts.find(AlertQuery(filters=tuple(narrowing(wanted))))
    assert {each.id for each in stored if fits(wanted, each)} <= {each.id for each in found}


async def test_alerts_are_counted_by_who_inhibits_them(store: Store):
    fields = {"inhibited_by": AlertId("s1"), "inhibition": "rule"}
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("a", **fields), new_alert("b", **fields), new_alert("c")])
    async with store.reading() as tx:
        found = await tx.reports.by_field("inhibited_by", AlertQuery())
    assert {name: counts.total for name, counts in found.items()} == {"": 1, "s1": 2}
