"""Alerts: identity, finding by id, saving and deleting; their history."""

from datetime import UTC, datetime

import msgspec
import pytest

from contract.store.samples import T0, after, full_alert, new_alert, new_entry
from watchbell.domain.alerts.alert import Identity
from watchbell.domain.alerts.query import AlertQuery, Filter
from watchbell.domain.errors import Conflict, Invalid
from watchbell.ports.store import Store


async def test_an_alert_comes_back_as_it_was(store: Store):
    plain, full = new_alert("plain-alert"), full_alert()
    async with store.transaction() as tx:
        await tx.alerts.save([plain, full])
    async with store.reading() as tx:
        assert await tx.alerts.get("plain-alert") == plain
        assert await tx.alerts.get("full-alert-1") == full


@pytest.mark.parametrize("value", [None, "", "5", 5, 5.5, True, "null", ["a"], {"a": None}, 10**15])
async def test_values_of_any_type_come_back(store: Store, value: object):
    alert = new_alert("value-alert", value=value, raw_data=value, attributes={"k": value})
    async with store.transaction() as tx:
        await tx.alerts.save([alert])
        await tx.history.add([new_entry(alert.id, value=value)])
        (found,) = await tx.alerts.many([alert.id])
        (entry,) = await tx.history.of(alert.id)
    assert found == alert
    assert [type(found.value), type(entry.value), entry.value] == [type(value), type(value), value]


async def test_text_that_the_database_cannot_hold_is_refused_or_kept(store: Store):
    """A NUL never reaches the store through the API; if it did, nothing would be cut off."""
    alert = new_alert("nul-alert", text="a\0b", service=("s\0",))
    try:
        async with store.transaction() as tx:
            await tx.alerts.save([alert])
    except Invalid:
        alert = None
    async with store.reading() as tx:
        assert await tx.alerts.get("nul-alert") == alert


async def test_saving_overwrites_by_id(store: Store):
    alert = new_alert("same-alert", service=("a", "b"))
    changed = msgspec.structs.replace(alert, status="closed", event="Up", service=("c",), version=2)
    async with store.transaction() as tx:
        await tx.alerts.save([alert])
        await tx.alerts.save([changed])
        assert await tx.alerts.many(["same-alert", "missing"]) == [changed]
        assert await tx.alerts.related([alert.identity]) == []
        assert await tx.alerts.related([changed.identity]) == [changed]


async def test_two_alerts_of_one_identity_conflict(store: Store):
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("first-alert", resource="r")])
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.alerts.save([new_alert("other-alert", resource="r")])
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("other-alert", resource="r", customer="ACME")])


async def test_an_identity_is_free_again_when_its_alert_is_deleted(store: Store):
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("first-alert", resource="r")])
        await tx.alerts.delete(["first-alert", "missing"])
        await tx.alerts.save([new_alert("other-alert", resource="r")])


async def test_related_are_those_with_the_same_event_or_with_correlations(store: Store):
    same = new_alert("same-event", resource="r", event="Down")
    correlated = new_alert("correlated", resource="r", event="Slow", correlate=("Slow", "Down"))
    unrelated = new_alert("unrelated", resource="r", event="Other")
    elsewhere = new_alert("elsewhere", resource="r", environment="Development", correlate=("Down",))
    of_customer = new_alert("of-customer", resource="r", customer="ACME", correlate=("Down",))
    async with store.transaction() as tx:
        await tx.alerts.save([same, correlated, unrelated, elsewhere, of_customer])
        await tx.alerts.lock([same.identity, correlated.identity, same.identity])
        found = await tx.alerts.related([same.identity])
        assert {alert.id for alert in found} == {"same-event", "correlated"}
        found = await tx.alerts.related([same.identity, unrelated.identity, of_customer.identity])
        assert [alert.id for alert in found] == sorted(["same-event", "correlated", "unrelated", "of-customer"])
        assert await tx.alerts.related([]) == []
        assert await tx.alerts.related([Identity("Production", "nowhere", "Down", "")]) == []


async def test_an_alert_is_found_by_a_part_of_its_ids(store: Store):
    old = new_alert("abcdefgh-1", last_receive_id="12345678-old")
    new = new_alert("abcdefgh-2", last_receive_id="12345678-new", last_receive_time=after(1))
    async with store.transaction() as tx:
        await tx.alerts.save([old, new])
    async with store.reading() as tx:
        assert await tx.alerts.get("abcdefgh-1") == old
        assert await tx.alerts.get("12345678-old") == old
        assert await tx.alerts.get("12345678-n") == new
        assert await tx.alerts.get("ABCDEFGH-2") == new
        assert await tx.alerts.get("bcdefgh-1") is None
        assert await tx.alerts.get("") is None
        assert await tx.alerts.get("abcdefg_") is None
        assert await tx.alerts.get("abcdefg%") is None


