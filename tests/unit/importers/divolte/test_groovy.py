"""The part of Groovy that is read, and how the rest is left out."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchbell.importers.divolte.groovy import InvalidGroovy, Unreadable, parse_script
from watchbell.importers.divolte.script import convert_script
from watchbell.importers.divolte.terms import METHODS
from watchbell.importers.divolte.words import WORDS


def steps_of(body):
    found = convert_script(f"mapping {{\n{body}\n}}")
    assert found.omissions == []
    return found.rendered()[0]


def omitted(body):
    """Line (of the body, from 1) and reason of everything that is left out."""
    return [(each.line - 1, each.reason) for each in convert_script(f"mapping {{\n{body}\n}}").omissions]


SET = [{"set": "f", "to": {"value": "location"}}]


@pytest.mark.parametrize(
    "body",
    [
        "map location() onto 'f'",
        'map location() onto "f"',
        "map(location()).onto('f')",
        "map(location()) onto 'f'",
        "map (location()) onto ('f')",
        "map location()onto'f';",
        "map(\n  location()\n)\n  .onto(\n'f')",
        "map { location() } onto 'f'",
        "map { return location() } onto 'f'",
        "map { def x = location()\n x } onto 'f'",
        "def x = location()\nmap x onto 'f'",
        "final x = location(); map x onto 'f'",
        "String field = 'f'\nmap location() onto field",
        "def n = 'f'\nmap location() onto \"$n\"",
        "def x = 'y'\nx = 'f'\nmap location() onto x",
        "map location() onto 'x' + 'f' - 'x'".replace("'x' + 'f' - 'x'", "'' + 'f'"),
        "// a comment\nmap location() /* another\n of two lines */ onto 'f' // the end",
        "map location() onto '''f'''",
        'map location() onto """f"""',
        "map location() onto '\\u0066'",
        "map(location()).onto(/f/)",
        "['f'].each { a -> map location() onto a }",
        "['f'].each { map location() onto it }",
        "['f']\n  .each { map location() onto it }",
    ],
)
def test_ways_to_write_the_same(body):
    assert steps_of(body) == SET


def test_a_licence_in_front_and_variables_outside():
    text = "/*\n * Licensed to nobody\n */\ndef f = 'f'\n\nmapping {\n  map location() onto f\n}\n"
    assert convert_script(text).rendered()[0] == SET


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("42", 42),
        ("42I", 42),
        ("42L", 42),
        ("42G", 42),
        ("1_000", 1000),
        ("-7", -7),
        ("0x2A", 42),
        ("0b101", 5),
        ("010", 8),
        ("42.0", 42.0),
        ("42.0D", 42.0),
        ("42d", 42.0),
        ("1.5f", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("false", False),
        (r"'a\\b\n\'\$'", "a\\b\n'$"),
        (r'"a\$b"', "a$b"),
        ("'$x'", "$x"),
    ],
)
def test_literals(written, value):
    (step,) = steps_of(f"map({written}) onto 'f'")
    assert step["to"] == value
    assert type(step["to"]) is type(value)


def test_what_waits_for_conditions():
    body = """
      when corrupt() stop()
      when { corrupt() } exit()
      when not(corrupt()) apply { stop() }
      when(corrupt()).apply { exit() }
      when corrupt().and(duplicate()) apply {
        map 'x' onto 'f'
      }
    """
    corrupt = {"value": "corrupt"}
    assert steps_of(body) == [
        {"when": corrupt, "then": ["stop"]},
        {"when": corrupt, "then": ["exit"]},
        {"when": {"not": corrupt}, "then": ["stop"]},
        {"when": corrupt, "then": ["exit"]},
        {"when": {"and": [corrupt, {"value": "duplicate"}]}, "then": [{"set": "f", "to": "x"}]},
    ]


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("if (corrupt()) { stop() }\nelse { exit() }", 1, "`if` is program code"),
        ("import java.util.Date", 1, "`import` is program code"),
        ("\n\nmap new Date() onto 'f'", 3, "`new` is program code"),
        ("println 'x'", 1, "`println` is not known"),
        ("map location()", 1, "does nothing"),
        ("map location() to 'f'", 1, "must go on with `onto`"),
        ("map nothing onto 'f'", 1, "`nothing` is not known"),
        ("map location().toUpperCase() onto 'f'", 1, "`.toUpperCase()` is not known"),
        ("map location().path onto 'f'", 1, "without parentheses"),
        ("map location() == 'x' onto 'f'", 1, ".equalTo("),
        ("when !corrupt() stop()", 1, "not("),
        ("when corrupt() && duplicate() stop()", 1, ".and("),
        ("when location() stop()", 1, "a condition was expected"),
        ("map null onto 'f'", 1, "null"),
        ("map userAgent() onto 'f'", 1, "say which field"),
        ("map 'x' onto \"${location()}\"", 1, "only texts and numbers"),
        ("parse location() to date", 1, "known types"),
        ("map digest('crc32').result() onto 'f'", 1, "not known"),
        ("def c = { a -> a }\nmap c(location()) onto 'f'", 2, "executed by Groovy"),
        ("[1, 2].collect { it }", 1, "only `.each"),
        ("def x = new Date()\nmap location() onto 'g'", 1, "`new` is program code"),
        ("def x = foo()\nmap x onto 'f'", 1, "`foo` is not known"),
        ("map cookie() onto 'f'", 1, "must be one text"),
        ("map header('a').get('b') onto 'f'", 1, "whole number"),
        ("section 'x'", 1, "takes a block"),
        ("exit(1)", 1, "takes no arguments"),
        ("map u onto 'f' onto 'g'", 1, "`u` is not known"),
        ("def a, b = 1", 1, "expected ="),
    ],
)
def test_what_is_left_out_is_named_with_its_line(body, line, said):
    found = omitted(body)
    assert found[0][0] == line
    assert said in found[0][1]


def test_what_needs_something_left_out_says_so():
    assert omitted("def x = foo()\nmap location() onto 'f'\nmap x onto 'g'") == [
        (1, "`foo` is not known here"),
        (3, "it needs `x` of line 2, which was left out"),
    ]


def test_the_text_of_what_is_left_out_has_all_its_lines():
    (found,) = convert_script("mapping {\n  if (x) {\n    stop()\n  }\n  else {\n    exit()\n  }\n}").omissions
    assert found.line == 2
    assert found.text.splitlines()[0] == "if (x) {"
    assert found.text.endswith("}")
    assert "exit()" in found.text


def test_what_stands_around_something_left_out_is_converted():
    body = "map location() onto 'f'\nfor (i in 1..3) { stop() }\nmap eventId() onto 'g'"
    found = convert_script(f"mapping {{\n{body}\n}}")
    assert [step["set"] for step in found.rendered()[0]] == ["f", "g"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "no `mapping"),
        ("mapping {", 1, "never closed"),
        ("mapping {\n  map 'x onto 'f'\n}", 2, "never closed"),
        ('mapping {\n\n  map """x\n onto f }', 3, "never closed"),
        ("mapping { /* }", 1, "never closed"),
        ("mapping { )", 1, "closes nothing"),
        ("mapping { map(/x }", 1, "never closed"),
        ("mapping { map $/x/$ onto 'f' }", 1, "not read"),
        ("mapping { map '\\q' onto 'f' }", 1, "no escape"),
        ('mapping { map "$" onto 1 }', 1, "must be followed"),
        ('mapping { map "${x { y }" onto 1 }', 1, "only plain expressions"),
        ("mapping { map \x00 }", 1, "unexpected"),
        ("mapping {" + "(" * 200 + ")" * 200 + "}", 1, "deep"),
        ("mapping {" + "{" * 200 + "}" * 200 + "}", 1, "deep"),
        ("mapping { map " + "!" * 5000 + "x onto 'f' }", 1, "deep"),
        ("mapping { x = " + "a ? " * 500 + "b" + ": c" * 500 + " }", 1, "deep"),
        ("x" * (1 << 21), 1, "longer than"),
        ("mapping { " + "[1,2,3,4,5,6,7,8,9,0].each { " * 10 + "map 1 onto 'f'" + " }" * 10 + " }", 1, "more than"),
    ],
)
def test_hostile_scripts_are_refused_quickly(text, line, said):
    start = time.process_time()
    with pytest.raises(InvalidGroovy) as caught:
        convert_script(text)
    assert caught.value.line == line
    assert said in caught.value.reason
    assert time.process_time() - start < 5


