"""Episodes of alerts: the archive of those that are over, and reports over all."""

import random
from typing import Any

import msgspec
import pytest

from contract.store.samples import after, full_alert, new_alert, new_entry
from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.past import Archived, Life, PastAlert, PastQuery, life_of, past_of
from watchbell.domain.alerts.report import AlertReport, ReportQuery, Spread, Standing, Volume, Worst
from watchbell.ports.store import Store

SEVERITIES = ("critical", "major", "minor", "normal")
NOW = after(10_000)


def new_past(identifier: str, seconds: float = 0, **fields: Any) -> PastAlert:
    plain = PastAlert(
        id=identifier,
        alert_id=f"alert of {identifier}",  # type: ignore[arg-type]
        environment="Production",
        resource="web",
        event="Down",
        severity="normal",
        highest_severity="critical",
        status="closed",
        opened_at=after(seconds),
        last_receive_time=after(seconds + 60),
        resolved_at=after(seconds + 60),
        archived_at=after(seconds + 7260),
        seconds_to_resolve=60,
        stood=60,
    )
    return msgspec.structs.replace(plain, **fields)


async def add(store: Store, *items: PastAlert) -> None:
    async with store.transaction() as tx:
        await tx.past.add([Archived(alert=item) for item in items])


async def ids(store: Store, limit: int = 100, after: Any = None, **query: Any) -> list[str]:
    async with store.reading() as tx:
        return [past.id for past in await tx.past.find(PastQuery(**query), limit, after)]


async def test_all_of_an_alert_and_its_history_are_kept(store: Store):
    alert = msgspec.structs.replace(full_alert(), opened_at=after(5), status="closed", update_time=after(90))
    life = Life(
        highest_severity="critical",
        acknowledged_at=after(35.5),
        acknowledged_by="Änne",
        resolved_at=after(80),
        severity_changes=3,
        flapped=True,
    )
    past = past_of(alert, life, after(9000))
    entries = (
        new_entry(alert.id, "m1", after(5), value={"n": [1, None]}, text="a\nb\x1b", reason="first", source="api"),
        new_entry(alert.id, "m2", after(35.5), status="ack", type="ack", user="Änne", timeout=60, config_version=7),
    )
    async with store.transaction() as tx:
        await tx.past.add([Archived(alert=past, history=entries)])
    async with store.reading() as tx:
        assert await tx.past.get(past.id) == past
        assert await tx.past.history(past.id) == list(entries)
        assert await tx.past.history("another") == []
        assert await tx.past.find(PastQuery(), 10) == [past]
    assert (past.seconds_to_acknowledge, past.seconds_to_resolve, past.stood) == (30.5, 75, 75)


async def test_one_is_found_by_its_id_or_as_the_last_of_its_alert(store: Store):
    early, late = new_past("p1", alert_id="a", customer="ACME"), new_past("p2", 100, alert_id="a")
    await add(store, early, late)
    async with store.reading() as tx:
        assert await tx.past.get("p1") == early
        assert await tx.past.get("a") == late
        assert await tx.past.get("a", frozenset({"ACME"})) == early
        assert await tx.past.get("p2", frozenset({"ACME"})) is None
        assert await tx.past.get("p1", frozenset()) is None
        assert await tx.past.get("") is None
        assert await tx.past.of(["a", "b"]) == ["p1", "p2"]
        assert await tx.past.of([]) == []