async def test_a_part_of_any_length_and_either_case_is_enough(store: Store):
    lower, upper = new_alert("abc-lower", last_receive_id="x1"), new_alert("DEF-UPPER", last_receive_id="x2")
    async with store.transaction() as tx:
        await tx.alerts.save([lower, upper])
    async with store.reading() as tx:
        for given in ("a", "A", "abc", "ABC-L", "x1", "X1"):
            assert await tx.alerts.get(given) == lower
        for given in ("d", "D", "def-u", "DEF-UPPER", "X2"):
            assert await tx.alerts.get(given) == upper


async def test_a_part_that_several_ids_begin_with_names_none_of_them(store: Store):
    one, other = new_alert("abcdefgh-1", last_receive_id="q1"), new_alert("abcdefgh-2", last_receive_id="q2")
    same = new_alert("zz-1", last_receive_id="once-sent"), new_alert("zz-2", last_receive_id="once-sent")
    async with store.transaction() as tx:
        await tx.alerts.save([one, other, *same])
    async with store.reading() as tx:
        for given in ("abcdefgh", "ABC", "q", "once-sent"):
            with pytest.raises(Invalid, match="ambiguous id"):
                await tx.alerts.get(given)


@pytest.mark.parametrize("given", [".*", "^", "a.", "[a]", "%", "_", "a|b", "\\", "' OR 1=1 --"])
async def test_regex_metacharacters_in_an_id_stand_for_themselves(store: Store, given: str):
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("abc", last_receive_id="def")])
    async with store.reading() as tx:
        assert await tx.alerts.get(given) is None


async def test_an_exact_id_wins_over_a_prefix_and_a_received_id(store: Store):
    exact = new_alert("abcdefgh")
    longer = new_alert("abcdefgh-longer", last_receive_id="abcdefgh", last_receive_time=after(9))
    async with store.transaction() as tx:
        await tx.alerts.save([exact, longer])
        assert await tx.alerts.get("abcdefgh") == exact


async def test_history_keeps_its_order(store: Store):
    entries = [new_entry("a1", f"m{number}", after(-number)) for number in range(5)]
    async with store.transaction() as tx:
        await tx.history.add(entries[:3])
        await tx.history.add([*entries[3:], new_entry("a2", "other")])
    async with store.reading() as tx:
        assert await tx.history.of("a1") == entries
        assert await tx.history.of("a1", limit=2) == entries[3:]
        assert await tx.history.of("missing") == []


async def test_the_history_of_many_is_that_of_each(store: Store):
    ids = [f"a{number}" for number in range(60)]
    async with store.transaction() as tx:
        for number in range(3):
            await tx.history.add([new_entry(name, f"{name}-{number}", after(-number)) for name in ids])
    async with store.reading() as tx:
        found = await tx.history.of_many([*ids, "missing", "a1"], limit=2)
        assert found == {name: await tx.history.of(name, limit=2) for name in ids}
        assert [entry.id for entry in found["a7"]] == ["a7-1", "a7-2"]
        assert len((await tx.history.of_many(["a7"]))["a7"]) == 3
        assert await tx.history.of_many([]) == {}


async def test_what_has_grown_too_long_is_found_in_the_order_of_its_entries(store: Store):
    async with store.transaction() as tx:
        start, _ = await tx.history.grown(0, 9999, 1)
        await tx.history.add([new_entry("b1", "n1"), new_entry("b2", "n2")])
        await tx.history.add([new_entry("b2", f"{n}", type="value") for n in range(3)])
        await tx.history.add([new_entry("b3", "x", type="value"), new_entry("b2", "y", type="value")])
        await tx.history.add([new_entry("b1", "z", type="value")])
    async with store.reading() as tx:
        first, names = await tx.history.grown(start, 3, 4)
        assert names == ["b2"]
        second, names = await tx.history.grown(first, 5, 1)
        assert names == ["b2", "b1"]
        assert start < first < second
        assert await tx.history.grown(first, 5, 5) == (second, [])
        assert await tx.history.grown(second, 4, 1) == (second, [])


