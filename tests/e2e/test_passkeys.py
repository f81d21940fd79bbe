"""A passkey from the profile to the log-in, in a browser with a device that only it can see."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN, PASSWORD, person
from servers.accessibility import violations
from watchbell.domain.second_factor import code_of, secret_of, step_at

COPIED = "its counter went back"
CODES = re.compile(r"\s*([A-Z2-7]{4}(-[A-Z2-7]{4}){3}\s*){10}")


class NamedMachine(SingleMachine):
    """A machine that people reach by a name, as passkeys need it."""

    @property
    def site(self) -> str:
        return f"http://localhost:{self.port}"

    def environment(self) -> dict[str, str]:
        return super().environment() | {"WATCHBELL_SERVER__BASE_URL": self.site}


class Device:
    """A virtual authenticator of Chromium."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self._id = self._ask("addVirtualAuthenticator", options=options)["authenticatorId"]

    def _ask(self, method: str, **given: Any) -> dict[str, Any]:
        return self._session.send(f"WebAuthn.{method}", given)

    def verify(self, *, person_there: bool) -> None:
        """Whether it recognises its owner from now on."""
        self._ask("setUserVerified", authenticatorId=self._id, isUserVerified=person_there)

    def passkeys(self) -> list[dict[str, Any]]:
        return self._ask("getCredentials", authenticatorId=self._id)["credentials"]

    def count_from(self, number: int) -> None:
        """Go on as a copy of that time would."""
        (passkey,) = self.passkeys()
        self._ask("removeCredential", authenticatorId=self._id, credentialId=passkey["credentialId"])
        self._ask("addCredential", authenticatorId=self._id, credential=passkey | {"signCount": number})


@pytest.fixture(scope="module")
def named() -> Iterator[NamedMachine]:
    machine = NamedMachine()
    try:
        person(machine)
        yield machine
    finally:
        machine.stop()


def by_password(page: Page, machine: NamedMachine) -> None:
    page.goto(f"{machine.site}/login")
    page.get_by_label("User name").fill(LOGIN)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Now")).to_be_visible()


def by_passkey(page: Page, machine: NamedMachine) -> None:
    page.context.clear_cookies()
    page.goto(f"{machine.site}/login")
    page.get_by_role("button", name="Log in with a passkey").click()


def add(page: Page, machine: NamedMachine, name: str) -> None:
    page.goto(f"{machine.site}/settings/profile")
    page.get_by_role("button", name="Add a passkey").click()
    dialog = page.get_by_role("dialog", name="Add a passkey")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Present password").fill("not the password")
    dialog.get_by_role("button", name="Go on").click()
    expect(dialog.get_by_text("is not your present password")).to_be_visible()
    assert violations(page) == []
    dialog.get_by_label("Present password").fill(PASSWORD)
    dialog.get_by_role("button", name="Go on").click()
    expect(page.get_by_text(f"The passkey {name} is added.")).to_be_visible()


def test_from_the_profile_to_the_log_in_and_back(page: Page, named: NamedMachine) -> None:
    device = Device(page)
    by_password(page, named)
    add(page, named, "my telephone")
    assert violations(page) == []
    (kept,) = device.passkeys()
    assert kept["isResidentCredential"] is True
    assert kept["rpId"] == "localhost"
    row = page.get_by_role("row").filter(has_text="my telephone")
    expect(row).to_contain_text("never")

    page.get_by_role("button", name="Add a passkey").click()
    dialog = page.get_by_role("dialog", name="Add a passkey")
    dialog.get_by_label("Name").fill("again")
    dialog.get_by_label("Present password").fill(PASSWORD)
    dialog.get_by_label("Present password").press("Enter")
    expect(dialog.get_by_text("has a passkey of yours already")).to_be_visible()

    by_passkey(page, named)
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    page.goto(f"{named.site}/settings/profile")
    expect(row).to_be_visible()
    expect(row).not_to_contain_text("never")
    page.get_by_role("button", name="Rename my telephone").click()
    dialog = page.get_by_role("dialog", name="Rename the passkey my telephone")
    expect(dialog.get_by_label("Name")).to_have_value("my telephone")
    dialog.get_by_label("Name").fill("old telephone")
    assert violations(page) == []
    dialog.get_by_role("button", name="Rename").click()
    expect(page.get_by_text("The passkey is called old telephone now.")).to_be_visible()
    row = page.get_by_role("row").filter(has_text="old telephone")
    expect(row).to_be_visible()
    entries = named.call("GET", "/api/audit")["entries"]
    assert any(entry["text"].startswith("by passkey 'my telephone'") for entry in entries)

    device.verify(person_there=False)
    by_passkey(page, named)
    expect(page.get_by_text("No passkey was used.")).to_be_visible()
    assert violations(page) == []

    device.verify(person_there=True)
    device.count_from(0)
    by_passkey(page, named)
    expect(page.get_by_text(COPIED)).to_be_visible()
    entries = named.call("GET", "/api/audit")["entries"]
    assert any("the counter of 'old telephone' went from" in entry["text"] for entry in entries)

    by_password(page, named)
    page.goto(f"{named.site}/settings/profile")
    page.get_by_role("button", name="Remove old telephone").click()
    dialog = page.get_by_role("dialog", name="Remove the passkey old telephone?")
    dialog.get_by_label("Present password").fill(PASSWORD)
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("The passkey old telephone is removed.")).to_be_visible()
    expect(row).to_have_count(0)
    device.count_from(50)
    by_passkey(page, named)
    expect(page.get_by_text("This passkey is not good here.")).to_be_visible()


