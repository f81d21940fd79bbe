"""Filters, order, pages and counts of alerts."""

import msgspec
import pytest

from contract.store.samples import T0, after, full_alert, new_alert, new_entry
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.query import (
    AlertCounts,
    AlertQuery,
    AllOf,
    AnyOf,
    Filter,
    Negation,
    Offender,
    Operator,
    Order,
)
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
    ("text", "term", ("100%",), "15"),
    ("service", "term", ("we",), "4"),
    ("attributes.region", "term", ("EU",), "135"),
    ("duplicate_count", "term", ("3",), "2"),
    ("text", "phrase", ("100%",), "15"),
    ("text", "phrase", ("ful",), ""),
    ("text", "phrase", ("DISK 100% full",), "1"),
    ("text", "phrase", ("in der KÜCHE",), "3"),
    ("text", "like", ("dis?",), "1"),
    ("text", "like", ("DIS",), ""),
    ("text", "like", ("d*l",), "1"),
    ("text", "like", ("M*ll",), "3"),
    ("service", "like", ("we?",), "124"),
    ("service", "like", ("e*",), ""),
    ("service", "like", ("suche*",), "5"),
    ("tags", "like", ("DC=?",), "12"),
    ("text", "regex", ("^disk .*full$",), "1"),
    ("text", "regex", ("100% (full|empty)",), "1"),
    ("text", "regex", (r"\bno\b",), "4"),
    ("text", "regex", (r"\d{3}%",), "15"),
    ("text", "regex", (r"[^\w\s]s\b",), "45"),
    ("value", "regex", ("^9?[57]$",), "14"),
    ("attributes.region", "regex", ("^E.$",), "135"),
    ("customer", "exists", (), "15"),
    ("service", "exists", (), "1245"),
    ("attributes.n", "exists", (), "15"),
    ("reverts_at", "exists", (), "5"),
    ("correlation", "exists", (), "5"),
    ("any", "phrase", ("web",), "125"),
    ("any", "like", ("Mü*",), "3"),
    ("any", "regex", ("^(ops|disk)",), "12"),
]


@pytest.mark.parametrize(
    ("field", "operator", "value", "reason"),
    [
        ("text", "regex", "(?=look)", r"only \(\?:…\) is understood"),
        ("text", "regex", r"(a)\1", r"\\1 is not understood"),
        ("text", "regex", "a**", "repeats nothing"),
        ("text", "regex", "(a", "is not a regular expression"),
        ("text", "regex", "a{2000}", "a repetition is"),
        ("text", "regex", "((a{99}){99}){99}", "is not a regular expression"),
        ("text", "regex", "[z-a]", "a range goes upwards"),
        ("text", "regex", "x" * 201, "at most 200 characters"),
        ("service", "regex", "a", "service: is not searched by regular expressions"),
        ("attributes.rack_of", "like", "a\0", "^attributes.rack_of: contains a character"),
        ("duplicate_count", "like", "1*", "duplicateCount: is not searched by wildcards"),
    ],
)
async def test_patterns_that_not_every_store_understands_are_refused(
    store: Store, field: str, operator: Operator, value: str, reason: str
):
    asked = AlertQuery(filters=(Filter(field=field, operator=operator, values=(value,)),))
    async with store.reading() as tx:
        with pytest.raises(Invalid, match=reason):
            await tx.alerts.find(asked)


async def test_expressions_are_joined(store: Store, stored: list[Alert]):
    disk, kitchen, shop = (
        Filter(field=field, operator="term", values=(value,))
        for field, value in (("text", "disk"), ("text", "küche"), ("service", "web"))
    )
    either = AnyOf(parts=(disk, kitchen))
    oldest_first = (Order(field="last_receive_time"),)
    for search, expected in (
        (either, "13"),
        (AllOf(parts=(either, shop)), "1"),
        (AllOf(parts=(either, Negation(part=shop))), "3"),
        (Negation(part=either), "245"),
        (AllOf(parts=()), "12345"),
        (AnyOf(parts=()), ""),
        (Negation(part=Filter(field="customer", operator="term", values=("ACME",))), "234"),
    ):
        assert "".join(await ids_of(store, AlertQuery(search=search, order=oldest_first))) == expected


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
    query = AlertQuery(
        search=Filter(field="any", operator="term", values=(needle,)), order=(Order(field="last_receive_time"),)
    )
    assert "".join(await ids_of(store, query)) == expected


