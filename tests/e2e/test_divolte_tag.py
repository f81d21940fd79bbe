"""`/divolte.js` in a browser, against a real collector: what Divolte tests in browsers, and how the script is kept."""

import re

import pytest
from playwright.sync_api import Page

from e2e.tag_site import TagSite, ready
from servers.process import wait_until

QUIRKS = pytest.mark.parametrize("doctype", ["<!doctype html>", ""], ids=["strict", "quirks"])
IDENTIFIER = re.compile(r"0:[0-9a-z]+:[A-Za-z0-9~_]{32}")
EVENT = """divolte.signal('custom', {
    a: {}, b: 'c', c: 'lots of things to escape… !+~?=;()-_[]<>%|^`&"\\'', d: {a: [], b: 'g'}, e: ['1', '2'],
    f: 42, g: 53.2, h: -37, i: -7.83e-9, j: true, k: false, l: null, m: new Date(Date.UTC(2015, 5, 13, 15, 49, 33, 2)),
    n: {a: undefined}, o: [{}, {a: 'b'}], p: [null, undefined, {toJSON: () => 'custom'}], q: 'ụñ⚕😀', r: 1e21})"""
EVENT_PARAMETERS = {
    "a": {},
    "b": "c",
    "c": "lots of things to escape… !+~?=;()-_[]<>%|^`&\"'",
    "d": {"a": [], "b": "g"},
    "e": ["1", "2"],
    "f": 42,
    "g": 53.2,
    "h": -37,
    "i": -7.83e-9,
    "j": True,
    "k": False,
    "l": None,
    "m": "2015-06-13T15:49:33.002Z",
    "n": {},
    "o": [{}, {"a": "b"}],
    "p": [None, None, "custom"],
    "q": "ụñ⚕😀",
    "r": 1e21,
}


@QUIRKS
def test_a_page_view_says_who_where_and_how_large(tag_site, page: Page, doctype: str):
    site: TagSite = tag_site()
    page.set_viewport_size({"width": 800, "height": 500})
    ready(page, site.put("/page", site.script(), doctype=doctype) + "?q=1#part")
    (event,) = site.collector.wait(1)
    said = page.evaluate("({...divolte})")
    assert page.evaluate("document.compatMode") == ("CSS1Compat" if doctype else "BackCompat")
    assert (event.event_type, event.location) == ("pageView", f"{site.url}/page?q=1#part")
    assert (event.party_id, event.session_id, event.page_view_id) == (
        said["partyId"],
        said["sessionId"],
        said["pageViewId"],
    )
    assert event.event_id == said["pageViewId"] + "0"
    assert (event.viewport_width, event.viewport_height, event.pixel_ratio) == (800, 500, 1)
    assert (event.new_party, event.first_in_session, event.referer) == (True, True, None)
    assert (said["isNewPartyId"], said["isFirstInSession"], said["isServerPageView"]) == (True, True, False)
    assert IDENTIFIER.fullmatch(event.party_id)
    assert IDENTIFIER.fullmatch(event.session_id)
    assert abs(event.client_ms - event.received_ms) < 60_000


def test_each_page_view_has_an_identifier_of_its_own_and_the_party_stays(tag_site, page: Page):
    site: TagSite = tag_site()
    first, second = site.put("/1", site.script()), site.put("/2", site.script())
    steps = [
        lambda: page.goto(first),
        lambda: page.goto(second),
        page.reload,
        page.go_back,
        page.go_forward,
    ]
    for count, step in enumerate(steps, 1):
        step()
        site.collector.wait(count)
    events = site.collector.events()
    assert [event.location for event in events] == [first, second, second, first, second]
    assert len({event.page_view_id for event in events}) == 5
    assert len({(event.party_id, event.session_id) for event in events}) == 1
    assert [event.new_party for event in events] == [True, False, False, False, False]
    assert [event.first_in_session for event in events] == [True, False, False, False, False]
    assert page.evaluate("[divolte.isNewPartyId, divolte.isFirstInSession]") == [False, False]


