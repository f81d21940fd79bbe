import time

import pytest

from watchbell.domain.errors import Invalid
from watchbell.toolkit.pattern import Pattern


def test_found_anywhere():
    assert Pattern("b+c").found_in("aabbcc")
    assert Pattern("größe").found_in("die größe")
    assert not Pattern("^b").found_in("ab")


@pytest.mark.parametrize("text", ["(", "(?=a)", r"(a)\1", "a{99999}"])
def test_unusable_expressions(text, capfd):
    with pytest.raises(Invalid, match="is not a regular expression"):
        Pattern(text)
    assert text not in capfd.readouterr().err


@pytest.mark.parametrize("text", ["(a+)+$", "(a|aa)+$", "(.*)*x"])
def test_no_expression_runs_away(text):
    began = time.process_time()
    Pattern(text).found_in("a" * 1_000_000 + "!")
    assert time.process_time() - began < 2
