"""One machine for each module of these tests, and a person in front of it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN, PASSWORD, person
from e2e.tag_site import TagCollector, TagSite
from servers.process import PATIENCE, find_program
from servers.target import HttpTarget

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="module")
def machine() -> Iterator[SingleMachine]:
    """`watchbell up`, new and empty."""
    installation = SingleMachine()
    try:
        yield installation
    finally:
        installation.stop()


@pytest.fixture(scope="module")
def administrator(machine: SingleMachine) -> SingleMachine:
    """The machine, with its first administrator."""
    person(machine)
    return machine


@pytest.fixture
def desk(administrator: SingleMachine, browser_context: "BrowserContext") -> "Page":
    """A page of the administrator, logged in."""
    answer = browser_context.request.post(
        f"{administrator.url}/api/session", data={"login": LOGIN, "password": PASSWORD}
    )
    assert answer.ok, answer.text()
    return browser_context.new_page()


@pytest.fixture
def tag_site(tmp_path: Path, http_target: HttpTarget) -> Iterator[Callable[..., TagSite]]:
    """Makes a site and its collector; arguments are settings of the collector's browser source."""
    with ExitStack() as running:
        yield lambda **source: TagSite(running.enter_context(TagCollector(tmp_path, **source)), http_target)


@pytest.fixture
def memory_page(browser: "Browser") -> Iterator["Page"]:
    """A page of a browser that keeps pages in memory when they are left; Playwright's own switch that off."""
    kind = browser.browser_type
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
    opened = kind.launch(
        executable_path=find_program("chromium", "chromium"),
        args=arguments,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    page = opened.new_page()
    page.set_default_timeout(20_000 * PATIENCE)
    yield page
    opened.close()