def test_the_referrer_is_sent(tag_site, page: Page):
    site: TagSite = tag_site()
    page.goto(site.put("/from", '<meta name="referrer" content="unsafe-url">', body='<a href="/to">go</a>'))
    site.put("/to", site.script())
    page.get_by_text("go").click()
    assert site.collector.wait(1)[0].referer == f"{site.url}/from"


@QUIRKS
def test_a_script_that_is_loaded_late_works_as_well(tag_site, page: Page, doctype: str):
    site: TagSite = tag_site()
    page.goto(site.put("/page", doctype=doctype))
    page.wait_for_load_state("load")
    page.add_script_tag(url=f"{site.collector.url}/divolte.js")
    assert site.collector.wait(1)[0].event_type == "pageView"
    assert page.evaluate("divolte.signal('late')") == page.evaluate("divolte.pageViewId") + "1"
    assert site.collector.wait(2)[1].event_type == "late"


@QUIRKS
def test_custom_events_arrive_as_they_were(tag_site, page: Page, doctype: str):
    site: TagSite = tag_site()
    ready(page, site.put("/page", site.script(), doctype=doctype))
    identifier = page.evaluate(EVENT)
    event = site.collector.wait(2)[1]
    assert (event.event_id, event.event_type) == (identifier, "custom")
    assert event.parameters() == EVENT_PARAMETERS
    assert event.raw_parameters


def test_an_event_without_a_type_is_none(tag_site, page: Page):
    site: TagSite = tag_site()
    ready(page, site.put("/page", site.script()))
    assert page.evaluate("[divolte.signal(''), divolte.signal()]") == [None, None]
    assert page.evaluate("divolte.signal('ụñ⚕©ºḌℨ😀')").endswith("1")
    assert site.collector.wait(2)[1].event_type == "ụñ⚕©ºḌℨ😀"


def test_the_cookies_are_those_of_the_settings(tag_site, page: Page):
    site: TagSite = tag_site(party_cookie="p1", party_timeout=86_400, session_cookie="s1", session_timeout=600)
    ready(page, site.put("/page", site.script()))
    (event,) = site.collector.wait(1)
    cookies = {cookie.get("name"): cookie for cookie in page.context.cookies()}
    assert {name: cookie.get("value") for name, cookie in cookies.items()} == {
        "p1": event.party_id,
        "s1": event.session_id,
    }
    now = page.evaluate("Date.now()") / 1000
    assert cookies["p1"].get("path") == "/"
    assert abs(cookies["p1"].get("expires", 0) - now - 86_400) < 60
    assert abs(cookies["s1"].get("expires", 0) - now - 600) < 60


def test_the_page_view_identifier_may_come_with_the_script(tag_site, page: Page):
    site: TagSite = tag_site()
    ready(page, site.put("/page", site.script("divolte.js#supplied:42")))
    assert page.evaluate("[divolte.pageViewId, divolte.isServerPageView]") == ["supplied:42", True]
    event = site.collector.wait(1)[0]
    assert (event.page_view_id, event.event_id) == ("supplied:42", "supplied:420")


def test_script_prefix_and_suffix_have_other_names(tag_site, page: Page):
    site: TagSite = tag_site(prefix="/a/b", javascript_name="own_name.js", event_suffix="own-suffix")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("?")[0]))
    ready(page, site.put("/page", site.script("a/b/own_name.js")))
    site.collector.wait(1)
    assert f"{site.collector.url}/a/b/own-suffix" in asked


def test_page_views_may_be_left_to_the_page(tag_site, page: Page):
    site: TagSite = tag_site(auto_page_view_event=False)
    ready(page, site.put("/page", site.script()))
    assert page.evaluate("divolte.signal('first')").endswith("0")
    (event,) = site.collector.wait(1)
    assert (event.event_type, event.new_party, event.first_in_session) == ("first", True, True)


