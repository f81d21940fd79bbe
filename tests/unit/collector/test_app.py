"""The collector's HTTP surface, on fakes of the server: every status, header and body that a client can see."""

import json

import pytest

from collector_site import ELEMENT, JSON, JSON_EVENT, QUERY, Site
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, RawKind


async def test_a_request_of_the_tag_is_answered_as_divolte_answers(site, vectors):
    surface = vectors["http_surface"]["GET /csc-event (any query)"]
    answer = await site.ask("GET", f"/csc-event?{QUERY}", [("user-agent", "agent")])
    assert answer.status == surface["status"]
    assert answer.answer == {name.lower(): value for name, value in surface["headers"].items()}
    assert answer.body == bytes.fromhex(surface["body_hex"])
    assert site.raws() == [RawEvent(RawKind.BROWSER, "browser", 1000, "192.0.2.1:4711", "agent", QUERY)]


async def test_every_browser_request_of_the_vectors(site, vectors):
    for case in vectors["browser_requests"]:
        headers = [(name.lower(), value) for name, value in case.get("headers", {}).items()]
        before = len(site.raws())
        answer = await site.ask(case["method"], case["path_and_query"], headers)
        assert answer.status == case["status"], case["name"]
        kept = site.raws()[before:]
        if case["status"] == 304:
            assert (kept, answer.body) == ([], b"")
        else:
            (raw,) = kept
            assert isinstance(decode(raw), Event) == (not case.get("event_dropped", False)), case["name"]


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ('"6b3edc43-20ec-4078-bc47-e965dd76b88a"', 304),
        ('W/"6b3edc43-20ec-4078-bc47-e965dd76b88a"', 304),
        ('"other", "6b3edc43-20ec-4078-bc47-e965dd76b88a"', 304),
        ("*", 304),
        ('"other"', 200),
        ("", 200),
    ],
)
async def test_a_repeated_request_is_not_a_new_event(site, header, status):
    answer = await site.ask("GET", f"/csc-event?{QUERY}", [("if-none-match", header)])
    assert answer.status == status
    assert len(site.raws()) == (status == 200)


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS", "DELETE"])
async def test_other_methods_are_not_allowed(site, method, vectors):
    surface = vectors["http_surface"]["POST|HEAD|PUT /csc-event"]
    answer = await site.ask(method, f"/csc-event?{QUERY}")
    assert answer.status == surface["status"]
    assert answer.answer == {"allow": "GET", "content-type": "text/plain; charset=utf-8", "server": "divolte"}
    assert answer.body.decode() == surface["body"].replace("<METHOD>", method)
    assert site.raws() == []


@pytest.mark.parametrize("path", ["/", "/csc-event/", "/CSC-EVENT", "/nothing", "/csc-eventx"])
async def test_paths_match_exactly(site, path):
    assert (await site.ask("GET", path)).status == 404


async def test_prefix_and_suffix_are_settings(tmp_path):
    site = Site(tmp_path, sources={"b": {"type": "browser", "prefix": "/track", "event_suffix": "e"}})
    assert (await site.ask("GET", f"/track/e?{QUERY}")).status == 200
    assert (await site.ask("GET", f"/csc-event?{QUERY}")).status == 404


async def test_ping(site, vectors):
    surface = vectors["http_surface"]
    for method in ("GET", "HEAD", "POST"):
        answer = await site.ask(method, "/ping")
        assert (answer.status, answer.body.decode()) == (200, surface["GET /ping"]["body"])
    site.app.stopping = True
    answer = await site.ask("GET", "/ping")
    stopping = surface["GET /ping while shutting down"]
    assert (answer.status, answer.body.decode()) == (503, stopping["body"])
    assert answer.answer["content-type"] == stopping["headers"]["Content-Type"]


async def test_health_and_metrics(site):
    await site.ask("GET", f"/csc-event?{QUERY}")
    assert (await site.ask("GET", "/healthz")).body == b"ok\n"
    page = (await site.ask("GET", "/metrics")).body.decode()
    assert "watchbell_events_accepted_total 1.0" in page
    assert "# TYPE watchbell_event_accept_seconds histogram" in page


