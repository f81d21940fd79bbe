"""Lists of text as one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.adapters.store import lines
from watchbell.adapters.store.alert_filter import contains, prefix_end

awkward = st.text(st.sampled_from("ab\n\x1b\x1c\x1d"), max_size=5)


@given(st.lists(st.one_of(awkward, st.text(max_size=5)), max_size=4))
def test_members_come_back(members: list[str]):
    assert lines.decode(lines.encode(members)) == tuple(members)


@given(st.lists(awkward, max_size=4), awkward)
def test_a_member_is_found_exactly_when_it_is_one(members: list[str], wanted: str):
    assert (lines.member(wanted) in lines.encode(members)) == (wanted in members)


@given(st.lists(awkward, max_size=4), awkward.filter(bool))
def test_a_part_is_found_exactly_when_a_member_has_it(members: list[str], part: str):
    assert (lines.escape(part) in lines.encode(members)) == any(part in member for member in members)


@pytest.mark.parametrize(
    ("haystack", "needle", "expected"),
    [("Disk FULL", "full", True), ("KÜCHE", "küche", True), ("\u212a", "k", False), ("a", "", True), ("", "a", False)],
)
def test_contains_ignores_case(haystack: str, needle: str, expected: bool):
    """An ASCII needle folds ASCII alone, so the Kelvin sign is not a k; another folds all of Unicode."""
    assert contains(haystack, needle) is expected


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3), st.text(max_size=3))
def test_the_end_of_a_prefix_is_after_all_that_start_with_it(prefix: str, rest: str):
    end = prefix_end(prefix)
    assert end is None or prefix + rest < end


def test_the_last_code_point_has_no_successor():
    assert prefix_end("\U0010ffff") is None
    assert prefix_end("a\U0010ffff") == "b"
    assert prefix_end("\ud7ff") == "\ue000"
