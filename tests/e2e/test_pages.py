"""Every page, with something of everything in it: it opens, breaks no policy, axe finds nothing serious, keys work."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import fill, pages
from servers.accessibility import fits, violations
from servers.target import HttpTarget

_KINDS = ("alert", "inhibited", "past", "incident", "check", "service", "blackout", "heartbeat")
PAGES = pages({kind: kind[0] for kind in _KINDS})


@pytest.fixture(scope="module")
def filled(administrator: SingleMachine) -> Iterator[tuple[SingleMachine, dict[str, str]]]:
    """The machine and the ids to open pages with."""
    with HttpTarget() as target:
        yield administrator, fill(administrator, target)


def _open(page: Page, filled: tuple[SingleMachine, dict[str, str]], name: str) -> list[str]:
    """Go to a page by its name; returns the list that gathers what goes wrong in it."""
    machine, ids = filled
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(machine.url + pages(ids)[name])
    _loaded(page)
    return wrong


def _loaded(page: Page) -> None:
    """Wait until the page is there: keys that are pressed before are nobody's, and its work draws a sequence out."""
    expect(page.locator("h1")).not_to_be_empty()
    expect(page.get_by_role("status").filter(has_text="Loading")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_nothing_serious(desk: Page, filled: tuple[SingleMachine, dict[str, str]], name: str) -> None:
    """In light on a desk, and in dark on a phone."""
    desk.emulate_media(reduced_motion="reduce")  # a colour half-way to another has no contrast of its own
    wrong = _open(desk, filled, name)
    assert violations(desk) == []
    desk.emulate_media(color_scheme="dark")
    desk.set_viewport_size({"width": 390, "height": 844})
    fits(desk)
    assert violations(desk) == []
    assert wrong == []


def test_keys_go_to_pages_and_search_finds(desk: Page, filled: tuple[SingleMachine, dict[str, str]]) -> None:
    _open(desk, filled, "now")
    by_key = {"i": "/incidents", "s": "/services", "c": "/checks", "e": "/events", "r": "/reports", "n": "/"}
    for key, path in by_key.items():
        desk.keyboard.press("g")
        desk.keyboard.press(key)
        expect(desk).to_have_url(re.compile(re.escape(path) + "$"))
        _loaded(desk)
    desk.keyboard.press("/")
    search = desk.get_by_role("combobox", name="Search")
    expect(search).to_be_focused()
    assert violations(desk) == []
    search.fill("payment gate")
    expect(desk.get_by_role("option").first).to_contain_text("Payment gateway")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Payment gateway")
    desk.keyboard.press("?")
    expect(desk.get_by_role("dialog", name="Keyboard")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.get_by_role("dialog")).to_have_count(0)


def test_rows_are_selected_and_closed_and_brought_back(
    desk: Page, filled: tuple[SingleMachine, dict[str, str]]
) -> None:
    machine, _ = filled
    desk.goto(f"{machine.url}/alerts?event=ProcessDown&sort=resource&status=open")
    expect(desk.get_by_role("row").nth(1)).to_be_visible()
    for key in ("j", "x", "j", "x"):
        desk.keyboard.press(key)
    bar = desk.get_by_role("toolbar")
    expect(bar).to_contain_text("2 selected")
    # What comes meanwhile waits, so that no row moves under the hand.
    first = desk.locator('[role="row"][data-index="0"]').get_attribute("data-id")
    machine.call(
        "POST",
        "/api/alert",
        {
            "resource": "aaa",
            "event": "ProcessDown",
            "environment": "Production",
            "service": ["Batch"],
            "severity": "minor",
        },
    )
    # At least the one: the sample's own checks may have opened others meanwhile.
    expect(bar).to_contain_text(re.compile(r"[1-9]\d* new"))
    assert desk.locator('[role="row"][data-index="0"]').get_attribute("data-id") == first
    desk.keyboard.press("c")
    desk.get_by_text("2 alerts closed.").hover()  # a message stays as long as the mouse is over it
    expect(desk.locator('[role="row"][data-index="0"]')).to_contain_text("aaa")
    desk.keyboard.press("u")
    expect(desk.get_by_role("row").filter(has_text="worker01")).to_be_visible()


def test_groups_all_that_match_files_and_the_wall_by_key(
    desk: Page, filled: tuple[SingleMachine, dict[str, str]]
) -> None:
    machine, _ = filled
    desk.goto(f"{machine.url}/alerts?event=HighLoad&status=open&status=ack")
    expect(desk.get_by_role("row").filter(has_text="web03")).to_be_visible()
    desk.get_by_label("Group by").select_option("service")
    desk.get_by_label("Group by").blur()
    heading = desk.get_by_role("button", name="Shop 2 alerts")
    expect(heading).to_have_attribute("aria-expanded", "true")
    desk.keyboard.press("j")
    desk.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-expanded", "false")
    expect(desk.get_by_role("row").filter(has_text="web03")).to_have_count(0)
    desk.keyboard.press("c")  # the heading stands for its group
    expect(desk.get_by_text("2 alerts closed.")).to_be_visible()
    desk.keyboard.press("u")
    expect(heading).to_be_visible()

    desk.goto(f"{machine.url}/alerts?event=HighLoad&sort=resource")
    expect(desk.get_by_role("row").filter(has_text="web03")).to_be_visible()
    desk.keyboard.press("j")
    desk.keyboard.press("x")
    bar = desk.get_by_role("toolbar")
    bar.get_by_role("button", name="Select all 2").click()
    expect(bar).to_contain_text("All 2 that match are selected")
    bar.get_by_role("button", name="Shelve").click()
    expect(desk.get_by_text("2 alerts shelved for two hours.")).to_be_visible()
    desk.keyboard.press("u")
    expect(desk.get_by_text("Undone.")).to_be_visible()

    desk.get_by_role("button", name="More", exact=True).last.click()
    with desk.expect_download() as download:
        desk.get_by_role("link", name="Export as CSV").click()
    assert download.value.suggested_filename == "alerts.csv"
    text = download.value.path().read_text("utf-8")
    assert "web03" in text
    assert "db01" not in text
    desk.keyboard.press("w")
    expect(desk).to_have_url(re.compile("/wall"))
    expect(desk.get_by_role("link").filter(has_text="web03")).to_be_visible()
    expect(desk.get_by_role("navigation")).to_have_count(0)
    desk.keyboard.press("Escape")
    expect(desk).to_have_url(re.compile("/alerts"))


def test_an_incident_is_taken_by_key_and_says_who_was_told(
    desk: Page, filled: tuple[SingleMachine, dict[str, str]]
) -> None:
    _open(desk, filled, "incident")
    expect(desk.get_by_role("main")).to_contain_text("answered 200")
    desk.keyboard.press("a")
    expect(desk.get_by_text("Incident acknowledged.")).to_be_visible()
    expect(desk.get_by_role("button", name="Give back")).to_be_visible()
    desk.keyboard.press("n")
    dialog = desk.get_by_role("dialog")
    expect(dialog.get_by_role("textbox")).to_be_focused()
    dialog.get_by_role("textbox").fill("Restarted the gateway.")
    desk.keyboard.press("Control+Enter")
    expect(dialog).to_have_count(0)
    expect(desk.get_by_text("Restarted the gateway.")).to_be_visible()


def test_a_policy_with_steps_is_made_by_the_form_and_edited(
    desk: Page, filled: tuple[SingleMachine, dict[str, str]]
) -> None:
    machine, _ = filled
    _open(desk, filled, "settings-policy-new")
    desk.get_by_label("Name").fill("Nights")
    desk.get_by_role("group", name="Steps").get_by_role("button", name="Add").first.click()
    desk.get_by_role("group", name="Targets").get_by_role("button", name="Add").click()
    desk.get_by_label("Channel").fill("Room")
    desk.get_by_role("button", name="Create").click()
    expect(desk.get_by_role("link", name="Nights")).to_be_visible()
    made = machine.call("GET", "/api/objects/policy/Nights")["object"]["body"]
    assert made["steps"] == [{"after": 0, "targets": [{"channel": "Room", "to": ""}]}]

    desk.get_by_role("link", name="Nights").click()
    desk.get_by_label("After").fill("300")
    desk.reload()  # what was typed is still there
    expect(desk.get_by_label("After")).to_have_value("300")
    desk.get_by_role("button", name="Save").click()
    expect(desk.get_by_text("Nights was saved.")).to_be_visible()
    assert machine.call("GET", "/api/objects/policy/Nights")["object"]["body"]["steps"][0]["after"] == 300


def test_an_inhibition_is_made_by_the_form_and_says_what_it_is_about(
    desk: Page, filled: tuple[SingleMachine, dict[str, str]]
) -> None:
    machine, _ = filled
    for resource, event in (("core1", "RouterDown"), ("far1", "LinkLost"), ("far2", "LinkLost")):
        body = {"environment": "Production", "resource": resource, "event": event, "severity": "major"}
        machine.call("POST", "/api/alert", {**body, "service": ["Network"], "text": "no answer"}, 201)
    desk.goto(f"{machine.url}/settings/inhibition/new")
    desk.get_by_label("Name").fill("Router of the core")
    desk.get_by_role("group", name="Source").get_by_label("Event").fill("RouterDown")
    look = desk.get_by_role("button", name="What is it about now?")
    look.click()
    expect(desk.get_by_text("target: must say which alerts")).to_be_visible()
    desk.get_by_role("group", name="Target").get_by_label("Event").fill("Link*")
    look.click()
    expect(desk.get_by_text("1 alert that stands is its source, 2 are its target")).to_be_visible()
    desk.get_by_role("button", name="Create").click()
    expect(desk).to_have_url(f"{machine.url}/settings/inhibition")
    made = machine.call("GET", "/api/objects/inhibition/Router of the core")["object"]["body"]
    assert (made["source"]["event"], made["target"]["event"]) == ("RouterDown", "Link*")


def test_a_session_that_ended_asks_to_log_in_and_comes_back(
    desk: Page, filled: tuple[SingleMachine, dict[str, str]]
) -> None:
    _open(desk, filled, "checks")
    desk.context.clear_cookies()  # the open page may notice at any moment, so no link of it can be relied on
    desk.goto(f"{filled[0].url}/services")
    expect(desk).to_have_url(re.compile("/login"))
    assert violations(desk) == []
    desk.get_by_label("User name").fill("ada")
    desk.get_by_label("Password").fill("wrong password")
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Invalid username or password")).to_be_visible()
    desk.get_by_label("Password").fill("correct horse battery")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile("/services$"))


def test_the_first_page_needs_less_than_250_kb_of_script(
    desk: Page, filled: tuple[SingleMachine, dict[str, str]]
) -> None:
    _open(desk, filled, "now")
    total = desk.evaluate(
        "performance.getEntriesByType('resource').filter(one => one.name.endsWith('.js'))"
        ".reduce((sum, one) => sum + one.encodedBodySize, 0)"
    )
    assert 0 < total < 250_000