async def test_a_full_journal_answers_503_and_keeps_nothing(tmp_path):
    site = Site(tmp_path, journal_bytes=10)
    for answer in (
        await site.ask("GET", f"/csc-event?{QUERY}"),
        await site.ask("POST", "/json-event?p=0:1:p", JSON, b"{}"),
        await site.ask("POST", "/events", JSON, json.dumps([ELEMENT]).encode()),
    ):
        assert answer.status == 503
        assert int(answer.answer["retry-after"]) >= 1
        assert answer.body == b"the journal is full\n"
    assert site.raws() == []


async def test_every_json_request_of_the_vectors(tmp_path, vectors):
    for case in vectors["json_source"]["cases"]:
        larger = "12288" in case["name"]
        source = {"type": "json", "event_path": "/json-event", **({"maximum_body_size": 12288} if larger else {})}
        site = Site(tmp_path, sources={"json": source})
        body = case.get("body", b"x" * (8192 if larger else 4097))
        data = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body
        headers = [(name.lower(), value) for name, value in case["headers"].items()]
        if "smaller" in case["name"]:
            continue  # a length that contradicts the body is the HTTP server's business
        answer = await site.ask(case["method"], case["path"], headers, data)
        assert answer.status == case["status"], case["name"]
        assert len(site.raws()) == (case["status"] == 204), case["name"]
        if case["status"] == 204:
            assert answer.body == b""
        if "expected" in case:
            (raw,) = site.raws()
            event = decode(raw)
            assert isinstance(event, Event)
            assert event.party_id == case["expected"]["partyId"]


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "status"),
    [
        ("GET", "/json-event?p=0:1:p", JSON, b"{}", 405),
        ("POST", "/json-event?p=0:1:p", [], b"{}", 415),
        ("POST", "/json-event?p=0:1:p", JSON * 2, b"{}", 415),
        ("POST", "/json-event?p=0:1:p", [("content-type", "application/json; charset=utf-8")], b"{}", 415),
        ("POST", "/json-event?p=0:1:p", JSON, b"", 400),
        ("POST", "/json-event?p=bad", JSON, b"{}", 400),
        ("POST", "/json-event?q=0:1:p", JSON, b"{}", 400),
        ("POST", "/json-event?p=0:1:p", [*JSON, ("content-length", "4097")], b"{}", 413),
        ("POST", "/json-event?p=0:1:p", JSON, b"x" * 4096, 204),
    ],
)
async def test_the_json_source_is_strict(site, method, target, headers, body, status):
    answer = await site.ask(method, target, headers, body)
    assert answer.status == status
    assert len(site.raws()) == (status == 204)
    if status == 405:
        assert answer.answer["allow"] == "POST"


async def test_a_party_with_reserved_characters_survives(tmp_path):
    source = {"type": "json", "event_path": "/json-event", "party_id_parameter": "who"}
    site = Site(tmp_path, sources={"json": source})
    await site.ask("POST", "/json-event?who=0:1:a%26b%3D%2B", JSON, JSON_EVENT)
    event = decode(site.raws()[0])
    assert isinstance(event, Event)
    assert event.party_id == "0:1:a&b=+"


