"""Blackouts, from the outside: they mute, they end by themselves, and what outlasts them is told once."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from acceptance.installation import Installation
from acceptance.telling import Watched

pytestmark = pytest.mark.slow

QUIET = 2.0
"""Seconds in which a mail too many would come."""


def blackout(installation: Installation, service: str, seconds: int) -> str:
    """Make a blackout for a service as Alerta's clients do; returns its id."""
    end = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"environment": "Production", "service": [service], "endTime": end, "text": "patching"}
    made = installation.call("POST", "/api/blackout", body, 201)["blackout"]
    assert made["status"] == "active"
    return made["id"]


def until_heard() -> None:
    """Wait until every process has heard of a changed configuration."""
    time.sleep(2.5)


def test_what_outlasts_a_blackout_is_told_once_at_its_end_and_what_recovers_inside_is_not(installation, mail):
    lasting, brief = Watched(installation, mail, "lasting"), Watched(installation, mail, "brief")
    for watched in (lasting, brief):
        blackout(installation, watched.service, 25)  # as long as all that is to be seen within may take
    until_heard()
    for watched in (lasting, brief):
        assert watched.push("major")["status"] == "blackout"
    brief.push("normal")
    time.sleep(QUIET)
    assert (lasting.mails, brief.mails) == ([], [])
    assert lasting.is_well
    lasting.wait_mails(1, 60)
    assert installation.wait_alert(resource=f"host of {lasting.service}")["status"] == "open"
    time.sleep(QUIET)
    assert (len(lasting.mails), len(brief.mails)) == (1, 0)


def test_a_blackout_silences_what_is_open_and_its_deletion_opens_it(installation, mail):
    shop = Watched(installation, mail, "shop")
    shop.push("major")
    shop.wait_mails(1)
    blackout_id = blackout(installation, shop.service, 3600)
    until_heard()
    installation.wait_alert(status="blackout", resource=f"host of {shop.service}")
    installation.call("DELETE", f"/api/blackout/{blackout_id}")
    installation.wait_alert(status="open", resource=f"host of {shop.service}")