@pytest.mark.parametrize(
    ("field", "ascending", "descending"),
    [
        ("severity", "15234", "32154"),
        ("status", "15234", "32154"),
        ("last_receive_time", "12345", "54321"),
        ("customer", "15234", "15234"),
        ("value", "41523", "51423"),
        ("raw_data", "51234", "51234"),
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


async def test_how_many_have_each_value(store: Store, stored: list[Alert]):
    async with store.reading() as tx:
        groups = await tx.reports.by_value("group", AlertQuery())
        tags = await tx.reports.by_value("tags", AlertQuery(filters=(Filter(field="id", values=("aaaaaaaa",)),)))
        with pytest.raises(Invalid, match="is not a field of an alert"):
            await tx.reports.by_value("text; drop table alerts", AlertQuery())
        with pytest.raises(Invalid, match="not grouped by this field"):
            await tx.reports.worst("count", "attributes.region", 10, AlertQuery())
    assert groups["Production", "Ops"] == 1
    assert sum(groups.values()) == 5
    assert tags == {("Production", "dc=1"): 1, ("Production", "dc=2"): 1, ("Production", "x"): 1}


async def test_counts_by_each_value_of_a_field(store: Store, stored: list[Alert]):
    async with store.reading() as tx:
        severities = await tx.reports.by_field("severity", AlertQuery())
        services = await tx.reports.by_field("service", AlertQuery())
        ours = AlertQuery(filters=(Filter(field="environment", values=("Development",)),))
        development = await tx.reports.by_field("environment", ours)
        with pytest.raises(Invalid, match="not grouped by this field"):
            await tx.reports.by_field("attributes.region", AlertQuery())
    totals = {name: counts.total for name, counts in severities.items()}
    assert totals == {"critical": 2, "major": 1, "minor": 1, "odd": 1}
    assert services["web"] == AlertCounts(
        total=2, by_severity={"critical": 1, "major": 1}, by_status={"open": 1, "ack": 1}
    )
    assert services.get("", AlertCounts()).total == sum(not alert.service for alert in stored)
    assert list(development) == ["Development"]


async def test_the_worst_groups(store: Store):
    alerts = [
        new_alert("alert-1", event="Flaps", duplicate_count=2, service=("web",)),
        new_alert("alert-2", event="Flaps", duplicate_count=1, service=("shop", "web"), environment="Development"),
        new_alert("alert-3", event="Stands", last_receive_time=after(600), resource="db01"),
        new_alert("alert-4", event="Other", resource="db02"),
    ]
    async with store.transaction() as tx:
        await tx.alerts.save(alerts)
        await tx.history.add([new_entry("alert-1", type=kind) for kind in ("new", "severity", "severity", "note")])
        await tx.history.add([new_entry("alert-3", type="severity")])
    async with store.reading() as tx:
        counted = await tx.reports.worst("count", "event", 2, AlertQuery())
        flapping = await tx.reports.worst("flapping", "event", 10, AlertQuery())
        standing = await tx.reports.worst("standing", "resource", 1, AlertQuery())
        ids = await tx.reports.ids(AlertQuery(filters=(Filter(field="event", values=("Flaps", "Other")),)), 2)
    assert counted[0] == Offender(
        name="Flaps",
        count=2,
        duplicate_count=3,
        environments=("Development", "Production"),
        services=("shop", "web"),
        resources=(("alert-1", alerts[0].resource), ("alert-2", alerts[1].resource)),
    )
    assert [one.name for one in counted] == ["Flaps", "Other"]
    assert [(one.name, one.count) for one in flapping] == [("Flaps", 2), ("Stands", 1)]
    assert [(one.name, one.count) for one in standing] == [("db01", 600)]
    assert ids == ["alert-1", "alert-2"]


@pytest.mark.parametrize("name", ["x'", "x' OR '1'='1", "x'); DROP TABLE alerts; --", 'x"', "x')::text", "$.x", "x}"])
async def test_sql_in_the_name_of_an_attribute_stays_a_name(store: Store, name: str):
    with_it, without = new_alert("with", attributes={name: "1"}), new_alert("without", attributes={"x": "2"})
    async with store.transaction() as tx:
        await tx.alerts.save([with_it, without])
    field = f"attributes.{name}"
    async with store.reading() as tx:
        for descending in (False, True):
            order = (Order(field=field, descending=descending),)
            assert [alert.id for alert in await tx.alerts.find(AlertQuery(order=order))] == ["with", "without"]
        wanted = AlertQuery(filters=(Filter(field=field, operator="eq", values=("1",)),))
        assert await tx.alerts.find(wanted) == [with_it]


async def test_alerts_of_an_unranked_severity_or_status_stay_in_sorted_lists(store: Store):
    odd, usual = new_alert("odd", severity="purple", status="limbo"), new_alert("usual", severity="major")
    async with store.transaction() as tx:
        await tx.alerts.save([odd, usual])
    async with store.reading() as tx:
        for field in ("severity", "status"):
            for descending in (False, True):
                query = AlertQuery(
                    order=(Order(field=field, descending=descending),), severities=SEVERITIES, statuses=STATUSES
                )
                assert [alert.id for alert in await tx.alerts.find(query)] == ["usual", "odd"]
                assert (await tx.alerts.counts(query)).total == 2
