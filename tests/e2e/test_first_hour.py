"""The first hour of a new installation, as one person lives it: set up, watch something, see it fail, take it."""

import re

from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN, PASSWORD
from servers.accessibility import violations
from servers.target import HttpTarget


def test_first_administrator_makes_a_check_sees_it_fail_and_takes_it_by_keyboard(
    machine: SingleMachine, page: Page, http_target: HttpTarget
) -> None:
    _set_up(machine, page)
    _make_check(page, http_target.url)
    expect(page.get_by_role("main")).to_contain_text("HTTP 200")
    assert violations(page) == []

    http_target.answer(500, "broken")
    expect(page.locator("h1 + .chip, .line .chip").first).to_contain_text("Critical")

    page.keyboard.press("g")
    page.keyboard.press("a")
    row = page.locator('[role="row"][data-id]').filter(has_text="Front page")
    expect(row).to_contain_text("open")
    page.keyboard.press("j")
    expect(row).to_be_focused()
    page.keyboard.press("a")
    page.get_by_text("1 alert acknowledged.").hover()  # a message stays as long as the mouse is over it
    expect(row).to_contain_text("acknowledged")
    assert machine.alert(resource="Front page", status="ack")

    page.keyboard.press("u")
    expect(row).to_contain_text("open")
    page.keyboard.press("a")
    expect(row).to_contain_text("acknowledged")
    assert violations(page) == []

    http_target.answer(200, "ok")
    machine.wait_alert(resource="Front page", status="closed")
    expect(row).to_have_count(0)


def _set_up(machine: SingleMachine, page: Page) -> None:
    page.goto(f"{machine.url}/alerts")
    expect(page).to_have_url(re.compile("/setup$"))
    expect(page.get_by_role("main")).to_contain_text("one-time link")

    page.goto(machine.setup_link)
    expect(page).to_have_url(re.compile("/setup$"))  # the token has left the address
    page.get_by_label("User name").fill(LOGIN)
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_text("must have at least 10 characters")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()
    assert violations(page) == []


def _make_check(page: Page, url: str) -> None:
    page.get_by_role("main").get_by_role("link", name="New check").click()
    page.get_by_label("Name").fill("Front page")
    page.get_by_label("Type").select_option(label="HTTP")
    page.get_by_label("URL").fill("gopher://example")
    page.get_by_label("Interval").fill("1")
    page.get_by_role("button", name="Create").click()
    # The error stands beside the field that is wrong, and the field has the focus.
    expect(page.get_by_label("URL")).to_be_focused()
    assert violations(page) == []
    page.get_by_label("URL").fill(url)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Front page")
