"""What people did to an alert, and a blackout that covers it meanwhile: who is told, and what is kept."""

from typing import Any

import pytest

from alert_bench import AlertBench
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.correlation import Correlation
from watchbell.domain.alerts.flapping import FlapRule
from watchbell.domain.alerts.isa_model import IsaModel

MODELS: Any = pytest.mark.parametrize("model", [AlertaModel(), IsaModel()], ids=["alerta", "isa"])


@MODELS
@pytest.mark.parametrize("on_the_way", [(), ("minor",), ("major",), ("normal",), ("critical", "major")])
async def test_what_became_worse_than_it_was_acknowledged_is_told_when_its_blackout_ends(model, on_the_way):
    bench = await AlertBench(model).start()
    alert = await bench.send("minor")
    await bench.keep(1)
    await bench.act(alert, "ack")
    await bench.keep(2)
    await bench.blackout()
    for number, severity in enumerate((*on_the_way, "critical")):
        bench.at(100 + number)
        await bench.send(severity)
    await bench.keep(200)
    assert (await bench.status(alert), await bench.told()) == (model.muted, ["alert", "recovery"])
    await bench.keep(3700)
    assert (await bench.status(alert), await bench.told()) == (model.opened, ["alert", "recovery", "alert"])


@MODELS
async def test_what_became_no_worse_under_its_blackout_stays_acknowledged(model):
    bench = await AlertBench(model).start()
    alert = await bench.send("major")
    taken = (await bench.act(alert, "ack")).status
    await bench.blackout()
    for severity in ("major", "minor", "minor"):
        bench.at(100)
        await bench.send(severity)
    await bench.keep(3700)
    assert await bench.status(alert) == taken


@MODELS
@pytest.mark.parametrize("on_the_way", [("minor",), ("major",)])
async def test_a_severity_that_the_blackout_accepts_opens_what_was_acknowledged_when_it_was_not_so_bad(
    model, on_the_way
):
    bench = await AlertBench(model).start()
    alert = await bench.send("minor")
    await bench.act(alert, "ack")
    await bench.blackout(accept=[model.severities.meaning("critical")])
    for severity in on_the_way:
        bench.at(50)
        await bench.send(severity)
    await bench.keep(51)
    assert (await bench.status(alert), await bench.told()) == (model.muted, [])
    bench.at(60)
    await bench.send("critical")
    await bench.keep(61)
    assert (await bench.status(alert), await bench.told()) == (model.opened, ["alert"])


async def test_a_shelving_that_runs_out_gives_the_acknowledgement_back_although_a_blackout_came_between():
    bench = await AlertBench().start()
    alert = await bench.send()
    await bench.act(alert, "ack", timeout=9000)
    await bench.act(alert, "shelve", timeout=600)
    await bench.blackout(duration=300)
    await bench.send()
    assert await bench.status(alert) == "blackout"
    await bench.keep(300)
    assert await bench.status(alert) == "shelved"
    await bench.keep(600)
    assert await bench.status(alert) == "ack"
    await bench.keep(9000)
    assert await bench.status(alert) == "open"


@MODELS
@pytest.mark.parametrize("action", ["ack", "shelve"])
async def test_what_runs_out_under_a_blackout_is_told_when_that_ends(model, action):
    bench = await AlertBench(model).start()
    alert = await bench.send()
    await bench.keep(1)
    await bench.act(alert, action, timeout=600)
    await bench.keep(2)
    await bench.blackout()
    told = await bench.told()
    for seconds in (3, 100, 602, 700, 3601):
        await bench.keep(seconds)
    assert await bench.status(alert) == model.muted
    assert (await bench.history(alert))[-1].reason == "under the blackout 'night'"
    assert (await bench.told()).count("alert") == told.count("alert")
    await bench.keep(3602)
    assert (await bench.status(alert), (await bench.told())[-1]) == (model.opened, "alert")


@MODELS
async def test_an_action_on_what_is_under_a_blackout_pages_nobody(model):
    bench = await AlertBench(model).start()
    await bench.blackout()
    await bench.keep(20)
    alert = await bench.send()
    assert (await bench.act(alert, "ack")).status == model.opened, "as Alerta answers"
    await bench.keep(40)
    assert (await bench.status(alert), await bench.told()) == (model.muted, [])
    await bench.keep(3600)
    assert (await bench.status(alert), await bench.told()) == (model.opened, ["alert"])


@MODELS
@pytest.mark.parametrize("over", [False, True])
async def test_a_message_without_the_tag_for_which_its_alert_is_under_a_blackout_pages_nobody(model, over):
    bench = await AlertBench(model).start()
    alert = await bench.send("minor", tags=("db",))
    await bench.keep(1)
    if over:
        await bench.send("normal")
    else:
        await bench.act(alert, "ack")
    await bench.keep(3)
    await bench.blackout(tags=["db"])
    await bench.keep(4)
    await bench.keep(60)
    await bench.send("critical")
    await bench.keep(100)
    assert (await bench.status(alert), await bench.told()) == (model.muted, ["alert", "recovery"])


async def test_what_stood_open_when_a_blackout_began_that_leaves_it_so_is_still_told_of():
    bench = await AlertBench(flapping=FlapRule(changes=3, window=600, calm=300)).start()
    alert, other = await bench.send(), await bench.send(event="Slow")
    await bench.act(other, "ack", timeout=100)
    bench.at(10)
    await bench.blackout(standing=False)
    await bench.keep(11)
    assert (await bench.status(alert), await bench.status(other)) == ("open", "ack")
    await bench.keep(101)
    assert (await bench.status(alert), await bench.status(other)) == ("open", "blackout")


async def test_a_blackout_of_one_problem_silences_no_other_that_a_rule_shows_with_it():
    bench = await AlertBench().start()
    await bench.configure("correlation", Correlation(name="cluster", id="c", key="environment", worst=True))
    alert = await bench.send("minor", resource="web1")
    await bench.act(alert, "ack", timeout=100)
    await bench.blackout(resource="web2")
    await bench.send("major", resource="web2")
    await bench.keep(50)
    assert await bench.status(alert) == "ack"
    await bench.keep(101)
    assert (await bench.status(alert), await bench.told()) == ("open", ["alert"])
