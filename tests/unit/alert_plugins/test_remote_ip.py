"""remote_ip: the address that the request came from."""

from plugin_bench import PluginBench
from watchbell.alert_plugins.remote_ip import RemoteIp
from watchbell.usecases.calling import Caller, called_by


async def test_the_address_is_an_attribute_whatever_the_sender_claims():
    bench = PluginBench(RemoteIp())
    with called_by(Caller(address="192.0.2.7")):
        alert = await bench.receive(attributes={"ip": "10.0.0.1", "team": "web"})
    assert alert.attributes == {"ip": "192.0.2.7", "team": "web"}


async def test_what_no_request_brought_has_none():
    assert (await PluginBench(RemoteIp()).receive()).attributes == {}
