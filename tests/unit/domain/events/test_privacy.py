import json
import random
from typing import Any
from urllib.parse import quote

import pytest

from watchbell.domain.events.checksum import canonical_string, checksum_of, render_checksum
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event, Rejection
from watchbell.domain.events.mincode import decode_mincode
from watchbell.domain.events.mincode_text import encode_mincode
from watchbell.domain.events.privacy import DAY_MS, Privacy, Protector
from watchbell.domain.events.query import parse_query
from watchbell.domain.events.raw import RawEvent, RawKind

NOW = 20_000 * DAY_MS + 1000
PARTY, SESSION = "0:i1t84hgy:5AF359", "0:i1t84hgy:session"


def salt(day: int) -> bytes:
    return day.to_bytes(4, "big")


def protected(raw: RawEvent, **asked: Any) -> RawEvent:
    return Protector(Privacy(**asked), salt).protect(raw)


def browser(extra: str = "", *, at: int = NOW, remote: str = "192.0.2.77:4711") -> RawEvent:
    query = f"p={quote(PARTY)}&s={quote(SESSION)}&v=v&e=e&c=1&n=t&f=t{extra}"
    query += f"&x={render_checksum(checksum_of(canonical_string(*parse_query(query))))}"
    headers = (("cookie", f"_dvp={PARTY}"), ("x-forwarded-for", "192.0.2.77"), ("accept-language", "nl"))
    return RawEvent(RawKind.BROWSER, "b", at, remote, None, query, b"", headers)


def event_of(raw: RawEvent) -> Event:
    found = decode(raw)
    assert isinstance(found, Event), found
    return found


@pytest.mark.parametrize(
    ("remote", "kept"),
    [
        ("192.0.2.77:4711", "192.0.2.0"),
        ("[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1::"),
        ("[::ffff:192.0.2.77]:1", "192.0.2.0"),
        ("[fe80::1%eth0]:1", "fe80::"),
        ("not an address:1", ""),
    ],
)
def test_addresses_are_truncated(remote, kept):
    found = protected(browser(remote=remote), addresses="truncated")
    assert event_of(found).remote == kept
    assert found.headers == (("cookie", f"_dvp={PARTY}"), ("accept-language", "nl"))
    assert not event_of(found).corrupt


def test_other_lengths_and_no_address():
    assert event_of(protected(browser(), addresses="truncated", ipv4_bits=16)).remote == "192.0.0.0"
    assert event_of(protected(browser(), addresses="none")).remote == ""


def test_parameters_of_pages_are_redacted_and_the_checksum_still_fits():
    page = "https://www.example.org/a?x=1&E%6Dail=a%40b.c&y=2#token=secret&z=3"
    raw = browser(f"&l={quote(page, safe='')}&r={quote('https://x.org/?email=d@e.f')}")
    found = event_of(protected(raw, redact=frozenset({"email", "token"})))
    assert found.location == "https://www.example.org/a?x=1&E%6Dail=&y=2#token=&z=3"
    assert found.referer == "https://x.org/?email="
    assert not found.corrupt
    assert found.party_id == PARTY


def test_custom_parameters_are_redacted_at_any_depth():
    given = {"Email": "a@b.c", "items": [{"id": 1, "email": "d@e.f"}], "price": 1.5, "name": "x!~y", "none": None}
    raw = browser(f"&u={quote(encode_mincode(given), safe='')}")
    found = event_of(protected(raw, redact=frozenset({"email"})))
    assert found.parameters() == {**given, "Email": None, "items": [{"id": 1, "email": None}]}
    assert not found.corrupt


def test_what_cannot_be_read_is_emptied():
    assert event_of(protected(browser("&u=(broken"), redact=frozenset({"email"}))).raw_parameters == ""
    raw = RawEvent(RawKind.JSON, "j", NOW, "::1", None, f"p={PARTY}", b'{"email": "a@b.c", ')
    cleaned = protected(raw, redact=frozenset({"email"}))
    assert cleaned.body == b"null"
    assert isinstance(decode(cleaned), Rejection)


