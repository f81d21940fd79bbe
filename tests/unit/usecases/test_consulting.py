"""Plug-ins are asked before something is decided: what they change, refuse, and do to each other when they fail."""

import asyncio
import threading

import msgspec
import pytest

from plugin_bench import AMPLE, NOW, Hooks, PluginBench, signal, tagged
from waiting import until
from watchbell.domain.accounts import Principal
from watchbell.domain.alerts.deed import Deed
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.errors import Conflict, Diverted, Invalid, Missing, Overloaded, Permanent, Refused, Retryable
from watchbell.domain.ids import new_id
from watchbell.ports.alert_plugin import Action, Answer, Choice
from watchbell.usecases.calling import Caller, called_by
from watchbell.usecases.consulting import RULES

SOON = 0.05  # seconds, of calls that end when the test does; all others may take as long as they like


@pytest.fixture
def let_go():
    event = threading.Event()
    yield event
    event.set()


def raising(error):
    def hook(*_):
        raise error

    return hook


def with_fields(**fields):
    return lambda signal, _: msgspec.structs.replace(signal, **fields)


def _of_plugins(lane, seconds):
    """What the next call of a plug-in may take; rules may take as long as they like."""
    return AMPLE if lane == RULES else next(seconds, AMPLE)


async def test_a_signal_is_received_as_plug_ins_leave_it_in_their_order():
    first = Hooks(pre_receive=lambda signal, _: msgspec.structs.replace(signal, text=signal.text + " one"))
    second = Hooks(pre_receive=lambda signal, _: msgspec.structs.replace(signal, text=signal.text + " two"))
    alert = await PluginBench(first, second).receive(text="zero")
    assert alert.text == "zero one two"


async def test_what_policy_asks_for_may_be_added_by_a_plug_in():
    bench = PluginBench(Hooks(pre_receive=with_fields(service=("Shop",), environment="Production")))
    assert (await bench.receive(service=(), environment="nowhere")).service == ("Shop",)


async def test_what_a_plug_in_makes_of_a_signal_must_be_let_in():
    bench = PluginBench(Hooks(pre_receive=with_fields(environment="Nowhere")))
    with pytest.raises(Refused, match="POLICY"):
        await bench.receive()


async def test_a_signal_without_form_is_shown_to_no_plug_in():
    plugin = Hooks(pre_receive=with_fields())
    with pytest.raises(Invalid):
        await PluginBench(plugin).receive(text="\x00")
    assert not plugin.asked


@pytest.mark.parametrize(
    "error",
    [Refused("no"), Invalid("no", "text"), Conflict("no"), Diverted("taken", "7")],
    ids=lambda e: type(e).__name__,
)
async def test_what_a_plug_in_refuses_is_not_received(error):
    bench = PluginBench(Hooks(pre_receive=raising(error)))
    with pytest.raises(type(error)) as raised:
        await bench.receive()
    assert raised.value is error
    async with bench.store.reading() as tx:
        assert (await tx.alerts.counts(AlertQuery())).total == 0


async def test_of_a_list_what_is_diverted_is_left_out_and_one_refusal_refuses_all():
    def hook(signal, _):
        if signal.event == "Mine":
            raise Diverted("taken", "9")
        if signal.event == "Bad":
            raise Refused("bad")
        return signal

    bench = PluginBench(Hooks(pre_receive=hook))
    received = await bench.intake.receive_many([signal("Mine"), signal("Down")])
    assert [one.alert.event for one in received] == ["Down"]
    with pytest.raises(Diverted, match="taken"):
        await bench.intake.receive_many([signal("Mine"), signal("Mine")])
    with pytest.raises(Refused):
        await bench.intake.receive_many([signal("Other"), signal("Bad")])
    async with bench.store.reading() as tx:
        assert [alert.event for alert in await tx.alerts.related([received[0].alert.identity])] == ["Down"]


async def test_under_a_blackout_of_a_plug_ins_own_no_further_one_is_asked():
    silencing = Hooks(pre_receive=with_fields(status="blackout"), status_change=lambda *_: None)
    later = Hooks(pre_receive=with_fields(), post_receive=lambda *_: None)
    bench = PluginBench(silencing, later)
    assert (await bench.receive()).status == "blackout"
    assert not later.asked
    assert await bench.waiting() == 0


