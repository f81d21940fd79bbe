"""Inhibitions, from the outside: what follows from another is silent, and is told once when it outlasts that."""

import secrets
import time

import pytest

from acceptance.installation import Installation, SingleMachine, kill
from acceptance.telling import Watched, add_mail_channel

pytestmark = pytest.mark.slow

QUIET = 2.0
"""Seconds in which a mail too many would come."""


def inhibition(installation: Installation, site: str, grace: float) -> str:
    """While the switch of a site is down, its hosts are silent; returns the name."""
    name = f"switch of {site}"
    installation.define(
        "inhibition",
        name=name,
        source={"event": "SwitchDown", "tags": [f"site={site}"]},
        target={"event": "Unreachable"},
        equal=["environment", "tags.site"],
        grace=grace,
    )
    time.sleep(2.5)  # every process has heard of a changed configuration by then
    return name


def test_what_outlasts_its_source_is_told_once_and_what_recovers_with_it_is_not(installation, mail):
    site = secrets.token_hex(4)
    name = inhibition(installation, site, 5)
    switch, lasting, brief = (Watched(installation, mail, each) for each in ("switch", "lasting", "brief"))
    tags = [f"site={site}"]
    source = switch.push("critical", "SwitchDown", tags=tags)
    switch.wait_mails(1)
    for watched in (lasting, brief):
        watched.push("major", "Unreachable", tags=tags)
        shown = installation.wait_alert(resource=f"host of {watched.service}", inhibited="true")
        assert (shown["status"], shown["inhibitedBy"], shown["inhibition"]) == ("open", source["id"], name)
    time.sleep(QUIET)
    assert (lasting.mails, brief.mails) == ([], [])
    why = installation.call("GET", f"/api/alert/{shown['id']}/why")
    assert any(source["id"] in reason for reason in why["nobody"])
    switch.push("normal", "SwitchDown", tags=tags)
    brief.push("normal", "Unreachable", tags=tags)
    switch.wait_mails(2)
    lasting.wait_mails(1)
    time.sleep(QUIET)
    assert (len(lasting.mails), len(brief.mails)) == (1, 0)
    assert installation.alert(resource=f"host of {lasting.service}", inhibited="true") is None
    lasting.push("normal", "Unreachable", tags=tags)
    lasting.wait_mails(2)


def test_a_killed_machine_forgets_neither_who_is_silent_nor_whom_to_tell(mail):
    installation = SingleMachine()
    try:
        add_mail_channel(installation, mail)
        site = secrets.token_hex(4)
        inhibition(installation, site, 20)  # longer than the switch's mail takes
        switch, host = (Watched(installation, mail, each) for each in ("switch", "host"))
        tags = [f"site={site}"]
        switch.push("critical", "SwitchDown", tags=tags)
        switch.wait_mails(1)
        host.push("major", "Unreachable", tags=tags)
        resource = f"host of {host.service}"
        installation.wait_alert(resource=resource, inhibited="true")
        kill(installation.process)
        installation.restart(installation.process)
        time.sleep(QUIET)
        switch.push("normal", "SwitchDown", tags=tags)
        switch.wait_mails(2)
        assert host.mails == []
        kill(installation.process)
        installation.restart(installation.process)
        host.wait_mails(1)
        time.sleep(QUIET)
        assert len(host.mails) == 1
    finally:
        installation.stop()
