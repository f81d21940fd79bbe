"""One machine for each module of these tests, and a person in front of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN, PASSWORD, person

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


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
