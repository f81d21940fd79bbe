"""Chromium, tested: it opens pages, and it leaves no event loop behind for the modules that come after."""

import asyncio

import pytest

from servers.accessibility import violations


@pytest.mark.parametrize("word", ["hello", "again"])
def test_browser_opens_a_page(page, http_target, word):
    http_target.answer(200, f"<h1>{word}</h1>", headers={"Content-Type": "text/html"})
    page.goto(http_target.url)
    assert page.locator("h1").inner_text() == word


def test_each_test_has_a_fresh_profile(page, http_target):
    page.goto(http_target.url)
    assert page.context.cookies() == []
    page.context.add_cookies([{"name": "left", "value": "over", "url": http_target.url}])


def test_its_loop_runs_while_it_is_open(browser):
    """Why modules with a browser hold synchronous tests only (tests/conftest.py refuses the mix)."""
    assert browser.is_connected()
    assert asyncio.get_running_loop() is not None


STRICT = {"Content-Type": "text/html", "Content-Security-Policy": "default-src 'self'"}


def test_axe_finds_what_is_wrong_under_a_strict_policy(page, http_target):
    http_target.answer(200, '<html lang="en"><title>t</title><main><input type="text"></main>', headers=STRICT)
    page.goto(http_target.url)
    assert [line.partition(" ")[0] for line in violations(page)] == ["label"]


def test_axe_finds_nothing_in_a_good_page(page, http_target):
    http_target.answer(200, '<html lang="en"><title>t</title><main><h1>Hello</h1></main>', headers=STRICT)
    page.goto(http_target.url)
    assert violations(page) == []
