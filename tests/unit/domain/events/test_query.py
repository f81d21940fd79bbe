"""Query strings and their checksum."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.events import query as query_module
from watchbell.domain.events.checksum import canonical_string, checksum_of, is_intact, render_checksum
from watchbell.domain.events.query import parse_query

_slow = query_module._parse_slow


def test_hashes(vectors):
    for case in vectors["murmur3_32"]:
        assert checksum_of(case["input_utf8"]) == case["signed"]
        assert render_checksum(case["signed"]) == case["base36"]


def test_canonical_strings_and_checksums(vectors):
    for case in vectors["browser_requests"]:
        if "canonical_string" in case:
            query, repeated = parse_query(case["path_and_query"].partition("?")[2])
            assert canonical_string(query, repeated) == case["canonical_string"]
            assert render_checksum(checksum_of(case["canonical_string"])) == case["correct_checksum"]


def test_the_unsigned_rendering_is_not_accepted():
    checksum = checksum_of("t=ab,;")
    assert is_intact({"t": "ab", "x": render_checksum(checksum)}, None)
    assert not is_intact({"t": "ab", "x": render_checksum(checksum ^ (1 << 32))}, None)
    assert not is_intact({"t": "ab", "x": ""}, None)
    assert not is_intact({"t": "ab"}, None)


def test_names_are_sorted_by_utf16_code_units():
    query = {"\U00010000": "1", "\uffff": "2", "a": "3"}
    assert canonical_string(query, None) == "a=3,;\U00010000=1,;\uffff=2,;"


@pytest.mark.parametrize(
    ("raw", "query", "repeated"),
    [
        ("", {}, None),
        ("a=1&b=2", {"a": "1", "b": "2"}, None),
        ("a=1&a=2&b=3", {"a": "1", "b": "3"}, {"a": ["1", "2"], "b": ["3"]}),
        ("a", {"a": ""}, None),
        ("a&b=1", {"a": "", "b": "1"}, None),
        ("&&a=1&", {"a": "1"}, None),
        ("a=b=c", {"a": "b=c"}, None),
        ("a=%3D%26%2B+%25", {"a": "=&+ %"}, None),
        ("a%3Db=c", {"a=b": "c"}, None),
        ("a=%zz%4", {"a": "%zz%4"}, None),
        ("a=%C3%A9%F0%9F%98%80", {"a": "é😀"}, None),
        ("a=%FF%41", {"a": "\ufffdA"}, None),
        ("a=%00%01", {"a": "\x00\x01"}, None),
        ("a=é", {"a": "é"}, None),
        ("a=\\x41", {"a": "\\x41"}, None),
    ],
)
def test_parsing(raw, query, repeated):
    assert parse_query(raw) == (query, repeated)


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=60))
def test_the_fast_way_agrees_with_the_slow_one(raw):
    assert parse_query(raw) == _slow(raw)


@given(st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=10), min_size=1, max_size=5))
def test_what_a_browser_encodes_comes_back(parameters):
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in parameters.items())
    assert parse_query(raw) == (parameters, None)
