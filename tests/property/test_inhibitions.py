"""Inhibitions in storms: people hear of every recovery of what they were told, and nothing is silent for ever.

Alerts of every kind come, change and go, operators acknowledge, shelve and close, inhibitions are changed, the keeper
forgets all it has in memory at any time. Shown for every storm: what was told is not taken back; no circle of alerts is
silent; and when time has passed, whatever still stands is told or has a source that stands.
"""

import asyncio
from collections import Counter
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from inhibition_bench import Inhibited
from oncall_bench import CHANNEL, POLICY, SERVICE
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.inhibition import Inhibition, Selection, circles, holds, stands, tells
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.errors import Conflict
from watchbell.domain.oncall.incident import IncidentStatus, Purpose

EVENTS = ("Switch", "Rack", "Host")
NAMES = ("one", "two", "three")

selections = st.builds(
    Selection,
    event=st.sampled_from([*EVENTS, *EVENTS, "*"]),
    severity=st.sampled_from([[], [], ["critical"]]),
)
rules = st.builds(
    Inhibition,
    name=st.sampled_from(NAMES),
    source=selections,
    target=selections,
    equal=st.sampled_from([(), ("environment",), ("attributes.site",)]),
    grace=st.sampled_from([0.0, 60.0, 300.0]),
    enabled=st.sampled_from([True, True, True, False]),
)
messages = st.fixed_dictionaries(
    {
        "event": st.sampled_from(EVENTS),
        "resource": st.sampled_from(["a", "b"]),
        "severity": st.sampled_from(["critical", "critical", "major", "normal"]),
        "site": st.sampled_from(["berlin", "hamburg"]),
    }
)
steps = st.one_of(
    st.tuples(st.just("message"), messages),
    st.tuples(st.just("message"), messages),
    st.tuples(st.just("unrouted"), messages),
    st.tuples(st.just("act"), st.sampled_from(["ack", "unack", "shelve", "unshelve", "close", "delete"])),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 59, 61, 400])),
    st.tuples(st.just("rule"), rules),
    st.tuples(st.just("restart"), st.none()),
)


async def every(bench: Inhibited) -> list[Alert]:
    async with bench.store.reading() as tx:
        return await tx.alerts.find(AlertQuery(page_size=1000))


async def act(bench: Inhibited, action: str, number: int) -> None:
    alerts = await every(bench)
    if not alerts:
        return
    chosen = alerts[number % len(alerts)].id
    if action == "delete":
        await bench.operating.delete(chosen)
        return
    try:
        await bench.act(chosen, action)
    except Conflict:
        return


async def do(bench: Inhibited, step: tuple[str, Any], number: int) -> None:
    match step:
        case ("message" | "unrouted", sent):
            push = bench.push if step[0] == "message" else bench.receive
            await push(sent["resource"], sent["event"], sent["severity"], attributes={"site": sent["site"]})
        case ("act", action):
            await act(bench, action, number)
        case ("wait", seconds):
            await bench.tick(seconds)
        case ("rule", rule):
            await bench.configure(msgspec.structs.replace(rule, id=rule.name))
        case _:
            bench.restart()


async def active(bench: Inhibited) -> set[str]:
    """What people know of."""
    return {
        key
        for incident in await bench.incidents()
        if incident.status is not IncidentStatus.RESOLVED
        for key in incident.active
    }


async def what_was_told_is_not_taken_back(bench: Inhibited, before: set[str]) -> None:
    alerts: dict[str, Alert] = {alert.id: alert for alert in await every(bench)}
    known = await active(bench)
    assert not any(alerts[key].inhibited for key in known & alerts.keys())
    unwell = {key for key, alert in alerts.items() if tells(alert) and alert.severity != "normal"}
    assert before & unwell <= known


async def nobody_is_silent_for_ever(bench: Inhibited) -> None:
    """Time passes until nothing changes any more."""
    for _ in range(40):
        await bench.tick(61)
    alerts: dict[str, Alert] = {alert.id: alert for alert in await every(bench)}
    config = await bench.configured.current()
    known = await active(bench)
    assert circles(list(alerts.values())) == set()
    for alert in alerts.values():
        if not alert.inhibited:
            assert not tells(alert) or alert.severity == "normal" or alert.id in known
            continue
        rule, source = config.inhibitions[alert.inhibition or ""], alerts[alert.inhibited_by or ""]
        assert rule.enabled
        assert stands(source)
        assert holds(rule, source, alert)
        assert alert.inhibited_until is None


async def recoveries_reach_people(bench: Inhibited) -> None:
    """Everything recovers: each incident of which somebody was told ends, and they are told of it."""
    for alert in await every(bench):
        if alert.status not in {"closed", "expired"}:
            await bench.push(alert.resource, alert.event, "normal", attributes=alert.attributes)
    incidents = await bench.incidents()
    assert {incident.status for incident in incidents} <= {IncidentStatus.RESOLVED}
    for incident in incidents:
        async with bench.store.reading() as tx:
            sent = Counter(each.purpose for each in await tx.notifications.of_incident(incident.id))
        assert not sent[Purpose.ALERT] or sent[Purpose.RECOVERY] == 1


async def storm(given_rules: list[Inhibition], taken: list[tuple[str, Any]]) -> None:
    bench = Inhibited()
    unique = {rule.name: msgspec.structs.replace(rule, id=rule.name) for rule in given_rules}
    await bench.start(SERVICE, POLICY, CHANNEL, *unique.values())
    for number, step in enumerate(taken):
        before = await active(bench)
        await do(bench, step, number)
        await what_was_told_is_not_taken_back(bench, before)
    await bench.routing.run(bench.leases)
    await nobody_is_silent_for_ever(bench)
    await recoveries_reach_people(bench)


@settings(deadline=None)
@given(st.lists(rules, min_size=1, max_size=3), st.lists(steps, min_size=15, max_size=50))
def test_nothing_that_matters_is_swallowed(given_rules: list[Inhibition], taken: list[tuple[str, Any]]):
    asyncio.run(storm(given_rules, taken))