def test_an_expression_that_doubles_is_refused():
    body = "def d = digest('md5').add('x')\n" + "d = d.add(d.result())\n" * 60
    assert "more than" in omitted(body)[0][1]


def test_huge_numbers_are_not_read():
    assert "digits" in omitted(f"map {'9' * 500} onto 'f'")[0][1]


WORDS_OF_SCRIPTS = sorted(
    {*WORDS, "mapping", "section", "exit", "stop", "onto", "apply", "to", "against", "uri", "int32", "def", "x", "it"}
    | {"if", "else", "return", "true", "null", "each"}
    | {name for methods in METHODS.values() for name in methods}
)
SIGNS = [*"{}()[].,;=!-+/\"'$\\\n ?:", "->", "==", "//", "/*", "*/", "'a'", '"$x"', "1", "4.2D", "'''"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(WORDS_OF_SCRIPTS), st.sampled_from(SIGNS)), max_size=40))
def test_any_mixture_of_words_is_read_or_refused(words):
    for text in (" ".join(words), f"mapping {{ {' '.join(words)} }}"):
        with suppress(InvalidGroovy):
            convert_script(text).rendered()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    with suppress(InvalidGroovy):
        for statement in parse_script(text):
            assert 1 <= statement.line <= statement.last
            assert not isinstance(statement, Unreadable) or statement.reason
