"""Answers of a CAS: what counts as one person, and what proves nothing."""

import json
from typing import Any

import pytest

from watchbell.adapters.login.cas_answers import Failure, Malformed, Success, read_json, read_xml

NAMESPACE = 'xmlns:cas="http://www.yale.edu/tp/cas"'


def xml(inner: str, namespace: str = NAMESPACE) -> bytes:
    return f"<cas:serviceResponse {namespace}>{inner}</cas:serviceResponse>".encode()


def success(inner: str) -> bytes:
    return xml(f"<cas:authenticationSuccess>{inner}</cas:authenticationSuccess>")


ANN = "<cas:user>ann</cas:user>"


def test_a_person_and_what_is_known_of_them():
    attributes = "<cas:mail>a@x.org</cas:mail><cas:groups>ops</cas:groups><cas:groups> dev </cas:groups><cas:empty/>"
    old = '<cas:attribute name="mail" value="evil@x.org"/>'
    found = read_xml(success(f"\n {ANN}\n<cas:attributes>{attributes}</cas:attributes>{old}"))
    assert found == Success("ann", {"mail": ["a@x.org"], "groups": ["ops", "dev"], "empty": [""]})
    told = {"user": "ann", "attributes": {"mail": "a@x.org", "groups": ["ops", 7], "odd": {"x": 1}, "none": None}}
    answer = json.dumps({"serviceResponse": {"authenticationSuccess": told | {"proxyGrantingTicket": None}}})
    wanted = {"mail": ["a@x.org"], "groups": ["ops", "7"], "odd": [], "none": []}
    assert read_json(answer.encode()) == Success("ann", wanted)


def test_why_there_is_none():
    refused = xml('<cas:authenticationFailure code="INVALID_TICKET">no &lt;b&gt;</cas:authenticationFailure>')
    assert read_xml(refused) == Failure("INVALID_TICKET")
    hostile = xml('<cas:authenticationFailure code="A&lt;script&gt;&#10;B"/>')
    assert read_xml(hostile) == Failure("AscriptB")
    told = {"serviceResponse": {"authenticationFailure": {"code": "INVALID_SERVICE", "description": "x"}}}
    assert read_json(json.dumps(told).encode()) == Failure("INVALID_SERVICE")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a/>",
        b"ann",
        b"yes\nann\n",
        xml(""),
        xml("<cas:other/>"),
        xml("<authenticationSuccess><user>ann</user></authenticationSuccess>"),
        xml(f"<cas:authenticationSuccess>{ANN}</cas:authenticationSuccess>", 'xmlns:cas="http://evil.example"'),
        xml(f"<cas:authenticationSuccess>{ANN}</cas:authenticationSuccess><cas:authenticationFailure code='X'/>"),
        xml(f"<cas:authenticationSuccess>{ANN}</cas:authenticationSuccess>" * 2),
        success(""),
        success("<cas:user> </cas:user>"),
        success(ANN + ANN),
        success(f"<cas:user>{ANN}</cas:user>"),
        success(f"<cas:attributes>{ANN}</cas:attributes>"),
        success(f"{ANN}<cas:attributes/><cas:attributes/>"),
        success(f"{ANN}<cas:attributes><cas:mail><cas:x/></cas:mail></cas:attributes>"),
        success(f"{ANN}<cas:proxies><cas:proxy>https://evil.example</cas:proxy></cas:proxies>"),
        b'<!DOCTYPE r [<!ENTITY u SYSTEM "file:///etc/hostname">]>' + success("<cas:user>&u;</cas:user>"),
        b'<!DOCTYPE r [<!ENTITY u "ann">]>' + success("<cas:user>&u;</cas:user>"),
        b"<!DOCTYPE cas:serviceResponse>" + success(ANN),
        success("<cas:user>&u;</cas:user>"),
        success(ANN)[:-5],
        b"\xff\xfe" + success(ANN),
        b'<?xml version="1.0" encoding="no-such"?>' + success(ANN),
    ],
)
def test_what_is_not_exactly_an_answer_in_xml_is_none(body: bytes):
    with pytest.raises(Malformed):
        read_xml(body)


PASSED: dict[str, Any] = {"authenticationSuccess": {"user": "ann"}}


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"serviceResponse": {}},
        {"serviceResponse": {"authenticationSuccess": {}}},
        {"serviceResponse": {"authenticationSuccess": {"user": ""}}},
        {"serviceResponse": {"authenticationSuccess": {"user": 7}}},
        {"serviceResponse": {"authenticationSuccess": {"user": "ann", "attributes": []}}},
        {"serviceResponse": {"authenticationSuccess": {"user": "ann", "proxies": ["https://evil.example"]}}},
        {"serviceResponse": PASSED | {"authenticationFailure": {"code": "X"}}},
        PASSED,
    ],
)
def test_what_is_not_exactly_an_answer_in_json_is_none(answer: Any):
    with pytest.raises(Malformed):
        read_json(json.dumps(answer).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"<a/>"])
def test_what_is_no_json_is_no_answer(body: bytes):
    with pytest.raises(Malformed):
        read_json(body)
