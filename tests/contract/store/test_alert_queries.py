"""Filters, order, pages and counts of alerts."""

import msgspec
import pytest

from contract.store.samples import T0, after, full_alert, new_alert
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.query import AlertCounts, AlertQuery, Filter, Operator, Order
from watchbell.domain.errors import Invalid
from watchbell.ports.store import Store

SEVERITIES = ("critical", "major", "minor")
STATUSES = ("open", "ack", "closed")


@pytest.fixture
async def stored(store: Store) -> list[Alert]:
    """Five alerts that differ in all that a query can ask for."""
    alerts = [
        new_alert("aaaaaaaa-1", service=("web", "shop"), tags=("dc=1", "x"), text="Disk 100% full", value="97",
                  attributes={"region": "eu", "n": 10}, last_receive_time=after(1), customer="ACME"),
        new_alert("aaaaaaaa-2", service=("web",), tags=("dc=2",), severity="major", status="ack", text="under_score",
                  attributes={"region": "us"}, last_receive_time=after(2), duplicate_count=3, group="Ops"),
        new_alert("bbbbbbbb-3", service=(), severity="minor", status="closed", text="Müll in der Küche", timeout=60,
                  attributes={"region": "EU", "n": None}, last_receive_time=after(3), repeat=True),
        new_alert("bbbbbbbb-4", severity="odd", status="strange", text='He said "no" \\ it\'s', value=5,
                  attributes={}, last_receive_time=after(4), environment="Development", service=("we", "b")),
        msgspec.structs.replace(full_alert(), last_receive_time=after(5), severity="critical", status="open"),
    ]  # fmt: skip
    async with store.transaction() as tx:
        await tx.alerts.save(alerts)
    return alerts


async def ids_of(store: Store, query: AlertQuery) -> list[str]:
    """The last character of each id, in the order of the answer; the counts must agree."""
    async with store.reading() as tx:
        found = await tx.alerts.find(query)
        counts = await tx.alerts.counts(query)
    if query.page == 1 and query.page_size >= 50:
        assert counts.total == len(found)
    return [alert.id[-1] if alert.id[-2] == "-" and alert.id[0] != "f" else "5" for alert in found]


ByCase = tuple[str, Operator, tuple[str, ...], str]
CASES: list[ByCase] = [
    ("environment", "eq", ("Production",), "1235"),
    ("environment", "eq", ("Production", "Development"), "12345"),
    ("environment", "eq", (), ""),
    ("environment", "eq", ("production",), ""),
    ("environment", "contains", ("PROD",), "1235"),
    ("id", "eq", ("aaaaaaaa",), "12"),
    ("id", "eq", ("a", "b"), "1234"),
    ("id", "eq", ("aaaaaaa_",), ""),
    ("id", "contains", ("-3",), "3"),
    ("service", "eq", ("web",), "12"),
    ("service", "eq", ("we",), "4"),
    ("service", "eq", ("shop", "b"), "14"),
    ("service", "eq", ("suche\nmit Zeile",), "5"),
    ("service", "eq", ("mit Zeile",), ""),
    ("service", "contains", ("WE",), "124"),
    ("service", "contains", ("E\nM",), "5"),
    ("service", "contains", ("\x1c",), "5"),
    ("service", "contains", ("",), "1245"),
    ("tags", "eq", ("dc=1", "100%"), "15"),
    ("tags", "eq", ("",), "5"),
    ("correlate", "eq", ("Up",), "5"),
    ("text", "contains", ("100%",), "15"),
    ("text", "contains", ("_",), "25"),
    ("text", "contains", ("%",), "15"),
    ("text", "contains", ("\\",), "45"),
    ("text", "contains", ('"NO',), "45"),
    ("text", "contains", ("'",), "45"),
    ("text", "contains", ("MÜLL",), "3"),
    ("text", "contains", ("KÜCHE", "DISK"), "13"),
    ("text", "contains", ("🚨",), "5"),
    ("text", "eq", ("under_score",), "2"),
    ("value", "eq", ("97",), "1"),
    ("value", "eq", ("5",), "4"),
    ("value", "contains", ("percent",), "5"),
    ("raw_data", "contains", ("DATA",), "5"),
    ("customer", "eq", ("ACME",), "15"),
    ("customer", "eq", ("",), ""),
    ("group", "eq", ("Ops",), "2"),
    ("duplicate_count", "eq", ("3",), "2"),
    ("duplicate_count", "gte", ("3",), "25"),
    ("timeout", "lt", ("61.5",), "35"),
    ("repeat", "eq", ("true",), "35"),
    ("repeat", "eq", ("0",), "124"),
    ("last_receive_time", "gt", ("2026-03-01T12:00:03.123456Z",), "45"),
    ("last_receive_time", "gte", ("2026-03-01T13:00:03.123456+01:00",), "345"),
    ("last_receive_time", "lte", ("2026-03-01T12:00:01.123456Z",), "1"),
    ("last_receive_time", "eq", ("2026-03-01T12:00:02.123456Z",), "2"),
    ("reverts_at", "gt", ("2000-01-01T00:00:00Z",), "5"),
    ("attributes.region", "eq", ("eu",), "15"),
    ("attributes.region", "contains", ("EU",), "135"),
    ("attributes.region", "gt", ("eu",), "2"),
    ("attributes.n", "eq", ("10",), "1"),
    ("attributes.yes", "eq", ("true",), "5"),
    ("attributes.list", "contains", ('"X"',), "5"),
    ('attributes.q"uote.$[0]', "eq", ("odd key",), "5"),
    ("attributes.missing", "eq", ("",), ""),
    ("severity", "gt", ("major",), "34"),
]


