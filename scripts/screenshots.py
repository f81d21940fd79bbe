"""Pictures of every page, in both themes, on a desk and on a phone, with what axe finds serious.

    .venv/bin/python scripts/screenshots.py [--out DIR] [--only NAME …]

Starts an installation of its own with something of everything in it. Ends with status 1 when a page breaks the content
security policy, throws an error, or axe finds something serious.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from playwright.sync_api import Browser, ConsoleMessage, Page

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN, PASSWORD, fill, pages, person
from servers.accessibility import violations
from servers.browser import open_browser
from servers.target import HttpTarget

WIDTHS = {"desk": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
_EMPTY = ("", "alerts", "checks", "events", "reports", "archive", "blackouts", "heartbeats")
EMPTY = {f"empty-{page or 'now'}": f"/{page}" for page in _EMPTY}


class Camera:
    """Takes the pictures and gathers what is wrong."""

    def __init__(self, browser: Browser, base: str, out: Path, only: list[str]) -> None:
        self._browser, self._base, self._out, self._only = browser, base, out, only
        self.faults: list[str] = []

    def take(self, wanted: dict[str, str], *, logged_in: bool = True) -> None:
        """Every wanted page in every shape."""
        wanted = {name: path for name, path in wanted.items() if not self._only or name in self._only}
        for theme in THEMES:
            for shape, (width, height) in WIDTHS.items():
                context = self._browser.new_context(
                    viewport={"width": width, "height": height}, color_scheme=theme, has_touch=shape == "phone"
                )
                if logged_in:
                    credentials = {"login": LOGIN, "password": PASSWORD}
                    context.request.post(f"{self._base}/api/session", data=credentials)
                page = context.new_page()
                for name, path in wanted.items():
                    self._picture(page, path, f"{name}-{theme}-{shape}")
                context.close()

    def _picture(self, page: Page, path: str, name: str) -> None:
        said: list[str] = []

        def hear(message: object) -> None:
            said.append(str(getattr(message, "text", message)))

        page.on("pageerror", hear)
        page.on("console", lambda message: hear(message) if _is_fault(message) else None)
        page.goto(self._base + path)
        page.wait_for_selector("h1")
        # The live connection never ends, so there is no idle network to wait for.
        page.wait_for_timeout(700)
        page.screenshot(path=str(self._out / f"{name}.png"))
        found = violations(page)
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        self.faults += [f"{name}: {one}" for one in [*said, *found, *(["scrolls sideways"] if wide else [])]]
        page.remove_listener("pageerror", hear)


def _is_fault(message: ConsoleMessage) -> bool:
    # Who is not logged in is told so: the browser reports the 401 that the log-in page asked for.
    return message.type == "error" and "401" not in message.text


def main() -> int:
    """Take them all; 0 when nothing is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests/e2e/out"))
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    installation = SingleMachine()
    try:
        with HttpTarget() as target, open_browser() as browser:
            camera = Camera(browser, installation.url, options.out, options.only)
            camera.take({"setup": "/setup#token=none"}, logged_in=False)
            person(installation)
            camera.take({"login": "/login"}, logged_in=False)
            camera.take(EMPTY)
            camera.take(pages(fill(installation, target)))
    finally:
        installation.stop()
    for fault in sorted(set(camera.faults)):
        print(fault)
    print(f"Pictures are in {options.out}.")
    return 1 if camera.faults else 0


if __name__ == "__main__":
    sys.exit(main())
