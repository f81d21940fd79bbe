"""Conditions as they are written."""

import pytest

from watchbell.domain.errors import Invalid
from watchbell.domain.events.question import MAX_WRITTEN, parse_condition


@pytest.mark.parametrize(
    ("text", "field", "op", "value"),
    [
        ("event_type=checkout", "event_type", "=", "checkout"),
        (" \tparameters.a b[0]/c-d  >= \n 10 ", "parameters.a b[0]/c-d", ">=", "10 "),
        ("a!=b", "a", "!=", "b"),
        ("a!~b=c", "a", "!~", "b=c"),
        ("a=", "a", "=", ""),
        ("a<>b\nc", "a", "<", ">b\nc"),
    ],
)
def test_what_a_condition_says(text: str, field: str, op: str, value: str):
    found = parse_condition(text)
    assert (found.field, found.op, found.value) == (field, op, value)


@pytest.mark.parametrize("text", ["", "a", "=b", " = b", "a!b=c", "a%=b", "a\tb=c"])
def test_what_is_no_condition(text: str):
    with pytest.raises(Invalid, match="no condition"):
        parse_condition(text)


@pytest.mark.parametrize(
    "text", [" " * (MAX_WRITTEN - 1) + "%", "a" + " " * (MAX_WRITTEN - 1), "a " * (MAX_WRITTEN // 2)]
)
def test_it_takes_time_that_grows_with_its_length_only(text: str):
    for _ in range(100):
        with pytest.raises(Invalid, match="no condition"):
            parse_condition(text)


def test_one_that_is_too_long_is_refused():
    with pytest.raises(Invalid, match="longer than 2500 characters"):
        parse_condition("a=" + "b" * MAX_WRITTEN)
