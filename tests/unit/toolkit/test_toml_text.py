import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.toolkit.toml_text import toml_text

# TOML has no half surrogate pairs and numbers of 64 bits.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.one_of(texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3), max_leaves=8)
tables = st.recursive(
    st.dictionaries(texts, values, max_size=4),
    lambda inner: st.dictionaries(texts, st.one_of(values, inner), max_size=3),
)


@given(tables)
def test_what_is_written_is_read_again(settings):
    assert tomllib.loads(toml_text(settings)) == settings


def test_how_it_looks():
    text = toml_text({"a": 1, "b": {"c": {"d": ["x", 1.5], "e.f": True}, "g": {}}})
    assert text == 'a = 1\n\n[b.c]\nd = ["x", 1.5]\n"e.f" = true\n\n[b.g]\n'


def test_tables_in_lists_and_numbers_that_are_none():
    assert tomllib.loads(toml_text({"a": [{"b": 1}]})) == {"a": [{"b": 1}]}
    assert math.isnan(tomllib.loads(toml_text({"a": math.nan}))["a"])


def test_half_a_pair_is_replaced():
    assert tomllib.loads(toml_text({"a": "x\ud800"})) == {"a": "x?"}


def test_what_toml_does_not_have():
    with pytest.raises(TypeError):
        toml_text({"a": None})
