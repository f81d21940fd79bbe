"""What is wrong with a mapping: every problem with its place, all at once."""

from typing import Any

import pytest

from watchbell.domain.errors import Faulty
from watchbell.domain.events.mapping.compiled import OPERATORS, compile_mapping, problems
from watchbell.domain.events.mapping.model import DEPTH_MAX, STEPS_MAX, Mapping

FIELDS = [
    {"name": "text", "type": ["null", "string"], "default": None},
    {"name": "number", "type": ["null", "int"], "default": None},
    {"name": "flag", "type": ["null", "boolean"], "default": None},
    {"name": "colour", "type": {"type": "enum", "name": "C", "symbols": ["RED"]}, "default": "RED"},
]
SCHEMA: dict[str, Any] = {"type": "record", "name": "R", "fields": FIELDS}


def wrong(steps: list[Any], **more: Any) -> dict[str, str]:
    """Place → reason."""
    fields: dict[str, Any] = {"name": "m", "schema": SCHEMA, **more}
    return dict(problems(Mapping(**fields, steps=steps)))


def test_a_mapping_that_is_right_has_no_problem():
    assert wrong([{"set": "text", "to": {"value": "location"}}, "exit", "stop"]) == {}


def test_every_problem_is_told_at_once_with_its_place():
    found = wrong(
        [
            {"set": "nope", "to": {"value": "location"}},
            {"when": {"value": "location"}, "then": [{"set": "number", "to": {"value": "location"}}]},
            {"section": [{"section": ["leave"]}]},
            {"when": True, "then": [], "otherwise": [{"set": "text", "to": {"uri": "hots", "of": {"value": "x"}}}]},
            {"drop": ""},
        ],
        define={"a": {"use": "b"}, "b": {"use": "a"}},
    )
    assert set(found) == {
        "steps[0].set",
        "steps[1].when",
        "steps[1].then[0].to",
        "steps[2].section[0].section[0]",
        "steps[3].otherwise[0].to.uri",
        "steps[3].otherwise[0].to.of.value",
        "steps[4].drop",
        "define.b.use",
    }
    assert found["steps[1].then[0].to"] == "is text, but 'number' is null or int"
    assert "it has text, number, flag, colour" in found["steps[0].set"]


@pytest.mark.parametrize(
    ("expression", "place", "reason"),
    [
        (None, "", "must be a text, a number"),
        ({}, "", "needs exactly one operator"),
        ({"value": "location", "cookie": "c"}, "", "it has value and cookie"),
        ({"value": "location", "of": "x"}, ".of", "value has no `of`"),
        ({"parse": "int32"}, "", "parse needs `of`"),
        ({"parse": "int16", "of": "1"}, ".parse", "must be one of int32"),
        ({"match": "(", "of": "x"}, ".match", "is not a regular expression"),
        ({"match": "(?=x)", "of": "x"}, ".match", "is not a regular expression"),
        ({"match": "x" * 2001, "of": "x"}, ".match", "at most 2000"),
        ({"match": "(x)", "of": "x", "group": 2}, ".group", "no group 2"),
        ({"match": "(x)", "of": "x", "group": "n"}, ".group", "no group 'n'"),
        ({"path": "$.a["}, ".path", ""),
        ({"path": "$.a", "of": "text"}, ".of", "must be JSON, not text"),
        ({"digest": "sha-257", "pieces": []}, ".digest", "must be one of md5"),
        ({"digest": "md5", "pieces": [{"header": "h"}]}, ".pieces[0]", "not list of text"),
        ({"digest": "md5", "pieces": "x"}, ".pieces", "must be a list"),
        ({"encode": "hex", "of": "x"}, ".of", "must be bytes, not text"),
        ({"header": "h", "take": "second"}, ".take", "must be all, first"),
        ({"header": "h", "take": ["all"]}, ".take", "must be all, first"),
        ({"parameter": "p", "empty": 1}, ".empty", "must be true or false"),
        ({"agent": "nme"}, ".agent", "must be one of name"),
        ({"place": "city"}, ".place", "must be one of city_id"),
        ({"equal": [1, "1"]}, ".equal", "never equal"),
        ({"equal": [1]}, ".equal", "exactly two"),
        ({"in": ["a", 1], "of": {"value": "location"}}, ".in[1]", "the value is text"),
        ({"and": []}, ".and", "at least one"),
        ({"not": {"value": "location"}}, ".not", "must be a condition"),
        ({"less": [{"value": "corrupt"}, True]}, ".less[0]", "number or a text"),
        ({"first_of": ["a", 1]}, ".first_of", "all be of one type"),
        ({"use": "nothing"}, ".use", "nothing is defined"),
        (2**63, "", "must be a text, a number"),
    ],
)
def test_what_is_wrong_with_an_expression(expression, place, reason):
    found = wrong([{"set": "text", "to": expression}])
    assert reason in found[f"steps[0].to{place}"]


