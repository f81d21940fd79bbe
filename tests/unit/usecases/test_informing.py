"""Plug-ins are told after the commit: at least once, in order for each alert, by whoever keeps its shard."""

import asyncio
import threading
from datetime import timedelta

import pytest

from plugin_bench import AMPLE, Hooks, PluginBench, tagged
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.errors import Refused
from watchbell.ports.store import Timer
from watchbell.usecases.alerting import Alerting
from watchbell.usecases.escalating import acting
from watchbell.usecases.informing import PAUSES

SOON = 0.05  # seconds, of calls that end when the test does


@pytest.fixture
def let_go():
    event = threading.Event()
    yield event
    event.set()


async def test_plug_ins_hear_of_each_signal_as_it_left_the_alert():
    plugin = Hooks(post_receive=lambda *_: None)
    bench = PluginBench(plugin)
    first = await bench.receive(text="one", user="ann")
    second = await bench.receive(text="two")
    assert not plugin.asked, "not before the answer"
    assert await bench.inform() == 2
    assert plugin.heard("post_receive") == [first, second]
    assert [given.user for *_, given in plugin.asked] == ["ann", None]
    assert await bench.waiting() == 0


async def test_what_they_return_has_its_tags_and_attributes_stored_beside_what_came_meanwhile():
    plugin = Hooks(post_receive=lambda alert, _: tagged(alert, "seen", ticket="7"))
    later = Hooks(post_receive=lambda *_: None)
    bench = PluginBench(plugin, later)
    alert = await bench.receive(tags=("a",))
    await bench.operating.tag(alert.id, ["by hand"])
    await bench.inform()
    after = await bench.alert(alert.id)
    assert (after.tags, after.attributes) == (("a", "by hand", "seen"), {"ticket": "7"})
    assert later.heard("post_receive")[0].attributes == {"ticket": "7"}


async def test_plug_ins_hear_of_actions_of_people_of_incidents_and_of_time():
    plugin = Hooks(post_action=lambda *_: None)
    bench = PluginBench(plugin)
    model = AlertaModel()
    alert = await bench.receive(timeout=60)
    await bench.operating.act(alert.id, "ack", user="ann", text="mine", timeout=5)
    async with bench.store.transaction() as tx:
        await acting(model, informs=True)(tx, [alert.id], "unack", "given back", "bob", bench.clock.now())
    bench.clock.advance(61)
    await bench.lease()
    timer = Timer(kind="alert", subject=alert.id, shard=0, due=bench.clock.now())
    await Alerting(bench.store, model, informs=True).fire([timer], [], bench.clock.now())
    assert await bench.inform() == 3
    assert [given.user for *_, given in plugin.asked] == ["ann", "bob", None]
    assert [alert.status for alert in plugin.heard("post_action")] == ["ack", "open", "expired"]


async def test_an_action_is_told_as_it_was_asked_for():
    told = []
    bench = PluginBench(Hooks(post_action=lambda alert, action, given: told.append(action)))
    alert = await bench.receive()
    await bench.operating.act(alert.id, "shelve", user="ann", text="later", timeout=5)
    await bench.inform()
    assert [(action.word, action.text, action.timeout) for action in told] == [("shelve", "later", 5)]


async def test_what_is_under_a_blackout_is_told_to_nobody():
    bench = PluginBench(Hooks(post_receive=lambda *_: None, post_action=lambda *_: None))
    alert = await bench.receive(status="blackout")
    await bench.operating.act(alert.id, "note-it", user="ann")
    assert await bench.waiting() == 0


async def test_what_was_begun_when_a_keeper_died_is_told_by_the_next(let_go):
    plugin = Hooks(post_receive=lambda *_: let_go.wait() and None)
    bench = PluginBench(plugin)
    alert = await bench.receive()
    await bench.lease("first")
    assert await bench.informing.run(list(bench.held.values())) == 1
    bench.clock.advance(timedelta(days=2).total_seconds())
    await bench.lease("second")
    let_go.set()
    # The first one finishes when its lease has gone: what it has done does not count.
    assert await bench.inform(bench.new_informing()) == 1
    assert plugin.heard("post_receive") == [alert, alert]
    assert await bench.waiting() == 0
    await bench.informing.close()


