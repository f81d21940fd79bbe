"""From a visitor's browser to an alert: a page whose script fails, and somebody hears of it."""

from playwright.sync_api import Page

from acceptance.installation import SingleMachine
from servers.process import wait_until
from servers.target import HttpTarget

FAULTY = "<script>for (const name of ['basket', 'pay']) setTimeout(() => { throw new TypeError(name) })</script>"


def test_errors_in_a_page_become_an_alert(machine: SingleMachine, page: Page, http_target: HttpTarget) -> None:
    bounds = {"window_s": 5, "bound": "above", "threshold": 1}
    machine.define("rule", name="Errors in pages", filter={"event_type": "error"}, severity="major", **bounds)
    script = f'<script src="{machine.collector_url}/watchbell.js" data-errors></script>'
    html = f"<!doctype html><title>Shop</title>{script}{FAULTY}"
    http_target.answer(body=html, headers={"Content-Type": "text/html; charset=utf-8"})

    def visited() -> bool:
        # Collectors hear of a new rule after a moment, so people keep coming.
        page.goto(http_target.url)
        return machine.alert(event="Errors in pages", status="open") is not None

    wait_until(visited, 60, "an alert about the errors")
    alert = machine.alert(event="Errors in pages")
    assert alert is not None
    assert alert["severity"] == "major"
