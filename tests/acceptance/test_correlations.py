"""Correlations, from the outside: what many hosts say is one alert and one message, until the last has recovered."""

import secrets
import time

import pytest

from acceptance.telling import Watched

pytestmark = pytest.mark.slow

QUIET = 2.0
"""Seconds in which a mail too many would come."""


def test_what_many_hosts_say_is_told_once_and_is_over_with_the_last(installation, mail):
    rack = secrets.token_hex(4)
    key = f"attributes.rack == '{rack}' ? attributes.rack : ''"
    installation.define("correlation", name=f"rack {rack}", key=key)
    time.sleep(2.5)  # every process has heard of a changed configuration by then
    shop = Watched(installation, mail, "racked")

    def say(host: str, severity: str):
        return shop.push(severity, "Unreachable", resource=f"{host}-{rack}", attributes={"rack": rack})

    first = say("web1", "major")
    shop.wait_mails(1)
    assert {say(host, "major")["id"] for host in ("web2", "web3")} == {first["id"]}
    assert say("web1", "ok")["status"] == "open"
    time.sleep(QUIET)
    assert len(shop.mails) == 1
    assert installation.call("GET", "/api/alerts", params={"service": shop.service})["total"] == 1
    say("web2", "ok")
    assert say("web3", "ok")["status"] == "closed"
    shop.wait_mails(2)
    shop.wait_incident("resolved")
    history = installation.call("GET", f"/api/alert/{first['id']}")["alert"]["history"]
    assert [line["type"] for line in history].count("member") >= 3
