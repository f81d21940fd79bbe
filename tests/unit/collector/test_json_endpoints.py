"""JSON sources that are lenient, and those that ask who sends."""

import asyncio
import json

import pytest

from collector_site import ELEMENT, JSON, JSON_EVENT, Request, Site
from watchbell.collector.signing import signature_of
from watchbell.domain.events.raw import RawKind

KEY = "0123456789abcdef"
EVENT = json.loads(JSON_EVENT)


def lenient(folder, **settings) -> Site:
    return Site(folder, sources={"app": {"type": "json", "lenient": True, **settings}})


@pytest.mark.parametrize(
    "media", ["application/json; charset=utf-8", 'application/json;charset="UTF-8"', "text/plain;charset=UTF-8", ""]
)
async def test_a_lenient_source_takes_a_charset(tmp_path, media):
    site = lenient(tmp_path)
    answer = await site.ask("POST", "/?p=0:1:p", [("content-type", media)], JSON_EVENT)
    assert (answer.status, answer.body) == (204, b"")
    (raw,), (event,) = site.raws(), site.events()
    assert (raw.kind, raw.source) == (RawKind.BATCH, "app")
    assert (event.party_id, event.client_ms) == ("0:1:p", 1464807256000)


async def test_a_charset_that_json_does_not_have_is_refused(tmp_path):
    site = lenient(tmp_path)
    headers = [("content-type", "application/json; charset=latin-1")]
    assert (await site.ask("POST", "/?p=0:1:p", headers, JSON_EVENT)).status == 415


async def test_a_lenient_source_takes_unknown_properties_and_a_moment_without_offset(tmp_path):
    site = lenient(tmp_path)
    event = {**EVENT, "more": {"a": 1}, "client_timestamp_iso": "2016-06-01T18:54:16.123"}
    assert (await site.ask("POST", "/?p=0:1:p", JSON, json.dumps(event).encode())).status == 204
    assert site.events()[0].client_ms == 1464807256123


@pytest.mark.parametrize("wrap", [lambda events: events, lambda events: {"events": events}])
async def test_a_lenient_source_takes_an_array_as_a_batch(tmp_path, wrap):
    site = lenient(tmp_path)
    other = {**EVENT, "event_id": "f", "party_id": "0:1:other"}
    answer = await site.ask("POST", "/?p=0:1:p", JSON, json.dumps(wrap([EVENT, other])).encode())
    assert answer.status == 204
    assert [(event.party_id, event.event_id) for event in site.events()] == [("0:1:p", "e"), ("0:1:other", "f")]


async def test_a_lenient_source_needs_no_party(tmp_path):
    site = lenient(tmp_path)
    assert (await site.ask("POST", "/", JSON, b'{"event_type": "boot"}')).status == 204
    assert site.events()[0].party_id.startswith("0:rs:")  # made; 1000 in base 36


@pytest.mark.parametrize(
    ("target", "body", "reason"),
    [
        ("/?p=bad", JSON_EVENT, "p: is not an identifier"),
        ("/?p=0:1:p", b"{", "truncated"),
        ("/?p=0:1:p", b"", "truncated"),
        ("/?p=0:1:p", b"[]", "events: holds no events"),
        ("/?p=0:1:p", b'{"client_timestamp_iso": "yesterday"}', "events[0].client_timestamp_iso: is not an ISO 8601"),
        ("/?p=0:1:p", b"[" * 3000, "recursion"),
    ],
)
async def test_a_lenient_source_says_what_is_wrong(tmp_path, target, body, reason):
    site = lenient(tmp_path)
    answer = await site.ask("POST", target, JSON, body)
    assert answer.status == 400
    assert reason in answer.body.decode()
    assert site.raws() == []


@pytest.mark.parametrize("target", ["/json-event?p=0:1:p", "/events"])
@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\xc3"])
async def test_what_is_not_utf8_is_refused(site, target, bad):
    body = b'[{"event_type":"vitals","parameters":{"a":"' + bad + b'"}}]'
    answer = await site.ask("POST", target, JSON, body)
    assert answer.status == 400
    assert b"the JSON is not UTF-8 (byte 43: " in answer.body
    assert site.raws() == []


