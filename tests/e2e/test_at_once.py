"""Several people at once: drafts over what others saved, undoing what others changed, a server that is away."""

import re

from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from servers.accessibility import violations


def test_a_draft_does_not_overwrite_what_somebody_else_saved(administrator: SingleMachine, desk: Page) -> None:
    host = administrator.define("host", name="at-once-1", address="192.0.2.1")
    form = f"{administrator.url}/settings/host/{host}"
    desk.goto(form)
    desk.get_by_label("Address").fill("192.0.2.99")
    desk.goto(f"{administrator.url}/alerts")
    administrator.call("PUT", f"/api/objects/host/{host}", {"name": "at-once-1", "tags": ["theirs"]})
    desk.goto(form)
    expect(desk.get_by_text("This is what you had typed before.")).to_be_visible()
    expect(desk.get_by_label("Address")).to_have_value("192.0.2.99")
    desk.get_by_role("button", name="Save").click()
    told = desk.get_by_role("alert").filter(has_text="meanwhile")
    expect(told).to_contain_text("Save again to put yours in its place, or discard yours to see theirs.")
    assert violations(desk) == []
    told.get_by_role("button", name="Discard it").click()
    expect(desk.get_by_label("Address")).to_have_value("")
    desk.get_by_label("Address").fill("192.0.2.2")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("at-once-1 was saved.")).to_be_visible()
    kept = administrator.call("GET", f"/api/objects/host/{host}")["object"]["body"]
    assert (kept["address"], kept["tags"]) == ("192.0.2.2", ["theirs"])


def test_a_name_that_is_taken_is_no_conflict(administrator: SingleMachine, desk: Page) -> None:
    administrator.define("host", name="at-once-2")
    host = administrator.define("host", name="at-once-3")
    desk.goto(f"{administrator.url}/settings/host/{host}")
    desk.get_by_label("Name").fill("at-once-2")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("There is a host named 'at-once-2' already.")).to_be_visible()
    expect(desk.get_by_label("Name")).to_be_focused()
    expect(desk.get_by_text("meanwhile")).to_have_count(0)
    administrator.call("PUT", f"/api/objects/host/{host}", {"name": "at-once-3", "tags": ["theirs"]})
    desk.get_by_label("Name").fill("at-once-4")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("meanwhile")).to_be_visible()


def test_what_cannot_be_undone_any_more_is_not_called_undone(administrator: SingleMachine, desk: Page) -> None:
    sent = {"resource": "at-once", "event": "Undo", "environment": "Production", "service": ["x"], "severity": "major"}
    alert = administrator.call("POST", "/api/alert", sent)["id"]
    desk.goto(f"{administrator.url}/alerts/{alert}")
    desk.get_by_role("button", name="Acknowledge").click()
    desk.get_by_role("button", name="Undo").hover()  # a message stays as long as the mouse is over it
    administrator.call("PUT", f"/api/alert/{alert}/action", {"action": "close"})
    desk.get_by_role("button", name="Undo").click()
    expect(desk.get_by_text(re.compile("1 alert could not be changed"))).to_be_visible()
    expect(desk.get_by_text("Undone.")).to_have_count(0)


def test_a_note_survives_that_the_server_is_away(administrator: SingleMachine, desk: Page) -> None:
    sent = {"resource": "at-once", "event": "Note", "environment": "Production", "service": ["x"], "severity": "major"}
    alert = administrator.call("POST", "/api/alert", sent)["id"]
    desk.goto(f"{administrator.url}/alerts/{alert}")
    desk.get_by_role("button", name="Note", exact=True).click()
    note = desk.get_by_role("dialog").get_by_role("textbox")
    note.fill("half a thought")
    desk.route("**/api/alert/**", lambda route: route.abort())
    administrator.call("PUT", f"/api/alert/{alert}/tag", {"tags": ["changed"]})
    # What stands behind a dialog has no role for those who read by it.
    expect(desk.locator('[role="alert"]').filter(has_text="cannot be reached")).to_be_attached()
    expect(note).to_have_value("half a thought")
    desk.unroute("**/api/alert/**")
    note.press("Control+Enter")
    expect(desk.get_by_role("dialog")).to_have_count(0)
    expect(desk.get_by_text("half a thought")).to_be_visible()


def test_the_search_finds_what_it_shows_and_goes_where_it_says(administrator: SingleMachine, desk: Page) -> None:
    sent = {"resource": r"eu-at07.once C:\x", "event": "LoadHigh", "environment": "Production", "service": ["x"]}
    alert = administrator.call("POST", "/api/alert", sent | {"severity": "major", "text": "of (1)"})["id"]
    desk.goto(f"{administrator.url}/services")
    expect(desk.get_by_role("heading", name="Services", exact=True)).to_be_visible()
    desk.keyboard.press("/")
    asked = desk.get_by_role("combobox", name="Search")
    asked.fill("at07 high")
    desk.get_by_role("option").filter(has_text="eu-at07.once").click()
    expect(desk).to_have_url(re.compile(alert))
    desk.keyboard.press("/")
    asked.fill("at07")
    expect(desk.get_by_role("option").filter(has_text="eu-at07.once")).to_be_visible()
    asked.fill(r"at07 C:\x")
    asked.press("Enter")
    expect(desk).to_have_url(re.compile("/alerts.q="))
    expect(desk.locator('[role="row"][data-id]')).to_have_count(1)