async def test_one_that_fails_is_told_again_alone_and_at_last_given_up():
    def fail(*_):
        raise KeyError("away")

    failing, other = Hooks(post_receive=fail), Hooks(post_receive=lambda alert, _: tagged(alert, "seen"))
    bench = PluginBench(failing, other)
    alert = await bench.receive()
    await bench.inform()
    for pause in PAUSES:
        assert await bench.inform() == 0, "not before its time"
        assert await bench.waiting() == 1
        bench.clock.advance(pause)
        assert await bench.inform() == 1
    assert await bench.waiting() == 0
    assert (len(failing.asked), len(other.asked)) == (1 + len(PAUSES), 1)
    assert (await bench.alert(alert.id)).tags == ("seen",)
    assert bench.telemetry.counts["plugin_calls_given_up"] == 1


async def test_one_that_fails_for_a_while_is_told_in_the_end():
    errors = [KeyError("away")]

    def hook(alert, _):
        if errors:
            raise errors.pop()
        return tagged(alert, "seen")

    bench = PluginBench(Hooks(post_receive=hook))
    alert = await bench.receive()
    await bench.inform()
    bench.clock.advance(PAUSES[0])
    await bench.inform()
    assert (await bench.alert(alert.id)).tags == ("seen",)
    assert await bench.waiting() == 0


async def test_one_that_is_late_is_not_told_again_for_it_may_be_at_it(let_go):
    bench = PluginBench(Hooks(post_receive=lambda *_: let_go.wait()), patience=lambda _: SOON)
    await bench.receive()
    await bench.inform()
    assert await bench.waiting() == 0


async def test_refusing_is_too_late_then():
    def refuse(*_):
        raise Refused("no")

    bench = PluginBench(Hooks(post_receive=refuse))
    alert = await bench.receive()
    await bench.inform()
    assert (await bench.waiting(), await bench.alert(alert.id)) == (0, alert)


async def test_one_alert_does_not_wait_for_another(let_go):
    quick = threading.Event()

    def hook(alert, _):
        if alert.event == "Slow":
            let_go.wait()
        else:
            quick.set()

    bench = PluginBench(Hooks(post_receive=hook))
    await bench.receive(event="Slow")
    await bench.lease()
    assert await bench.informing.run(list(bench.held.values())) == 1
    await bench.receive(event="Quick")
    assert await bench.informing.run(list(bench.held.values())) == 1
    assert await asyncio.to_thread(quick.wait, AMPLE)
    let_go.set()
    await bench.informing.close()
    assert await bench.waiting() == 0


async def test_what_is_in_hand_is_not_begun_twice(let_go):
    begun = threading.Event()
    plugin = Hooks(post_receive=lambda *_: begun.set() or (let_go.wait() and None))
    bench = PluginBench(plugin)
    await bench.receive()
    await bench.lease()
    assert await bench.informing.run(list(bench.held.values())) == 1
    bench.clock.advance(3600)
    assert await bench.informing.run(list(bench.held.values())) == 0
    assert await asyncio.to_thread(begun.wait, AMPLE)
    let_go.set()
    await bench.informing.close()
    assert len(plugin.asked) == 1


async def test_an_alert_that_is_gone_meanwhile_is_told_and_not_written():
    plugin = Hooks(post_receive=lambda alert, _: tagged(alert, "seen"))
    bench = PluginBench(plugin)
    alert = await bench.receive()
    await bench.operating.delete(alert.id)
    await bench.inform()
    assert plugin.heard("post_receive") == [alert]
    assert (await bench.waiting(), await bench.alert(alert.id)) == (0, None)


async def test_a_row_that_cannot_be_read_goes():
    bench = PluginBench(Hooks(post_receive=lambda *_: None))
    await bench.receive()
    async with bench.store.transaction() as tx:
        table = bench.store._state["outbox"]
        (row,) = [row for row in table.values() if row.kind == "plugin"]
        await tx.outbox.done([row.id])
        await tx.outbox.add([type(row)(**{**{f: getattr(row, f) for f in row.__struct_fields__}, "body": "{"})])
    assert await bench.inform() == 0
    assert await bench.waiting() == 0


async def test_a_keeper_without_plug_ins_leaves_what_others_are_to_tell():
    bench = PluginBench(Hooks(post_receive=lambda *_: None))
    await bench.receive()
    bare = PluginBench()
    bare.store = bench.store
    assert await bench.inform(bare.new_informing()) == 0
    assert await bench.waiting() == 1
