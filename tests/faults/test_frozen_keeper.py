"""A keeper that stands still for longer than its leases last, and then goes on as if nothing had been."""

import signal
import time

import pytest

from acceptance.telling import Watched
from watchbell.domain.ids import shard_of
from watchbell.usecases.leasing import TTL

pytestmark = pytest.mark.slow


def test_its_messages_are_sent_by_another_and_not_again(breakable):
    services = [Watched(breakable, breakable.mail, f"frozen-{number}") for number in range(4)]
    breakable.mail.down()  # so that messages are due when it freezes
    try:
        for service in services:
            service.push("critical")
        incidents = [service.wait_incident("open") for service in services]
        keeper = breakable.keeper_of(shard_of(incidents[0]["id"]))
        keeper.signal(signal.SIGSTOP)
    finally:
        breakable.mail.up()
    try:
        time.sleep(TTL.total_seconds() + 3)
        for service in services:
            service.wait_mails(1, 60)
    finally:
        keeper.signal(signal.SIGCONT)
    time.sleep(12)  # longer than a claim: what it sends twice would be by now
    assert [len(service.mails) for service in services] == [1, 1, 1, 1]
    for service in services:
        service.push("normal")
        service.wait_mails(2)
        service.wait_incident("resolved")
