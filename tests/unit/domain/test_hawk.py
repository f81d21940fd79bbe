"""Signed requests, with the examples of Hawk's own description."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from watchbell.domain.errors import Unauthenticated
from watchbell.domain.hawk import HawkKey, Target, check, check_body, parse, sign

SECRET = "werxhqb98rpaxn39848xrunpaw3489ruxnpa98w4rxn"
AT = datetime.fromtimestamp(1353832234, UTC)
PLAIN = (
    'id="dh37fgj492je", ts="1353832234", nonce="j4h3g2", ext="some-app-ext-data", '
    'mac="6R4rV5iE+NPoym+WwjeHzjAGXUtLNIxmo1vpMofpLAE="'
)
WITH_BODY = (
    'id="dh37fgj492je", ts="1353832234", nonce="j4h3g2", hash="Yi9LfIIFRtBEPt74PVmbTF/xVAwPn7ub15ePICfgnuY=", '
    'ext="some-app-ext-data", mac="aSe1DERmZuRl3pI36/9BdZmnErTw3sNzOOAUlfeKjVw="'
)
TARGET = Target(method="get", path="/resource/1?b=1&a=2", host="Example.com", port=8000)


def test_the_signature_of_the_description_is_good():
    check(parse(PLAIN), TARGET, SECRET, "sha256", AT)
    signed = parse(WITH_BODY)
    check(signed, msgspec.structs.replace(TARGET, method="POST"), SECRET, "sha256", AT)
    check_body(signed, "text/plain; charset=utf-8", b"Thank you for flying Hawk", "sha256")


@pytest.mark.parametrize(
    ("change", "secret", "seconds"),
    [
        ({"method": "POST"}, SECRET, 0),
        ({"path": "/resource/1?b=1&a=3"}, SECRET, 0),
        ({"host": "example.org"}, SECRET, 0),
        ({"port": 80}, SECRET, 0),
        ({}, SECRET + "x", 0),
        ({}, SECRET, 61),
        ({}, SECRET, -61),
    ],
)
def test_any_other_request_secret_or_time_is_refused(change: dict[str, object], secret: str, seconds: int):
    target = msgspec.structs.replace(TARGET, **change)
    with pytest.raises(Unauthenticated):
        check(parse(PLAIN), target, secret, "sha256", AT + timedelta(seconds=seconds))


def test_another_body_or_one_that_was_not_signed_is_refused():
    for header, body in ((WITH_BODY, b"Thank you"), (WITH_BODY, b""), (PLAIN, b"{}")):
        with pytest.raises(Unauthenticated):
            check_body(parse(header), "text/plain", body, "sha256")
    check_body(parse(PLAIN), "", b"", "sha256")


@pytest.mark.parametrize("header", ["", "x", 'id="a"', PLAIN + ', id="b"', PLAIN + ', evil="1"', 'id="a\\"", ts="1"'])
def test_a_header_that_cannot_be_read_is_refused(header: str):
    with pytest.raises(Unauthenticated):
        parse(header)


def test_what_is_signed_here_is_valid_here():
    body, key = b'{"a":1}', HawkKey(id="them", secret="s" * 32)
    target = Target(method="POST", path="/api/alert?x=1", host="there.example", port=443)
    header = sign(target, key, AT, "n0nce", "application/json", body)
    signed = parse(header.removeprefix("Hawk "))
    check(signed, target, key.secret, "sha256", AT)
    check_body(signed, "application/json", body, "sha256")
    with pytest.raises(Unauthenticated):
        check_body(signed, "application/json", b"{}", "sha256")