@pytest.mark.parametrize(
    "hook",
    [
        raising(KeyError("token=abc")),
        raising(SystemExit(1)),
        lambda *_: None,
        lambda *_: 7,
        with_fields(tags="nolist"),
        with_fields(service=(7,)),
        with_fields(attributes={"a": object()}),
    ],
    ids=["raises", "exits", "nothing", "number", "tags", "service", "no-json"],
)
async def test_a_plug_in_that_fails_fails_its_request_or_is_passed_over(hook):
    with pytest.raises(Permanent, match="The plug-in 'p1' failed in pre_receive") as raised:
        await PluginBench(Hooks(pre_receive=hook)).receive()
    assert "abc" not in raised.value.message
    lenient = PluginBench(Hooks(pre_receive=hook), Hooks(pre_receive=with_fields(text="x")), strict=False)
    assert (await lenient.receive()).text == "x"
    assert lenient.telemetry.counts["plugin_faults"] == 1


async def test_one_that_is_late_fails_its_request_only(let_go):
    def hook(signal, _):
        if signal.event == "Slow":
            let_go.wait()
        return signal

    first = iter([SOON])
    plugin = Hooks(pre_receive=hook)
    bench = PluginBench(plugin, patience=lambda _: next(first, AMPLE))
    slow = asyncio.create_task(bench.receive(event="Slow"))
    await until(lambda: plugin.asked)
    assert (await bench.receive(event="Quick")).event == "Quick"
    assert not slow.done() or slow.exception()
    with pytest.raises(Retryable, match="did not end within"):
        await slow


async def test_one_that_is_stuck_is_refused_at_once_and_hurts_no_alert_that_it_does_not_concern(let_go):
    def choose(subject, plugins, _):
        return Choice(plugins=[] if subject.event == "Free" else list(plugins))

    first = iter([SOON] * 2)
    waits = Hooks(pre_receive=lambda *_: let_go.wait())
    bench = PluginBench(waits, rules=choose, patience=lambda lane: _of_plugins(lane, first), at_once=2)
    late = await asyncio.gather(bench.receive(), bench.receive(), return_exceptions=True)
    assert [type(error) for error in late] == [Retryable, Retryable]
    with pytest.raises(Overloaded, match="stuck"):
        await bench.receive()
    assert (await bench.receive(event="Free")).event == "Free"


async def test_rules_choose_plug_ins_and_settings_for_each_alert():
    first, second = Hooks(pre_receive=with_fields()), Hooks(pre_receive=with_fields())

    def choose(subject, plugins, given):
        assert list(plugins) == ["p1", "p2"]
        return Choice(plugins=["p2"], config={"to": subject.resource})

    await PluginBench(first, second, rules=choose, config={"to": "all", "from": "us"}).receive()
    assert not first.asked
    ((_, _, given),) = second.asked
    assert given.config == {"to": "web", "from": "us"}


@pytest.mark.parametrize(
    "rules", [raising(KeyError("x")), lambda *_: 7, lambda *_: [7]], ids=["raises", "number", "names"]
)
async def test_rules_that_fail_leave_all_plug_ins_asked(rules):
    plugin = Hooks(pre_receive=with_fields())
    bench = PluginBench(plugin, rules=rules)
    await bench.receive()
    assert len(plugin.asked) == 1
    assert bench.telemetry.counts["plugin_faults"] == 1


async def test_rules_that_are_late_leave_all_plug_ins_asked(let_go):
    plugin = Hooks(pre_receive=with_fields())
    bench = PluginBench(plugin, rules=lambda *_: let_go.wait(), patience=lambda lane: SOON if lane == RULES else AMPLE)
    await bench.receive()
    assert len(plugin.asked) == 1


async def test_plug_ins_hear_who_asks_and_may_look_up_alerts():
    found = []

    def hook(signal, given):
        found.append((given.user, given.alerts.alert(signal.text), given.alerts.history(signal.text)))
        return signal

    bench = PluginBench(Hooks(pre_receive=hook))
    first = await bench.receive()
    with called_by(Caller(principal=Principal(login="ann", scopes=frozenset({"admin"})))):
        await bench.receive(event="Other", text=first.id)
    assert found[0] == (None, None, [])
    user, alert, history = found[1]
    assert (user, alert, [entry.type for entry in history]) == ("ann", first, ["new"])