def test_a_corrupt_request_stays_corrupt():
    raw = browser()
    raw = RawEvent(raw.kind, raw.source, NOW, raw.remote, None, raw.query.replace("v=v", "v=w"))
    assert event_of(protected(raw, redact=frozenset({"email"}))).corrupt


def test_identifiers_rotate_every_day_and_tell_nothing():
    first, later = event_of(protected(browser(), rotate_ids=True)), event_of(protected(browser(), rotate_ids=True))
    tomorrow = event_of(protected(browser(at=NOW + DAY_MS), rotate_ids=True))
    assert first.party_id == later.party_id != tomorrow.party_id
    assert first.session_id == later.session_id != tomorrow.session_id
    assert len({first.party_id, first.session_id, tomorrow.party_id, tomorrow.session_id}) == 4
    assert "5AF359" not in first.party_id
    assert not first.corrupt
    assert ("cookie", f"_dvp={PARTY}") not in protected(browser(), rotate_ids=True).headers


def test_json_events():
    body = {
        "party_id": PARTY,
        "session_id": SESSION,
        "event_id": "e",
        "is_new_party": True,
        "is_new_session": True,
        "client_timestamp_iso": "2024-01-01T00:00:00Z",
        "location": "https://x.org/?email=a@b.c",
        "parameters": {"email": "a@b.c", "id": 1},
    }
    raw = RawEvent(RawKind.BATCH, "e", NOW, "192.0.2.1:1", None, "", json.dumps(body).encode())
    found = event_of(protected(raw, redact=frozenset({"email"}), rotate_ids=True))
    assert (found.location, found.parameters()) == ("https://x.org/?email=", {"email": None, "id": 1})
    same = event_of(protected(browser(), rotate_ids=True))
    assert (found.party_id, found.session_id) == (same.party_id, same.session_id)
    body.pop("party_id")
    body.pop("location")
    raw = RawEvent(RawKind.JSON, "j", NOW, "192.0.2.1:1", None, f"p={PARTY}", json.dumps(body).encode())
    found = event_of(protected(raw, rotate_ids=True))
    assert (found.party_id, found.session_id) == (same.party_id, same.session_id)


def test_mincode_is_written_as_it_is_read(vectors):
    """Whatever the vectors decode to comes back the same."""
    chance = random.Random(7)
    for _ in range(300):
        value = _value(chance, 4)
        assert decode_mincode(encode_mincode(value)) == value


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(7 if depth else 5)
    if kind == 5:
        return [_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == 6:
        return {f"n{chance.randrange(9)}!~": _value(chance, depth - 1) for _ in range(chance.randrange(4))}
    return [None, True, chance.randrange(-(10**12), 10**12), chance.uniform(-1e9, 1e9), "a!~é(."][kind]


@pytest.mark.parametrize("depth", [50, 400, 700, 900, 980, 2000])
def test_what_is_nested_too_deeply_is_emptied(depth):
    body = b'{"party_id":"0:1:p","parameters":' + b"[" * depth + b"]" * depth + b"}"
    found = protected(RawEvent(RawKind.BATCH, "e", NOW, "192.0.2.1:1", None, "", body), redact=frozenset({"name"}))
    assert found.body in {body, b'{"party_id":"0:1:p","parameters":null}', b"null"}
    assert (found.body == body) == (depth == 50) or depth == 400


def test_of_an_event_that_nobody_foresaw_nothing_is_left():
    def broken(day: int) -> bytes:
        raise ZeroDivisionError(day)

    raw = browser()
    found = Protector(Privacy(rotate_ids=True), broken).protect(raw)
    assert found == RawEvent(RawKind.BROWSER, "b", NOW, ":0", None, "")
    assert isinstance(decode(found), Rejection)
    found = Protector(Privacy(rotate_ids=True), broken).protect(
        RawEvent(RawKind.BATCH, "e", NOW, "192.0.2.1:1", "agent", "", b'{"party_id":"0:1:p"}')
    )
    assert found == RawEvent(RawKind.BATCH, "e", NOW, ":0", None, "", b"null")


def test_a_salt_that_cannot_be_had_is_the_disks_failure():
    def full(day: int) -> bytes:
        raise OSError(day)

    with pytest.raises(OSError, match="20000"):
        Protector(Privacy(rotate_ids=True), full).protect(browser())
