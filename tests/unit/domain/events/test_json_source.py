import json
import secrets

import pytest

from watchbell.domain.errors import Invalid
from watchbell.domain.events.batch import split_batch
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.json_source import parse_timestamp_ms
from watchbell.domain.events.raw import RawEvent, RawKind

BODY = {
    "session_id": "0:1:s",
    "event_id": "e",
    "is_new_party": True,
    "is_new_session": False,
    "client_timestamp_iso": "2016-06-01T18:54:16.123Z",
}
ELEMENT = {"party_id": "0:1:p", "session_id": "0:1:s", "event_id": "e"}


def json_raw(body: object, query: str = "p=0:1:p", kind: RawKind = RawKind.JSON) -> RawEvent:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RawEvent(kind, "json", 1000, "127.0.0.1", "agent", query, data)


def test_vectors(vectors):
    fields = {
        "partyId": "party_id",
        "sessionId": "session_id",
        "eventId": "event_id",
        "eventType": "event_type",
        "newPartyId": "new_party",
        "firstInSession": "first_in_session",
        "clientTimestamp": "client_ms",
        "corrupt": "corrupt",
    }
    seen = 0
    for case in vectors["json_source"]["cases"]:
        found = None
        if case["status"] == 204 and "body" in case:
            body = case["body"] if isinstance(case["body"], dict) else json.loads(case["body"])
            found = decode(json_raw(body, case["path"].partition("?")[2]))
        if "expected" in case:
            assert isinstance(found, Event)
            for theirs, ours in fields.items():
                assert getattr(found, ours) == case["expected"][theirs]
            assert found.parameters() == case["expected"]["eventParameters"]
            seen += 1
        elif "expected_clientTimestamp_per_docs" in case:
            assert isinstance(found, Event)
            assert found.client_ms == case["expected_clientTimestamp_per_docs"]
            seen += 1
    assert seen == 2


def test_moments(vectors):
    for case in vectors["client_timestamp_iso"]["cases"]:
        if "ms" in case:
            assert parse_timestamp_ms(case["text"]) == case["ms"]
        else:
            with pytest.raises(Invalid, match="client_timestamp_iso"):
                parse_timestamp_ms(case["text"])


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_moments_at_the_ends_of_the_calendar(text):
    assert isinstance(parse_timestamp_ms(text), int)


def test_parameters_are_any_json():
    found = decode(json_raw({**BODY, "parameters": {"a": [1, None, {"b": 2.5}]}, "event_type": "t"}))
    assert isinstance(found, Event)
    assert found.parameters() == {"a": [1, None, {"b": 2.5}]}
    assert found.event_type == "t"


@pytest.mark.parametrize(
    ("body", "query", "detail"),
    [
        (b"{", "p=0:1:p", "truncated"),
        (b"\xff", "p=0:1:p", ""),
        (b"[" * 100_000, "p=0:1:p", ""),
        ({}, "p=0:1:p", "session_id"),
        ({**BODY, "surprise": 1}, "p=0:1:p", "surprise"),
        ({**BODY, "is_new_party": "yes"}, "p=0:1:p", "is_new_party"),
        ({**BODY, "client_timestamp_iso": "now"}, "p=0:1:p", "client_timestamp_iso"),
        ({**BODY, "session_id": "x"}, "p=0:1:p", "session_id"),
        (BODY, "p=x", "p (party id)"),
        (BODY, "", "p (party id)"),
        (b'{"session_id":"\\ud800"}', "p=0:1:p", ""),
    ],
)
def test_rejections_name_the_property(body, query, detail):
    found = decode(json_raw(body, query))
    assert isinstance(found, Rejection)
    assert detail in found.detail


def test_a_batch_event_carries_what_a_browser_knows():
    element = {
        **ELEMENT,
        "event_type": "t",
        "location": "https://x/",
        "pixel_ratio": 1.5,
        "screen_width": 100,
        "client_timestamp_ms": 5,
        "parameters": [1],
        "unknown": "ignored",
    }
    found = decode(json_raw(element, kind=RawKind.BATCH))
    assert isinstance(found, Event)
    assert (found.location, found.pixel_ratio, found.screen_width, found.client_ms) == ("https://x/", 1.5, 100, 5)
    assert found.parameters() == [1]


def test_a_batch_event_without_a_time_has_the_time_of_receipt():
    found = decode(json_raw(ELEMENT, kind=RawKind.BATCH))
    assert isinstance(found, Event)
    assert found.client_ms == 1000


def random_text() -> str:
    return secrets.token_urlsafe(24)


@pytest.mark.parametrize("body", [b"[{},{}]", b'[{ },{"event_id":null}]', b'[{"party_id":null},{"event_type":"t"}]'])
def test_identifiers_that_are_missing_are_made(body):
    events = [
        decode(RawEvent(RawKind.BATCH, "events", 1, "::1", None, "", each))
        for each in split_batch(body, random_text, 1000)
    ]
    first, second = [event for event in events if isinstance(event, Event)]
    assert first.party_id == second.party_id
    assert first.party_id.startswith("0:rs:")
    assert first.session_id == second.session_id
    assert first.session_id != first.party_id
    assert first.event_id != second.event_id
    assert len(first.event_id) == 32


def test_identifiers_that_are_given_stay():
    (element,) = split_batch(b'[{"party_id":"0:1:p","event_type":"t"}]', random_text, 1000)
    found = decode(RawEvent(RawKind.BATCH, "events", 1, "::1", None, "", element))
    assert isinstance(found, Event)
    assert (found.party_id, found.event_type) == ("0:1:p", "t")


def test_a_batch_event_without_identifiers_in_an_old_journal_is_rejected():
    assert isinstance(decode(json_raw({}, kind=RawKind.BATCH)), Rejection)


@pytest.mark.parametrize("wrapped", [False, True])
def test_batches_are_split(wrapped):
    elements = [ELEMENT, {**ELEMENT, "event_id": "f"}]
    body = json.dumps({"events": elements} if wrapped else elements).encode()
    assert [json.loads(each) for each in split_batch(b" \n" + body, random_text, 1000)] == elements


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "truncated"),
        (b"[{]", "byte 2"),
        (b'"text"', "Expected `array`"),
        (b"{}", "events"),
        (b"[]", "holds no events"),
        (json.dumps([ELEMENT] * 4).encode(), "at most 3"),
        (json.dumps([ELEMENT, {**ELEMENT, "party_id": "x"}]).encode(), "events[1].party_id: is not an identifier"),
        (json.dumps([{**ELEMENT, "event_id": 3}]).encode(), "events[0].event_id: Expected `str | null`, got `int`"),
        (json.dumps([{**ELEMENT, "screen_width": 2**31}]).encode(), "events[0].screen_width"),
        (json.dumps([{**ELEMENT, "client_timestamp_ms": 2**63}]).encode(), "events[0]"),
        (json.dumps([{**ELEMENT, "client_timestamp_iso": "x"}]).encode(), "events[0].client_timestamp_iso"),
        (json.dumps([7]).encode(), "events[0]"),
        (b"[" * 100_000, ""),
    ],
)
def test_a_bad_batch_is_refused_with_the_place(body, message):
    with pytest.raises(Invalid) as caught:
        split_batch(body, random_text, 1000, 3)
    assert message in caught.value.message
