"""Inhibitions over a store: who tells nobody, for how long, and what is told when the source is over."""

from typing import Any

import msgspec
import pytest

from inhibition_bench import SWITCH, Inhibited
from oncall_bench import CHANNEL, POLICY, SERVICE, START, alert
from watchbell.domain.alerts.inhibition import Inhibition, Selection
from watchbell.usecases.configuration import Configuration
from watchbell.usecases.inhibiting import judged
from watchbell.usecases.sweeping import AGAIN


@pytest.fixture
async def bench():
    bench = Inhibited()
    await bench.start(SERVICE, POLICY, CHANNEL, SWITCH)
    return bench


async def changed(bench, **fields):
    await bench.configure(msgspec.structs.replace(SWITCH, **fields))


async def reasons(bench, alert_id, kind):
    async with bench.store.reading() as tx:
        return [entry.reason for entry in await tx.history.of(alert_id) if entry.type == kind]


async def test_what_follows_from_a_standing_alert_is_there_but_tells_nobody(bench):
    switch = await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    found = await bench.one(host)
    assert (found.status, found.inhibited_by, found.inhibition, found.inhibited_until) == (
        "open",
        switch,
        "switch",
        None,
    )
    assert await bench.heard() == {switch}
    assert await bench.told() == {"alert": 1}
    assert await reasons(bench, host, "inhibited") == [
        f"the inhibition 'switch': the alert {switch} stands (critical, open)"
    ]


async def test_what_came_in_together_is_inhibited_whichever_was_first(bench):
    host = await bench.receive("web01")
    switch = await bench.receive("sw1", "SwitchDown")
    await bench.routing.run(bench.leases)
    assert await bench.marks(host) == [switch]
    assert await bench.heard() == {switch}


async def test_what_was_told_before_is_not_taken_back_and_its_recovery_is_told(bench):
    host = await bench.push("web01")
    await bench.push("sw1", "SwitchDown")
    await bench.push("web01", severity="major")
    assert await bench.marks(host) == [None]
    await bench.push("web01", severity="normal")
    (incident,) = await bench.incidents()
    assert host not in incident.active
    await bench.push("sw1", "SwitchDown", "normal")
    assert (await bench.told())["recovery"] == 1


@pytest.mark.parametrize("restarts", [False, True])
async def test_what_outlasts_its_source_is_told_once_after_the_grace(bench, restarts):
    switch = await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    await bench.push("sw1", "SwitchDown", "normal")
    await bench.tick(1)
    assert (await bench.one(host)).inhibited_until is not None
    if restarts:
        bench.restart()
    await bench.tick(59)
    assert await bench.heard() == {switch}
    if restarts:
        bench.restart()
    await bench.tick(2)
    assert await bench.heard() == {switch, host}
    assert await bench.told() == {"alert": 2, "recovery": 1}
    assert await reasons(bench, host, "released") == [f"the alert {switch} has been over for 60 seconds"]
    for _ in range(5):
        await bench.tick(30)
    assert await bench.told() == {"alert": 2, "recovery": 1}


async def test_what_recovers_within_the_grace_tells_nobody(bench):
    await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    await bench.push("sw1", "SwitchDown", "normal")
    await bench.tick(1)
    await bench.push("web01", severity="normal")
    assert await bench.marks(host) == [None]
    await bench.tick(120)
    assert await bench.told() == {"alert": 1, "recovery": 1}


async def test_a_source_that_comes_back_within_the_grace_inhibits_on(bench):
    switch = await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    await bench.push("sw1", "SwitchDown", "normal")
    await bench.tick(1)
    await bench.push("sw1", "SwitchDown")
    await bench.tick(61)
    found = await bench.one(host)
    assert (found.inhibited_by, found.inhibited_until) == (switch, None)
    assert host not in await bench.heard()