@pytest.mark.parametrize(
    "media",
    [
        "application/json",
        "text/plain;charset=UTF-8",
        "Application/JSON; charset=utf-8",
        "application/x-www-form-urlencoded",
    ],
)
async def test_a_batch_is_taken(site, media):
    body = json.dumps([ELEMENT, {**ELEMENT, "event_id": "f"}]).encode()
    answer = await site.ask("POST", "/events", [("content-type", media)], [body[:10], body[10:]])
    assert (answer.status, answer.body) == (204, b"")
    events = [decode(raw) for raw in site.raws()]
    assert [event.event_id for event in events if isinstance(event, Event)] == ["e", "f"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"[{]", 400, "byte 2"),
        (b"", 400, "truncated"),
        (json.dumps([ELEMENT, {"event_id": 1}]).encode(), 400, "events[1].event_id: Expected `str | null`, got `int`"),
        (json.dumps([{**ELEMENT, "party_id": "<script>alert(1)</script>"}]).encode(), 400, "events[0].party_id"),
        (json.dumps([ELEMENT] * 4).encode(), 400, "at most 3"),
        (b"[" + b" " * 2000 + b"]", 413, "larger than 1000 bytes"),
    ],
)
async def test_a_bad_batch_changes_nothing_and_says_why(tmp_path, body, status, message):
    site = Site(tmp_path, sources={"e": {"type": "batch", "maximum_body_size": 1000, "maximum_events": 3}})
    answer = await site.ask("POST", "/events", JSON, body)
    assert answer.status == status
    assert message in answer.body.decode()
    assert "<script>" not in answer.body.decode()
    assert answer.answer["content-type"].startswith("text/plain")
    assert site.raws() == []


async def test_a_body_that_is_too_large_is_not_read_to_its_end(tmp_path):
    site = Site(tmp_path, sources={"e": {"type": "batch", "maximum_body_size": 1000}})
    answer = await site.ask("POST", "/events", JSON, [b"x" * 600] * 1000)
    assert answer.status == 413
    assert answer.pieces_read == 2


@pytest.mark.parametrize(("method", "media", "status"), [("GET", "application/json", 405), ("POST", "text/html", 415)])
async def test_what_is_not_a_batch(site, method, media, status):
    assert (await site.ask(method, "/events", [("content-type", media)], b"[]")).status == status


async def test_pages_of_listed_origins_may_read_the_answer(tmp_path):
    site = Site(tmp_path, origins=("https://shop.example",))
    origin = ("origin", "https://shop.example")
    preflight = await site.ask("OPTIONS", "/events", [origin, ("access-control-request-method", "POST")])
    assert preflight.status == 204
    assert preflight.answer["access-control-allow-origin"] == "https://shop.example"
    assert preflight.answer["access-control-allow-methods"] == "POST"
    answer = await site.ask("POST", "/events", [*JSON, origin], json.dumps([ELEMENT]).encode())
    assert answer.answer["access-control-allow-origin"] == "https://shop.example"
    assert answer.answer["vary"] == "Origin"


async def test_other_origins_may_not(tmp_path):
    site = Site(tmp_path, origins=("https://shop.example",))
    origin = ("origin", "https://evil.example")
    assert (await site.ask("OPTIONS", "/events", [origin])).status == 405
    answer = await site.ask("POST", "/events", [*JSON, origin], json.dumps([ELEMENT]).encode())
    assert answer.status == 204
    assert "access-control-allow-origin" not in answer.answer


async def test_trusted_proxies_tell_the_client_in_their_header_alone(tmp_path):
    """What they do not write, the client has written."""
    both = [("x-forwarded-for", "203.0.113.9, 198.51.100.7"), ("forwarded", 'for="[2001:db8::1]:80"')]
    for header, remote in (("x-forwarded-for", "198.51.100.7:0"), ("forwarded", "[2001:db8::1]:0")):
        site = Site(tmp_path, trusted_proxies=("192.0.2.0/24",), proxy_header=header)
        await site.ask("GET", f"/csc-event?{QUERY}", both)
        assert [raw.remote for raw in site.raws()] == [remote]


async def test_headers_are_kept_when_asked_for(tmp_path):
    site = Site(tmp_path, kept_headers=("Accept-Language", "sec-ch-ua", "sec-ch-ua-mobile"))
    sent = [("cookie", "secret"), ("sec-ch-ua-mobile", "?0"), ("accept-language", "nl"), ("accept-language", "en")]
    await site.ask("GET", f"/csc-event?{QUERY}", sent)
    assert site.raws()[0].headers == (("accept-language", "nl"), ("accept-language", "en"))
    await site.ask("GET", f"/csc-event?{QUERY}", [*sent, ("sec-ch-ua", "x")])
    assert dict(site.raws()[1].headers) == {"accept-language": "en", "sec-ch-ua": "x", "sec-ch-ua-mobile": "?0"}