async def test_pages_follow_each_other_without_gaps_or_repeats(store: Store):
    rows = [new_past(f"p{number}", seconds) for number, seconds in enumerate((0, 5, 5, 5, 9))]
    await add(store, *rows)
    assert await ids(store, 2) == ["p4", "p3"]
    assert await ids(store, 2, (after(5), "p3")) == ["p2", "p1"]
    assert await ids(store, 2, (after(5), "p1")) == ["p0"]
    assert await ids(store, 2, (after(0), "p0")) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"since": after(10)}, ["p3", "p2"]),
        ({"before": after(20)}, ["p2", "p1"]),
        ({"environments": ("Lab", "Production")}, ["p3", "p2", "p1"]),
        ({"environments": ("Lab",)}, ["p2"]),
        ({"services": ("shop",)}, ["p1"]),
        ({"services": ("shop", "a\nb")}, ["p3", "p1"]),
        ({"services": ("sho",)}, []),
        ({"resources": ("db",)}, ["p2"]),
        ({"events": ("Slow", "Gone")}, ["p3"]),
        ({"severities": ("major",)}, ["p2"]),
        ({"customers": frozenset({"ACME"})}, ["p3"]),
        ({"customers": frozenset({""})}, []),
        ({"customers": frozenset[str]()}, []),
        ({"words": ("web", "grüße")}, ["p3"]),
        ({"words": ("grüße", "nowhere")}, []),
        ({"words": ("100%",)}, ["p1"]),
        ({"words": ("a=b",)}, ["p1"]),
        ({"words": ("97.5",)}, ["p2"]),
        ({"words": ("null",)}, []),
        ({"environments": ("Lab",), "severities": ("critical",)}, []),
    ],
)
async def test_filters(store: Store, query: dict[str, Any], found: list[str]):
    await add(
        store,
        new_past("p1", 0, service=("shop", "cart"), text="disk at 100% now", tags=("A=B",)),
        new_past("p2", 10, environment="Lab", resource="db", highest_severity="major", value=97.5),
        new_past("p3", 20, event="Slow", service=("a\nb",), customer="ACME", text="GRÜSSE und Grüße"),
    )
    assert await ids(store, **query) == found


async def test_the_oldest_expire_first_and_history_goes_along(store: Store):
    rows = [new_past(f"p{number}", number) for number in range(4)]
    async with store.transaction() as tx:
        await tx.past.add([Archived(alert=row, history=(new_entry(row.alert_id),)) for row in rows])
    async with store.transaction() as tx:
        assert await tx.past.expire(after(7263), 2) == 2
    assert await ids(store) == ["p3", "p2"]
    async with store.transaction() as tx:
        assert await tx.past.expire(after(7263), 2) == 1
        assert await tx.past.expire(after(7263), 2) == 0
        assert await tx.past.delete(["p3", "p0"]) == 1
        assert await tx.past.delete([]) == 0
    async with store.reading() as tx:
        assert [await tx.past.history(f"p{number}") for number in range(4)] == [[], [], [], []]
    assert await ids(store) == []


async def test_those_that_are_over_are_told_by_when(store: Store):
    over: dict[str, Any] = {"status": "closed", "opened_at": after(0)}
    async with store.transaction() as tx:
        await tx.alerts.save(
            [
                new_alert("late", **over, update_time=after(20)),
                new_alert("early", **over | {"status": "expired"}, update_time=after(10)),
                new_alert("stands", opened_at=after(0), update_time=after(5)),
                new_alert("done", status="closed", update_time=after(5)),
            ]
        )
    async with store.reading() as tx:
        assert await tx.episodes.settled(after(21), 10) == ["early", "late"]
        assert await tx.episodes.settled(after(20), 10) == ["early"]
        assert await tx.episodes.settled(after(21), 1) == ["early"]


