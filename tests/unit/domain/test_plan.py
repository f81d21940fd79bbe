from typing import Any

import pytest

from watchbell.domain.plan import MASK, FieldChange, differences, masked


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["a"]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ["a.c"]),
        ({"a": [1, 2]}, {"a": [2, 1]}, ["a"]),
        ({}, {"b": 1, "a": 1}, ["a", "b"]),
        ({"a": {"b": 1}}, {"a": None}, ["a"]),
        ({"a": None}, {}, []),
    ],
)
def test_differences_by_path(before: Any, after: Any, fields: list[str]):
    assert [change.field for change in differences(before, after)] == fields


def test_a_difference_holds_both_sides():
    assert differences({"a": {"b": 1}}, {"a": {"b": "x"}}) == [FieldChange(field="a.b", before=1, after="x")]


def test_dots_for_every_text_inside_a_secret():
    body = {"config": {"url": "u", "token": "t", "headers": {"X": "y", "n": 1}, "list": ["a", ""], "empty": ""}}
    shown = masked(body, frozenset({"token", "headers", "list", "empty"}))["config"]
    assert shown == {"url": "u", "token": MASK, "headers": {"X": MASK, "n": 1}, "list": [MASK, ""], "empty": ""}
    assert body["config"]["token"] == "t"
