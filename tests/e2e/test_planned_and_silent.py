"""The pages of blackouts and heartbeats: what is planned to be quiet, and what is quiet against all plans."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from acceptance.installation import SingleMachine
from servers.accessibility import fits, violations

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


def _alert(machine: SingleMachine, resource: str, **more: Any) -> str:
    body = {
        "environment": "Production",
        "resource": resource,
        "event": "Down",
        "severity": "major",
        "service": ["Racks"],
    }
    return machine.call("POST", "/api/alert", {**body, "text": "no answer", **more}, 201)["id"]


def _row(page: Page, words: str) -> Locator:
    return page.get_by_role("row").filter(has_text=words)


def _fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    fits(page)
    assert violations(page) == []
    page.set_viewport_size({"width": 1280, "height": 800})


def test_a_blackout_is_made_looked_at_and_ended_by_keys(desk: Page, administrator: SingleMachine) -> None:
    alert = _alert(administrator, "rack7-a")
    desk.goto(administrator.url)
    expect(desk.get_by_role("heading", level=1)).not_to_be_empty()
    desk.keyboard.press("g")
    desk.keyboard.press("b")
    desk.get_by_role("link", name="New blackout").first.click()
    desk.get_by_label("Name").fill("Rack 7")
    desk.get_by_label("Text").fill(f"Moves {HOSTILE}")
    desk.get_by_label("Environment").fill("Production")
    warning = desk.get_by_text("It silences everything in Production.")
    expect(warning).to_be_visible()
    desk.get_by_label("Resource").fill("rack7-*")
    expect(warning).to_have_count(0)
    desk.get_by_role("button", name="What does it silence now?").click()
    expect(desk.get_by_text("It would silence 1 open alert.")).to_be_visible()
    expect(desk.get_by_role("link", name="rack7-a Down")).to_be_visible()
    assert violations(desk) == []
    desk.get_by_role("button", name="Create").click()
    expect(desk).to_have_url(f"{administrator.url}/blackouts")

    row = _row(desk, "rack7-*")
    expect(row).to_be_visible()
    desk.keyboard.press("f")
    expect(desk.get_by_role("search").get_by_role("textbox")).to_be_focused()
    desk.keyboard.type("rack7")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(f"{administrator.url}/blackouts?q=rack7")
    desk.keyboard.press("Escape")
    expect(row).to_contain_text(re.compile(r"Active.*ends in \d"))
    expect(row).to_contain_text("ada")
    expect(row).to_contain_text(HOSTILE)
    assert desk.locator("main img").count() == 0
    administrator.wait_alert(resource="rack7-a", status="blackout")
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    panel = desk.get_by_role("complementary")
    expect(panel.get_by_text("1 alert is silent under it.")).to_be_visible()
    expect(panel.get_by_role("link", name="rack7-a Down")).to_have_attribute("href", f"/alerts/{alert}")
    assert violations(desk) == []
    _fits_a_phone(desk)
    desk.keyboard.press("c")
    dialog = desk.get_by_role("dialog", name="End Rack 7 now?")
    assert violations(desk) == []
    dialog.get_by_role("button", name="End now").click()
    expect(desk.get_by_text("Rack 7 has ended.")).to_be_visible()
    expect(row).to_contain_text("Expired")
    expect(panel.get_by_text("Pending")).to_have_count(0)
    administrator.wait_alert(resource="rack7-a", status="open")
    assert "owned" not in desk.title()


def test_a_blackout_is_copied_edited_filtered_and_deleted(desk: Page, administrator: SingleMachine) -> None:
    define = administrator.define
    define(
        "blackout",
        name="Old move",
        environment="Production",
        resource="hall2",
        start="2026-01-01T00:00:00Z",
        duration=600,
    )
    # Half a year away, whenever this runs.
    began = (datetime.now(UTC) - timedelta(days=180)).strftime("%Y-%m-%dT%H:00:00Z")
    recurring = {"start": began, "duration": 3600, "recurrence": "FREQ=YEARLY"}
    weekly = define("blackout", name="Power test", environment="Production", resource="hall3", **recurring)
    desk.goto(f"{administrator.url}/blackouts?q=hall")
    expect(_row(desk, "hall3")).to_contain_text(re.compile("Pending.*begins in .*recurs"))
    desk.get_by_role("navigation", name="Status").get_by_role("link", name="Expired").click()
    expect(_row(desk, "hall3")).to_have_count(0)
    _row(desk, "hall2").get_by_role("link").click()
    desk.get_by_role("complementary").get_by_role("link", name="Copy").click()
    expect(desk.get_by_label("Name")).to_have_value("Old move 2")
    desk.get_by_role("button", name="Create").click()
    expect(desk).to_have_url(f"{administrator.url}/blackouts")
    expect(desk.get_by_role("row").filter(has_text="hall2")).to_have_count(2)
    copy = administrator.call("GET", "/api/blackouts?name=Old move 2")["blackouts"][0]
    assert (copy["status"], copy["duration"], copy["user"]) == ("active", 600, "ada")

    desk.goto(f"{administrator.url}/blackouts?open={weekly}")
    panel = desk.get_by_role("complementary")
    expect(panel.get_by_text("FREQ=YEARLY")).to_be_visible()
    desk.keyboard.press("e")
    expect(desk).to_have_url(f"{administrator.url}/blackouts/{weekly}")
    desk.get_by_label("Resource").fill("hall4")
    desk.get_by_role("button", name="Save").click()
    # What somebody else does shows by itself.
    other = define(
        "blackout", name="Other", environment="Production", resource="hall9", start="2090-01-01T00:00:00Z", duration=60
    )
    expect(_row(desk, "hall9")).to_be_visible()
    administrator.call("DELETE", f"/api/blackout/{other}")
    expect(_row(desk, "hall9")).to_have_count(0)
    _row(desk, "hall4").get_by_role("link").click()
    expect(panel).to_contain_text("hall4")
    desk.keyboard.press("Delete")
    desk.get_by_role("dialog", name="Delete Power test?").get_by_role("button", name="Delete").click()
    expect(desk.get_by_text("Power test was deleted.")).to_be_visible()
    expect(_row(desk, "hall4")).to_have_count(0)
    assert administrator.call("GET", "/api/blackouts?name=Power test")["total"] == 0


@pytest.fixture
def reader(administrator: SingleMachine, desk: Page) -> Page:
    """A page of somebody who may only read."""
    administrator.call(
        "POST", "/api/user", {"login": "reader", "name": "", "password": "correct horse battery", "roles": ["watcher"]}
    )
    desk.context.clear_cookies()
    answer = desk.context.request.post(
        f"{administrator.url}/api/session", data={"login": "reader", "password": "correct horse battery"}
    )
    assert answer.ok, answer.text()
    return desk


@pytest.fixture(scope="module")
def watcher_role(administrator: SingleMachine) -> None:
    """A role for the reader."""
    administrator.call("POST", "/api/perm", {"match": "watcher", "scopes": ["read"]})


@pytest.mark.usefixtures("watcher_role")
def test_who_may_only_read_sees_no_buttons(reader: Page, administrator: SingleMachine) -> None:
    seen = {"environment": "Production", "resource": "seen-only", "user": "ada"}
    blackout = administrator.define("blackout", name="Seen", **seen)
    administrator.call("POST", "/api/heartbeat", {"origin": "seen/only"}, 201)
    group = administrator.call("POST", "/api/group", {"name": "Seen only"}, 201)["id"]
    administrator.call("PUT", f"/api/group/{group}/user/reader", {})
    administrator.call("POST", "/api/customer", {"match": "seen.example", "customer": "Seen"}, 201)
    names = re.compile("^(New|End|Delete|Edit|Copy|Add|Save|Take)")
    for path, words in (
        (f"/blackouts?open={blackout}", "until it is deleted"),
        ("/heartbeats", "seen/only"),
        ("/settings/groups", "Seen only"),
        ("/settings/customers", "seen.example"),
    ):
        reader.goto(administrator.url + path)
        expect(reader.get_by_role("main")).to_contain_text(words)
        for role in ("button", "link"):
            expect(reader.get_by_role("main").get_by_role(role, name=names)).to_have_count(0)
    reader.goto(f"{administrator.url}/settings/groups")
    reader.get_by_role("button", name="Seen only").click()
    dialog = reader.get_by_role("dialog")
    expect(dialog).to_contain_text("reader")
    expect(dialog.get_by_role("textbox")).to_have_count(0)


def test_heartbeats_come_live_and_lead_to_the_alert_that_one_raised(desk: Page, administrator: SingleMachine) -> None:
    call = administrator.call
    desk.goto(f"{administrator.url}/heartbeats?origin=probe/{HOSTILE}")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Heartbeats")
    late = "2026-01-01T00:00:00.000Z"
    call("POST", "/api/heartbeat", {"origin": f"probe/{HOSTILE}", "createTime": late, "tags": [HOSTILE]}, 201)
    row = _row(desk, "probe/")
    expect(row).to_contain_text("Slow")
    expect(row).to_contain_text(HOSTILE)
    assert desk.locator("main img").count() == 0
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    panel = desk.get_by_role("complementary")
    expect(panel.get_by_role("link", name=re.compile("HeartbeatSlow"))).to_be_visible()
    assert violations(desk) == []
    _fits_a_phone(desk)
    panel.get_by_role("link", name=re.compile("HeartbeatSlow")).click()
    expect(desk).to_have_url(re.compile("/alerts/"))
    expect(desk.get_by_role("main")).to_contain_text("HeartbeatSlow")
    desk.go_back()

    call("POST", "/api/heartbeat", {"origin": f"probe/{HOSTILE}", "timeout": 1}, 201)
    expect(row).to_contain_text("Expired")
    expect(row.get_by_role("link", name="HeartbeatFail")).to_be_visible()
    row.get_by_role("link", name=HOSTILE).click()
    expect(panel).to_contain_text("Expired")
    desk.keyboard.press("Delete")
    dialog = desk.get_by_role("dialog")
    expect(dialog).to_contain_text("It is watched no longer")
    dialog.get_by_role("button", name="Delete").click()
    expect(desk.get_by_text("No heartbeat matches these words.")).to_be_visible()
    assert call("GET", "/api/heartbeats?origin=~probe/")["total"] == 0
    assert "owned" not in desk.title()


def test_a_job_that_pings_stands_beside_the_origins(desk: Page, administrator: SingleMachine) -> None:
    desk.goto(f"{administrator.url}/heartbeats")
    desk.get_by_role("link", name="New ping address").first.click()
    desk.get_by_label("Name").fill("Nightly import")
    desk.get_by_role("button", name="Create").click()
    expect(desk).to_have_url(f"{administrator.url}/heartbeats")
    row = _row(desk, "Nightly import")
    expect(row).to_contain_text("No ping yet")
    identifier = administrator.call("GET", "/api/objects/heartbeat/Nightly import")["object"]["id"]
    row.get_by_role("link").click()
    expect(desk.get_by_role("complementary")).to_contain_text(f"/ping/{identifier}")
    administrator.call("GET", f"/ping/{identifier}/7")
    expect(row).to_contain_text("Failed")
    administrator.call("GET", f"/ping/{identifier}")
    expect(row).to_contain_text("OK")
    desk.keyboard.press("e")
    expect(desk).to_have_url(f"{administrator.url}/heartbeats/{identifier}")
    desk.go_back()
    expect(desk.get_by_role("complementary")).to_contain_text(f"/ping/{identifier}")
    desk.keyboard.press("Delete")
    desk.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(desk.get_by_text("Nightly import was deleted.")).to_be_visible()
    expect(row).to_have_count(0)