def test_after_the_time_out_the_next_event_goes(tag_site, page: Page):
    site: TagSite = tag_site(event_timeout=0.2)
    held: list[str] = []

    def hold_the_first(route):
        if held:
            route.continue_()
        else:
            held.append(route.request.url)

    page.route("**/csc-event?*", hold_the_first)
    ready(page, site.put("/page", site.script()))
    with page.expect_response(lambda answer: "t=next" in answer.url):
        page.evaluate("divolte.signal('next')")
    assert site.collector.wait(1)[0].event_type == "next"
    assert "t=pageView" in held[0]


def test_when_committed_calls_behind_the_events(tag_site, page: Page):
    site: TagSite = tag_site()
    ready(page, site.put("/page", site.script()))
    page.evaluate("""new Promise((done) => {
        divolte.signal('a')
        divolte.signal('b')
        divolte.whenCommitted(done)
    })""")
    assert site.collector.types() == ["pageView", "a", "b"]


def test_when_committed_calls_at_once_when_nothing_waits(tag_site, page: Page):
    site: TagSite = tag_site()
    ready(page, site.put("/page", site.script()))
    site.collector.wait(1)
    page.evaluate("new Promise((done) => divolte.whenCommitted(done))")
    assert page.evaluate("{ let called = false; divolte.whenCommitted(() => { called = true }); called }") is True


def test_when_committed_waits_no_longer_than_told(tag_site, page: Page):
    site: TagSite = tag_site(event_timeout=600)
    page.route("**/csc-event?*", lambda route: None)
    ready(page, site.put("/page", site.script()))
    page.evaluate("new Promise((done) => divolte.whenCommitted(done, 50))")
    assert site.collector.events() == []


def test_a_module_that_is_there_stays(tag_site, page: Page):
    site: TagSite = tag_site()
    site.pages.answer_path(
        "/first.js", body="window.divolte = {mine: true}", headers={"Content-Type": "text/javascript"}
    )
    page.goto(site.put("/page", '<script src="/first.js"></script>' + site.script() + site.script("watchbell.js")))
    assert page.evaluate("divolte") == {"mine": True}
    assert page.context.cookies() == []
    assert site.collector.events() == []


def test_a_fractional_pixel_ratio_arrives(tag_site, browser):
    site: TagSite = tag_site()
    context = browser.new_context(device_scale_factor=2.625)
    try:
        ready(context.new_page(), site.put("/page", site.script()))
        assert site.collector.wait(1)[0].pixel_ratio == 2.625
    finally:
        context.close()


def test_the_script_is_taken_from_the_browser_s_cache(tag_site, page: Page):
    site: TagSite = tag_site()
    address = site.put("/page", site.script())
    ready(page, address)
    ready(page, address)
    site.collector.wait(2)
    # The browser may tell of a transfer after the script has run.
    timing = f"performance.getEntriesByName('{site.collector.url}/divolte.js')[0]?.transferSize"
    wait_until(lambda: page.evaluate(timing) == 0, 5, "no transfer")


def test_a_page_that_comes_back_from_memory_is_another_page_view(tag_site, memory_page: Page):
    site: TagSite = tag_site()
    address = site.put("/page", site.script())
    ready(memory_page, address)
    # A page that is left while it still loads, or waits for an answer, need not be kept.
    memory_page.wait_for_load_state()
    memory_page.evaluate("new Promise((done) => divolte.whenCommitted(done))")
    memory_page.evaluate("window.kept = true")
    memory_page.goto(site.put("/other"))
    memory_page.go_back(wait_until="commit")
    memory_page.wait_for_function("window.divolte && window.kept")
    first, second = site.collector.wait(2)
    assert first.page_view_id != second.page_view_id == memory_page.evaluate("divolte.pageViewId")
    assert second.event_id == second.page_view_id + "0"
    assert (first.party_id, first.session_id) == (second.party_id, second.session_id)