async def test_it_is_found_at_once_also_when_everything_was_looked_at_a_moment_ago(bench):
    await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    await bench.tick(0)
    await bench.tick(11)
    await bench.tick(AGAIN.total_seconds())
    await bench.push("sw1", "SwitchDown", "normal")
    await bench.tick(1)
    until = (await bench.one(host)).inhibited_until
    assert until is not None
    await bench.tick(58)
    assert host not in await bench.heard()
    await bench.tick(1)
    bench.restart()
    await bench.tick(0)
    await bench.tick(1)
    assert host in await bench.heard()


async def test_the_end_of_a_grace_is_found_between_two_looks_at_everything(bench):
    await changed(bench, grace=30)
    await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    await bench.tick(0)
    await bench.tick(11)
    await bench.push("sw1", "SwitchDown", "normal")
    await bench.tick(1)
    await bench.tick(31)
    assert host in await bench.heard()


async def test_without_grace_it_is_told_at_once(bench):
    await changed(bench, grace=0)
    await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    await bench.push("sw1", "SwitchDown", "normal")
    await bench.tick(1)
    assert host in await bench.heard()


@pytest.mark.parametrize("action", ["ack", "shelve"])
async def test_a_source_that_somebody_acknowledged_or_shelved_still_stands(bench, action):
    switch = await bench.push("sw1", "SwitchDown")
    early = await bench.push("web01")
    await bench.act(switch, action)
    late = await bench.push("web02")
    for _ in range(4):
        await bench.tick(60)
    assert await bench.marks(early, late) == [switch, switch]


@pytest.mark.parametrize("how", ["close", "delete", "expire"])
async def test_a_source_that_is_closed_by_hand_deleted_or_expired_is_over(bench, how):
    switch = await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    if how == "delete":
        await bench.operating.delete(switch)
    else:
        await bench.act(switch, {"close": "close", "expire": "expired"}[how])
    await bench.tick(1)
    await bench.tick(61)
    assert host in await bench.heard()


async def test_another_source_that_stands_takes_over(bench):
    await bench.push("sw1", "SwitchDown")
    other = await bench.push("sw2", "SwitchDown")
    host = await bench.push("web01")
    await bench.push("sw1", "SwitchDown", "normal")
    await bench.tick(1)
    await bench.tick(61)
    assert await bench.marks(host) == [other]
    assert host not in await bench.heard()


async def test_what_is_shelved_meanwhile_is_told_when_that_ends_after_the_source(bench):
    await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    await bench.act(host, "shelve")
    assert await bench.marks(host) == [None]
    await bench.push("sw1", "SwitchDown", "normal")
    await bench.tick(120)
    assert host not in await bench.heard()
    await bench.act(host, "unshelve")
    assert host in await bench.heard()


async def test_only_what_has_it_in_common_is_inhibited(bench):
    await bench.push("sw1", "SwitchDown")
    elsewhere = await bench.push("web01", attributes={"site": "hamburg"})
    nowhere = await bench.push("web02", attributes={})
    other = await bench.push("web03", environment="Development")
    slow = await bench.push("web04", "Slow")
    assert await bench.marks(elsewhere, nowhere, other, slow) == [None] * 4


async def test_no_customer_mutes_another_nor_does_what_is_nobodys(bench):
    await bench.push("sw1", "SwitchDown", customer="acme")
    mine = await bench.push("web01", customer="acme")
    others = await bench.push("web02", customer="umbrella")
    nobodys = await bench.push("web03")
    await bench.push("sw2", "SwitchDown")
    still = await bench.push("web04", customer="umbrella")
    assert (await bench.marks(mine))[0] is not None
    assert await bench.marks(others, nobodys, still) == [None] * 3


async def test_of_two_that_inhibit_each_other_the_first_tells(bench):
    await bench.configure(
        Inhibition(name="a", id="a", source=Selection(event="Up"), target=Selection(event="Down")),
        Inhibition(name="b", id="b", source=Selection(event="Down"), target=Selection(event="Up")),
    )
    first = await bench.receive("web01", "Up")
    bench.clock.advance(1)
    second = await bench.receive("web02", "Down")
    await bench.routing.run(bench.leases)
    assert await bench.marks(first, second) == [None, first]
    for _ in range(3):
        await bench.tick(60)
    assert await bench.heard() == {first}


