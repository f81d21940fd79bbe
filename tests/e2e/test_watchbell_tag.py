"""`/watchbell.js` in a browser, against a real collector: what it does more than `/divolte.js`."""

import json
import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from e2e.tag_site import EVENT_TIMEOUT, TagSite, ready
from servers.process import wait_until
from watchbell.collector.sources import BrowserSource
from watchbell.collector.tag import Tag

PIXEL = re.compile(r"/csc-event\?")
SENT = re.compile(r"/csc-events?\b")


def parties(page: Page) -> dict[str, Any]:
    """The tag's cookies."""
    return {cookie.get("name", ""): cookie for cookie in page.context.cookies()}


def commit(page: Page) -> None:
    """Wait until the events so far have been sent."""
    page.evaluate("new Promise((done) => watchbell.whenCommitted(done))")


def test_a_page_changes_only_the_address_of_the_script(tag_site, page: Page):
    site: TagSite = tag_site()
    ready(page, site.put("/old", site.script("divolte.js")))
    page.evaluate("divolte.signal('x', {a: [1, 2.5, 'ü']})")
    ready(page, site.put("/new", site.script("watchbell.js")))
    identifier = page.evaluate("divolte.signal('x', {a: [1, 2.5, 'ü']})")
    assert page.evaluate("divolte === watchbell")
    events = site.collector.wait(4)
    assert [event.event_type for event in events] == ["pageView", "x", "pageView", "x"]
    assert len({(event.party_id, event.session_id) for event in events}) == 1
    assert [event.first_in_session for event in events] == [True, False, False, False]
    assert events[1].raw_parameters == events[3].raw_parameters
    assert events[3].event_id == identifier
    assert page.evaluate("[watchbell.isNewPartyId, watchbell.isFirstInSession]") == [False, False]


def test_it_runs_under_a_strict_policy_with_its_hash(tag_site, page: Page):
    told: dict[str, Any] = {"report_errors": True, "report_vitals": True, "route_page_views": "history"}
    site: TagSite = tag_site(**told)
    made = Tag(BrowserSource(event_timeout=EVENT_TIMEOUT, **told))
    integrity = made.scripts[made.versioned].integrity
    origin = site.collector.url
    directives = ["default-src 'none'", *(f"{kind}-src {origin}" for kind in ("script", "img", "connect"))]
    policy = "; ".join([*directives, "require-trusted-types-for 'script'"])
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    script = site.script(made.versioned.lstrip("/"), f'integrity="{integrity}" crossorigin="anonymous" async')
    address = site.put("/page", script, Content_Security_Policy=policy)
    slowly = {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slowly)
    ready(page, address, "watchbell")
    page.evaluate("watchbell.signal('long', {text: 'x'.repeat(9000)})")
    page.evaluate("history.pushState(null, '', '/next')")
    page.goto("about:blank")
    types = {event.event_type for event in site.collector.wait(4)}
    assert types >= {"pageView", "long", "vitals"}
    assert complaints == []


def test_a_script_that_was_changed_is_not_run(tag_site, page: Page):
    site: TagSite = tag_site()
    script = site.script("watchbell.js", f'integrity="sha384-{"A" * 64}" crossorigin="anonymous"')
    page.goto(site.put("/page", script))
    assert page.evaluate("typeof watchbell") == "undefined"


def test_what_waits_when_a_page_is_left_arrives_as_a_batch(tag_site, page: Page):
    site: TagSite = tag_site()
    other = site.put("/other")
    ready(page, site.put("/page", site.script("watchbell.js")))
    page.evaluate(f"for (let n = 0; n < 200; n++) watchbell.signal('many', {{n}}); location.href = '{other}'")
    page.wait_for_url(other)
    site.collector.wait(201)
    # What was under way when the page was left may come twice, with the same identifier.
    events = {event.event_id: event for event in site.collector.events()}.values()
    assert sorted(event.parameters()["n"] for event in events if event.event_type == "many") == list(range(200))
    together = Counter(event.received_ms for event in events).most_common(1)[0][1]
    assert together > 50, "they came one by one"


def test_events_of_a_page_without_a_network_arrive_when_it_is_back(tag_site, page: Page):
    site: TagSite = tag_site()
    ready(page, site.put("/page", site.script("watchbell.js")))
    site.collector.wait(1)
    commit(page)
    page.context.set_offline(True)
    page.evaluate("watchbell.signal('offline')")
    page.wait_for_function("(localStorage.getItem('_dvp_queue') || '').includes('offline')")
    page.context.set_offline(False)
    assert [event.event_type for event in site.collector.wait(2)] == ["pageView", "offline"]
    page.wait_for_function("localStorage.getItem('_dvp_queue') === null")


def test_events_that_a_page_could_not_send_are_sent_by_the_next_one(tag_site, page: Page):
    site: TagSite = tag_site()
    address = site.put("/page", site.script("watchbell.js"))
    page.route(PIXEL, lambda route: route.fulfill(status=503, body="full"))
    ready(page, address)
    first = page.evaluate("watchbell.pageViewId")
    page.wait_for_function("(localStorage.getItem('_dvp_queue') || '').includes('pageView')")
    page.unroute(PIXEL)
    ready(page, address)
    events = site.collector.wait(2)
    assert [event.page_view_id for event in events][1] == first
    assert [event.new_party for event in events] == [False, True]


