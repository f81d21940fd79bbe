import pytest

from watchbell.domain.events.identifiers import identifier_time_ms, parse_identifier
from watchbell.domain.events.numbers import INT32, parse_base36, to_base36


def test_identifiers(vectors):
    for case in vectors["identifiers"]:
        parsed = parse_identifier(case["input"])
        if case["parsed"] is None:
            assert parsed is None, case["input"]
        else:
            assert parsed is not None
            assert parsed == case["parsed"]["value"]
            assert identifier_time_ms(parsed) == case["parsed"]["timestamp_ms"]


@pytest.mark.parametrize("text", [None, "0::x", "0:zzzzzzzzzzzzzz:x", "0:1_0:x", "0: 1:x", "0:\u0661:x", ":1:x"])
def test_not_an_identifier(text):
    assert parse_identifier(text) is None


def test_a_negative_time_is_one():
    assert parse_identifier("0:-0A:x") == "0:-a:x"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("zik0zj", 2**31 - 1),
        ("zik0zk", None),
        ("-zik0zk", -(2**31)),
        ("+z", 35),
        ("", None),
        ("-", None),
        ("1_0", None),
    ],
)
def test_32_bits(text, number):
    assert parse_base36(text, INT32) == number


@pytest.mark.parametrize("number", [0, 1, -1, 35, 36, -36, 2**63 - 1, -(2**63)])
def test_base36_comes_back(number):
    assert parse_base36(to_base36(number)) == number
