"""A list of which each signal is received by itself: what plug-ins say of one costs none of the others."""

import msgspec
import pytest

from plugin_bench import Hooks, PluginBench, signal
from watchbell.domain.alerts.receive import Received
from watchbell.domain.errors import Diverted, Fault, Faulty, Invalid, Overloaded, Permanent, Refused, Throttled
from watchbell.domain.ids import new_id
from watchbell.ports.alert_plugin import Answer
from watchbell.usecases.sifting import Refusal, refusal, sifted


async def test_of_a_list_each_is_received_by_itself_when_that_is_asked_for():
    def hook(signal, _):
        errors = {"Mine": Diverted("taken", "9"), "Bad": Refused("bad"), "Odd": KeyError("x")}
        if signal.event in errors:
            raise errors[signal.event]
        return msgspec.structs.replace(signal, text="seen")

    bench = PluginBench(Hooks(pre_receive=hook))
    events = ("Down", "Bad", "Mine", "Odd", "Up")
    outcomes = await bench.intake.receive_each([signal(event) for event in events])
    kinds = [type(outcome).__name__ for outcome in outcomes]
    assert kinds == ["Received", "Refused", "Diverted", "Permanent", "Received"]
    assert [outcome.alert.text for outcome in outcomes if isinstance(outcome, Received)] == ["seen", "seen"]
    assert await bench.intake.receive_each([]) == []


async def test_a_status_that_a_plug_in_refuses_costs_none_of_the_others_of_a_list():
    def hook(alert, status, *_):
        if alert.event == "Held":
            raise Refused("held")
        return Answer(status="shelved") if alert.event == "Noisy" else None

    bench = PluginBench(Hooks(status_change=hook))
    up = [signal(event) for event in ("Held", "Noisy", "Plain")]
    await bench.intake.receive_many(up)
    down = [msgspec.structs.replace(each, id=new_id(), severity="normal") for each in up]
    outcomes = await bench.intake.receive_each(down)
    assert isinstance(outcomes[0], Refused)
    statuses = [outcome.alert.status for outcome in outcomes if isinstance(outcome, Received)]
    assert statuses == ["shelved", "closed"]


async def test_what_passes_by_itself_is_told_for_the_whole_list():
    def hook(signal, _):
        raise Overloaded("busy")

    with pytest.raises(Overloaded):
        await PluginBench(Hooks(pre_receive=hook)).intake.receive_each([signal("Down")])


async def taken(*events: str) -> list[Received]:
    bench = PluginBench()
    return [each for each in await bench.intake.receive_each([signal(e) for e in events]) if isinstance(each, Received)]


async def test_what_was_taken_and_what_was_refused_are_told_apart():
    (received,) = await taken("Down")
    signals = [signal("Down"), signal("Bad"), signal("Mine")]
    found = sifted(signals, [received, Throttled("slowly"), Diverted("taken", "9")])
    assert (found.received, [each.index for each in found.refused]) == ([received], [1])
    assert found.refused[0].signal.event == "Bad"


async def test_a_plug_in_that_failed_is_told_so_that_the_message_comes_again():
    (received,) = await taken("Down")
    with pytest.raises(Permanent, match="broken"):
        sifted([signal("Down"), signal("Odd")], [received, Permanent("broken")])


def test_when_nothing_was_taken_the_reason_is_raised():
    with pytest.raises(Diverted, match="mine"):
        sifted([signal("A"), signal("B")], [Diverted("mine"), Diverted("mine, too")])
    with pytest.raises(Refused, match=r"^\[1\]: no$"):
        sifted([signal("A"), signal("B")], [Diverted("mine"), Refused("no")])
    assert sifted([], []).received == []


def test_one_error_names_each_that_was_refused():
    refused = [Refusal(index=n, signal=signal(), error=Invalid("is long", "event")) for n in (0, 2)]
    error = refusal(refused, 3)
    assert isinstance(error, Faulty)
    assert error.faults == (Fault(field="[0].event", reason="is long"), Fault(field="[2].event", reason="is long"))
    assert refusal(refused[:1], 1) is refused[0].error
    mixed = [*refused, Refusal(index=4, signal=signal(), error=Throttled("slowly"))]
    assert refusal(mixed, 5).message == "[0]: event: is long; [2]: event: is long; [4]: slowly"
