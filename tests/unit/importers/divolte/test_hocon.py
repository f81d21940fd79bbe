"""HOCON: what it says, where, and what is refused."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchbell.importers.divolte.hocon import InvalidHocon, Listing, Scalar, Table, load
from watchbell.importers.divolte.hocon.parser import Parser
from watchbell.importers.divolte.hocon.resolve import Resolver
from watchbell.importers.divolte.units import duration_ms, flag, number, whole_number


def shown(value):
    """A value without its places."""
    if isinstance(value, Table):
        return {name: shown(field) for name, field in value.fields.items()}
    if isinstance(value, Listing):
        return [shown(item) for item in value.items]
    return value.text


def values(text, environment=None):
    """What a text without includes says."""
    return shown(Resolver(Parser(text, "x.conf", lambda *_: None).parse(), environment or {}).resolve())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# nothing\n// at all", {}),
        ("a = 1", {"a": "1"}),
        ("a : 1, b = 2,\nc = 3 // three", {"a": "1", "b": "2", "c": "3"}),
        ('{"a": {"b": [1, 2, {"c": null}]}}', {"a": {"b": ["1", "2", {"c": "null"}]}}),
        ("a.b.c = x\na.b.d = y", {"a": {"b": {"c": "x", "d": "y"}}}),
        ('"a.b".c = x', {"a.b": {"c": "x"}}),
        ("a { b = 1 }\na { c = 2 }\na.b = 3", {"a": {"b": "3", "c": "2"}}),
        ("a { b = 1 }\na = 2\na { c = 3 }", {"a": {"c": "3"}}),
        ("a { b = 1 } { c = 2 }", {"a": {"b": "1", "c": "2"}}),
        ("a = 30 seconds  # half a minute", {"a": "30 seconds"}),
        ("a = b  c", {"a": "b  c"}),
        ('a = "x" y "z"', {"a": "x y z"}),
        ('a = "tab\\tquote\\" \\u00e9"', {"a": 'tab\tquote" é'}),
        ('a = """one "two"\nthree"""', {"a": 'one "two"\nthree'}),
        ('a = """x""""', {"a": 'x"'}),
        ("a = [\n 1\n 2, 3,\n]", {"a": ["1", "2", "3"]}),
        ("a = [1] [2]", {"a": ["1", "2"]}),
        ("a = [1]\na += 2\na += 3", {"a": ["1", "2", "3"]}),
        ("a = 1\nb = ${a}", {"b": "1", "a": "1"}),
        ("b = ${a.c}x\na.c = 1", {"b": "1x", "a": {"c": "1"}}),
        ("b = ${?none}\nc = [${?none}, 1]", {"c": ["1"]}),
        ("a = 1\na = ${?none}", {"a": "1"}),
        ("path = x\npath = ${path}:y".replace(":", "-"), {"path": "x-y"}),
        ("a { x = 1 }\nb = ${a} { y = 2 }", {"a": {"x": "1"}, "b": {"x": "1", "y": "2"}}),
        ("a { x = 1, y = ${a.x} }", {"a": {"x": "1", "y": "1"}}),
        ("a = ${b}\nb { c = ${d} }\nd = 1", {"a": {"c": "1"}, "b": {"c": "1"}, "d": "1"}),
        ("a b = 1", {"a b": "1"}),
        ("a =\n  1", {"a": "1"}),
        ("a = /x/y", {"a": "/x/y"}),
        ("\ufeffa = 1", {"a": "1"}),
    ],
)
def test_what_a_text_says(text, expected):
    assert values(text) == expected


def test_the_environment_answers_what_the_file_does_not():
    found = Resolver(
        Parser("a = ${X}\nb = 1\nb = ${?Y}\nc = ${b}", "x.conf", lambda *_: None).parse(), {"X": "x", "b": "not this"}
    ).resolve()
    assert shown(found) == {"a": "x", "b": "1", "c": "1"}
    assert isinstance(found.fields["a"], Scalar)
    assert (found.fields["a"].variable, found.fields["a"].place.line) == ("X", 1)


def test_lines_are_those_of_the_last_assignment():
    found = Resolver(Parser("a {\n  b = 1\n}\n\na.b = 2\n", "x.conf", lambda *_: None).parse(), {}).resolve()
    (inner,) = found.fields.values()
    assert isinstance(inner, Table)
    assert inner.fields["b"].place == ("x.conf", 5)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a = 1\nb = {", 2, "never closed"),
        ("a = [1,\n2", 1, "never closed"),
        ('a = "x\n', 1, "never closed"),
        ('a = """x', 1, "never closed"),
        ('a = "\\q"', 1, "no escape"),
        ("a = b:c", 1, "double quotes"),
        ("a", 1, "must be ="),
        ("a = ,", 1, "value is missing"),
        (".a = 1", 1, "name is missing"),
        ("a..b = 1", 1, "name is missing"),
        ("}", 1, "} without {"),
        ("[1]", 1, "must be an object"),
        ("{a = 1} x", 1, "after the end"),
        ("a = ${b}", 1, "stands for nothing"),
        ("a = ${a}", 1, "stands for nothing"),
        ("\na = ${b}\nb = ${a}", 3, "stands for nothing"),
        ("a = ${b", 1, "end with }"),
        ("a = 1 [2]", 1, "cannot be joined"),
        ("a = [{ b += 1 }]", 1, "not supported"),
        ("a = " + "[" * 5000, 1, "deep"),
        ("{a=" * 5000, 1, "deep"),
        ("a = 1" * (1 << 19), 1, "longer than"),
        ("x0 = aaaaaaaaaa\n" + "\n".join(f"x{n + 1} = ${{x{n}}}${{x{n}}}" for n in range(40)), 2, "too much text"),
        (
            "x0 { a = 1 }\n" + "\n".join(f"x{n + 1} {{ a = ${{x{n}}}, b = ${{x{n}}} }}" for n in range(40)),
            1,
            "too many",
        ),
        ("\n".join(f"x{n} = ${{x{n + 1}}}" for n in range(1000)) + "\nx1000 = 1", 1, "deep"),
    ],
)
def test_hostile_texts_are_refused_quickly(text, line, said):
    start = time.process_time()
    with pytest.raises(InvalidHocon) as caught:
        values(text)
    assert said in caught.value.reason
    assert caught.value.place.line >= line
    assert time.process_time() - start < 10


