"""Reports and the archive, by a person: from the first alert to what became of it, and back out again."""

import json
import re
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Dialog, Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import archived

TEXT = "=1+1 <img src=x onerror=alert(1)>"


def test_an_empty_report_says_what_comes_next(desk: Page, administrator: SingleMachine) -> None:
    desk.goto(f"{administrator.url}/reports?resource=nothing-of-this-name")
    expect(desk.get_by_role("heading", name="No alert opened in this time")).to_be_visible()
    desk.get_by_role("link", name="Open the console").click()
    expect(desk).to_have_url(re.compile("/alerts"))
    desk.goto(f"{administrator.url}/archive?resource=nothing-of-this-name")
    expect(desk.get_by_role("heading", name="Nothing in the archive matches")).to_be_visible()
    desk.get_by_role("link", name="Show all of the archive").click()
    expect(desk).to_have_url(re.compile(r"/archive\?last=31536000$"))


def test_a_report_leads_to_what_it_counts(desk: Page, administrator: SingleMachine) -> None:
    archived(administrator, "report-pump", "critical")
    archived(administrator, "report-pump", "critical", event="Slow")
    archived(administrator, "report-gate")
    live = administrator.call(
        "POST",
        "/api/alert",
        {
            "resource": "report-gate",
            "event": "Open",
            "environment": "Production",
            "severity": "minor",
            "service": ["Gates"],
        },
    )["id"]
    desk.goto(administrator.url)
    expect(desk.get_by_role("heading", level=1)).to_have_text("Now")
    desk.keyboard.press("g")
    desk.keyboard.press("r")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Reports")
    desk.keyboard.press("f")
    for word in ("report-pump", "resource:report-gate"):
        expect(desk.get_by_role("search").get_by_role("textbox")).to_be_focused()
        desk.keyboard.type(word)
        desk.keyboard.press("Enter")
        expect(desk).to_have_url(re.compile(word.replace(":", "=")))
    expect(desk).to_have_url(re.compile(r"resource=report-pump&resource=report-gate"))
    expect(desk.get_by_text("4 alerts opened")).to_be_visible()
    expect(desk.get_by_text("3 of 4")).to_have_count(2)
    desk.get_by_role("button", name="Show as a table").click()
    expect(desk.get_by_role("columnheader", name="critical")).to_be_visible()
    longest = desk.get_by_role("table").last
    expect(longest.get_by_role("link", name="report-gate · Open")).to_have_attribute("href", f"/alerts/{live}")
    desk.get_by_role("combobox", name="Time").select_option("Last 7 days")
    expect(desk).to_have_url(re.compile("last=604800"))
    desk.get_by_role("link", name="2 alerts of report-pump, in the archive").click()
    expect(desk).to_have_url(re.compile(r"/archive\?.*resource=report-pump"))
    expect(desk.get_by_role("row")).to_have_count(3)


def test_the_archive_is_searched_opened_and_deleted_by_keys(
    desk: Page, administrator: SingleMachine, tmp_path: Path
) -> None:
    name = archived(administrator, "archive-lift")
    archived(administrator, "archive-door")
    desk.goto(f"{administrator.url}/archive")
    expect(desk.get_by_role("link", name="archive-lift")).to_be_visible()
    desk.keyboard.press("f")
    expect(desk.get_by_role("search").get_by_role("textbox")).to_be_focused()
    desk.keyboard.type("LIFT over")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile(r"q=LIFT(\+|%20)over"))
    expect(desk.get_by_role("row")).to_have_count(2)
    desk.get_by_role("button", name="As a file").click()
    with desk.expect_download() as kept:
        desk.get_by_role("link", name="JSON").click()
    kept.value.save_as(tmp_path / "archive.json")
    (row,) = json.loads((tmp_path / "archive.json").read_text())["alerts"]
    assert row["alertId"] == name
    desk.keyboard.press("Escape")
    desk.locator("h1").click()
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile(f"/archive/{row['id']}$"))
    expect(desk.get_by_role("heading", level=1)).to_have_text("archive-lift · Down")
    expect(desk.get_by_text("by admin-key").first).to_be_visible()
    expect(desk.get_by_text("mended")).to_be_visible()
    # Whoever follows an old link to the alert is led on.
    desk.goto(f"{administrator.url}/alerts/{name}")
    desk.get_by_role("link", name="Show it in the archive").click()
    expect(desk).to_have_url(re.compile(f"/archive/{row['id']}$"))
    desk.get_by_role("button", name="Delete").click()
    desk.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(desk.get_by_text("Deleted from the archive.")).to_be_visible()
    assert administrator.call("GET", f"/api/archive?resource={quote('archive-lift')}")["alerts"] == []


def test_hostile_text_is_shown_as_text(desk: Page, administrator: SingleMachine) -> None:
    said: list[str] = []

    def heard(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    desk.on("dialog", heard)
    archived(administrator, "hostile", event="Down")
    name = archived(administrator, "hostile", event=TEXT)
    for path in ("/reports?resource=hostile", "/archive?resource=hostile", f"/archive/{name}"):
        desk.goto(administrator.url + path)
        expect(desk.get_by_text(TEXT).first).to_be_visible()
    assert said == []
