"""Groups of users, customers and users, in the settings."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import PASSWORD
from servers.accessibility import fits, violations

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


def _fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    fits(page)
    assert violations(page) == []
    page.set_viewport_size({"width": 1280, "height": 800})


@pytest.fixture(scope="module")
def grace(administrator: SingleMachine) -> str:
    """Somebody to put into groups."""
    administrator.call("POST", "/api/user", {"login": "grace", "name": f"Grace {HOSTILE}", "password": PASSWORD})
    return "grace"


def test_a_group_is_made_filled_renamed_emptied_and_deleted(
    desk: Page, administrator: SingleMachine, grace: str
) -> None:
    desk.goto(f"{administrator.url}/groups")
    expect(desk).to_have_url(f"{administrator.url}/settings/groups")
    desk.get_by_role("button", name="New group").first.click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("is required")).to_be_visible()
    dialog.get_by_label("Name").fill("Night shift")
    dialog.get_by_label("About").fill(HOSTILE)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Nobody belongs to it yet.")).to_be_visible()
    dialog.get_by_label("Login of the user to add").fill("nobody-there")
    dialog.get_by_role("button", name="Add").click()
    expect(dialog.get_by_text("There is no such user.")).to_be_visible()
    dialog.get_by_label("Login of the user to add").fill(grace)
    dialog.get_by_label("Login of the user to add").press("Enter")
    expect(dialog.get_by_role("button", name="Take grace out")).to_be_visible()
    expect(dialog).to_contain_text(HOSTILE)
    assert violations(desk) == []
    _fits_a_phone(desk)
    desk.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    row = desk.get_by_role("row").filter(has_text="Night shift")
    expect(row).to_contain_text("1")
    desk.keyboard.press("j")
    expect(row).to_be_focused()
    desk.keyboard.press("Enter")
    dialog.get_by_label("Name").fill("Nights")
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_role("row").filter(has_text="Nights")).to_contain_text(HOSTILE)
    assert [one["name"] for one in administrator.call("GET", "/api/groups")["groups"]] == ["Nights"]

    desk.get_by_role("button", name="Nights").click()
    dialog.get_by_role("button", name="Take grace out").click()
    desk.get_by_role("dialog", name="Take grace out of Nights?").get_by_role("button", name="Take grace out").click()
    expect(dialog.get_by_text("Nobody belongs to it yet.")).to_be_visible()
    # What somebody else does shows by itself.
    group = administrator.call("GET", "/api/groups")["groups"][0]["id"]
    administrator.call("PUT", f"/api/group/{group}/user/{grace}", {})
    expect(dialog.get_by_role("button", name="Take grace out")).to_be_visible()
    dialog.get_by_role("button", name="Delete").click()
    asked = desk.get_by_role("dialog", name="Delete Nights?")
    expect(asked).to_contain_text("1 member stays a user")
    asked.get_by_role("button", name="Delete").click()
    expect(desk.get_by_text("No groups")).to_be_visible()
    assert administrator.call("GET", "/api/groups")["total"] == 0
    assert "owned" not in desk.title()


def test_a_customer_is_looked_up_changed_and_brought_back(desk: Page, administrator: SingleMachine) -> None:
    desk.goto(f"{administrator.url}/customers")
    expect(desk.get_by_text("Customer views are off")).to_be_visible()
    desk.get_by_role("button", name="New look-up").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_label("Login, role, group or mail domain").fill("acme.example")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("is required")).to_be_visible()
    dialog.get_by_label("Customer").fill(HOSTILE)
    assert violations(desk) == []
    desk.keyboard.press("Control+Enter")
    row = desk.get_by_role("row").filter(has_text="acme.example")
    expect(row).to_contain_text(HOSTILE)
    expect(dialog).to_have_count(0)
    _fits_a_phone(desk)
    desk.keyboard.press("j")
    expect(row).to_be_focused()
    desk.keyboard.press("Enter")
    dialog.get_by_label("Customer").fill("Acme")
    dialog.get_by_role("button", name="Save").click()
    expect(row).to_contain_text("Acme")
    row.get_by_role("button").click()
    dialog.get_by_role("button", name="Delete").click()
    desk.get_by_text("acme.example → Acme was deleted.").hover()  # a message stays as long as the mouse is over it
    expect(row).to_have_count(0)
    desk.keyboard.press("u")
    expect(row).to_contain_text("Acme")
    found = administrator.call("GET", "/api/customers")["customers"]
    assert [(one["match"], one["customer"]) for one in found] == [("acme.example", "Acme")]
    assert "owned" not in desk.title()


def test_a_user_is_found_deactivated_and_activated(desk: Page, administrator: SingleMachine, grace: str) -> None:
    body = {"login": grace, "password": PASSWORD}

    def logs_in() -> bool:
        return httpx.post(f"{administrator.url}/api/session", json=body).status_code == 200

    assert logs_in()
    desk.goto(f"{administrator.url}/users?q=grace")
    row = desk.get_by_role("row").filter(has_text=HOSTILE)
    expect(row).to_be_visible()
    row.get_by_role("button", name="Deactivate grace").click()
    desk.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
    expect(row).to_contain_text("inactive")
    assert not logs_in()
    tabs = desk.get_by_role("navigation", name="Status")
    tabs.get_by_role("link", name=re.compile("^Active")).click()
    expect(row).to_have_count(0)
    tabs.get_by_role("link", name=re.compile("^Inactive")).click()
    row.get_by_role("button", name="Activate grace").click()
    expect(desk.get_by_text("grace may log in again.")).to_be_visible()
    assert logs_in()
    desk.goto(f"{administrator.url}/settings/users?role=admin")
    expect(desk.get_by_role("row").filter(has_text="ada")).to_be_visible()
    expect(row).to_have_count(0)
    _fits_a_phone(desk)


def test_about_says_what_runs_and_where_to_read_on(desk: Page, administrator: SingleMachine) -> None:
    desk.goto(f"{administrator.url}/about")
    expect(desk.get_by_role("main")).to_contain_text(re.compile(r"Version\s*\d+\.\d+"))
    expect(desk.get_by_role("main")).to_contain_text(re.compile(r"Running for\s*\d+"))
    for path in ("/api/docs", "/api/openapi.json", "/metrics", "/healthz"):
        expect(desk.get_by_role("link", name=path)).to_have_attribute("href", path)
