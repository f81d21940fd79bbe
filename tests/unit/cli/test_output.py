import pytest

from watchbell.cli.output import lines, plain, show_rows


def test_hostile_texts_cannot_move_the_cursor():
    assert plain("a\x1b[2Jb\nc\x9b") == "a\ufffd[2Jb c\ufffd"
    assert lines("one\x07\ntwo") == "one\ufffd\ntwo"
    assert plain(None) == ""
    assert plain(["a", "b"]) == "a, b"


def test_pipes_get_tabs_and_no_colours(capsys: pytest.CaptureFixture[str]):
    show_rows(("A", "B"), [("critical", "x\ty")])
    assert capsys.readouterr().out == "critical\tx y\n"