async def test_the_oldest_of_a_history_go(store: Store):
    ids = ["c1", "c2", "c3"]
    async with store.transaction() as tx:
        for length, name in enumerate(ids, start=1):
            await tx.history.add([new_entry(name, f"{name}-{n}", after(-n)) for n in range(2 * length)])
    async with store.transaction() as tx:
        assert await tx.history.cut(ids[:2], 3, 100) == 1
        assert await tx.history.cut(ids, 3, 2) == 2
        assert await tx.history.cut(ids, 3, 100) == 1
        assert await tx.history.cut(ids, 3, 100) == 0
        assert await tx.history.cut([], 3, 100) == 0
    async with store.reading() as tx:
        left = {name: [entry.id for entry in await tx.history.of(name)] for name in ids}
    assert left == {
        "c1": ["c1-0", "c1-1"],
        "c2": ["c2-1", "c2-2", "c2-3"],
        "c3": ["c3-3", "c3-4", "c3-5"],
    }


async def test_deleting_takes_the_history_along(store: Store):
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("a1"), new_alert("a2")])
        await tx.history.add([new_entry("a1"), new_entry("a2")])
        await tx.alerts.delete(["a1"])
    async with store.reading() as tx:
        assert await tx.alerts.many(["a1", "a2"]) == [new_alert("a2")]
        assert await tx.history.of("a1") == []
        assert len(await tx.history.of("a2")) == 1


async def test_the_newest_history_of_the_alerts_that_match(store: Store):
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("a1"), new_alert("a2"), new_alert("a3", environment="Development")])
        await tx.history.add([new_entry("a1", "m1", after(1)), new_entry("a2", "m3", after(3))])
        await tx.history.add([new_entry("a1", "m2", after(2)), new_entry("a3", "m4", after(4))])
        await tx.history.add([new_entry("a2", "m5", after(3))])
    query = AlertQuery(filters=(Filter(field="environment", values=("Production",)),), page_size=3)
    async with store.reading() as tx:
        page = await tx.history.newest(query)
        assert [(alert.id, entry.id) for alert, entry in page] == [("a2", "m5"), ("a2", "m3"), ("a1", "m2")]
        page = await tx.history.newest(msgspec.structs.replace(query, page=2))
        assert [(alert.id, entry.id) for alert, entry in page] == [("a1", "m1")]


async def test_lapsed_are_old_alerts_of_a_status_or_a_severity(store: Store):
    async with store.transaction() as tx:
        await tx.alerts.save(
            [
                new_alert("closed-old", status="closed", last_receive_time=after(-20)),
                new_alert("closed-new", status="closed", last_receive_time=T0),
                new_alert("expired-old", status="expired", last_receive_time=after(-30)),
                new_alert("info-old", severity="informational", last_receive_time=after(-10)),
                new_alert("both-old", severity="informational", status="closed", last_receive_time=after(-5)),
                new_alert("open-old", last_receive_time=after(-50)),
            ]
        )
    async with store.reading() as tx:
        found = await tx.reports.lapsed(("closed", "expired"), ("informational",), T0, 10)
        assert found == ["expired-old", "closed-old", "info-old", "both-old"]
        assert await tx.reports.lapsed(("closed", "expired"), ("informational",), T0, 2) == found[:2]
        assert await tx.reports.lapsed((), ("informational",), T0, 10) == ["info-old", "both-old"]
        assert await tx.reports.lapsed((), (), T0, 10) == []


@pytest.mark.parametrize("written", ["2026-03-01T12:00:00", "2026-03-01T12:00:00Z", "2026-03-01T22:00:00+10:00"])
async def test_a_time_without_a_zone_is_in_utc(store: Store, written: str):
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("at-noon", create_time=noon)])
        at = Filter(field="create_time", operator="gte", values=(written,))
        after = Filter(field="create_time", operator="gt", values=(written,))
        assert [alert.id for alert in await tx.alerts.find(AlertQuery(filters=(at,)))] == ["at-noon"]
        assert await tx.alerts.find(AlertQuery(filters=(after,))) == []


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("yesterday", "^createTime: is not a time in ISO 8601"),
        ("0001-01-01T00:00:00+10:00", "^createTime: is out of range"),
        ("9999-12-31T23:59:59-10:00", "^createTime: is out of range"),
    ],
)
async def test_what_is_no_time_is_refused_by_the_name_that_clients_know(store: Store, written: str, reason: str):
    asked = AlertQuery(filters=(Filter(field="create_time", operator="gt", values=(written,)),))
    async with store.reading() as tx:
        with pytest.raises(Invalid, match=reason):
            await tx.alerts.find(asked)