async def test_a_status_that_a_signal_changes_is_the_plug_ins_to_say():
    def keep(alert, status, text, _):
        assert (alert.status, status, text) == ("closed", "open", "again")
        return Answer(alert=tagged(alert, "kept", why="asked"), status="ack", text="held back")

    plugin = Hooks(status_change=keep)
    bench = PluginBench(plugin)
    first = await bench.receive(severity="normal")
    assert not plugin.asked, "a new alert changes no status"
    alert = await bench.receive(severity="major", text="again", tags=("new",))
    assert (alert.id, alert.status, alert.previous_status) == (first.id, "ack", "closed")
    assert (alert.tags, alert.attributes) == (("new", "kept"), {"why": "asked"})
    async with bench.store.reading() as tx:
        entry = (await tx.history.of(alert.id))[-1]
    assert (entry.status, entry.text) == ("ack", "held back")
    assert await bench.alert(alert.id) == alert


async def test_what_a_plug_in_says_of_a_status_may_refuse_the_signal():
    bench = PluginBench(Hooks(status_change=raising(Refused("stays closed"))))
    before = await bench.receive(severity="normal")
    with pytest.raises(Refused, match="stays closed"):
        await bench.receive(severity="major")
    assert await bench.alert(before.id) == before


async def test_an_alert_that_changes_while_plug_ins_are_asked_is_asked_about_anew():
    bench: PluginBench
    asked = []

    def hook(alert, status, _text, _):
        asked.append((alert.status, status))
        if len(asked) == 1:
            acting = bench.operating.set_status(alert.id, "ack", user="eve")
            asyncio.run_coroutine_threadsafe(acting, loop).result(AMPLE)

    loop = asyncio.get_running_loop()
    plugin = Hooks(status_change=hook)
    bench = PluginBench(plugin)
    first = await bench.receive(severity="major")
    alert = await bench.receive(severity="normal")
    assert asked == [("open", "closed"), ("open", "ack"), ("ack", "closed")]
    assert (alert.id, alert.status, alert.previous_status) == (first.id, "closed", "ack")


async def test_an_action_is_the_plug_ins_to_change_and_to_refuse():
    def take(alert, action, given):
        if action.word == "escalate":
            raise Conflict("no higher")
        changed = Action(word="shelve", text=f"{action.text}, for an hour", timeout=3600)
        return Answer(alert=tagged(alert, "shelved-by"), action=changed)

    plugin = Hooks(take_action=take)
    bench = PluginBench(plugin)
    alert = await bench.receive()
    shelved = await bench.operating.act(alert.id[:8], "ack", user="ann")
    assert (shelved.status, shelved.tags) == ("shelved", ("shelved-by",))
    assert (shelved.reverts_at - NOW).total_seconds() == 3600
    async with bench.store.reading() as tx:
        entry = (await tx.history.of(alert.id))[-1]
    assert (entry.type, entry.user, entry.text) == ("shelve", "ann", "ack operator action, for an hour")
    with pytest.raises(Conflict, match="no higher"):
        await bench.operating.act(alert.id, "escalate", user="ann")
    assert await bench.alert(alert.id) == shelved


async def test_plug_ins_hear_of_an_action_once_and_of_its_status_until_it_holds():
    bench: PluginBench
    loop = asyncio.get_running_loop()

    def hook(alert, status, _text, _):
        if len(plugin.heard("status_change")) == 1:
            asyncio.run_coroutine_threadsafe(bench.receive(severity="normal"), loop).result(AMPLE)

    plugin = Hooks(take_action=lambda *_: None, status_change=hook)
    bench = PluginBench(plugin)
    alert = await bench.receive()
    with pytest.raises(Conflict, match="closed"):
        await bench.operating.act(alert.id, "ack", user="ann")
    assert len(plugin.heard("take_action")) == 1


async def test_an_action_of_a_plug_ins_own_is_done_by_it():
    bench = PluginBench(Hooks(take_action=lambda alert, *_: Answer(alert=tagged(alert, ticket="7"))))
    alert = await bench.receive()
    assert (await bench.operating.act(alert.id, "make-ticket", user="ann")).attributes == {"ticket": "7"}


