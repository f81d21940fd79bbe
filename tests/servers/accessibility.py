"""axe-core in the page under test: what keeps people with a keyboard, a screen reader or weak eyes out."""

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

from servers.process import wait_until

_AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_STILL = """() => Promise.allSettled(
  document.getAnimations()
    .filter(animation => Number.isFinite(animation.effect?.getComputedTiming().endTime))
    .map(animation => animation.finished)
).then(() => {})"""
_RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


@cache
def _source() -> str:
    return _AXE.read_text()


def violations(page: Page, *, impacts: frozenset[str] = frozenset({"serious", "critical"})) -> list[str]:
    """Return what axe finds in the page as it stands, one line for each element, of the given impacts.

    Colours that are still changing are waited for: half-way they have a contrast that nobody reads by. axe runs
    through the debugging protocol, so a strict content security policy does not keep it out.
    """
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(f"() => {{ {_source()} }}")
    page.evaluate(_STILL)
    found = page.evaluate(_RUN)
    return [
        f"{violation['id']} ({violation['impact']}): {violation['help']}: {' '.join(map(str, node['target']))}"
        for violation in found
        if violation["impact"] in impacts
        for node in violation["nodes"]
    ]


def fits(page: Page) -> None:
    """Nothing sticks out at the side. What scripts size follows a new width of the page in a later frame."""
    sticking_out = "document.documentElement.scrollWidth > innerWidth"
    wait_until(lambda: not page.evaluate(sticking_out), 5, "a page that does not scroll sideways")
