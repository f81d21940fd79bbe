"""Requests of the tag: every vector, and what strangers send."""

import pytest

from watchbell.domain.events.browser import decode_browser
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.raw import RawEvent, RawKind

FIELDS = {
    "corrupt": "corrupt",
    "partyId": "party_id",
    "sessionId": "session_id",
    "pageViewId": "page_view_id",
    "eventId": "event_id",
    "newPartyId": "new_party",
    "firstInSession": "first_in_session",
    "clientTimestamp": "client_ms",
    "eventType": "event_type",
    "location": "location",
    "referer": "referer",
    "viewportPixelWidth": "viewport_width",
    "viewportPixelHeight": "viewport_height",
    "screenPixelWidth": "screen_width",
    "screenPixelHeight": "screen_height",
}
GOOD = "p=0:1:a&s=0:1:b&v=v&e=e&c=1&n=t&f=f"


def raw(query: str) -> RawEvent:
    return RawEvent(RawKind.BROWSER, "browser", 1_700_000_000_000, "127.0.0.1:80", None, query)


def decoded(query: str) -> Event:
    found = decode_browser(raw(query))
    assert isinstance(found, Event)
    return found


def query_of(url: str) -> str:
    return url.partition("?")[2]


def compare(event: Event, expected: dict) -> None:
    for theirs, ours in FIELDS.items():
        assert getattr(event, ours) == expected[theirs], theirs
    assert event.parameters() == expected["eventParameters"]


def test_requests_of_the_test_suite(vectors):
    cases = [case for case in vectors["browser_requests"] if case["status"] == 200]
    assert len(cases) == 15
    for case in cases:
        found = decode_browser(raw(query_of(case["path_and_query"])))
        if case.get("event_dropped"):
            assert isinstance(found, Rejection), case["name"]
        else:
            assert isinstance(found, Event), case["name"]
            compare(found, case["expected"])


def test_requests_of_the_original_tag(vectors):
    requests = [request for run in vectors["tag_runs"] for request in run["requests"]]
    assert requests
    for request in requests:
        compare(decoded(query_of(request["url"])), request["expected"])


@pytest.mark.parametrize(
    ("text", "ratio"),
    [("2", 2.0), ("1.i", 1.5), ("2.mi", 2.625), ("", None), (".", None), ("x.", None), ("1.!", None), ("-1.i", -1.5)],
)
def test_fractional_pixel_ratios_are_kept(text, ratio):
    assert decoded(f"{GOOD}&k={text}").pixel_ratio == ratio


@pytest.mark.parametrize(
    ("query", "reason", "detail"),
    [
        ("", "missing_parameter", "p (party id)"),
        ("p=0:1:a&s=0:1:b&v=v&e=e&c=1&n=t", "missing_parameter", "missing: f (first in session)"),
        (GOOD.replace("p=0:1:a", "p=1:1:a"), "invalid_identifier", "p (party id)"),
        (GOOD.replace("s=0:1:b", "s=0:x:y:z"), "invalid_identifier", "s (session id)"),
        (GOOD.replace("c=1", "c="), "invalid_client_time", "c (client time)"),
        (GOOD.replace("c=1", "c=1y2p0ij32e8e8"), "invalid_client_time", "64-bit"),
    ],
)
def test_a_rejection_names_what_was_wrong(query, reason, detail):
    found = decode_browser(raw(query))
    assert isinstance(found, Rejection)
    assert found.reason == reason
    assert detail in found.detail
    assert found.raw.query == query


@pytest.mark.parametrize("value", ["c=-1y2p0ij32e8e8", "c=1y2p0ij32e8e7"])
def test_client_time_may_be_any_64_bit_integer(value):
    assert decoded(GOOD.replace("c=1", value)).client_ms in {-(1 << 63), (1 << 63) - 1}


def test_only_t_is_true():
    event = decoded(GOOD.replace("n=t&f=f", "n=T&f=true"))
    assert (event.new_party, event.first_in_session) == (False, False)


def test_malformed_parameters_are_absent():
    event = decoded(f"{GOOD}&u=(sfoo!")
    assert event.raw_parameters == "(sfoo!"
    assert event.parameters() is None