@pytest.mark.parametrize(("field", "operator", "values", "expected"), CASES)
async def test_filters(store: Store, stored: list[Alert], field: str, operator: Operator, values: tuple[str, ...],
                       expected: str):  # fmt: skip
    """Each filter and its negation part the alerts in two."""
    by_id = (Order(field="last_receive_time"),)
    held = AlertQuery(filters=(Filter(field=field, operator=operator, values=values),), order=by_id)
    denied = AlertQuery(filters=(Filter(field=field, operator=operator, values=values, negate=True),), order=by_id)
    assert "".join(await ids_of(store, held)) == expected
    assert "".join(await ids_of(store, denied)) == "".join(n for n in "12345" if n not in expected)


async def test_all_filters_must_hold(store: Store, stored: list[Alert]):
    filters = (Filter(field="service", values=("web",)), Filter(field="status", values=("open",)))
    assert await ids_of(store, AlertQuery(filters=filters)) == ["1"]


@pytest.mark.parametrize(
    ("needle", "expected"),
    [("DISK", "1"), ("97", "15"), ("misc", "134"), ("suche\nMIT", "5"), ("shop", "1"), ("ÜLL", "3"), ("dc=", ""),
     ("down", "12345"), ("full\n97", ""), ("web\nshop", "")],
)  # fmt: skip
async def test_free_text_looks_in_each_field_alone(store: Store, stored: list[Alert], needle: str, expected: str):
    query = AlertQuery(search=needle, order=(Order(field="last_receive_time"),))
    assert "".join(await ids_of(store, query)) == expected


@pytest.mark.parametrize(
    ("field", "ascending", "descending"),
    [
        ("severity", "15234", "32154"),
        ("status", "15234", "32154"),
        ("last_receive_time", "12345", "54321"),
        ("customer", "15234", "15234"),
        ("value", "41523", "51423"),
        ("attributes.region", "31524", "21534"),
        ("duplicate_count", "13425", "52134"),
        ("service", "35421", "12453"),
        ("text", "14532", "23541"),
    ],
)
async def test_order(store: Store, stored: list[Alert], field: str, ascending: str, descending: str):
    """Ranks sort before names, and what has no rank or value sorts last in both directions; ties go by id."""
    for is_descending, expected in ((False, ascending), (True, descending)):
        order = (Order(field=field, descending=is_descending),)
        found = await ids_of(store, AlertQuery(order=order, severities=SEVERITIES, statuses=STATUSES))
        assert "".join(found) == expected, f"{field} descending={is_descending}"


async def test_order_by_several_fields(store: Store, stored: list[Alert]):
    order = (Order(field="environment"), Order(field="last_receive_time", descending=True))
    assert await ids_of(store, AlertQuery(order=order)) == ["4", "5", "3", "2", "1"]


async def test_the_last_received_come_first_by_default(store: Store, stored: list[Alert]):
    assert await ids_of(store, AlertQuery()) == ["5", "4", "3", "2", "1"]


async def test_pages(store: Store, stored: list[Alert]):
    assert await ids_of(store, AlertQuery(page=1, page_size=2)) == ["5", "4"]
    assert await ids_of(store, AlertQuery(page=3, page_size=2)) == ["1"]
    assert await ids_of(store, AlertQuery(page=4, page_size=2)) == []


@pytest.mark.parametrize(
    "bad",
    [
        Filter(field="password", values=("x",)),
        Filter(field="attributes.", values=("x",)),
        Filter(field="last_receive_time", values=("yesterday",)),
        Filter(field="last_receive_time", values=("2026-03-01T12:00:00",)),
        Filter(field="duplicate_count", values=("many",)),
        Filter(field="duplicate_count", values=("1e99",)),
        Filter(field="repeat", values=("perhaps",)),
        Filter(field="service", operator="gt", values=("x",)),
        Filter(field="timeout", operator="contains", values=("1",)),
    ],
)
async def test_a_filter_that_means_nothing_is_refused(store: Store, bad: Filter):
    async with store.reading() as tx:
        with pytest.raises(Invalid):
            await tx.alerts.find(AlertQuery(filters=(bad,)))


async def test_an_order_that_means_nothing_is_refused(store: Store):
    async with store.reading() as tx:
        with pytest.raises(Invalid):
            await tx.alerts.find(AlertQuery(order=(Order(field="id; drop table alerts"),)))


async def test_counts(store: Store, stored: list[Alert]):
    async with store.reading() as tx:
        assert await tx.alerts.counts(AlertQuery(page=2, page_size=1)) == AlertCounts(
            total=5,
            by_severity={"critical": 2, "major": 1, "minor": 1, "odd": 1},
            by_status={"open": 2, "ack": 1, "closed": 1, "strange": 1},
        )
        nothing = AlertQuery(filters=(Filter(field="environment", values=("Nowhere",)),))
        assert await tx.alerts.counts(nothing) == AlertCounts()


async def test_counts_by_environment_and_service(store: Store, stored: list[Alert]):
    async with store.reading() as tx:
        environments = await tx.reports.by_environment(AlertQuery())
        services = await tx.reports.by_service(AlertQuery())
    assert {name: counts.total for name, counts in environments.items()} == {"Development": 1, "Production": 4}
    assert environments["Production"].by_severity == {"critical": 2, "major": 1, "minor": 1}
    assert {key: counts.total for key, counts in services.items()} == {
        ("Development", "b"): 1,
        ("Development", "we"): 1,
        ("Production", "\x1b\x1c"): 1,
        ("Production", "checkout"): 1,
        ("Production", "shop"): 1,
        ("Production", "suche\nmit Zeile"): 1,
        ("Production", "web"): 2,
    }
    assert services["Production", "web"] == AlertCounts(
        total=2, by_severity={"critical": 1, "major": 1}, by_status={"open": 1, "ack": 1}
    )
    assert stored[0].last_receive_time > T0
