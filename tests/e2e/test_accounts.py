"""People see to their own accounts: sign up, confirm the address, log in by two steps, and forget the password."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN, PASSWORD, person
from servers.accessibility import violations
from servers.smtp import SmtpServer
from watchbell.domain.second_factor import code_of, secret_of, step_at

EMAIL = "grace@example.org"
NEW = "another fine password"


@pytest.fixture(scope="module")
def mail() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def open_house(mail: SmtpServer) -> Iterator[SingleMachine]:
    """A machine where people sign up, with its first administrator."""
    settings = {"HOST": mail.host, "PORT": str(mail.port), "SECURITY": "none", "SENDER": "watchbell@example.org"}
    machine = SingleMachine(
        WATCHBELL_LOGIN__SIGN_UP="true",
        WATCHBELL_LOGIN__VERIFY_EMAIL="true",
        **{f"WATCHBELL_MAIL__{name}": value for name, value in settings.items()},
    )
    try:
        person(machine)
        machine.call("PUT", f"/api/user/{LOGIN}", {"email_verified": True})
        yield machine
    finally:
        machine.stop()


def link_in(mail: SmtpServer, number: int) -> str:
    """The link of the mail of this number."""
    letter = mail.wait_for(number)[number - 1]
    assert letter.recipients == [EMAIL]
    found = re.search(r"http\S+#token=\S+", letter.text)
    assert found, letter.text
    return found.group()


def enter(page: Page, machine: SingleMachine, password: str, login: str = EMAIL) -> None:
    page.goto(f"{machine.url}/login")
    page.get_by_label("User name").fill(login)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def code_now(secret: str, ahead: int = 0) -> str:
    return code_of(secret_of(secret), step_at(datetime.now(UTC)) + ahead)


def test_from_the_first_account_to_a_new_password(page: Page, open_house: SingleMachine, mail: SmtpServer) -> None:
    page.goto(f"{open_house.url}/login")
    page.get_by_role("link", name="Make an account").click()
    assert violations(page) == []
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_text("must have at least 10 characters")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_role("status")).to_contain_text(EMAIL)

    link = link_in(mail, 1)
    enter(page, open_house, PASSWORD)
    expect(page.get_by_text("is not confirmed yet")).to_be_visible()
    page.goto(link)
    assert violations(page) == []
    expect(page).to_have_url(f"{open_house.url}/confirm")
    page.get_by_role("button", name="Yes, confirm").click()
    expect(page.get_by_role("status")).to_have_text("Your e-mail address is confirmed.")
    enter(page, open_house, PASSWORD)
    expect(page.get_by_role("heading", name="Now")).to_be_visible()

    secret, recovery = _switch_on(page, open_house)
    page.context.clear_cookies()
    enter(page, open_house, PASSWORD)
    code = page.get_by_label("Code")
    expect(code).to_be_focused()
    assert violations(page) == []
    code.fill("000000")
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_text("The code is wrong")).to_be_visible()
    code.fill(code_now(secret, 1))
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Now")).to_be_visible()

    page.context.clear_cookies()
    page.goto(f"{open_house.url}/login")
    page.get_by_role("link", name="Forgot your password?").click()
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("status")).to_contain_text("If there is an account")
    page.goto(link_in(mail, 2))
    assert violations(page) == []
    page.get_by_label("New password").fill(NEW)
    page.get_by_role("button", name="Set a new password").click()
    expect(page.get_by_role("status")).to_contain_text("Your new password is set")
    enter(page, open_house, NEW)
    page.get_by_label("Code").fill(recovery)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    _switch_off(page, open_house)


def _switch_on(page: Page, machine: SingleMachine) -> tuple[str, str]:
    """Switch two-step log-in on in the profile; the secret, and a recovery code."""
    page.goto(f"{machine.url}/settings/profile")
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("img", name="QR code of the secret")).to_be_visible()
    shown = page.get_by_text(re.compile("^[A-Z2-7]{32}$"))
    secret = shown.inner_text()
    expect(page.get_by_text(f"secret={secret}")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Code").fill("000000")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_text("is not the code of now")).to_be_visible()
    page.get_by_label("Code").fill(code_now(secret))
    page.get_by_role("button", name="Switch on").click()
    shown = page.get_by_role("region", name="Recovery codes").locator("code")
    expect(shown).to_have_text(re.compile(r"\s*([A-Z2-7]{4}(-[A-Z2-7]{4}){3}\s*){10}"))
    assert violations(page) == []
    recovery = shown.inner_text().split()[0]
    page.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    return secret, recovery


def _switch_off(page: Page, machine: SingleMachine) -> None:
    """A wrong code does not; an administrator does."""
    page.goto(f"{machine.url}/settings/profile")
    expect(page.get_by_text("9 recovery codes are left.")).to_be_visible()
    page.get_by_role("button", name="Switch off").click()
    page.get_by_label("Code").fill("AAAA-BBBB-CCCC-DDDD")
    page.get_by_label("Present password").fill(NEW)
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_text("is wrong, or was used already")).to_be_visible()
    page.context.clear_cookies()
    enter(page, machine, PASSWORD, LOGIN)
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
    page.goto(f"{machine.url}/settings/users")
    page.get_by_role("button", name=EMAIL, exact=True).click()
    page.get_by_role("button", name="Switch off two-step log-in").click()
    page.get_by_role("dialog", name="Switch off two-step log-in of").get_by_role("button", name="Switch off").click()
    expect(page.get_by_text(f"Two-step log-in of {EMAIL} is off.")).to_be_visible()
    assert machine.call("GET", f"/api/user/{EMAIL}")["user"]["second_factor"] is False
    page.context.clear_cookies()
    enter(page, machine, NEW)
    expect(page.get_by_role("heading", name="Now")).to_be_visible()
