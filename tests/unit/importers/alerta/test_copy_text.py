"""What PostgreSQL's COPY writes, read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.importers.alerta.copy_text import array, composite, fields

TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"))


def copied(value: str | None) -> str:
    """As PostgreSQL writes a field of COPY."""
    if value is None:
        return r"\N"
    escapes = {"\\": r"\\", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
    return "".join(escapes.get(character, character) for character in value)


def array_text(values: list[str | None]) -> str:
    """As PostgreSQL writes an array; quotes are allowed around every element."""
    quoted = ["NULL" if one is None else '"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in values]
    return "{" + ",".join(quoted) + "}"


def composite_text(values: list[str | None]) -> str:
    """As PostgreSQL writes a composite value."""
    return (
        "("
        + ",".join("" if one is None else '"' + one.replace("\\", "\\\\").replace('"', '""') + '"' for one in values)
        + ")"
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("a\tb", ["a", "b"]),
        (r"\N" + "\t", [None, ""]),
        (r"\\N", [r"\N"]),
        (r"one\ntwo\ttab\\back\r\b\f\v", ["one\ntwo\ttab\\back\r\b\f\v"]),
        (r"\x41\101\q", ["AAq"]),
        ("ü漢", ["ü漢"]),
    ],
)
def test_fields(line, found):
    assert fields(line) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{}", []),
        ("{a,b}", ["a", "b"]),
        ('{"",NULL,"NULL",null}', ["", None, "NULL", None]),
        (r'{"a b","q\"x","c,d","{e}","back\\slash"}', ["a b", 'q"x', "c,d", "{e}", "back\\slash"]),
        ("[0:1]={a,b}", ["a", "b"]),
    ],
)
def test_arrays(text, found):
    assert array(text, str) == found


@pytest.mark.parametrize("text", ["", "a", "{a", "a}", "{a,}", "{,a}", "{{a},{b}}", '{"a"b}', '{"a', "{a\\}"])
def test_what_is_no_array_is_said(text):
    with pytest.raises(ValueError, match="is no array"):
        array(text, str)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(a,b)", ["a", "b"]),
        ("(,)", [None, None]),
        ('("",x)', ["", "x"]),
        (r'("say ""hi"" (now), \\ ",2026)', ['say "hi" (now), \\ ', "2026"]),
    ],
)
def test_composite_values(text, found):
    assert composite(text) == found


@pytest.mark.parametrize("text", ["", "a,b", "(a", "a)", '("a"b)', '(a"b)', "(a\\)"])
def test_what_is_no_composite_value_is_said(text):
    with pytest.raises(ValueError, match="is no composite value"):
        composite(text)


@given(st.lists(st.lists(st.none() | TEXTS, min_size=2, max_size=5), max_size=4))
def test_an_array_of_composite_values_in_a_field_comes_back(entries):
    written = array_text([composite_text(entry) for entry in entries])
    (field,) = fields(copied(written))
    assert field is not None
    assert array(field, composite) == entries


@given(st.lists(st.none() | TEXTS, min_size=1, max_size=6))
def test_a_line_comes_back(values):
    assert fields("\t".join(copied(value) for value in values)) == values
