import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.errors import Invalid
from watchbell.domain.events.mincode import MAX_DEPTH, decode_mincode


def test_samples(vectors):
    for case in vectors["mincode_decode"]:
        assert decode_mincode(case["mincode"]) == case["json"], case["title"]


def test_errors(vectors):
    for case in vectors["mincode_errors"]:
        with pytest.raises(Invalid) as caught:
            decode_mincode(case["mincode"])
        assert case["error_contains"] in caught.value.reason


def test_what_the_tag_encodes(vectors):
    for case in vectors["mincode_encode"]:
        expected = case.get("json")
        assert decode_mincode(case["mincode"]) == expected, case["mincode"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("d16!trailing", 42),
        ("j1e+10!", 1e10),
        ("j-7.83e-9!", -7.83e-9),
        ("(s!empty name!)", {"": "empty name"}),
        ("a.", []),
    ],
)
def test_values(text, value):
    decoded = decode_mincode(text)
    assert decoded == value
    assert type(decoded) is type(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "end-of-input"),
        ("(", "end-of-input"),
        ("a", "end-of-input"),
        ("sabc", "end-of-input"),
        (".", "end of array"),
        ("d1_0!", "integer"),
        ("d!", "integer"),
        ("j01!", "number"),
        ("jNaN!", "number"),
        ("j1e999!", "too large"),
        ("d" + "z" * 2000 + "!", "integer"),
        ("a" * (MAX_DEPTH + 2), "too deeply"),
        ("o", "Unknown record type 'o'"),
    ],
)
def test_what_is_not_mincode(text, reason):
    with pytest.raises(Invalid, match=reason):
        decode_mincode(text)


@given(st.text(alphabet="sdjtfn()a.!~1eé"))
def test_never_anything_but_json_or_a_reason(text):
    with contextlib.suppress(Invalid):
        msgspec.json.encode(decode_mincode(text))