async def test_utf8_is_taken_as_it_is(site):
    body = '[{"event_type":"vitals","parameters":{"a":"ü€😀"}}]'.encode()
    assert (await site.ask("POST", "/events", JSON, body)).status == 204
    assert site.events()[0].parameters() == {"a": "ü€😀"}


async def test_a_lenient_source_has_its_own_limit(tmp_path):
    site = lenient(tmp_path, maximum_body_size=100)
    assert (await site.ask("POST", "/", JSON, b" " * 101)).status == 413


async def test_a_strict_source_refuses_unknown_properties_behind_the_journal(tmp_path):
    site = Site(tmp_path, sources={"app": {"type": "json"}})
    assert (await site.ask("POST", "/?p=0:1:p", JSON, json.dumps({**EVENT, "more": 1}).encode())).status == 204
    with pytest.raises(AssertionError, match="unknown field `more`"):
        site.events()


@pytest.mark.parametrize("kind", ["json", "batch"])
@pytest.mark.parametrize(
    ("header", "status"),
    [(f"Bearer {KEY}", 204), (f"bearer  {KEY}", 204), ("Bearer wrong", 401), (f"Basic {KEY}", 401), (None, 401)],
)
async def test_a_shared_key(tmp_path, kind, header, status):
    site = Site(tmp_path, sources={"app": {"type": kind, "event_path": "/", "shared_key": KEY}})
    headers = [*JSON, ("authorization", header)] if header else JSON
    body = JSON_EVENT if kind == "json" else json.dumps([ELEMENT]).encode()
    answer = await site.ask("POST", "/?p=0:1:p", headers, body)
    assert answer.status == status
    assert len(site.raws()) == (status == 204)
    assert KEY not in answer.body.decode()


async def test_without_the_shared_key_the_body_is_not_read(tmp_path):
    site = Site(tmp_path, sources={"app": {"type": "json", "shared_key": KEY}})
    answer = await site.ask("POST", "/?p=0:1:p", JSON, [JSON_EVENT])
    assert (answer.status, answer.pieces_read) == (401, 0)


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [("p=0:1:p", JSON_EVENT, 204), ("p=0:1:q", JSON_EVENT, 401), ("p=0:1:p", JSON_EVENT + b" ", 401)],
)
async def test_a_signature_covers_query_and_body(tmp_path, query, body, status):
    site = Site(tmp_path, sources={"app": {"type": "json", "signing_key": KEY}})
    signature = signature_of(KEY.encode(), "p=0:1:p", JSON_EVENT)
    answer = await site.ask("POST", f"/?{query}", [*JSON, ("x-watchbell-signature", signature)], body)
    assert answer.status == status
    assert len(site.raws()) == (status == 204)


async def test_a_request_that_is_not_signed_is_refused(tmp_path):
    site = Site(tmp_path, sources={"app": {"type": "json", "signing_key": KEY}})
    answer = await site.ask("POST", "/?p=0:1:p", JSON, JSON_EVENT)
    assert (answer.status, answer.answer["www-authenticate"]) == (401, "Bearer")
    assert "watchbell_event_senders_refused_total 1.0" in site.metrics.render().decode()


class Slow(Request):
    """Sends the first piece of its body at once, the second when it is told to."""

    def __init__(self, first: bytes, second: bytes) -> None:
        super().__init__("POST", "/events", JSON, [first, second])
        self.gate = asyncio.Event()

    async def __aiter__(self):
        yield self._body[0]
        await self.gate.wait()
        yield self._body[1]


async def test_the_bodies_that_are_read_at_once_are_bounded_together(tmp_path):
    site = Site(tmp_path, reading_max_bytes=100)
    slow = Slow(b'[{"event_type":' + b" " * 60, b'"a"}]')
    reading = asyncio.create_task(site.app.__rsgi__(slow, slow))
    await asyncio.sleep(0)
    refused = await site.ask("POST", "/events", JSON, b'[{"event_type": "b"}]' + b" " * 20)
    assert (refused.status, refused.answer["retry-after"], refused.answer["connection"]) == (503, "1", "close")
    slow.gate.set()
    await reading
    assert slow.status == 204
    assert (await site.ask("POST", "/events", JSON, b'[{"event_type": "b"}]' + b" " * 20)).status == 204
    assert [event.event_type for event in site.events()] == ["a", "b"]
