import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.checks.perfdata import parse_output, parse_readings
from watchbell.domain.checks.result import READINGS_LIMIT, Reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time=0.002s", [Reading(name="time", value=0.002, unit="s")]),
        (
            "/=2643MB;5948;5958;0;5968",
            [Reading(name="/", value=2643, unit="MB", warning="5948", critical="5958", minimum=0, maximum=5968)],
        ),
        ("'C:\\ used %'=42%;80;90", [Reading(name="C:\\ used %", value=42, unit="%", warning="80", critical="90")]),
        ("'it''s'=1", [Reading(name="it's", value=1)]),
        (
            "a=1 b=2c  c=3;;;;",
            [Reading(name="a", value=1), Reading(name="b", value=2, unit="c"), Reading(name="c", value=3)],
        ),
        ("a=1,5s", [Reading(name="a", value=1.5, unit="s")]),
        ("a=-.5;10:20;@~:30", [Reading(name="a", value=-0.5, warning="10:20", critical="@~:30")]),
        ("a=1e3B", [Reading(name="a", value=1000, unit="B")]),
        ("a=U b=2", [Reading(name="b", value=2)]),
        ("a= b=2", [Reading(name="b", value=2)]),
        ("garbage and x=1", [Reading(name="x", value=1)]),
        ("'unclosed=1 b=2", [Reading(name="b", value=2)]),
        ("= =5 ;;; b=2", [Reading(name="b", value=2)]),
        ("a=1;x;y;lots;more", [Reading(name="a", value=1, warning="x", critical="y")]),
        ("a=1e999", []),
        ("", []),
        ("no numbers here", []),
    ],
)
def test_readings(text, expected):
    assert list(parse_readings(text)) == expected


def test_output_with_long_text_and_two_places_of_numbers():
    text = "DISK OK - free 3326 MB | /=2643MB\n/ 15272 MB\n/boot 68 MB\n| /boot=68MB\n/home=69357MB\n"
    summary, details, readings = parse_output(text)
    assert summary == "DISK OK - free 3326 MB"
    assert details == "/ 15272 MB\n/boot 68 MB"
    assert [r.name for r in readings] == ["/", "/boot", "/home"]


def test_one_line_and_windows_ends():
    assert parse_output("OK\r\n") == ("OK", "", ())
    assert parse_output("\n\nOK: all well\nmore\r\nlines") == ("OK: all well", "more\nlines", ())


def test_control_characters_go():
    assert parse_output("OK\x1b[31m\x00 red\x07")[0] == "OK[31m red"


def test_many_readings_are_capped():
    assert len(parse_readings(" ".join(f"a{n}=1" for n in range(5000)))) == READINGS_LIMIT


@given(st.text(max_size=300))
def test_nothing_raises(text):
    parse_output(text)


@pytest.mark.parametrize("unit", ["' '' ", "a ", "'", "''", "= ", "a=", " ", "'a'b "])
def test_hostile_output_costs_no_more_than_honest_output(unit):
    began = time.process_time()
    parse_output("|" + unit * (65536 // len(unit)))
    assert time.process_time() - began < 2
