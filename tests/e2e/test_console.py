"""The console and the wall in a browser: what fits, where the keys and the focus are, and where links lead."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from acceptance.installation import SingleMachine
from servers.process import wait_until

COUNT = 62
WHOLE = """list => list.children.length > 0 && [...list.children].every(
    card => card.getBoundingClientRect().bottom <= list.getBoundingClientRect().bottom)"""


@pytest.fixture(scope="module")
def alerts(administrator: SingleMachine) -> SingleMachine:
    """Alerts `host-00` to `host-61`, more than a wall has room for."""
    batch = [
        {
            "resource": f"host-{number:02}",
            "event": "Console",
            "environment": "Development" if number % 3 else "Production",
            "severity": "major" if number % 2 else "minor",
            "service": ["Desk"],
            "text": f"number {number}",
        }
        for number in range(COUNT)
    ]
    administrator.call("POST", "/api/alerts", batch)
    return administrator


def test_the_wall_shows_whole_cards_and_counts_the_others(alerts: SingleMachine, desk: Page) -> None:
    for width, height in ((1280, 800), (1600, 1000)):
        desk.set_viewport_size({"width": width, "height": height})
        desk.goto(f"{alerts.url}/wall?event=Console")
        cards = desk.locator("li.alert")
        expect(cards.first).to_be_visible()
        # The counts above the cards come with them and take their room: how many fit is known a frame later.
        wait_until(lambda: desk.locator("ul.cards").evaluate(WHOLE), 10, "no card that is cut off")
        expect(desk.get_by_text(f"and {COUNT - cards.count()} more")).to_be_visible()
    desk.set_viewport_size({"width": 390, "height": 844})
    expect(desk.locator("li.alert")).to_have_count(60)  # a phone is scrolled


def row(page: Page, text: str) -> Locator:
    """The row that shows the text."""
    return page.locator('[role="row"][data-id]').filter(has_text=text)


def test_an_alert_and_the_wall_lead_back_to_the_list_as_it_was(alerts: SingleMachine, desk: Page) -> None:
    desk.goto(f"{alerts.url}/alerts?event=Console&severity=minor&status=open&sort=resource")
    expect(row(desk, "host-00")).to_be_visible()
    desk.get_by_label("Group by").select_option("environment")
    desk.get_by_label("Group by").blur()
    expect(desk).to_have_url(re.compile("by=environment"))
    desk.keyboard.press("w")
    expect(desk).to_have_url(re.compile("/wall"))
    desk.keyboard.press("Escape")
    expect(desk).to_have_url(re.compile(r"/alerts\?(?=.*by=environment)(?=.*severity=minor)(?=.*sort=resource)"))
    row(desk, "host-00").click()
    desk.get_by_role("complementary").get_by_role("link", name=re.compile("page", re.IGNORECASE)).click()
    expect(desk.get_by_role("heading", level=1)).to_contain_text("host-00")
    desk.reload()
    desk.get_by_role("main").get_by_role("link", name=re.compile("Alerts$")).click()
    expect(desk).to_have_url(re.compile(r"/alerts\?(?=.*by=environment)(?=.*severity=minor)(?=.*sort=resource)"))
    desk.keyboard.press("g")
    desk.keyboard.press("a")
    expect(desk).to_have_url(re.compile(r"/alerts\?status=open&status=ack$"))


def test_the_panel_scrolls_by_keys_and_gives_the_focus_back(alerts: SingleMachine, desk: Page) -> None:
    desk.goto(f"{alerts.url}/alerts?event=Console&status=open&sort=resource")
    row(desk, "host-03").click()
    panel = desk.get_by_role("complementary")
    panel.get_by_role("tab", name="Raw").click()
    panel.locator("pre").focus()
    desk.keyboard.press("End")
    desk.keyboard.press("ArrowDown")
    expect(panel.get_by_role("heading")).to_contain_text("host-03")
    expect(panel.get_by_role("tab", name="Raw")).to_have_attribute("aria-selected", "true")
    desk.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(row(desk, "host-03")).to_be_focused()
    desk.keyboard.press("ArrowDown")
    expect(row(desk, "host-04")).to_be_focused()


def test_an_exact_time_is_read_whole_at_the_edge(alerts: SingleMachine, desk: Page) -> None:
    desk.set_viewport_size({"width": 1280, "height": 800})
    desk.goto(f"{alerts.url}/alerts?event=Console&status=open&sort=resource")
    row(desk, "host-03").click()
    panel = desk.get_by_role("complementary")
    expect(panel.locator(".timeline time").first).to_be_visible()
    panel.locator("h2").focus()
    for _ in range(40):
        desk.keyboard.press("Tab")
        if desk.evaluate("document.activeElement.matches('.timeline time')"):
            break
    exact = panel.locator(".timeline").get_by_role("tooltip").first
    expect(exact).to_be_visible()
    box = exact.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 1280


def test_a_menu_gives_the_focus_back_also_from_its_dialog(alerts: SingleMachine, desk: Page) -> None:
    desk.goto(f"{alerts.url}/alerts?event=Console&status=open&sort=resource")
    more = desk.get_by_role("main").get_by_role("button", name="More", exact=True)
    more.click()
    desk.get_by_role("button", name="Save this view").click()
    desk.get_by_role("dialog").get_by_role("textbox").fill("Desk")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("dialog")).to_have_count(0)
    expect(more).to_be_focused()


def test_what_is_sorted_anew_far_down_shows_its_rows(alerts: SingleMachine, desk: Page) -> None:
    batch = [
        {"resource": f"far-{number:03}", "event": "Far", "environment": "Production", "service": ["Desk"]}
        for number in range(260)
    ]
    alerts.call("POST", "/api/alerts", batch)
    desk.goto(f"{alerts.url}/alerts?event=Far&sort=resource")
    expect(row(desk, "far-000")).to_be_visible()
    desk.get_by_role("grid").evaluate("grid => { grid.scrollTop = grid.scrollHeight }")
    row(desk, "far-255").click()
    expect(desk.get_by_role("complementary")).to_contain_text("far-255")
    expect(row(desk, "far-254")).to_be_visible()
    desk.keyboard.press("Escape")
    desk.get_by_role("columnheader", name="Resource").get_by_role("button").click()
    expect(desk).to_have_url(re.compile("sort=-resource"))
    expect(row(desk, "far-").first).to_be_visible()
