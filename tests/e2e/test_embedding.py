"""Counts of alerts in a page of another origin: shown, kept up to date, never more than the key may."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from servers.target import HttpTarget

HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.fixture(scope="module")
def site() -> Iterator[HttpTarget]:
    with HttpTarget() as target:
        yield target


@pytest.fixture(scope="module")
def machine(site: HttpTarget) -> Iterator[SingleMachine]:
    """A machine that lets the site's pages ask."""
    installation = SingleMachine(WATCHBELL_SERVER__CORS_ORIGINS=f'["{site.url}"]')
    try:
        yield installation
    finally:
        installation.stop()


@pytest.fixture(scope="module")
def embedding_key(machine: SingleMachine) -> str:
    """A key for nothing else."""
    _alert(machine, "till-1", "critical", "Production")
    _alert(machine, "till-2", "minor", "Production")
    _alert(machine, "desk-1", "critical", "Development")
    made = machine.call("POST", "/api/key", {"user": "page", "scopes": ["read:oembed"], "text": "the intranet"})
    return made["key"]


def _alert(machine: SingleMachine, resource: str, severity: str, environment: str) -> None:
    body = {"resource": resource, "event": "Down", "environment": environment, "service": ["Shop"]}
    machine.call("POST", "/api/alert", body | {"severity": severity})


def _put(site: HttpTarget, path: str, body: str) -> str:
    page = f"<!doctype html><meta charset=utf-8><title>Intranet</title>{body}"
    site.answer_path(path, body=page, headers=HTML)
    return site.url + path


def test_counts_appear_in_a_page_of_another_origin_and_follow(
    machine: SingleMachine, site: HttpTarget, embedding_key: str, page: Page
) -> None:
    page.clock.install()
    address = _put(
        site,
        "/counts",
        f'<script src="{machine.url}/api/embed.js" data-key="{embedding_key}" defer></script>'
        '<div data-watchbell-counts="environment=Production" data-title="<b>Tills</b>"></div>',
    )
    page.goto(address)
    counts = page.locator("[data-watchbell-counts]")
    expect(counts).to_contain_text("<b>Tills</b>: 2")
    expect(counts).to_contain_text("critical: 1")
    _alert(machine, "till-3", "critical", "Production")
    page.clock.fast_forward(60_000)
    expect(counts).to_contain_text("<b>Tills</b>: 3")


def test_what_was_written_for_jquery_goes_on(
    machine: SingleMachine, site: HttpTarget, embedding_key: str, page: Page
) -> None:
    """With a stand-in for jQuery's `fn` and `each`, which is all that the script asks of it."""
    jquery = (
        "window.$ = window.jQuery = function (s) { return Object.assign(Object.create(jQuery.fn),"
        " { all: [...document.querySelectorAll(s)] }) };"
        "jQuery.fn = { each(f) { this.all.forEach((e, i) => f.call(e, i, e)); return this } }"
    )
    address = _put(
        site,
        "/jquery",
        f'<p id="c"></p><script>{jquery}</script><script src="{machine.url}/api/embed.js"></script>'
        f"<script>$('#c').alerta('/alerts/count?environment=Development',"
        f" {{endpoint: '{machine.url}/api', key: '{embedding_key}', title: 'Desks'}})</script>",
    )
    page.goto(address)
    expect(page.locator("#c")).to_contain_text("Desks: 1")


def test_a_wrong_key_shows_nothing_and_says_so(machine: SingleMachine, site: HttpTarget, page: Page) -> None:
    address = _put(
        site,
        "/wrong",
        f'<script src="{machine.url}/api/embed.js" data-key="wrong" defer></script>'
        '<div data-watchbell-counts=""></div>',
    )
    page.goto(address)
    expect(page.locator("[data-watchbell-counts]")).to_have_attribute("data-watchbell-stale", "")
    expect(page.locator("[data-watchbell-counts]")).to_be_empty()
