"""normalise: what alerts of many senders should all have."""

from plugin_bench import PluginBench
from watchbell.alert_plugins.normalise import Normalise


async def test_the_severity_stands_before_the_text_and_gaps_are_filled():
    alert = await PluginBench(Normalise()).receive(severity="major", text="disk full", value="n/a")
    assert (alert.text, alert.group, alert.value) == ("MAJOR: disk full", "Unknown", "--")


async def test_what_a_sender_said_stays():
    alert = await PluginBench(Normalise()).receive(group="Disks", value=0)
    assert (alert.group, alert.value) == ("Disks", 0)


async def test_alerta_prefixes_what_has_its_severity_already_and_here_it_stays():
    bench = PluginBench(Normalise())
    assert (await bench.receive(severity="major", text="MAJOR: disk full")).text == "MAJOR: disk full"
    assert (await bench.receive(severity="minor", text="MAJOR: disk full")).text == "MINOR: MAJOR: disk full"


async def test_what_is_filled_in_is_a_setting():
    bench = PluginBench(Normalise(), config={"NORMALISE_DEFAULTS": {"text": "no words", "origin": "unknown"}})
    alert = await bench.receive(severity="major")
    assert (alert.text, alert.group, alert.origin, alert.value) == ("MAJOR: no words", "Misc", "unknown", None)
