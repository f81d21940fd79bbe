"""timeout: what people ask for does not count."""

import pytest

from plugin_bench import PluginBench
from watchbell.alert_plugins.timeout import Timeout
from watchbell.domain.alerts.timeouts import Timeouts


async def last(bench, alert_id):
    async with bench.store.reading() as tx:
        return (await tx.history.of(alert_id, 10))[-1]


@pytest.mark.parametrize(("action", "lasts"), [("ack", 600), ("shelve", 900)])
async def test_the_installations_time_out_wins(action, lasts):
    bench = PluginBench(Timeout(), timeouts=Timeouts(ack=600, shelve=900))
    alert = await bench.receive()
    after = await bench.operating.act(alert.id, action, user="ann", text="mine", timeout=5)
    assert (after.reverts_at - bench.clock.now()).total_seconds() == lasts
    entry = await last(bench, alert.id)
    assert (entry.timeout, entry.text) == (lasts, "mine (using server timeout value)")


async def test_alerta_says_so_also_of_those_who_asked_for_nothing_and_here_it_does_not():
    bench = PluginBench(Timeout(), timeouts=Timeouts(ack=600))
    alert = await bench.receive()
    await bench.operating.act(alert.id, "ack", user="ann", text="mine")
    assert (await last(bench, alert.id)).text == "mine"


async def test_other_actions_keep_theirs():
    bench = PluginBench(Timeout())
    alert = await bench.receive()
    await bench.operating.act(alert.id, "ticket", user="ann", timeout=5)
    assert (await last(bench, alert.id)).timeout == 5