def test_what_a_killed_page_was_sending_is_sent_by_a_later_one(tag_site, page: Page):
    """A page has taken an event that was kept, and is killed before there is an answer."""
    site: TagSite = tag_site()
    address, bare = site.put("/page", site.script("watchbell.js")), site.put("/bare")
    asked: list[str] = []
    page.route(SENT, lambda route: (asked.append(route.request.url), route.abort()))
    ready(page, address)
    first = page.evaluate("watchbell.pageViewId")
    page.goto(bare)
    item = {"query": asked[0].partition("?")[2], "time": time.time() * 1000}
    page.evaluate("item => localStorage.setItem('_dvp_queue', JSON.stringify([item]))", item)
    page.unroute(SENT)

    killed = page.context.new_page()
    killed.route(PIXEL, lambda route: None if first[2:] in route.request.url else route.continue_())
    ready(killed, address)
    kept = "localStorage.getItem('_dvp_queue') || ''"
    wait_until(lambda: "taken" in page.evaluate(kept), 10, "its taking")
    crash(killed)
    assert first[2:] in page.evaluate(kept)

    page.clock.install(time=datetime.now(UTC) + timedelta(minutes=2))
    with page.expect_response(lambda answer: first[2:] in answer.url):
        ready(page, address)
    wait_until(lambda: page.evaluate(kept) == "", 10, "nothing to be kept")
    assert first in [event.page_view_id for event in site.collector.events()]


def crash(page: Page) -> None:
    """End a page as the end of its process does: its script hears nothing of it."""
    page.context.new_cdp_session(page).send("Emulation.setScriptExecutionDisabled", {"value": True})
    page.close()


def test_calls_before_the_script_are_made_when_it_is_there(tag_site, page: Page):
    site: TagSite = tag_site()
    early = "(window.watchbellQueue = window.watchbellQueue || []).push(['signal', 'early', {n: 1}])"
    script = site.script("watchbell.js", "async")
    ready(page, site.put("/page", f"<script>{early}</script>{script}"))
    page.evaluate("watchbellQueue.push(['signal', 'late'])")
    assert [event.event_type for event in site.collector.wait(3)] == ["pageView", "early", "late"]


def test_routes_of_a_single_page_application_are_page_views(tag_site, page: Page):
    site: TagSite = tag_site()
    ready(page, site.put("/a", site.script("watchbell.js", 'data-routes="history"')))
    page.evaluate("history.pushState({}, '', '/b')")
    page.evaluate("history.replaceState({}, '', '/b#part')")
    page.evaluate("watchbell.signal('click')")
    page.go_back()
    page.evaluate("watchbell.pageView({location: 'https://shop.example/c', referrer: 'https://shop.example/'})")
    events = site.collector.wait(5)
    assert [(event.event_type, event.location, event.referer) for event in events] == [
        ("pageView", f"{site.url}/a", None),
        ("pageView", f"{site.url}/b", f"{site.url}/a"),
        ("click", f"{site.url}/b#part", f"{site.url}/a"),
        ("pageView", f"{site.url}/a", f"{site.url}/b"),
        ("pageView", "https://shop.example/c", "https://shop.example/"),
    ]
    assert len({event.page_view_id for event in events}) == 4


def test_a_session_is_over_after_its_pause(tag_site, page: Page):
    site: TagSite = tag_site()
    page.clock.install(time=1_700_000_000)
    ready(page, site.put("/page", site.script("watchbell.js")))
    site.collector.wait(1)
    page.clock.fast_forward("29:00")
    page.evaluate("watchbell.signal('in time')")
    site.collector.wait(2)
    page.clock.fast_forward("31:00")
    page.context.clear_cookies(name="_dvs")  # its time is over, too
    page.evaluate("watchbell.signal('too late')")
    page.evaluate("watchbell.signal('again')")
    events = site.collector.wait(4)
    assert [event.first_in_session for event in events] == [True, False, True, False]
    sessions = [event.session_id for event in events]
    assert sessions[0] == sessions[1] != sessions[2] == sessions[3]
    assert page.evaluate("watchbell.sessionId") == sessions[3] == parties(page)["_dvs"]["value"]


def test_without_consent_nothing_is_stored_and_nothing_sent(tag_site, page: Page):
    site: TagSite = tag_site(consent="pending")
    ready(page, site.put("/page", site.script("watchbell.js")))
    page.evaluate("watchbell.signal('held')")
    assert page.evaluate("[document.cookie, localStorage.length, watchbell.consent()]") == ["", 0, "pending"]
    page.evaluate("watchbell.consent('granted')")
    assert [event.event_type for event in site.collector.wait(2)] == ["pageView", "held"]
    assert set(parties(page)) == {"_dvp", "_dvs"}
    commit(page)
    page.evaluate("watchbell.consent('denied')")
    assert page.evaluate("watchbell.signal('never')") is None
    assert page.evaluate("[document.cookie, localStorage.length]") == ["", 0]
    page.evaluate("watchbell.consent('cookieless')")
    page.evaluate("watchbell.signal('nobody')")
    events = site.collector.wait(3)
    assert events[2].event_type == "nobody"
    assert events[2].party_id != events[0].party_id
    assert parties(page) == {}