async def test_a_circle_that_two_keepers_made_at_once_is_broken_where_it_began(bench):
    await bench.configure(
        Inhibition(name="a", id="a", source=Selection(event="Up"), target=Selection(event="Down")),
        Inhibition(name="b", id="b", source=Selection(event="Down"), target=Selection(event="Up")),
    )
    first = await bench.push("web01", "Up", service=("nowhere",))
    bench.clock.advance(1)
    second = await bench.push("web02", "Down", service=("nowhere",))
    await bench.tick(0)
    await bench.tick(30)
    assert await bench.marks(first, second) == [None, first]
    alert = await bench.one(first)
    async with bench.store.transaction() as tx:
        await tx.alerts.save([msgspec.structs.replace(alert, inhibited_by=second, inhibition="b")])
    await bench.tick(1)
    assert await bench.marks(first, second) == [None, first]
    assert await reasons(bench, first, "released") == ["of several alerts that inhibit each other it stood first"]


async def test_an_alert_that_is_source_and_target_of_one_inhibition_does_not_inhibit_itself(bench):
    await bench.configure(
        Inhibition(name="all", id="all", source=Selection(severity=["critical"]), target=Selection(event="*"))
    )
    first = await bench.push("web01")
    second = await bench.push("web02")
    assert await bench.marks(first, second) == [None, first]


async def test_a_chain_is_silent_but_for_its_beginning(bench):
    rack = Inhibition(
        name="rack", id="i2", source=Selection(event="Unreachable"), target=Selection(event="Stale"), equal=()
    )
    await bench.configure(rack)
    switch = await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    stale = await bench.push("db", "Stale")
    assert await bench.marks(host, stale) == [switch, host]
    assert await bench.heard() == {switch}


@pytest.mark.parametrize("how", ["disabled", "target", "source"])
async def test_an_inhibition_that_is_changed_or_disabled_lets_go_what_it_held(bench, how):
    await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    fields = {
        "disabled": {"enabled": False},
        "target": {"target": Selection(event="Other")},
        "source": {"source": Selection(event="Other")},
    }
    await changed(bench, **fields[how])
    await bench.tick(1)
    await bench.tick(61)
    assert host in await bench.heard()


async def test_an_inhibition_counts_what_stood_before_it_was_made(bench):
    await changed(bench, enabled=False)
    switch = await bench.push("sw1", "SwitchDown")
    await changed(bench, enabled=True)
    await bench.tick(1)
    host = await bench.push("web01")
    assert await bench.marks(host) == [switch]


async def test_a_source_that_no_longer_fits_is_over(bench):
    await changed(bench, source=Selection(event="SwitchDown", severity=["critical"]))
    await bench.push("sw1", "SwitchDown")
    host = await bench.push("web01")
    await bench.push("sw1", "SwitchDown", "minor")
    await bench.tick(1)
    await bench.tick(AGAIN.total_seconds() + 1)
    await bench.tick(1)
    assert host in await bench.heard()


async def test_routing_asks_nothing_more_for_alerts_that_no_inhibition_is_about():
    nothing: Any = None
    assert await judged(nothing, Configuration(), [alert()], START) == []
    assert await judged(nothing, Configuration(inhibitions={"switch": SWITCH}), [alert()], START) == []


async def test_the_keeper_asks_nothing_while_there_are_no_inhibitions(bench):
    await changed(bench, enabled=False)
    await bench.tick(0)
    await bench.tick(11)
    async with bench.store.reading() as tx:
        before = await tx.changes.latest()
    asked = []
    reading = bench.store.reading
    bench.store.reading = lambda: asked.append(1) or reading()
    await bench.inhibiting.run([])
    async with reading() as tx:
        assert await tx.changes.latest() == before
    assert asked == []
