"""The pages about events: live, counts, funnels, sessions, and the request behind a record, by mouse and by key."""

import re
import socket
from contextlib import suppress
from threading import Event, Thread
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Page, expect

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN, PASSWORD, person
from servers.accessibility import fits, violations
from servers.process import PATIENCE, wait_until

KINDS = ("pageView", "addToBasket", "checkout")


def send(machine: SingleMachine) -> None:
    """Ten parties: all look, six fill a basket, three pay; and one party that searches for something hostile."""
    events = [
        {
            "event_type": kind,
            "party_id": f"0:p:{party}",
            "session_id": f"0:s:{party}",
            "location": f"https://shop.example/{kind}/{party}",
            "parameters": {"total": 10 * (party + 1), "colour": ("red", "blue")[party % 2]},
        }
        for party in range(10)
        for kind in KINDS[: 1 + (party < 6) + (party < 3)]
    ]
    events.append({"event_type": "<img src=x onerror=alert(1)>", "party_id": "0:p:99", "session_id": "0:s:99"})
    httpx.post(f"{machine.collector_url}/events", json=events).raise_for_status()

    def archived() -> bool:
        asked = {"ask": "counts", "last": 3600}
        return machine.call("POST", "/api/events/queries", asked)["answer"]["total"] == len(events)

    wait_until(archived, 60, "all events in the archive")
    httpx.get(f"{machine.collector_url}/csc-event", params={"p": "<b>broken</b>", "s": "x"})


@pytest.fixture(scope="module")
def shop(administrator: SingleMachine) -> SingleMachine:
    """The machine, with what a few visitors did."""
    send(administrator)
    return administrator