@pytest.mark.parametrize(("option", "state"), [("", "granted"), ("denied", "denied"), ("cookieless", "cookieless")])
def test_global_privacy_control_is_heeded_as_the_settings_say(tag_site, page: Page, option: str, state: str):
    site: TagSite = tag_site(global_privacy_control=option)
    page.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    ready(page, site.put("/page", site.script("watchbell.js")))
    assert page.evaluate("watchbell.consent()") == state
    page.evaluate("watchbell.signal('x')")
    page.evaluate("watchbell.consent('granted')")
    page.evaluate("watchbell.signal('y')")
    expected = ["pageView", "y"] if state == "denied" else ["pageView", "x", "y"]
    assert [event.event_type for event in site.collector.wait(len(expected))] == expected


def test_the_collector_sets_the_cookie(tag_site, page: Page):
    site: TagSite = tag_site(server_cookie=True)
    address = site.put("/page", site.script("watchbell.js"))
    ready(page, address)
    commit(page)
    cookie = parties(page)["_dvp"]
    assert (cookie["secure"], cookie["sameSite"]) == (True, "Lax")
    assert cookie["value"] == page.evaluate("watchbell.partyId")
    ready(page, address)
    events = site.collector.wait(2)
    assert [event.party_id for event in events] == [cookie["value"]] * 2


def test_errors_and_vitals_are_told_when_asked_for(tag_site, page: Page):
    site: TagSite = tag_site()
    body = "<p>Some text to paint</p><script>setTimeout(() => { missing.thing() })</script>"
    address = site.put("/page", site.script("watchbell.js", 'data-errors data-vitals="true"'), body=body)
    ready(page, address)
    page.evaluate("void Promise.reject(new RangeError('too far'))")
    page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    page.mouse.click(10, 10)
    site.collector.wait(3)
    page.goto("about:blank")
    events = site.collector.wait(4)
    assert len({event.event_id for event in events}) == 4
    said = [event.parameters() for event in events if event.event_type == "error"]
    assert {error["kind"]: error["name"] for error in said} == {"error": "ReferenceError", "rejection": "RangeError"}
    assert any("missing" in error["message"] and error["source"] == address for error in said), json.dumps(said)
    (vitals,) = (event.parameters() for event in events if event.event_type == "vitals")
    assert vitals["fcp"] > 0
    assert vitals["ttfb"] >= 0


def test_they_are_not_told_otherwise(tag_site, page: Page):
    site: TagSite = tag_site()
    ready(page, site.put("/page", site.script("watchbell.js"), body="<script>missing.thing()</script>"))
    page.evaluate("watchbell.signal('last')")
    commit(page)
    page.goto("about:blank")
    assert {event.event_type for event in site.collector.wait(2)} == {"pageView", "last"}


def test_it_is_a_module_for_those_who_want_one(tag_site, page: Page):
    site: TagSite = tag_site()
    code = f"import {{ start }} from '{site.collector.url}/watchbell.mjs'; window.mine = start({{ routes: 'history' }})"
    page.goto(site.put("/page", f'<script type="module">{code}</script>'))
    page.wait_for_function("typeof window.mine === 'object'")
    assert page.evaluate("[typeof watchbell, typeof divolte]") == ["undefined", "undefined"]
    page.evaluate("history.pushState({}, '', '/b')")
    assert [event.event_type for event in site.collector.wait(2)] == ["pageView", "pageView"]


def test_a_slow_answer_holds_nothing_up_and_nothing_is_sent_twice(tag_site, page: Page):
    site: TagSite = tag_site(event_timeout=0.1)
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(PIXEL, hold_the_first)
    ready(page, site.put("/page", site.script("watchbell.js")))
    with page.expect_response(lambda answer: "t=next" in answer.url):
        page.evaluate("watchbell.signal('next')")
    with page.expect_response(lambda answer: "t=pageView" in answer.url):
        held[0].continue_()
    commit(page)
    page.unroute(PIXEL)
    page.goto("about:blank")
    assert [event.event_type for event in site.collector.wait(2)] == ["next", "pageView"]


def test_tabs_share_the_session_and_what_could_not_be_sent(tag_site, page: Page):
    site: TagSite = tag_site()
    address = site.put("/page", site.script("watchbell.js"))
    ready(page, address)
    site.collector.wait(1)
    commit(page)
    page.route(PIXEL, lambda route: route.abort())
    page.evaluate("watchbell.signal('lost')")
    page.wait_for_function("(localStorage.getItem('_dvp_queue') || '').includes('lost')")
    other = page.context.new_page()
    ready(other, address)
    events = site.collector.wait(3)
    assert [event.event_type for event in events] == ["pageView", "pageView", "lost"]
    assert len({(event.party_id, event.session_id) for event in events}) == 1
