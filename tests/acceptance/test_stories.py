"""What Watchbell is for, from the outside: something goes wrong, one person is told, and told again when it is over."""

import secrets
import time
from typing import TYPE_CHECKING

import pytest

from acceptance.installation import Installation, kill
from acceptance.telling import Watched, mails_to, send_event, wait_mails_to
from servers.process import wait_until
from watchbell.domain.ids import shard_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

QUIET = 2.0
"""Seconds in which a mail too many would come."""


def acknowledge(installation: Installation, incident_id: str) -> None:
    """Take an incident as a program does."""
    installation.call("PUT", f"/api/incident/{incident_id}/acknowledge", {"text": "on it"})


def acknowledge_in_page(page: "Page", installation: Installation, incident_id: str) -> str:
    """Log in as somebody new, open the incident and press the button; returns who that was."""
    login, password = f"responder-{secrets.token_hex(4)}", "correct horse battery"
    installation.call(
        "POST", "/api/user", {"login": login, "name": login, "password": password, "roles": ["admin"]}, 201
    )
    page.goto(f"{installation.url}/incidents/{incident_id}")
    page.get_by_label("User name").fill(login)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.get_by_role("button", name="Acknowledge").first.click()
    return login


def test_a_server_goes_down_and_comes_back(installation, mail, http_target, page):
    """One mail when it fails, an acknowledgement in the page, one mail when it is well again."""
    shop = Watched(installation, mail, "shop")
    installation.define(
        "check",
        name=f"{shop.service} answers",
        type="http",
        config={"url": f"{http_target.url}/health"},
        interval=1,
        timeout=20,  # a target that is down is known at once, and one on a busy machine is not down
        fail_after=2,
        services=[shop.service],
    )
    wait_until(lambda: len(http_target.requests) >= 2, 30, "two probes")
    assert shop.is_well

    http_target.down()
    first = shop.wait_mails(1)[0]
    assert shop.service in first.subject
    incident = shop.wait_incident("open")
    who = acknowledge_in_page(page, installation, incident["id"])
    assert shop.wait_incident("acknowledged")["acknowledgedBy"] == who

    http_target.up()
    mails = shop.wait_mails(2)
    shop.wait_incident("resolved")
    time.sleep(QUIET)
    assert len(shop.mails) == 2
    assert mails[1].subject != mails[0].subject
    timeline = installation.call("GET", f"/api/incident/{incident['id']}")["timeline"]
    kinds = [entry["kind"] for entry in timeline]
    assert kinds.index("opened") < kinds.index("acknowledged") < kinds.index("resolved")
    assert all(entry["reason"] for entry in timeline if entry["kind"] in {"opened", "told", "resolved"})


def test_a_pushed_alert_does_the_same(installation, mail):
    pushed = Watched(installation, mail, "pushed")
    alert = pushed.push("critical")
    pushed.wait_mails(1)
    pushed.push("critical")
    pushed.wait_incident("open")
    installation.call("PUT", f"/api/alert/{alert['id']}/action", {"action": "ack", "text": "mine"})
    pushed.wait_incident("acknowledged")
    pushed.push("normal")
    pushed.wait_mails(2)
    pushed.wait_incident("resolved")
    time.sleep(QUIET)
    assert len(pushed.mails) == 2


def test_a_pages_events_stop(installation, mail):
    """Counted events keep the rule quiet; silence breaks it; new events end the alert."""
    shop = Watched(installation, mail, "checkout")
    installation.define(
        "rule",
        name=f"{shop.service} flows",
        filter={"event_type": shop.service},
        window_s=3,
        bound="below",
        threshold=1,
        resource=shop.service,
        event="CheckoutStopped",
        severity="critical",
        service=[shop.service],
    )
    stop_at = time.monotonic() + 8
    while time.monotonic() < stop_at:
        send_event(installation, shop.service)
        time.sleep(0.3)
    assert shop.is_well, "events flowed, so nobody may be told"
    shop.wait_mails(1)
    installation.wait_alert(event="CheckoutStopped", resource=shop.service)

    def recovered() -> bool:
        send_event(installation, shop.service)
        time.sleep(0.3)
        return len(shop.mails) >= 2

    wait_until(recovered, 60, "the recovery mail")
    shop.wait_incident("resolved")


def test_a_heartbeat_stops(installation, mail):
    backup = Watched(installation, mail, "backup")
    heartbeat = installation.define(
        "heartbeat", name=f"{backup.service} ran", every=4, grace=2, severity="major", services=[backup.service]
    )
    for _ in range(6):
        assert installation.client.get(f"{installation.url}/ping/{heartbeat}").status_code == 200
        time.sleep(0.5)
    assert not backup.mails
    backup.wait_mails(1)
    backup.wait_incident("open")
    installation.client.get(f"{installation.url}/ping/{heartbeat}")
    backup.wait_mails(2)
    backup.wait_incident("resolved")


def test_the_keeper_that_holds_the_shard_is_killed(installation, mail):
    """The mail that was due comes all the same, and once."""
    survivor = Watched(installation, mail, "survivor")
    mail.down()  # so that the message is due, and not sent yet
    try:
        survivor.push("critical")
        incident = survivor.wait_incident("open")
        keeper = installation.keeper_of(shard_of(incident["id"]))
        kill(keeper)
    finally:
        mail.up()
    survivor.wait_mails(0 if keeper is installation.processes.get("up") else 1, 60)
    installation.restart(keeper)
    survivor.wait_mails(1, 60)
    time.sleep(8)
    assert len(survivor.mails) == 1


def test_escalation_waits_for_its_time_and_stops_when_someone_takes_it(installation, mail):
    names = [f"{who}-{time.time_ns()}@example.org" for who in ("first", "second", "third")]
    steps = [
        {"after": after, "targets": [{"channel": "mail", "to": name}]}
        for after, name in zip((0, 2, 600), names, strict=True)
    ]
    ladder = Watched(installation, mail, "ladder", steps)
    ladder.push("major")
    wait_mails_to(mail, names[0], 1)
    wait_mails_to(mail, names[1], 1)
    incident = ladder.wait_incident("open")
    assert incident["escalatesAt"] is not None
    acknowledge(installation, incident["id"])
    assert ladder.wait_incident("acknowledged")["escalatesAt"] is None
    assert not mails_to(mail, names[2])


def test_status_says_that_checks_run(installation):
    """As pollers of `/status/` know it, without a key."""
    for query in ("", "?strict"):
        wait_until(
            lambda query=query: installation.client.get(f"{installation.url}/status/{query}").text == "Checks running",
            30,
            "checks running",
        )
        assert installation.client.get(f"{installation.url}/status/{query}").status_code == 200
