"""The pages by mouse alone: sort, scroll, select, act, filter, run and edit a check, resolve an incident."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN
from servers.process import wait_until
from servers.target import HttpTarget

COUNT = 150
LIST = "/alerts?event=Mouse&status=open&sort=resource"


@pytest.fixture(scope="module")
def alerts(administrator: SingleMachine) -> SingleMachine:
    """More alerts than one page of the API holds: `host-000` to `host-149`, of two severities."""
    batch = [
        {
            "resource": f"host-{number:03}",
            "event": "Mouse",
            "environment": "Production",
            "severity": "major" if number % 2 else "minor",
            "service": ["Mice"],
            "text": f"number {number}",
        }
        for number in range(COUNT)
    ]
    administrator.call("POST", "/api/alerts", batch)
    return administrator


@pytest.fixture
def target() -> Iterator[HttpTarget]:
    """What checks look at."""
    with HttpTarget() as started:
        yield started


def row(page: Page, text: str) -> Locator:
    """The row that shows the text."""
    return page.locator('[role="row"][data-id]').filter(has_text=text)


def undo(page: Page, told: str) -> None:
    """Undo what the message tells: messages of what was done before stay for ten seconds."""
    message = page.get_by_role("region", name="Messages").locator(".toast").filter(has_text=told)
    message.get_by_role("button", name="Undo").click()


def first(page: Page) -> Locator:
    """The first row."""
    return page.locator('[role="row"][data-index="0"]')


def test_a_click_on_a_header_sorts_and_another_turns_it_round(alerts: SingleMachine, desk: Page) -> None:
    desk.goto(f"{alerts.url}/alerts?event=Mouse&status=open")
    header = desk.get_by_role("columnheader", name="Resource")
    header.get_by_role("button").click()
    expect(first(desk)).to_contain_text("host-000")
    expect(header).to_have_attribute("aria-sort", "ascending")
    header.get_by_role("button").click()
    expect(first(desk)).to_contain_text(f"host-{COUNT - 1}")
    expect(header).to_have_attribute("aria-sort", "descending")
    expect(desk).to_have_url(re.compile("sort=-resource"))
    desk.reload()
    expect(first(desk)).to_contain_text(f"host-{COUNT - 1}")
    desk.get_by_role("columnheader", name="Severity").get_by_role("button").click()
    expect(first(desk)).to_contain_text("Major")


def test_the_wheel_scrolls_to_the_last_row(alerts: SingleMachine, desk: Page) -> None:
    desk.goto(alerts.url + LIST)
    expect(first(desk)).to_contain_text("host-000")
    first(desk).hover()
    for _ in range(3):
        desk.mouse.wheel(0, 3000)
    last = row(desk, f"host-{COUNT - 1}")
    expect(last).to_be_visible()
    expect(first(desk)).to_have_count(0)
    desk.mouse.wheel(0, -20_000)
    expect(first(desk)).to_contain_text("host-000")


def test_boxes_select_also_a_range_and_buttons_act(alerts: SingleMachine, desk: Page) -> None:
    desk.goto(alerts.url + LIST)
    bar = desk.get_by_role("toolbar")
    row(desk, "host-001").get_by_role("checkbox").click()
    expect(bar).to_contain_text("1 selected")
    row(desk, "host-004").get_by_role("checkbox").click(modifiers=["Shift"])
    expect(bar).to_contain_text("4 selected")
    assert desk.evaluate("getSelection().toString()") == "", "text is marked along the way"
    row(desk, "host-003").get_by_role("checkbox").click()
    expect(bar).to_contain_text("3 selected")
    expect(row(desk, "host-002").get_by_role("checkbox")).to_be_checked()
    expect(row(desk, "host-003").get_by_role("checkbox")).not_to_be_checked()
    bar.get_by_role("button", name="Acknowledge").click()
    expect(desk.get_by_text("3 alerts acknowledged.")).to_be_visible()
    expect(bar).to_have_count(0)
    expect(row(desk, "host-001")).to_have_count(0)
    here = {"event": "Mouse", "status": "ack", "resource": "~host-00"}
    found = alerts.call("GET", "/api/alerts", params=here)["alerts"]
    assert sorted(alert["resource"] for alert in found) == ["host-001", "host-002", "host-004"]

    # The whole width of the cell is the box: a hand that trembles opens nothing.
    box = row(desk, "host-006").locator(".hit")
    box.click(position={"x": 3, "y": 3})
    row(desk, "host-008").locator(".hit").click(position={"x": 3, "y": 3}, modifiers=["Shift"])
    expect(bar).to_contain_text("3 selected")
    bar.get_by_role("button", name="Close").click()
    undo(desk, "3 alerts closed.")
    # Whoever is quick undoes before the rows have gone, so that the page shows no difference.
    alerts.wait_alert(10, resource="host-007")
    expect(row(desk, "host-007")).to_be_visible()


def test_a_row_opens_beside_the_list_and_is_acted_on_there(alerts: SingleMachine, desk: Page) -> None:
    desk.goto(alerts.url + LIST)
    row(desk, "host-020").click()
    panel = desk.get_by_role("complementary")
    expect(panel).to_contain_text("number 20")
    panel.get_by_role("button", name="Acknowledge").click()
    alerts.wait_alert(10, resource="host-020", status="ack")
    panel.get_by_role("button", name="Close").first.click()
    row(desk, "host-021").click()
    expect(panel).to_contain_text("number 21")
    panel.get_by_role("link", name=re.compile("page", re.IGNORECASE)).click()
    expect(desk).to_have_url(re.compile("/alerts/[0-9a-f-]{36}$"))
    desk.get_by_role("main").get_by_role("button", name="Close").click()
    alerts.wait_alert(10, resource="host-021", status="closed")


def test_a_row_that_is_pressed_right_after_scrolling_stays_under_the_mouse(alerts: SingleMachine, desk: Page) -> None:
    """A row that moved between press and release would get no click."""
    desk.goto(alerts.url + LIST)
    expect(first(desk)).to_be_visible()
    grid = desk.get_by_role("grid")
    # In one go, as a mouse that is quicker than the page: the press gives the row the focus.
    grid.evaluate("grid => { grid.scrollTop = 371; grid.querySelector('[data-index=\"20\"]').focus() }")
    expect(desk.locator('[data-index="20"]')).to_have_class(re.compile("cursor"))
    desk.wait_for_timeout(300)
    assert grid.evaluate("grid => grid.scrollTop") == 371
    desk.keyboard.press("j")
    expect(desk.locator('[data-index="21"]')).to_be_focused()


def test_alerts_are_taken_given_away_and_watched(alerts: SingleMachine, desk: Page) -> None:
    me = alerts.call("GET", "/api/users", params={"login": LOGIN})["users"][0]["id"]
    group = alerts.call("POST", "/api/group", {"name": "Mouse keepers"}, 201)["group"]["id"]
    alerts.call("PUT", f"/api/group/{group}/user/{me}")
    desk.goto(alerts.url + LIST)
    for name in ("host-010", "host-012"):
        row(desk, name).get_by_role("checkbox").click()
    desk.get_by_role("toolbar").get_by_role("button", name="Take").click()
    expect(desk.get_by_text(f"2 alerts assigned to {LOGIN}.")).to_be_visible()
    desk.get_by_role("button", name="More").click()
    desk.get_by_role("link", name="Assigned to me").click()
    expect(desk).to_have_url(re.compile(f"assignee={LOGIN}"))
    expect(row(desk, "host-")).to_have_count(2)
    theirs = alerts.wait_alert(resource="host-014")["id"]
    alerts.call("PUT", f"/api/alert/{theirs}/action", {"action": "assign", "assignee": "Mouse keepers"})
    expect(row(desk, "host-014")).to_be_visible()  # what is a group's is mine, too
    alerts.call("PUT", f"/api/alert/{theirs}/action", {"action": "assign", "assignee": ""})
    expect(row(desk, "host-")).to_have_count(2)

    row(desk, "host-010").click()
    panel = desk.get_by_role("complementary")
    expect(panel).to_contain_text(f"Assigned to {LOGIN}")
    panel.get_by_role("button", name="Assign…").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_role("combobox").fill("nobody-here")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_contain_text("there is no person and no group 'nobody-here'")
    dialog.get_by_role("button", name="Cancel").click()
    panel.get_by_role("button", name="Give away").click()
    expect(row(desk, "host-")).to_have_count(1)
    undo(desk, "1 alert assigned to nobody.")
    expect(row(desk, "host-")).to_have_count(2)
    found = alerts.alert(resource="host-010")
    assert found is not None
    assert found["attributes"]["assignee"] == LOGIN

    panel.get_by_role("button", name="Watch").click()
    expect(panel.get_by_role("button", name="Watch no longer")).to_be_visible()
    desk.get_by_role("button", name="More").click()
    desk.get_by_role("link", name="Watched by me").click()
    expect(row(desk, "host-010")).to_be_visible()
    expect(row(desk, "host-")).to_have_count(1)


def test_what_was_acknowledged_is_acknowledged_again_when_its_closing_is_undone(
    alerts: SingleMachine, desk: Page
) -> None:
    for number in (40, 41):
        found = alerts.wait_alert(resource=f"host-0{number}")
        if number == 40:
            alerts.call("PUT", f"/api/alert/{found['id']}/action", {"action": "ack"})
    desk.goto(f"{alerts.url}/alerts?event=Mouse&status=open&status=ack&resource=host-040&resource=host-041")
    for number in (40, 41):
        row(desk, f"host-0{number}").get_by_role("checkbox").click()
    desk.get_by_role("toolbar").get_by_role("button", name="Close").click()
    undo(desk, "2 alerts closed.")
    alerts.wait_alert(resource="host-040", status="ack")
    alerts.wait_alert(resource="host-041", status="open")
    expect(row(desk, "host-040")).to_contain_text("acknowledged")
    expect(row(desk, "host-041")).to_contain_text("open")


def test_a_view_is_saved_chosen_shared_and_removed_with_an_undo(alerts: SingleMachine, desk: Page) -> None:
    save = desk.get_by_role("button", name="Save this view…")

    def entry(name: str) -> Locator:
        if not save.is_visible():
            desk.get_by_role("button", name="More", exact=True).last.click()
        return desk.get_by_role("link", name=name)

    desk.goto(f"{alerts.url}/alerts?event=Mouse&severity=major&sort=-resource")
    row(desk, f"host-{COUNT - 1}").click()  # the panel is no part of the view
    expect(desk).to_have_url(re.compile("open="))
    expect(entry("Wall view")).to_be_visible()
    save.click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("Loud mice ü & <b>")
    dialog.get_by_role("checkbox", name="Everybody sees it").check()
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("View “Loud mice ü & <b>” saved.")).to_be_visible()
    saved = alerts.call("GET", "/api/views")["views"]
    assert [(view["name"], view["query"], view["shared"]) for view in saved] == [
        ("Loud mice ü & <b>", "event=Mouse&severity=major&sort=-resource", True)
    ]

    desk.goto(f"{alerts.url}/alerts?event=Mouse&severity=minor")
    entry("Loud mice").click()
    expect(desk).to_have_url(f"{alerts.url}/alerts?event=Mouse&severity=major&sort=-resource")
    expect(first(desk)).to_contain_text(f"host-{COUNT - 1}")
    expect(entry("Loud mice")).to_have_attribute("aria-current", "true")
    desk.get_by_role("button", name="Remove the view “Loud mice ü & <b>”").click()
    undo(desk, "View “Loud mice ü & <b>” removed.")
    expect(entry("Loud mice")).to_be_visible()
    assert len(alerts.call("GET", "/api/views")["views"]) == 1


def test_somebody_elses_view_is_removed_only_when_asked(alerts: SingleMachine, desk: Page) -> None:
    person = {"login": "mouse-keeper", "name": "Keeper", "password": "correct horse battery", "roles": ["user"]}
    alerts.call("POST", "/api/user", person, 201)
    with httpx.Client(base_url=alerts.url) as keeper:
        said = keeper.post("/api/session", json={name: person[name] for name in ("login", "password")}).json()
        view = {"name": "Of the keeper", "query": "event=Mouse", "shared": True}
        keeper.post("/api/view", json=view, headers={"X-CSRF-Token": said["csrf"]}).raise_for_status()
    desk.goto(alerts.url + LIST)
    for answer, left in (("Cancel", True), ("Delete", False)):
        desk.get_by_role("main").get_by_role("button", name="More", exact=True).click()
        desk.get_by_role("button", name="Remove the view “Of the keeper”").click()
        desk.get_by_role("dialog").get_by_role("button", name=answer).click()
        expect(desk.get_by_role("dialog")).to_have_count(0)
        names = [each["name"] for each in alerts.call("GET", "/api/views")["views"]]
        assert ("Of the keeper" in names) is left


def test_filter_words_go_by_a_click(alerts: SingleMachine, desk: Page) -> None:
    desk.goto(f"{alerts.url}/alerts?event=Mouse&severity=major&resource=host-011&sort=resource")
    bar = desk.get_by_role("search")
    expect(row(desk, "host-")).to_have_count(1)
    bar.get_by_role("button", name=re.compile("host-011")).click()
    expect(row(desk, "host-013")).to_be_visible()
    expect(row(desk, "host-012")).to_have_count(0)
    bar.get_by_role("button", name=re.compile("major")).click()
    expect(row(desk, "host-012")).to_be_visible()
    expect(desk).to_have_url(re.compile(r"/alerts\?(event=Mouse&sort=resource|sort=resource&event=Mouse)$"))
    bar.get_by_role("textbox").or_(bar.get_by_role("combobox")).first.click()
    desk.keyboard.type("severity:minor")
    desk.keyboard.press("Enter")
    expect(row(desk, "host-013")).to_have_count(0)


def test_a_check_is_run_now_and_edited_by_its_form(
    administrator: SingleMachine, desk: Page, target: HttpTarget
) -> None:
    config = {"url": f"{target.url}/first"}
    body = {"name": "By mouse", "type": "http", "interval": 3600, "config": config}
    check = administrator.define("check", **body)
    wait_until(lambda: len(target.requests) == 1, 30, "the first run")
    desk.goto(f"{administrator.url}/checks")
    row(desk, "By mouse").get_by_role("button", name="Run now: By mouse").click()
    wait_until(lambda: len(target.requests) == 2, 15, "the run that the list asked for")
    row(desk, "By mouse").click()
    expect(desk).to_have_url(re.compile(check))
    desk.get_by_role("button", name="Run now").click()
    wait_until(lambda: len(target.requests) == 3, 15, "the run that the page asked for")

    desk.get_by_role("link", name="Edit").click()
    expect(desk.get_by_label("URL")).to_have_value(f"{target.url}/first")
    desk.get_by_label("URL").click(click_count=3)
    desk.keyboard.type(f"{target.url}/second")
    desk.get_by_label("Interval").click(click_count=3)
    desk.keyboard.type("1")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("By mouse was saved.")).to_be_visible()  # for five seconds
    expect(desk.get_by_role("heading", level=1)).to_have_text("By mouse")
    wait_until(lambda: any(request.path == "/second" for request in target.requests), 15, "a run of the edited check")
    stored = administrator.call("GET", f"/api/objects/check/{check}")["object"]["body"]
    assert (stored["interval"], stored["config"]["url"]) == (1, f"{target.url}/second")
    administrator.call("DELETE", f"/api/objects/check/{check}")


def test_an_incident_is_taken_and_resolved_from_its_page(administrator: SingleMachine, desk: Page) -> None:
    administrator.define("service", name="Cellar")
    body = {"environment": "Production", "resource": "cat", "event": "Gone", "severity": "critical"}
    administrator.call("POST", "/api/alert", {**body, "service": ["Cellar"]})
    incident = administrator.wait_incident("Cellar", "open")
    desk.goto(f"{administrator.url}/incidents")
    row(desk, "Cellar").click()
    expect(desk).to_have_url(re.compile(incident["id"]))
    desk.get_by_role("button", name="Acknowledge").click()
    expect(desk.get_by_role("button", name="Give back")).to_be_visible()
    desk.get_by_role("button", name="Resolve").click()
    dialog = desk.get_by_role("dialog").or_(desk.get_by_role("alertdialog"))
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert administrator.incident("Cellar", "acknowledged")
    desk.get_by_role("button", name="Resolve").click()
    dialog.get_by_role("button", name="Resolve").click()
    administrator.wait_incident("Cellar", "resolved")
    expect(desk.get_by_role("button", name="Resolve")).to_have_count(0)
    expect(desk.get_by_role("main")).to_contain_text("resolved")
