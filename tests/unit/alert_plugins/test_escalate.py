"""escalate: one step worse, by whatever severities there are."""

import pytest

from plugin_bench import PluginBench
from watchbell.alert_plugins.escalate import Escalate, worse_than
from watchbell.domain.alerts.severity import ISA, SEVERITIES
from watchbell.domain.errors import Conflict


async def test_an_alert_gets_worse_by_a_step_at_a_time_and_the_history_says_so():
    bench = PluginBench(Escalate())
    alert = await bench.receive(severity="minor")
    for worse, former in (("major", "minor"), ("critical", "major"), ("security", "critical")):
        after = await bench.operating.act(alert.id, "escalate", user="ann", text="worse")
        assert (after.severity, after.previous_severity, after.status) == (worse, former, "open")
    async with bench.store.reading() as tx:
        last = (await tx.history.of(alert.id, 10))[-1]
    assert (last.severity, last.type, last.text, last.user) == ("security", "action", "worse", "ann")


async def test_at_the_top_it_is_refused():
    bench = PluginBench(Escalate())
    alert = await bench.receive(severity="security")
    with pytest.raises(Conflict, match='beyond "security"'):
        await bench.operating.act(alert.id, "escalate", user="ann")


async def test_on_call_hears_of_it():
    bench = PluginBench(Escalate())
    alert = await bench.receive(severity="minor")
    async with bench.store.reading() as tx:
        before = (await tx.outbox.backlog(bench.clock.now()))["route"][0]
    await bench.operating.act(alert.id, "escalate", user="ann")
    async with bench.store.reading() as tx:
        assert (await tx.outbox.backlog(bench.clock.now()))["route"][0] == before + 1


async def test_alerta_makes_a_problem_of_a_closed_alert_and_here_it_is_refused():
    bench = PluginBench(Escalate())
    alert = await bench.receive(severity="normal")
    with pytest.raises(Conflict, match="closed"):
        await bench.operating.act(alert.id, "escalate", user="ann")


def test_alerta_stops_at_gaps_in_the_severity_map_and_here_they_are_stepped_over():
    ranks = {"blocker": 10, "high": 20, "low": 40, "fine": 90}
    assert [worse_than(name, ranks) for name in ranks] == [None, "blocker", "high", "low"]


def test_alerta_lowers_severities_of_isa_and_here_they_rise():
    assert worse_than("Low", ISA.ranks) == "Medium"
    assert worse_than("Critical", ISA.ranks) is None


def test_of_severities_of_one_rank_the_first_is_meant():
    assert worse_than("debug", SEVERITIES) == "normal"
    assert worse_than("nowhere", SEVERITIES) is None


async def test_what_became_worse_meanwhile_is_asked_about_anew():
    bench = PluginBench(Escalate())
    alert = await bench.receive(severity="minor")
    operating, advising = bench.operating, bench.operating._advising
    work = operating._acting("escalate", bench.clock.now(), "ann", "", None)
    assert work.advice is not None
    advice = work.advice()
    stale = await advice(await advising.seen(alert.id))
    await bench.receive(severity="critical")
    with pytest.raises(Exception, match=r".*") as caught:
        await operating._changed(alert.id, bench.clock.now(), stale)
    assert type(caught.value).__name__ == "Unforeseen"
    fresh = await advice(await advising.seen(alert.id))
    assert (await operating._changed(alert.id, bench.clock.now(), fresh)).severity == "security"
