import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.checks.result import Outcome, Reading, Status, tidied


def outcome(**changes):
    return msgspec.structs.replace(Outcome(status=Status.OK, summary="fine"), **changes)


def test_an_honest_outcome_stays_as_it_is():
    honest = outcome(details="größe\n\ttab", readings=(Reading(name="a b", value=1.5, unit="s"),))
    assert tidied(honest) == honest


@pytest.mark.parametrize("text", ["a\x00b", "a\x1bb", "a\ud800b", "a\rb"])
def test_what_cannot_be_stored_or_shown_goes(text):
    made = tidied(outcome(summary=text, details=text, readings=(Reading(name=text, value=1, unit=text),)))
    assert (made.summary, made.details, made.readings[0].name, made.readings[0].unit) == ("a\ufffdb",) * 4


def test_a_summary_is_one_line():
    assert tidied(outcome(summary="a\nb")).summary == "a b"


def test_everything_has_a_limit():
    made = tidied(
        outcome(
            summary="x" * 5000,
            details="x" * 50_000,
            readings=tuple(Reading(name="n" * 999, value=1) for _ in range(600)),
        )
    )
    assert (len(made.summary), len(made.details), len(made.readings), len(made.readings[0].name)) == (
        1000,
        16384,
        500,
        200,
    )


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_left_out(number):
    readings = (Reading(name="a", value=number), Reading(name="b", value=1, maximum=number), Reading(name="c", value=1))
    assert [r.name for r in tidied(outcome(readings=readings)).readings] == ["c"]


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_the_wire_takes_it(summary, details):
    made = tidied(outcome(summary=summary, details=details))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Outcome) == made
    assert b"\\u0000" not in msgspec.json.encode(made)