async def test_a_status_set_by_hand_is_asked_about():
    plugin = Hooks(status_change=lambda *_: Answer(status="shelved"))
    bench = PluginBench(plugin)
    alert = await bench.receive()
    assert (await bench.operating.set_status(alert.id, "closed", user="ann")).status == "shelved"
    with pytest.raises(Missing):
        await bench.operating.set_status(new_id(), "closed", user="ann")


async def test_plug_ins_learn_whether_a_signal_is_the_cause_or_a_person():
    causes: list[tuple[str, bool]] = []

    def hook(_alert, status, _text, given):
        causes.append((status, given.received))

    bench = PluginBench(Hooks(status_change=hook, pre_receive=lambda signal, given: given.received and signal))
    alert = await bench.receive(severity="major")
    await bench.operating.set_status(alert.id, "ack", user="ann")
    await bench.operating.act(alert.id, "close", user="ann")
    await bench.receive(severity="major")
    assert causes == [("ack", False), ("closed", False), ("open", True)]


async def test_a_status_that_there_is_not_is_the_plug_ins_fault():
    bench = PluginBench(Hooks(status_change=lambda *_: Answer(status="sleeping")))
    alert = await bench.receive()
    with pytest.raises(Permanent):
        await bench.operating.set_status(alert.id, "closed", user="ann")
    assert await bench.alert(alert.id) == alert


async def test_of_many_those_that_a_plug_in_refuses_stay_as_they_are():
    def take(alert, *_):
        if alert.event == "Holy":
            raise Refused("not this one")

    bench = PluginBench(Hooks(take_action=take))
    holy, other = await bench.receive(event="Holy"), await bench.receive(event="Other")
    swept = await bench.operating.act_on_all([holy.id, other.id], "ack", user="ann")
    assert (swept.updated, swept.refused) == ([other.id], {holy.id: "not this one"})
    assert await bench.alert(holy.id) == holy


async def test_deeds_of_webhooks_are_asked_about():
    plugin = Hooks(take_action=lambda *_: None, status_change=lambda *_: None)
    bench = PluginBench(plugin)
    alert = await bench.receive()
    deeds = [
        Deed(alert=alert.id, verb="action", word="ack"),
        Deed(alert=alert.id, verb="tag", word="x"),
        Deed(alert=alert.id, verb="status", word="closed"),
    ]
    *_, last = await bench.operating.carry_out(deeds, user="ann")
    assert (last.status, last.tags) == ("closed", ("x",))
    assert [name for name, *_ in plugin.asked] == ["take_action", "status_change", "status_change"]


async def test_assigning_is_asked_about():
    plugin = Hooks(take_action=raising(Refused("nobody's")))
    bench = PluginBench(plugin)
    alert = await bench.receive()
    with pytest.raises(Refused):
        await bench.operating.assign(alert.id, "", user="ann")


async def test_a_note_is_written_as_plug_ins_want_it():
    bench = PluginBench(Hooks(take_note=lambda alert, text, _: Answer(alert=tagged(alert, "noted"), text=text.upper())))
    alert = await bench.receive()
    note = await bench.noting.add(alert.id, "hello", user="ann")
    after = await bench.alert(alert.id)
    assert (note.text, after.tags, after.version) == ("HELLO", ("noted",), alert.version + 1)


async def test_an_alert_goes_only_when_every_plug_in_lets_it():
    plugin = Hooks(delete=lambda alert, _: alert.event != "Holy")
    bench = PluginBench(Hooks(delete=lambda *_: True), plugin)
    holy, other = await bench.receive(event="Holy"), await bench.receive(event="Other")
    with pytest.raises(Refused, match="'p2'"):
        await bench.operating.delete(holy.id)
    assert await bench.operating.delete_all([holy.id, other.id]) == [other.id]
    assert await bench.alert(holy.id) == holy


async def test_without_plug_ins_nobody_is_asked_and_nothing_waits_to_be_told():
    bench = PluginBench()
    alert = await bench.receive()
    await bench.operating.act(alert.id, "ack", user="ann")
    assert not bench.consulting.asks("pre_receive", "post_receive")
    assert await bench.waiting() == 0
