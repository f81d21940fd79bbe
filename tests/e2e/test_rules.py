"""An event rule in the pages: taken from a preset, saved, previewed, looked at."""

import re
from urllib.parse import quote

from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from acceptance.telling import send_event
from servers.process import wait_until


def test_a_preset_fills_the_form_and_the_rule_is_saved(desk: Page, administrator: SingleMachine) -> None:
    desk.goto(f"{administrator.url}/settings/rule/new")
    desk.get_by_role("button", name="Pages slow").click()
    expect(desk.get_by_label("Name", exact=False).first).to_have_value("pages slow")
    expect(desk.get_by_label("Percentile")).to_have_value("75")
    desk.get_by_label("Measure").select_option("count")
    expect(desk.get_by_label("Percentile")).to_have_count(0)
    desk.get_by_label("Measure").select_option("percentile")
    desk.get_by_role("button", name="Create").click()
    expect(desk).to_have_url(re.compile("/settings/rule$"))
    stored = administrator.call("GET", "/api/objects/rule/pages%20slow")["object"]["body"]
    assert (stored["measure"], stored["field"], stored["threshold"]) == ("percentile", "parameters.lcp", 2500)


def test_a_wrong_expression_is_said_beside_its_field(desk: Page, administrator: SingleMachine) -> None:
    desk.goto(f"{administrator.url}/settings/rule/new")
    desk.get_by_label("Name", exact=False).first.fill("wrong")
    desk.get_by_label("Where", exact=True).fill("colour == 1")
    desk.get_by_role("button", name="Create").click()
    expect(desk.get_by_text("'colour' is not a field of an event").first).to_be_visible()


def test_windows_are_drawn_and_other_bounds_are_tried(desk: Page, administrator: SingleMachine) -> None:
    bounds = {"window_s": 5, "bound": "above", "threshold": 1000, "late_s": 5}
    rule_id = administrator.define("rule", name="baskets", filter={"event_type": "basket"}, **bounds)

    def counted() -> bool:
        send_event(administrator, "basket")
        found = administrator.call("GET", f"/api/rules/{quote(rule_id)}/windows?hours=1")["windows"]
        return any(row["value"] for row in found)

    wait_until(counted, 60, "a window with events")
    desk.goto(f"{administrator.url}/rules/{rule_id}")
    expect(desk.get_by_role("img", name="baskets: value of each window")).to_be_visible()
    expect(desk.get_by_text("within bounds")).to_be_visible()
    desk.get_by_role("link", name="Edit").click()
    desk.get_by_label("Threshold").fill("0")
    desk.get_by_role("button", name="Preview").click()
    expect(desk.get_by_text(re.compile(r"It would have fired \d+ time"))).to_be_visible()