@pytest.fixture(scope="module")
def strict() -> Iterator[NamedMachine]:
    machine = NamedMachine(WATCHBELL_LOGIN__REQUIRE_SECOND_FACTOR="everyone")
    try:
        person(machine)
        yield machine
    finally:
        machine.stop()


def fill_log_in(page: Page, machine: NamedMachine) -> None:
    page.context.clear_cookies()
    page.goto(f"{machine.site}/login?back=/alerts?status%3Dopen")
    page.get_by_label("User name").fill(LOGIN)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()


def test_a_required_passkey_is_set_up_before_anything_else(page: Page, strict: NamedMachine) -> None:
    Device(page)
    fill_log_in(page, strict)
    heading = page.get_by_role("heading", name="Set up a second step")
    expect(heading).to_be_visible()
    page.goto(f"{strict.site}/settings/profile")
    expect(heading).to_be_visible()
    expect(page.get_by_role("button", name="Go on to Watchbell")).to_have_count(0)
    assert violations(page) == []
    page.get_by_role("button", name="Add a passkey").click()
    dialog = page.get_by_role("dialog", name="Add a passkey")
    dialog.get_by_label("Name").fill("my telephone")
    dialog.get_by_label("Present password").fill(PASSWORD)
    dialog.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Go on to Watchbell").click()
    expect(page.get_by_role("heading", name="Settings: Profile")).to_be_visible()

    fill_log_in(page, strict)
    expect(page.get_by_text("log in with your passkey")).to_be_visible()
    page.get_by_role("button", name="Log in with a passkey").click()
    expect(page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()

    strict.call("DELETE", f"/api/user/{LOGIN}/second-factor")
    fill_log_in(page, strict)
    expect(heading).to_be_visible()
    page.get_by_role("button", name="Switch on").click()
    secret = page.get_by_text(re.compile("^[A-Z2-7]{32}$")).inner_text()
    page.get_by_label("Code").fill(code_of(secret_of(secret), step_at(datetime.now(UTC))))
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Switch on").click()
    shown = page.get_by_role("region", name="Recovery codes").locator("code")
    expect(shown).to_have_text(CODES)
    first = shown.inner_text().split()
    assert violations(page) == []
    page.get_by_role("button", name="I have kept them").click()
    page.get_by_role("button", name="Go on to Watchbell").click()
    expect(page.get_by_role("heading", name="Alerts", exact=True)).to_be_visible()

    page.goto(f"{strict.site}/settings/profile")
    page.get_by_role("button", name="New recovery codes").click()
    page.get_by_label("Code").fill(first[0])
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="New recovery codes").click()
    expect(shown).to_have_text(CODES)
    assert not set(shown.inner_text().split()) & set(first)
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()


def test_without_a_name_there_is_no_button_and_the_profile_says_why(page: Page, machine: SingleMachine) -> None:
    person(machine)
    page.goto(f"{machine.url}/login")
    page.get_by_label("User name").fill(LOGIN)
    expect(page.get_by_role("button", name="Log in with a passkey")).to_have_count(0)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    page.goto(f"{machine.url}/settings/profile")
    expect(page.get_by_text("the setting server.base_url is not set")).to_be_visible()
    expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)