async def test_what_histories_tell(store: Store):
    lines = [
        new_entry("a", "m0", after(0), severity="critical", status="ack", user="old", type="severity"),
        new_entry("a", "m1", after(10), severity="minor"),
        new_entry("a", "m2", after(11), severity="major", type="severity"),
        new_entry("a", "m3", after(12), severity="odd", type="flapping"),
        new_entry("a", "m4", after(13), severity="major", status="ack", type="ack", user="ann"),
        new_entry("a", "m5", after(14), severity="normal", status="closed", type="close"),
        new_entry("a", "m6", after(14), severity="minor", status="open", type="severity"),
        new_entry("a", "m7", after(15), severity="minor", status="ack", type="status"),
        new_entry("a", "m8", after(16), severity="normal", status="closed", type="close"),
        new_entry("a", "m9", after(17), severity="normal", status="expired", type="expired"),
    ]
    others = [new_entry("b", "m1", after(10), severity="odd"), new_entry("c", "m1", after(10))]
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert(name, opened_at=after(10)) for name in "ab"])
        await tx.alerts.save([new_alert("c"), new_alert("silent", opened_at=after(10))])
        await tx.history.add([*lines, *others])
    async with store.reading() as tx:
        found = await tx.episodes.lives(["a", "b", "c", "silent"], SEVERITIES)
        assert await tx.episodes.lives([], SEVERITIES) == {}
    assert found == {
        "a": Life(
            highest_severity="major",
            acknowledged_at=after(13),
            acknowledged_by="ann",
            resolved_at=after(16),
            severity_changes=2,
            flapped=True,
        ),
        "b": Life(),
    }
    assert found["a"] == life_of(lines, SEVERITIES, after(10))


async def test_an_acknowledgement_counts_in_the_words_of_either_model(store: Store):
    lines = [
        new_entry("a", "m1", after(10), status="UNACK"),
        new_entry("a", "m2", after(13), status="ACKED", type="ack", user="ann"),
        new_entry("a", "m3", after(16), status="NORM", type="severity"),
    ]
    async with store.transaction() as tx:
        await tx.alerts.save([new_alert("a", opened_at=after(10), status="NORM")])
        await tx.history.add(lines)
    async with store.reading() as tx:
        found = (await tx.episodes.lives(["a"], SEVERITIES))["a"]
    assert (found.acknowledged_at, found.acknowledged_by, found.resolved_at) == (after(13), "ann", after(16))
    assert found == life_of(lines, SEVERITIES, after(10))


def asked(**chosen: Any) -> ReportQuery:
    since = chosen.pop("since", after(0))
    more: dict[str, Any] = {"step": 3600.0, "most": 10}
    more |= {name: chosen.pop(name) for name in more if name in chosen}
    query = PastQuery(since=since, before=after(9000), **chosen)
    return ReportQuery(chosen=query, since=since, now=NOW, severities=SEVERITIES, **more)


async def report(store: Store, query: ReportQuery) -> AlertReport:
    async with store.reading() as tx:
        return await tx.episodes.report(query)


async def test_nothing_is_reported_of_nothing(store: Store):
    assert await report(store, asked()) == AlertReport()


async def test_a_report_counts_past_and_live_episodes(store: Store):
    await add(
        store,
        new_past("p1", 0, seconds_to_acknowledge=4, severity_changes=6, flapped=True, service=("shop", "cart")),
        new_past(
            "p2", 3600, service=("shop",), event="Slow", highest_severity="major", stood=100, seconds_to_resolve=100
        ),
        new_past("early", -1),
        new_past("late", 9000),
    )
    lines = [
        new_entry("live", "m1", after(7200), severity="minor"),
        new_entry("live", "m2", after(7210), severity="major", type="severity"),
        new_entry("live", "m3", after(7220), severity="major", status="ack", type="ack", user="ann"),
        new_entry("over", "m1", after(7300), severity="critical"),
        new_entry("over", "m2", after(7350), severity="normal", status="closed", type="close"),
    ]
    async with store.transaction() as tx:
        await tx.alerts.save(
            [
                new_alert(
                    "live", severity="major", status="ack", opened_at=after(7200), resource="web", service=("cart",)
                ),
                new_alert(
                    "over", status="closed", opened_at=after(7300), resource="db", update_time=after(7400), service=()
                ),
                new_alert("never", status="closed"),
            ]
        )
        await tx.history.add(lines)
    found = await report(store, asked(most=2))
    assert found == AlertReport(
        total=4,
        flapped=1,
        volume=(
            Volume(index=0, severity="critical", count=1),
            Volume(index=1, severity="major", count=1),
            Volume(index=2, severity="critical", count=1),
            Volume(index=2, severity="major", count=1),
        ),
        acknowledging=Spread(count=2, mean=12, median=4, p90=20),
        resolving=Spread(count=3, mean=70, median=60, p90=100),
        resources=(
            Worst(name="web", count=3, stood=2960, severity_changes=7),
            Worst(name="db", count=1, stood=50, severity_changes=0),
        ),
        events=(
            Worst(name="Down", count=3, stood=2910, severity_changes=7),
            Worst(name="Slow", count=1, stood=100, severity_changes=0),
        ),
        services=(
            Worst(name="cart", count=2, stood=2860, severity_changes=7),
            Worst(name="shop", count=2, stood=160, severity_changes=6),
        ),
        flapping=(Worst(name="web", count=1, stood=60, severity_changes=6),),
        longest=(
            Standing(
                alert_id="live",
                past_id="",
                environment="Production",
                resource="web",
                event="Down",
                severity="major",
                opened_at=after(7200),
                resolved_at=None,
                stood=2800,
            ),
            Standing(
                alert_id="alert of p2",
                past_id="p2",
                environment="Production",
                resource="web",
                event="Slow",
                severity="major",
                opened_at=after(3600),
                resolved_at=after(3660),
                stood=100,
            ),
        ),
    )
    assert (await report(store, asked(severities=("critical",)))).total == 2
    assert (await report(store, asked(resources=("db",), environments=("Production",)))).total == 1
    assert (await report(store, asked(customers=frozenset({"ACME"})))).total == 0


