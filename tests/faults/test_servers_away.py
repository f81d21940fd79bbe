"""The servers that a cluster stands on go away and come back."""

import time

import pytest

from acceptance.load import Load, check_alerts_stored
from acceptance.telling import Watched
from servers.process import wait_until

pytestmark = pytest.mark.slow


def test_pages_go_out_without_the_broker(breakable):
    """Keepers send themselves what is due; when the broker is back, notifiers do, and nobody is told twice."""
    during = [Watched(breakable, breakable.mail, f"no-broker-{number}") for number in range(3)]
    after = Watched(breakable, breakable.mail, "broker-back")
    breakable.broker.stop()
    try:
        for service in during:
            service.push("critical")
        for service in during:
            service.wait_mails(1, 60)
    finally:
        breakable.broker.start()
    after.push("critical")
    after.wait_mails(1, 60)
    for service in during:
        service.push("normal")
        service.wait_mails(2, 60)
        service.wait_incident("resolved")
    time.sleep(12)  # longer than a claim: what is sent twice would be by now
    assert [len(service.mails) for service in (*during, after)] == [2, 2, 2, 1]


def test_the_database_is_restarted_under_load(breakable):
    """Refused with 503 meanwhile, by name; whatever was accepted before, meanwhile and after is there."""
    service = Watched(breakable, breakable.mail, "no-database")
    with Load(breakable, "database", posters=3, browsers=1) as load:
        load.wait_accepted(50, 50)
        breakable.database.stop()
        wait_until(lambda: load.refused[503], 40, "a refusal")
        events = len(load.events)
        load.wait_accepted(0, events + 50)  # events need no database
        breakable.database.start()
        load.wait_accepted(len(load.alerts) + 100, 0)
    assert set(load.refused) == {503}, breakable.nginx.process.log()[-3000:]
    check_alerts_stored(breakable, load.alerts)
    service.push("critical")
    assert len(service.wait_mails(1, 60)) == 1
