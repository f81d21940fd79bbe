"""Expressions over one event."""

import msgspec
import pytest

from unit.domain.events.rules.test_rule import event
from watchbell.domain.errors import Invalid
from watchbell.domain.events.rules.expression import Expression, Fields, equality, is_field, reader
from watchbell.domain.expressions import LONGEST


def holds(source: str, **changes) -> bool:
    expression, fields = Expression(source), Fields()
    fields.need(expression.names)
    fields.show(event(**changes))
    return expression.test(fields)


@pytest.mark.parametrize(
    ("source", "changes", "expected"),
    [
        ('event_type == "pageView"', {}, True),
        ('event_type != "pageView"', {}, False),
        ('event_type == "a" || source == "browser"', {}, True),
        ('!(source == "browser")', {}, False),
        ("screen_width > 1000 && screen_width <= 1680", {"screen_width": 1680}, True),
        ("screen_width > 1000", {"screen_width": None}, False),
        ('event_type in ["a", "pageView"]', {}, True),
        ('location.startsWith("https://")', {"location": "https://x/"}, True),
        ('location.endsWith("/")', {"location": "https://x/"}, True),
        ('location.contains("://")', {"location": None}, False),
        ('location.matches("^https://[a-z]+/$")', {"location": "https://x/"}, True),
        ('location.matches("^http://")', {"location": "https://x/"}, False),
        ("parameters.total > 10.0", {"raw_parameters": b'{"total":10.5}'}, True),
        ("parameters.total > 10", {"raw_parameters": b'{"total":11}'}, True),
        ("parameters.total > 10", {"raw_parameters": b'{"total":"11"}'}, False),
        ("parameters.total > 10", {}, False),
        ("has(parameters.total)", {"raw_parameters": b'{"total":1}'}, True),
        ("has(parameters.total)", {"raw_parameters": b"rubbish"}, False),
        ("size(parameters.items) == 2", {"raw_parameters": b'{"items":["a","b"]}'}, True),
        ('parameters.items.exists(i, i == "b")', {"raw_parameters": b'{"items":["a","b"]}'}, True),
        ("corrupt", {"corrupt": True}, True),
        ("event_type == null", {"event_type": None}, True),
        ("1 / 0 == 1", {}, False),
        ("event_type", {}, False),
        ('remote == "\\u00e9"', {"remote": "é"}, True),
        ("parameters.big > 0", {"raw_parameters": b'{"big":123456789012345678901234567890}'}, True),
    ],
)
def test_expressions(source, changes, expected):
    assert holds(source, **changes) is expected


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("event_type ==", "is not CEL"),
        ("colour == 1", "'colour' is not a field"),
        ("raw_parameters != null", "'raw_parameters' is not a field"),
        ('open("/etc/passwd")', "there is no function 'open'"),
        ("[1,2].map(x, [3,4].map(y, x * y)) == []", "may hold one of"),
        ("x" * (LONGEST + 1), "must have at most"),
        ("(" * 1000 + "true" + ")" * 1000, "must have at most|is not CEL"),
        ("(" * 900 + "true" + ")" * 900, "is not CEL"),
        ("[" * 990 + "]" * 990, "is not CEL"),
        ('location.matches("(")', "is not a regular expression"),
        ('location.matches("(?=x)")', "is not a regular expression"),
    ],
)
def test_what_cannot_be_evaluated_safely_is_refused(source, reason):
    with pytest.raises(Invalid, match=reason):
        Expression(source)


def test_text_that_is_no_unicode_is_no_match():
    """Half a surrogate pair comes with hostile requests."""
    assert not holds('location.matches("x")', location="\ud800x")
    assert not holds('location == "x"', location="\ud800x")


def test_a_hostile_pattern_takes_no_time():
    assert not holds('location.matches("^(a+)+$")', location="a" * 5000 + "!")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('event_type == "checkout"', ("event_type", "checkout")),
        ("event_type == 'checkout' && screen_width > 3", ("event_type", "checkout")),
        ('event_type == "checkout" && location.contains("a || b")', ("event_type", "checkout")),
        ('event_type == "checkout" || true', None),
        ('event_type == "checkout" && false || true', None),
        ('event_type == "checkout" && false ? true : true', None),
        ('event_type == "check\\"out"', None),
        ('!(event_type == "checkout")', None),
        ('parameters == "checkout"', None),
    ],
)
def test_an_equality_that_must_hold_is_found(source, found):
    assert equality(source) == found


def test_nested_fields_are_read():
    assert is_field("agent.bot")
    assert is_field("place.country_code")
    assert not is_field("agent.colour")
    assert not is_field("raw")
    assert not is_field("parameters.")
    assert reader("agent.bot")(event()) is None
    assert reader("parameters.a")(event(raw_parameters=msgspec.json.encode({"a": 7}))) == 7