async def test_every_store_reports_the_same(store: Store):
    chance = random.Random(7)
    reference = MemoryStore()
    rows, alerts, lines = [], [], []
    for number in range(60):
        common = {
            "environment": chance.choice(("Production", "Lab")),
            "resource": f"host {number % 7}",
            "event": chance.choice(("Down", "Slow")),
            "service": tuple(chance.sample(("shop", "cart"), chance.randint(0, 2))),
            "customer": chance.choice((None, "ACME")),
        }
        opened, stood = chance.randint(0, 9500), chance.randint(0, 500)
        known: dict[str, Any] = {
            "highest_severity": chance.choice(SEVERITIES),
            "stood": stood,
            "seconds_to_resolve": chance.choice((None, stood)),
            "seconds_to_acknowledge": chance.choice((None, stood / 2)),
            "severity_changes": chance.randint(0, 9),
            "flapped": chance.random() < 0.3,
        }
        rows.append(new_past(f"p{number}", opened, **common, **known))
        name, status = f"a{number}", chance.choice(("open", "ack", "closed", "expired"))
        alerts.append(_live(name, status, opened, {**common, "resource": f"own {number}"}))
        for step in range(chance.randint(0, 5)):
            line = {"severity": chance.choice((*SEVERITIES, "odd")), "status": chance.choice(("open", "ack", "closed"))}
            kind = chance.choice(("severity", "flapping", "ack"))
            lines.append(new_entry(name, f"m{step}", after(opened + step - 1), type=kind, **line))
    for each in (store, reference):
        async with each.transaction() as tx:
            await tx.past.add([Archived(alert=row) for row in rows])
            await tx.alerts.save(alerts)
            await tx.history.add(lines)
    for chosen in (
        {},
        {"step": 1800.0, "since": after(7)},
        {"environments": ("Lab",), "most": 3},
        {"services": ("cart",)},
        {"severities": ("major", "normal")},
        {"customers": frozenset({"ACME"})},
        {"resources": ("host 1", "own 2"), "events": ("Down",)},
    ):
        found, expected = await report(store, asked(**chosen)), await report(reference, asked(**chosen))
        assert _rounded(found) == _rounded(expected), chosen
        assert found.total > 0


def _live(name: str, status: str, opened: float, common: dict[str, Any]) -> Alert:
    return new_alert(name, status=status, opened_at=after(opened), update_time=after(opened + 200), **common)


def _rounded(report: AlertReport) -> Any:
    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 3)
        if isinstance(value, list):
            return [rounded(each) for each in value]
        return {key: rounded(each) for key, each in value.items()} if isinstance(value, dict) else value

    return rounded(msgspec.to_builtins(report))