def calm(page: Page) -> list[str]:
    """Opens nothing yet; gathers what goes wrong."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.emulate_media(reduced_motion="reduce")
    return wrong


def test_an_empty_installation_says_how_to_begin(page: Page) -> None:
    machine = SingleMachine()  # of its own: the other tests of this module send events
    try:
        person(machine)
        logged_in = page.request.post(f"{machine.url}/api/session", data={"login": LOGIN, "password": PASSWORD})
        assert logged_in.ok, logged_in.text()
        page.goto(f"{machine.url}/events/explore")
        expect(page.get_by_text(f"curl -X POST {machine.collector_url}/events")).to_be_visible()
        assert violations(page) == []
    finally:
        machine.stop()


def test_counts_by_a_field_lead_to_the_events_and_their_requests(desk: Page, shop: SingleMachine) -> None:
    wrong = calm(desk)
    desk.goto(f"{shop.url}/events")
    desk.get_by_role("link", name="Explore").click()
    expect(desk.get_by_role("link", name="20 events")).to_be_visible()
    by = desk.get_by_label("Count by")
    by.fill("event_type")
    by.press("Enter")
    expect(desk).to_have_url(re.compile("by=event_type"))
    row = desk.get_by_role("row").filter(has_text="addToBasket").first
    expect(row).to_contain_text("30.0 %")
    assert violations(desk) == []
    row.get_by_role("link", name=re.compile("^6: ")).click()
    expect(desk).to_have_url(re.compile("where=event_type=addToBasket"))
    expect(desk.get_by_role("link", name="6 events")).to_be_visible()
    desk.get_by_role("button", name="addToBasket", exact=True).first.click()
    panel = desk.get_by_role("complementary", name="Event")
    expect(panel).to_contain_text('"event_type":"addToBasket"')
    expect(panel).to_contain_text("https://shop.example/addToBasket/")
    assert violations(desk) == []
    desk.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    assert wrong == []


def test_conditions_are_typed_removed_and_explained(desk: Page, shop: SingleMachine) -> None:
    wrong = calm(desk)
    desk.goto(f"{shop.url}/events/explore")
    field = desk.get_by_role("combobox", name="Conditions")
    expect(field).to_be_visible()
    desk.keyboard.press("f")
    expect(field).to_be_focused()
    field.fill("nonsense")
    field.press("Enter")
    expect(desk.get_by_role("alert")).to_contain_text("is no condition")
    field.fill("parameters.total>=50")
    field.press("Enter")
    expect(desk.get_by_role("link", name="8 events")).to_be_visible()
    desk.get_by_role("button", name="Remove parameters.total>=50").click()
    expect(desk.get_by_role("link", name="20 events")).to_be_visible()
    number = desk.get_by_label("Percentiles of")
    number.fill("parameters.total")
    number.press("Enter")
    expect(desk.get_by_text("Half below")).to_be_visible()
    assert violations(desk) == []
    assert wrong == []


def test_a_chart_is_zoomed_by_dragging_and_read_as_a_table(desk: Page, shop: SingleMachine) -> None:
    desk.goto(f"{shop.url}/events/explore?last=3600")
    # What stands above the chart comes with the answers: the chart stays where it is from then on.
    expect(desk.get_by_role("link", name="20 events")).to_be_visible()
    expect(desk.get_by_text("Looking …")).to_have_count(0)
    plot = desk.locator(".u-over").first
    box = plot.bounding_box()
    assert box is not None
    desk.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
    desk.mouse.down()
    desk.mouse.move(box["x"] + box["width"] * 0.98, box["y"] + 60, steps=5)
    desk.mouse.up()
    expect(desk).to_have_url(re.compile("from=.*to="))
    desk.get_by_role("button", name="Show as a table").click()
    expect(desk.get_by_role("columnheader", name="Time")).to_be_visible()
    desk.get_by_role("button", name="Remove Chosen time").click()
    expect(desk).not_to_have_url(re.compile("from="))


def test_a_funnel_from_its_address(desk: Page, shop: SingleMachine) -> None:
    wrong = calm(desk)
    steps = "&".join(f"step={quote(f'event_type={kind}', safe='')}" for kind in KINDS)
    desk.goto(f"{shop.url}/events/funnels")
    expect(desk.get_by_text("A funnel has at least two steps")).to_be_visible()
    desk.goto(f"{shop.url}/events/funnels?{steps}")
    funnel = desk.get_by_role("list", name="Funnel")
    expect(funnel.get_by_role("listitem")).to_have_count(3)
    expect(funnel.get_by_role("listitem").nth(0)).to_contain_text("10 parties")
    expect(funnel.get_by_role("listitem").nth(1)).to_contain_text("6 parties · 60.0 % of the first step")
    expect(funnel.get_by_role("listitem").nth(2)).to_contain_text("3 parties")
    assert violations(desk) == []
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.emulate_media(color_scheme="dark")
    fits(desk)
    assert violations(desk) == []
    assert wrong == []


def test_the_sessions_of_a_party(desk: Page, shop: SingleMachine) -> None:
    wrong = calm(desk)
    desk.goto(f"{shop.url}/events/sessions")
    desk.get_by_role("link", name="0:p:1", exact=True).click()
    expect(desk.get_by_text("3 events over")).to_be_visible()
    desk.get_by_role("button", name="checkout").click()
    expect(desk.get_by_role("complementary", name="Event")).to_contain_text("blue")
    assert violations(desk) == []
    desk.get_by_role("complementary", name="Event").get_by_role("button", name="Close").click()
    desk.get_by_label("Party").fill("0:p:99")
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("button", name="<img src=x onerror=alert(1)>")).to_be_visible()
    assert wrong == []


def test_a_question_that_takes_long_is_stopped(desk: Page, shop: SingleMachine) -> None:
    """The server is slow to answer; the person sees it and stops it."""
    desk.route("**/api/events/queries", lambda route: None)
    desk.goto(f"{shop.url}/events/explore")
    stop = desk.get_by_role("button", name="Stop").first
    expect(stop).to_be_visible()
    stop.click()
    expect(desk.get_by_text("Stopped.")).to_be_visible()
    desk.unroute("**/api/events/queries")
    desk.get_by_role("button", name="Try again").click()
    expect(desk.get_by_role("link", name="20 events")).to_be_visible()


class SlowAnswer:
    """Answers every question with a progress of 40 %, and goes on until whoever asked has left."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.left = Event()
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                Thread(target=self._answer, args=[self._listener.accept()[0]], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
            connection.sendall(b'event: progress\ndata: {"done": 0.4}\n\n')
            while connection.recv(1 << 16):
                pass
        self.left.set()

    def close(self) -> None:
        self._listener.close()


def test_the_progress_of_a_question_is_shown_and_stopping_it_reaches_the_server(
    desk: Page, shop: SingleMachine
) -> None:
    wrong = calm(desk)
    slow = SlowAnswer()
    desk.route("**/api/events/queries", lambda route: route.continue_(url=slow.url))
    desk.goto(f"{shop.url}/events/explore")
    expect(desk.get_by_text("Looking … 40 %").first).to_be_visible()
    progress = desk.get_by_role("progressbar").first
    assert progress.evaluate("bar => bar.value") == pytest.approx(0.4)
    assert violations(desk) == []
    assert not slow.left.is_set()
    stop = desk.get_by_role("button", name="Stop").first
    stop.focus()
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Stopped.").first).to_be_visible()
    assert slow.left.wait(10 * PATIENCE), "the server still works on it"
    slow.close()
    desk.unroute("**/api/events/queries")
    desk.get_by_role("button", name="Try again").first.click()
    expect(desk.get_by_role("link", name="20 events")).to_be_visible()
    assert wrong == []


def test_the_live_tail_is_narrowed_and_paused(desk: Page, shop: SingleMachine) -> None:
    wrong = calm(desk)
    desk.goto(f"{shop.url}/events")
    expect(desk.get_by_role("row").filter(has_text="checkout").first).to_be_visible()
    field = desk.get_by_label("Show only")
    field.fill("parameters.total>=50 event_type=pageView")
    field.press("Enter")
    expect(desk.get_by_text("6 of the newest 20")).to_be_visible()
    expect(desk.get_by_role("row").filter(has_text="checkout")).to_have_count(0)
    field.evaluate("field => field.blur()")
    desk.keyboard.press("p")
    expect(desk.get_by_text("Paused: new events wait.")).to_be_visible()
    assert violations(desk) == []
    assert wrong == []


@pytest.mark.parametrize("section", ["", "/explore?by=event_type&number=parameters.total", "/sessions?party=0%3Ap%3A1"])
def test_a_phone_in_the_dark_shows_it_all(desk: Page, shop: SingleMachine, section: str) -> None:
    wrong = calm(desk)
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.emulate_media(color_scheme="dark")
    desk.goto(f"{shop.url}/events{section}")
    expect(desk.get_by_role("status").filter(has_text="Loading")).to_have_count(0)
    expect(desk.get_by_text("Looking …")).to_have_count(0)
    fits(desk)
    assert violations(desk) == []
    assert wrong == []


def test_a_rejected_event_has_its_reason_and_its_request(desk: Page, shop: SingleMachine) -> None:
    wrong = calm(desk)
    wait_until(lambda: bool(shop.call("GET", "/api/events/rejected")["rejected"]), 30, "a rejected event")
    desk.goto(f"{shop.url}/events/rejected")
    desk.get_by_role("button", name="missing_parameter").click()
    panel = desk.get_by_role("complementary", name="Rejected events")
    expect(panel).to_contain_text("%3Cb%3Ebroken%3C%2Fb%3E")
    assert violations(desk) == []
    desk.keyboard.press("Escape")
    desk.get_by_label("Reason").select_option("missing_parameter")
    expect(desk).to_have_url(re.compile("reason=missing_parameter"))
    assert wrong == []


def test_every_event_is_accounted_for(desk: Page, shop: SingleMachine) -> None:
    wrong = calm(desk)
    desk.goto(f"{shop.url}/events/accounting")
    expect(desk.get_by_text("Everything is accounted for.")).to_be_visible()
    expect(desk.get_by_role("row").filter(has_text="events").first).to_contain_text("20")
    assert violations(desk) == []
    desk.get_by_role("row").filter(has_text="All sources").get_by_role("link").nth(2).click()
    expect(desk).to_have_url(re.compile("/events/rejected"))
    assert wrong == []
