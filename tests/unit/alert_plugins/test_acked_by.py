"""acked_by: what an acknowledgement leaves on an alert, and when it goes."""

from plugin_bench import PluginBench
from watchbell.alert_plugins.acked_by import AckedBy
from watchbell.domain.accounts import Principal
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.ports.store import Timer
from watchbell.usecases.alerting import Alerting
from watchbell.usecases.calling import Caller, called_by
from watchbell.usecases.escalating import acting

ANN = Caller(principal=Principal(login="ann", scopes=frozenset({"write"})))


async def acked(bench, **more):
    alert = await bench.receive(tags=("a",), attributes={"team": "web"})
    with called_by(ANN):
        await bench.operating.act(alert.id, "ack", user="ann", **more)
    return alert.id


async def by(bench, alert_id):
    return (await bench.alert(alert_id)).attributes.get("acked-by")


async def test_who_acknowledges_is_named_and_watches():
    bench = PluginBench(AckedBy())
    alert = await bench.alert(await acked(bench))
    assert alert.attributes == {"team": "web", "acked-by": "ann"}
    assert alert.tags == ("a", "watch:ann")


async def test_it_goes_when_it_is_unacknowledged_or_opened():
    bench = PluginBench(AckedBy())
    alert_id = await acked(bench)
    for back in ("unack", "open"):
        with called_by(ANN):
            await bench.operating.act(alert_id, back, user="ann")
            assert await by(bench, alert_id) is None
            await bench.operating.act(alert_id, "ack", user="ann")
        assert await by(bench, alert_id) == "ann"
    assert (await bench.alert(alert_id)).tags == ("a", "watch:ann"), "once"


async def test_it_goes_when_a_worse_severity_opens_the_alert():
    bench = PluginBench(AckedBy())
    await bench.receive(severity="minor")
    alert_id = (await bench.receive(severity="warning")).id
    with called_by(ANN):
        await bench.operating.act(alert_id, "ack", user="ann")
    assert (await bench.receive(severity="critical")).status == "open"
    assert await by(bench, alert_id) is None


async def test_alerta_keeps_it_when_an_acknowledgement_runs_out_and_here_it_goes():
    bench = PluginBench(AckedBy())
    alert_id = await acked(bench, timeout=5)
    bench.clock.advance(6)
    await bench.lease()
    timer = Timer(kind="alert", subject=alert_id, shard=0, due=bench.clock.now())
    await Alerting(bench.store, AlertaModel(), informs=True).fire([timer], [], bench.clock.now())
    await bench.inform()
    assert (await bench.alert(alert_id)).status == "open"
    assert await by(bench, alert_id) is None


async def test_who_takes_the_incident_is_named_too_unless_it_was_given_back_meanwhile():
    bench = PluginBench(AckedBy())
    alert = await bench.receive()
    act = acting(AlertaModel(), informs=True)
    async with bench.store.transaction() as tx:
        await act(tx, [alert.id], "ack", "mine", "bob", bench.clock.now())
    await bench.inform()
    assert await by(bench, alert.id) == "bob"
    other = await bench.receive(event="Other")
    async with bench.store.transaction() as tx:
        await act(tx, [other.id], "ack", "mine", "bob", bench.clock.now())
        await act(tx, [other.id], "unack", "not mine", "bob", bench.clock.now())
    await bench.inform()
    assert await by(bench, other.id) is None


async def test_nobody_is_named_where_nobody_is_known():
    bench = PluginBench(AckedBy())
    alert = await bench.receive()
    await bench.operating.act(alert.id, "ack", user=None)
    assert await by(bench, alert.id) is None
