"""Webhooks in the pages: a format is written for what came, tried on it and saved; the next message is an alert."""

import re

import httpx
from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine

BODY = {"problems": [{"host": "web07", "check": "Disk", "level": "fatal", "message": "95 % used", "state": "open"}]}


def post(machine: SingleMachine, key: str, status: int) -> None:
    answer = httpx.post(f"{machine.url}/api/webhooks/shop", json=BODY, headers={"X-API-Key": key})
    assert answer.status_code == status, answer.text


def test_a_format_is_made_for_what_came(desk: Page, administrator: SingleMachine) -> None:
    key = administrator.call("POST", "/api/key", {"scopes": ["write:webhooks"], "text": "hook"})["key"]
    post(administrator, key, 404)
    desk.goto(f"{administrator.url}/settings/webhook")
    desk.get_by_role("link", name="shop", exact=True).click()
    editor = desk.get_by_label("Format, as YAML or JSON")
    expect(editor).to_have_value(re.compile('name: "shop"'))
    # The message that was refused is chosen by itself, and tried.
    expect(desk.get_by_label("The message")).to_have_value(re.compile("web07"))
    expect(desk.get_by_role("heading", name="1 alert", exact=True)).to_be_visible()
    expect(desk.get_by_role("status").get_by_text("Disk on web07: 95 % used")).to_be_visible()
    good = editor.input_value()
    editor.fill(good.replace("$.host}", "host}", 1))
    expect(desk.get_by_text("is not a JSONPath").first).to_be_attached()
    editor.fill(good)
    expect(desk.get_by_text("No problems.")).to_be_visible()
    desk.get_by_role("button", name="Create").click()
    expect(desk).to_have_url(re.compile("/settings/webhook$"))
    post(administrator, key, 201)
    (alert,) = administrator.call("GET", "/api/alerts?resource=web07")["alerts"]
    assert (alert["event"], alert["severity"], alert["text"]) == ("Disk", "critical", "Disk on web07: 95 % used")
    desk.goto(f"{administrator.url}/alerts")
    expect(desk.get_by_text("web07").first).to_be_visible()


def test_every_vendor_has_its_address(desk: Page, administrator: SingleMachine) -> None:
    desk.goto(f"{administrator.url}/settings/webhook")
    desk.get_by_text("Grafana", exact=True).click()
    expect(desk.get_by_text(f"{administrator.url}/api/webhooks/grafana", exact=True)).to_be_visible()
    expect(desk.get_by_text(re.compile("curl -H 'X-API-Key"))).not_to_have_count(0)