class TestFiles:
    """Includes lead nowhere but into the folder of the first file."""

    def read(self, folder, text, **files):
        for name, content in files.items():
            file = folder / name.replace("__", "/").replace("_", ".")
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)
        (folder / "main.conf").write_text(text)
        return shown(load(folder / "main.conf", {}))

    @pytest.mark.parametrize(
        "include",
        ['include "other.conf"', 'include "other"', 'include file("other.conf")', 'include required(file("other"))'],
    )
    def test_an_include(self, tmp_path, include):
        assert self.read(tmp_path, f"a = 1\n{include}\nb = 2", other_conf="b = 1\nc = ${a}") == {
            "a": "1",
            "b": "2",
            "c": "1",
        }

    def test_paths_in_an_included_file_are_its_own(self, tmp_path):
        text = 'x { include "sub/other" }'
        found = self.read(tmp_path, text, sub__other_conf='a = 1\nb = ${a}\ninclude "more"', sub__more_json='{"c": 2}')
        assert found == {"x": {"a": "1", "b": "1", "c": "2"}}

    def test_an_included_file_may_be_missing_unless_it_is_required(self, tmp_path):
        assert self.read(tmp_path, 'include "none"\na = 1') == {"a": "1"}
        with pytest.raises(InvalidHocon, match="does not exist"):
            self.read(tmp_path, 'include required("none.conf")')

    @pytest.mark.parametrize(
        "named",
        [
            '"/etc/passwd"',
            'file("/etc/passwd")',
            '"../secret.conf"',
            '"link.conf"',
            'url("http://127.0.0.1/x")',
            '"http://127.0.0.1/x.conf"',
            'classpath("x")',
            'package("x", "y")',
            '"a\\u0000b"',
            '"other.properties"',
        ],
    )
    def test_what_lies_elsewhere_is_refused(self, tmp_path, named):
        inside = tmp_path / "inside"
        inside.mkdir()
        (tmp_path / "secret.conf").write_text("secret = 1")
        (inside / "link.conf").symlink_to(tmp_path / "secret.conf")
        with pytest.raises(InvalidHocon) as caught:
            self.read(inside, f"\ninclude {named}")
        assert caught.value.place.line == 2
        assert "secret = 1" not in caught.value.reason

    def test_divoltes_own_defaults_are_known(self, tmp_path):
        assert self.read(tmp_path, 'include classpath("reference.conf")\na = 1') == {"a": "1"}

    def test_a_file_that_includes_itself(self, tmp_path):
        with pytest.raises(InvalidHocon, match="deep"):
            self.read(tmp_path, 'include "main.conf"')

    def test_files_that_cannot_be_read(self, tmp_path):
        with pytest.raises(InvalidHocon, match="no such file"):
            load(tmp_path / "none.conf", {})
        (tmp_path / "huge.conf").write_bytes(b"#" * ((1 << 20) + 1))
        with pytest.raises(InvalidHocon, match="larger than"):
            load(tmp_path / "huge.conf", {})
        (tmp_path / "latin.conf").write_bytes(b"a = \xe9")
        with pytest.raises(InvalidHocon, match="UTF-8"):
            load(tmp_path / "latin.conf", {})


def test_durations_of_the_vectors(vectors):
    for case in vectors["config_validation"]["durations"]:
        assert duration_ms(case["text"]) == case["ms"]


@pytest.mark.parametrize("text", ["", "x", "1 week", "1 s s", "1,5 s", "--1", "9" * 30, "1e3 s"])
def test_what_is_no_duration(text):
    assert duration_ms(text) is None


def test_smaller_units():
    assert (duration_ms("5 us"), duration_ms("2 nanoseconds"), duration_ms("3 µs")) == (0.005, 2e-6, 0.003)


def test_numbers_and_truth_values():
    assert (whole_number("-5"), whole_number("5.0"), whole_number("9" * 40)) == (-5, None, None)
    assert (number("2.5"), number("x"), number("1e400")) == (2.5, None, None)
    assert (flag("yes"), flag("false"), flag("1")) == (True, False, None)


SIGNS = ["{", "}", "[", "]", "=", ":", "+=", ",", "\n", " ", "#", "//", '"', '"""', "${", "${?", "include ", "\\", "."]
PIECES = [*SIGNS, "a", "b", "a.b", '"a"', "1", "null", "${a}", "${?a}", "${a.b}"]


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.text(max_size=100)))
def test_any_text_is_read_or_refused(text):
    with suppress(InvalidHocon):
        values(text, {"a": "environment"})
