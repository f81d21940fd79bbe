"""The search language, read into expressions."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watchbell.domain.alerts.query import AllOf, AnyOf, Expression, Filter, Negation, Operator
from watchbell.domain.alerts.search import DEEPEST, LONGEST, MOST_TERMS, parse_search
from watchbell.domain.errors import Invalid


def parse(text: str) -> Expression:
    """With fields as they are named."""
    return parse_search(text, "text", lambda name: name)


def leaf(value: str, field: str = "text", operator: Operator = "term") -> Filter:
    """One term."""
    return Filter(field=field, operator=operator, values=(value,))


A, B, C, D = (leaf(letter) for letter in "abcd")


def either(*parts: Expression) -> AnyOf:
    """OR."""
    return AnyOf(parts=parts)


def both(*parts: Expression) -> AllOf:
    """AND."""
    return AllOf(parts=parts)


def no(part: Expression) -> Negation:
    """NOT."""
    return Negation(part=part)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", both()),
        ("   ", both()),
        ("a", A),
        ("a b", either(A, B)),
        ("a OR b", either(A, B)),
        ("a || b", either(A, B)),
        ("a AND b", both(A, B)),
        ("a && b", both(A, B)),
        ("a AND b OR c AND d", either(both(A, B), both(C, D))),
        ("a OR b AND c", either(A, both(B, C))),
        ("(a OR b) AND c", both(either(A, B), C)),
        ("a NOT b", both(A, no(B))),
        ("a -b", both(A, no(B))),
        ("a !b", both(A, no(B))),
        ("a AND NOT b", both(A, no(B))),
        ("NOT a", no(A)),
        ("NOT NOT a", A),
        ("-a -b", both(no(A), no(B))),
        ("+a b", A),
        ("+a -b c", both(A, no(B))),
        ("-(a b)", no(either(A, B))),
        ("ANDROID ORDER NOTE", either(leaf("ANDROID"), leaf("ORDER"), leaf("NOTE"))),
        ("a-b", leaf("a-b")),
        ("foo.bar", leaf("foo.bar")),
    ],
)
def test_how_terms_are_joined(text: str, expected: Expression):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event:Down", leaf("Down", "event")),
        ("event:(Down Up)", either(leaf("Down", "event"), leaf("Up", "event"))),
        ("event:(a AND text:b)", both(leaf("a", "event"), B)),
        ("attributes.region:EU", leaf("EU", "attributes.region")),
        ("_.region:EU", leaf("EU", "attributes.region")),
        ('"no space left"', leaf("no space left", operator="phrase")),
        ('event:"Disk \\"C\\""', leaf('Disk "C"', "event", "phrase")),
        ("dis?", leaf("dis?", operator="like")),
        ("d*k\\*", leaf("d*k\\*", operator="like")),
        ("d\\*k", leaf("d*k")),
        ("a\\ b", leaf("a b")),
        ("/eth[0-9]\\/x/", leaf("eth[0-9]/x", operator="regex")),
        ("/\\d+/", leaf("\\d+", operator="regex")),
        ("duplicateCount:>5", leaf("5", "duplicateCount", "gt")),
        ("duplicateCount:>=5", leaf("5", "duplicateCount", "gte")),
        ("duplicateCount:<5", leaf("5", "duplicateCount", "lt")),
        ("duplicateCount:<=5", leaf("5", "duplicateCount", "lte")),
        ("value:[1 TO 5]", both(leaf("1", "value", "gte"), leaf("5", "value", "lte"))),
        ("value:{1 TO 5]", both(leaf("1", "value", "gt"), leaf("5", "value", "lte"))),
        ("value:[1 TO *]", leaf("1", "value", "gte")),
        ("value:[* TO 5}", leaf("5", "value", "lt")),
        ("value:[* TO *]", Filter(field="value", operator="exists", values=())),
        ("t:[2026-01-01T00:00:00Z TO *]", leaf("2026-01-01T00:00:00Z", "t", "gte")),
        ("customer:*", Filter(field="customer", operator="exists", values=())),
        ("_exists_:customer", Filter(field="customer", operator="exists", values=())),
        ("*:*", both()),
        ("http://example.org", leaf("http://example.org")),
        ("12:30", leaf("12:30")),
        ("tags:dc=fra", leaf("dc=fra", "tags")),
    ],
)
def test_what_a_term_may_be(text: str, expected: Expression):
    assert parse(text) == expected


def test_what_exists_may_be_an_attribute():
    def resolve(name: str) -> str:
        if name not in {"text", "attributes.region"}:
            raise Invalid("no such field")
        return name

    found = parse_search("_exists_:region", "text", resolve)
    assert found == Filter(field="attributes.region", operator="exists", values=())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(a", "a '\\)' is missing \\(column 3\\)"),
        ("a)", "unexpected '\\)' \\(column 2\\)"),
        ('"a', 'a closing " is missing'),
        ("/a", "a closing / is missing"),
        ("a AND", "something is missing at the end"),
        ("event:", "something is missing at the end"),
        ("AND", "a word is missing before AND or OR"),
        ("value:[1 5]", "a range is written"),
        ("value:[1 TO 5", "a '\\]' or '}' is missing"),
        ("roam~0.8", "fuzzy words"),
        ("disk^2", "boosts"),
        ("a\\", "a backslash needs"),
        ("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), "nested more than"),
        ("a " * (MOST_TERMS + 1), "more than 100 terms"),
        ("a" * (LONGEST + 1), "at most 2000 characters"),
    ],
)
def test_what_cannot_be_read_says_where(text: str, reason: str):
    with pytest.raises(Invalid, match=reason):
        parse(text)


@given(st.text(st.sampled_from('ab:()[]{}"/\\*?+-!&|<>=~^ ANDORNOTTO._\u3000ä'), max_size=40))
@example("NOT " * 400 + "a")
@example("!" * 1999 + "a")
def test_any_text_is_read_or_refused(text: str):
    with contextlib.suppress(Invalid):
        assert isinstance(parse(text), Expression)
