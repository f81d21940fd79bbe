"""Mails about alerts: a person confirms their address in the profile, is mentioned, and chooses which mails come."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import PASSWORD, person
from servers.accessibility import violations
from servers.smtp import SmtpServer

GRACE = "grace@example.org"
HOSTILE = "<img src=x onerror=alert(1)> & more"


@pytest.fixture(scope="module")
def mail() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def posted(mail: SmtpServer) -> Iterator[SingleMachine]:
    """A machine with a mail server, and somebody whose address nobody knows to be theirs."""
    settings = {"HOST": mail.host, "PORT": str(mail.port), "SECURITY": "none", "SENDER": "watchbell@example.org"}
    machine = SingleMachine(**{f"WATCHBELL_MAIL__{name}": value for name, value in settings.items()})
    try:
        person(machine)
        machine.call(
            "POST", "/api/user", {"login": "grace", "name": "Grace", "email": GRACE, "password": PASSWORD}, 201
        )
        yield machine
    finally:
        machine.stop()


@pytest.fixture
def page(posted: SingleMachine, browser_context: BrowserContext) -> Page:
    answer = browser_context.request.post(f"{posted.url}/api/session", data={"login": "grace", "password": PASSWORD})
    assert answer.ok, answer.text()
    return browser_context.new_page()


def test_a_person_confirms_the_address_is_mentioned_and_chooses(
    posted: SingleMachine, mail: SmtpServer, page: Page
) -> None:
    page.goto(f"{posted.url}/settings/profile")
    expect(page.get_by_text(f"It is not known yet that {GRACE} is yours")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Send a mail to confirm it").press("Enter")
    (letter,) = mail.wait_for(1)
    found = re.search(r"http\S+#token=\S+", letter.text)
    assert found, letter.text
    page.goto(found.group())
    page.get_by_role("button", name="Yes, confirm").click()
    expect(page.get_by_text("Your e-mail address is confirmed.")).to_be_visible()

    sent = {"resource": "web1", "event": "Down", "environment": "Production", "service": ["Shop"], "severity": "major"}
    alert = posted.call("POST", "/api/alert", sent)["id"]
    posted.call("PUT", f"/api/alert/{alert}/note", {"text": f"@grace {HOSTILE}"}, 201)
    nudge = mail.wait_for(2)[1]
    assert nudge.recipients == [GRACE]
    assert re.fullmatch(r"Down on web1: \S+ mentioned you", nudge.subject)
    assert f"> @grace {HOSTILE}" in nudge.text
    assert f'href="{posted.url}/alerts/{alert}"' in nudge.html
    assert "<img" not in nudge.html
    page.goto(f"{posted.url}/alerts/{alert}")
    expect(page.get_by_text("web1").first).to_be_visible()

    page.goto(f"{posted.url}/settings/profile")
    wishes = page.get_by_label("You get a mail")
    expect(wishes).to_have_value("all")
    expect(page.get_by_text("It is not known yet")).to_have_count(0)
    wishes.select_option("none")
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.reload()
    expect(wishes).to_have_value("none")
    assert violations(page) == []


def test_without_a_mail_server_the_profile_says_so(desk: Page, administrator: SingleMachine) -> None:
    desk.goto(f"{administrator.url}/settings/profile")
    expect(desk.get_by_text("No mail server is set up here, so none leave.")).to_be_visible()