def test_a_literal_is_checked_against_the_field():
    assert wrong([{"set": "number", "to": 2**31}]) == {"steps[0].to": "is long, but 'number' is null or int"}
    assert "is no enum C" in wrong([{"set": "colour", "to": "BLUE"}])["steps[0].to"]
    assert wrong([{"set": "flag", "to": 1}]) == {"steps[0].to": "is int, but 'flag' is null or boolean"}


def test_a_field_without_a_default_must_be_set_somewhere():
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}
    assert "nothing sets 'a'" in wrong([], schema=schema)["steps"]
    assert wrong([{"when": False, "then": [{"set": "a", "to": "x"}]}], schema=schema) == {}


def test_what_is_defined_and_not_used_is_checked_too():
    assert "define.x.value" in wrong([], define={"x": {"value": "nope"}})


def test_size_and_depth_are_bounded():
    deep: Any = "x"
    for _ in range(DEPTH_MAX + 2):
        deep = {"lower": deep}
    assert any("nested more" in reason for reason in wrong([{"set": "text", "to": deep}]).values())
    steps: list[Any] = []
    for _ in range(DEPTH_MAX + 2):
        steps = [{"section": steps}]
    assert any("nested more" in reason for reason in wrong(steps).values())
    assert any("more than 2000 steps" in reason for reason in wrong(["exit"] * (STEPS_MAX + 5)).values())


def test_definitions_count_wherever_they_are_used():
    define: dict[str, Any] = {"d0": "x"}
    for number in range(1, 30):
        define[f"d{number}"] = {"join": [{"use": f"d{number - 1}"}, {"use": f"d{number - 1}"}]}
    found = wrong([{"set": "text", "to": {"use": "d29"}}], define=define)
    assert any("more than 10000 expressions" in reason for reason in found.values())


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "string"}, "schema"),
        ({"type": "record", "name": "R"}, "schema.fields"),
        ({"type": "record", "name": "1", "fields": []}, "schema.name"),
        ({"type": "record", "name": "R", "fields": [{"name": "a"}]}, "schema.fields[0]"),
        ({"type": "record", "name": "R", "fields": [{"name": "a b", "type": "int"}]}, "schema.fields[0].name"),
        ({"type": "record", "name": "R", "fields": [{"name": "a", "type": "integer"}]}, "schema.fields[0].type"),
        (
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": "x"}]},
            "schema.fields[0].default",
        ),
        (
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["int", "null"], "default": None}]},
            "schema.fields[0].default",
        ),
        (
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["int", "int"]}]},
            "schema.fields[0].type[1]",
        ),
        (
            {"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "array"}}]},
            "schema.fields[0].type",
        ),
    ],
)
def test_what_is_wrong_with_a_schema(schema, place):
    with pytest.raises(Faulty) as caught:
        compile_mapping(Mapping(name="m", schema=schema, steps=[{"drop": "all"}]))
    assert place in {fault.field for fault in caught.value.faults}


def test_what_is_wrong_with_a_schema_of_parameters():
    found = wrong([], parameters_schema={"a": {"type": 3}, "b": {"$ref": "http://192.0.2.1/x"}, "c": {"pattern": "("}})
    assert set(found) == {"parameters_schema.a", "parameters_schema.b", "parameters_schema.c"}


def test_every_operator_is_in_the_grammar():
    from watchbell.domain.events.mapping import model

    for name in OPERATORS:
        assert f"{{{name}:" in (model.__doc__ or "") or name in {"upper", "trim"}, name
