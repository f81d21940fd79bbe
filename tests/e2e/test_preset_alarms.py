"""The presets about pages, from a browser to the alert: errors that the tag reports, and pages that are slow."""

from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Page

from acceptance.installation import SingleMachine
from acceptance.learned import define_learned
from servers.process import wait_until
from servers.target import HttpTarget

SHORTER: dict[str, Any] = {"window_s": 10, "late_s": 10, "at_least": 1}
"""Windows that a test can wait for, and which two or three visits fill; everything else is the preset's own."""

FAULTY = "<script>for (const name of ['basket', 'pay']) setTimeout(() => { throw new TypeError(name) })</script>"
SLOW = """<p>Please wait</p><script>
setTimeout(() => {
  const title = document.createElement('h1')
  title.style.fontSize = '80px'
  title.textContent = 'The catalogue of everything there is'
  document.body.append(title)
}, 2600)
</script>"""

PAINTED = """() => new Promise(done => new PerformanceObserver(list => {
  if (list.getEntries().some(entry => entry.startTime > 2500)) setTimeout(done)
}).observe({type: 'largest-contentful-paint', buffered: true}))"""
"""The browser reports a paint a while after it: then it has told the tag, too, which began to listen before."""


def preset(machine: SingleMachine, name: str) -> dict[str, Any]:
    """The rule of a preset, with shorter windows."""
    found = {one["id"]: one["rule"] for one in machine.call("GET", "/api/rules/presets")["presets"]}
    return {**found[name], **SHORTER}


def test_failing_and_slow_pages_raise_the_presets_alerts(
    machine: SingleMachine, page: Page, http_target: HttpTarget
) -> None:
    """An error in a hundred page views was usual; now there are two in each, which take three seconds to paint."""
    now = datetime.now(UTC)
    database = f"sqlite:///{machine.folder / 'data' / 'watchbell.db'}"
    define_learned(machine, database, preset(machine, "javascript-errors"), [0.009, 0.01, 0.011], now)
    machine.define("rule", **preset(machine, "pages-slow"))
    script = f'<script src="{machine.collector_url}/watchbell.js" data-errors data-vitals></script>'
    html = f"<!doctype html><title>Shop</title>{script}<body>{FAULTY}{SLOW}"
    http_target.answer(body=html, headers={"Content-Type": "text/html; charset=utf-8"})

    def visited() -> bool:
        page.goto(http_target.url)
        page.evaluate(PAINTED)
        return all(machine.alert(event=event, status="open") for event in ("JavaScriptErrors", "PagesSlow"))

    wait_until(visited, 120, "alerts about errors and slow pages")
    errors, slow = (machine.alert(event=event) for event in ("JavaScriptErrors", "PagesSlow"))
    assert errors is not None
    assert slow is not None
    assert (errors["severity"], errors["resource"]) == ("major", "pages")
    assert float(errors["attributes"]["high"].removesuffix(" %")) < 5, errors
    assert (slow["severity"], slow["resource"]) == ("minor", "pages")
    assert "2500" in slow["attributes"]["reason"].replace(",", ""), slow
    assert machine.alert(event="JavaScriptErrors", status="closed") is None
