"""What mappings make of events, beyond Divolte's vectors."""

from decimal import Decimal
from typing import Any

import pytest

from watchbell.domain.events.mapping.compiled import compile_mapping, try_mapping
from watchbell.domain.events.mapping.errors import Unmappable
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.mapping.reading import Lookups
from watchbell.domain.events.place import Place
from watchbell.domain.events.raw import RawKind

TEXTS = {"type": "array", "items": "string"}


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


def json(text: str) -> dict[str, Any]:
    return {"raw_parameters": text.encode()}


def test_what_divolte_does_not_expose(evaluate):
    assert evaluate({"value": "new_party"}, "boolean", new_party=True) is True
    assert evaluate({"value": "source"}) == "browser"
    assert evaluate({"value": "kind"}) == "browser"
    assert evaluate({"value": "event_id"}) == "page0"
    assert evaluate({"value": "pixel_ratio"}, "double", pixel_ratio=1.5) == 1.5


def test_the_pixel_ratio_as_divolte_has_it(evaluate):
    whole = {"value": "whole_pixel_ratio"}
    assert evaluate(whole, "int", pixel_ratio=2.0) == 2
    assert evaluate(whole, "int", pixel_ratio=1.5) is None
    assert evaluate(whole, "int") is None


def test_otherwise(event):
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}
    steps = [
        {
            "when": {"equal": [{"value": "event_type"}, "x"]},
            "then": [{"set": "a", "to": "yes"}],
            "otherwise": [{"set": "a", "to": "no"}],
        }
    ]
    record = compile_mapping(Mapping(name="m", schema=schema, steps=steps)).record
    assert record(event(event_type="x")) == {"a": "yes"}
    assert record(event(event_type="y")) == {"a": "no"}
    assert record(event()) == {"a": "no"}


def test_drop_gives_no_record(event):
    steps = [{"section": [{"when": {"value": "corrupt"}, "then": [{"drop": "corrupt"}]}]}]
    schema = {"type": "record", "name": "R", "fields": []}
    record = compile_mapping(Mapping(name="m", schema=schema, steps=steps)).record
    assert record(event(corrupt=True)) is None
    assert record(event()) == {}


def test_an_unset_field_without_a_default_is_told(event):
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}
    record = compile_mapping(Mapping(name="m", schema=schema, steps=[{"set": "a", "to": {"value": "referer"}}])).record
    with pytest.raises(Unmappable) as caught:
        record(event())
    assert caught.value.reason == "mandatory_field_unset"
    assert "'a'" in caught.value.detail


def test_parameters_must_satisfy_the_schema_of_their_type(event):
    schemas = {"buy": {"type": "object", "required": ["price"]}, "*": {"type": ["object", "null"]}}
    mapping = Mapping(
        name="m",
        schema={"type": "record", "name": "R", "fields": []},
        parameters_schema=schemas,
    )
    record = compile_mapping(mapping).record
    assert record(event(event_type="buy", **json('{"price": 1}'))) == {}
    assert record(event(event_type="other")) == {}
    with pytest.raises(Unmappable) as caught:
        record(event(event_type="buy", **json('{"cost": 1}')))
    assert caught.value.reason == "parameters_invalid"
    assert "price" in caught.value.detail
    with pytest.raises(Unmappable):
        record(event(event_type="other", **json("3")))


def test_paths_that_are_too_long_are_told(event):
    deep = "[" * 100 + ",".join(["0"] * 20_000) + "]" * 100
    steps = [{"set": "a", "to": {"path": "$..[*]..zz"}}]
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "string"], "default": None}]}
    mapping = compile_mapping(Mapping(name="m", schema=schema, steps=steps))
    with pytest.raises(Unmappable, match=r"paths_too_long: finding .* takes more than 500000 steps"):
        mapping.record(event(**json(deep)))


def test_each_event_has_its_own_memo(event):
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string", "default": ""}]}
    mapping = Mapping(name="m", schema=schema, steps=[{"set": "a", "to": {"uri": "path", "of": {"value": "location"}}}])
    record = compile_mapping(mapping).record
    assert [record(event(location=f"http://h/{n}")) for n in "ab"] == [{"a": "/a"}, {"a": "/b"}]


def test_places_of_a_text(evaluate):
    asked: list[str] = []

    def place_of(address: str) -> Place | None:
        asked.append(address)
        return Place(country_code="NL") if address == "192.0.2.7" else None

    lookups = Lookups(place_of)
    expression = {"place": "country_code", "of": {"parameter": "ip"}}
    assert evaluate(expression, lookups=lookups, **json('{"ip": "192.0.2.7"}')) == "NL"
    assert evaluate(expression, lookups=lookups, **json('{"ip": "x"}')) is None
    assert evaluate(expression, lookups=lookups) is None
    assert asked == ["192.0.2.7", "x"]


def test_browser_addresses_are_read_leniently(evaluate):
    of = {"of": {"value": "location"}}
    given = {"location": "http://user@h_x:81/a|b c?q=%zz&d=1 2#f|g"}
    assert evaluate({"uri": "host", **of}, **given) == "h_x"
    assert evaluate({"uri": "port", **of}, "int", **given) == 81
    assert evaluate({"uri": "path", **of}, **given) == "/a|b c"
    assert evaluate({"query": "d", **of}, **given) == "1 2"
    assert evaluate({"query": "q", **of}, **given) == "%zz"
    assert evaluate({"uri": "fragment", **of}, **given) == "f|g"
    assert evaluate({"uri": "host", **of, "strict": True}, **given) is None


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("http://a_b/", None),
        ("http://h:99999999999/", None),
        ("http://1.2.3.4/", "1.2.3.4"),
        ("http://a.1b/", None),
        ("http://user:pw@h.example./", "h.example."),
        ("mailto:x@y", None),
        ("http:///p", None),
    ],
)
def test_hosts_that_java_knows(evaluate, text, host):
    assert evaluate({"uri": "host", "of": {"value": "location"}, "strict": True}, location=text) == host


@pytest.mark.parametrize("text", ["http:", "http://", ":x", "1a://h", "http://h/%", "http://h/#a#b", "http://h\u00a0/"])
def test_what_java_refuses(evaluate, text):
    assert evaluate({"uri": "text", "of": {"value": "location"}, "strict": True}, location=text) is None


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int32", "-12", -12),
        ("int32", "2147483648", None),
        ("int32", "+1", None),
        ("int32", " 1", None),
        ("int64", "2147483648", 2147483648),
        ("int64", "9223372036854775808", None),
        ("int64", "٣", None),
        ("fp64", "1.5e3", 1500.0),
        ("fp64", " .5d ", 0.5),
        ("fp64", "x", None),
        ("fp64", "-Infinity", float("-inf")),
        ("bool", "TRUE", True),
        ("bool", "1", False),
        ("bool", "", False),
    ],
)
def test_parsing(evaluate, kind, text, value):
    types = {"int32": "int", "int64": "long", "fp64": "double", "bool": "boolean"}
    assert evaluate({"parse": kind, "of": {"value": "event_type"}}, types[kind], event_type=text) == value


def test_single_precision(evaluate):
    assert evaluate({"parse": "fp32", "of": "0.1"}, "float") == pytest.approx(0.1, abs=1e-8)
    assert evaluate({"parse": "fp32", "of": "1e39"}, "float") == float("inf")


def test_moments(evaluate):
    moment = {"parse": "instant", "of": {"value": "event_type"}}
    millis = 1_700_000_000_123
    given = {"event_type": "2023-11-14T23:13:20.123+01:00"}
    assert evaluate(moment, "long", **given) == millis
    assert evaluate(moment, logical("long", "timestamp-millis"), **given) == millis
    assert evaluate(moment, logical("long", "timestamp-micros"), **given) == millis * 1000
    assert evaluate(moment, logical("int", "date"), **given) == 19675
    assert evaluate({"value": "timestamp"}, logical("long", "timestamp-micros")) == millis * 1000
    assert evaluate(moment, "long", event_type="yesterday") is None


def test_logical_types_of_text_and_json(evaluate):
    money = logical("bytes", "decimal", precision=5, scale=2)
    assert evaluate({"path": "$.a"}, money, **json('{"a": 12.34}')) == Decimal("12.34")
    assert evaluate({"path": "$.a"}, money, **json('{"a": 12.345}')) is None
    assert evaluate({"parameter": "a"}, money, **json('{"a": "1234"}')) is None
    assert evaluate(7, money) == Decimal(7)
    assert evaluate({"parameter": "a"}, logical("string", "uuid"), **json('{"a": "no"}')) is None
    identifier = "6b3edc43-20ec-4078-bc47-e965dd76b88a"
    assert evaluate({"path": "$.a"}, logical("string", "uuid"), **json(f'{{"a": "{identifier}"}}')) == identifier
    assert evaluate({"path": "$.a"}, logical("int", "date"), **json('{"a": "1970-01-03"}')) == 2
    assert (
        evaluate({"path": "$.a"}, logical("long", "timestamp-millis"), **json('{"a": "1970-01-01T00:00:01Z"}')) == 1000
    )


def test_enums(evaluate):
    colours = {"type": "enum", "name": "C", "symbols": ["RED", "OTHER"]}
    given = {"event_type": "BLUE"}
    assert evaluate({"value": "event_type"}, colours, event_type="RED") == "RED"
    assert evaluate({"value": "event_type"}, colours, **given) is None
    assert evaluate({"value": "event_type"}, {**colours, "default": "OTHER"}, **given) == "OTHER"
    assert evaluate({"upper": {"parameter": "c"}}, colours, **json('{"c": "red"}')) == "RED"


def test_fixed(evaluate):
    fixed = {"type": "fixed", "name": "F", "size": 16}
    assert len(evaluate({"digest": "md5", "pieces": ["x"]}, fixed)) == 16
    assert evaluate({"digest": "sha-1", "pieces": ["x"]}, fixed) is None


def test_numbers_grow_and_never_shrink(evaluate):
    assert evaluate({"value": "viewport_width"}, "double", viewport_width=3) == 3.0
    assert evaluate({"value": "viewport_width"}, "long", viewport_width=3) == 3
    assert evaluate(0.5, "float") == 0.5
    assert evaluate({"list": [1, 2]}, {"type": "array", "items": "double"}) == [1.0, 2.0]


def test_parameters_as_text(evaluate):
    given = json('{"a": 1.50, "b": true, "c": [1], "d": null}')
    assert evaluate({"parameter": "a"}, **given) == "1.50"
    assert evaluate({"parameter": "b"}, **given) == "true"
    assert [evaluate({"parameter": name}, **given) for name in "cde"] == [None] * 3
    assert [evaluate({"parameter": name, "empty": True}, **given) for name in "cde"] == [""] * 3
    assert evaluate({"parameter": "a", "empty": True}) is None
    assert evaluate({"parameter": "a"}, raw_parameters="(sa!x!)") == "x"
    assert evaluate({"parameter": "a"}, raw_parameters="(((") is None


def test_making_texts(evaluate):
    given = {"event_type": " aB "}
    name = {"value": "event_type"}
    assert evaluate({"join": [{"trim": name}, 1, True, {"value": "referer"}], "with": "-"}, **given) == "aB-1-true"
    assert evaluate({"join": [{"value": "referer"}]}) is None
    assert evaluate({"lower": name}, **given) == " ab "
    assert evaluate({"first_of": [{"value": "referer"}, {"value": "page_view_id"}, "none"]}) == "none"
    assert evaluate({"list": [{"value": "referer"}, "x"]}, TEXTS) == ["x"]
    assert evaluate({"list": []}, TEXTS) == []


def test_conditions(evaluate):
    absent, width = {"value": "referer"}, {"value": "viewport_width"}

    def true(condition: Any, **given: Any) -> Any:
        return evaluate(condition, "boolean", **given)

    assert true({"present": absent}) is False
    assert true({"absent": absent}) is True
    assert true({"equal": [absent, {"value": "page_view_id"}]}) is True
    assert true({"equal": [absent, "x"]}) is False
    assert true({"not": {"equal": [absent, "x"]}}) is True
    assert true({"not": {"match": "x", "of": absent}}) is None
    assert true({"and": [True, {"match": "x", "of": absent}]}) is None
    assert true({"less": [width, 10]}, viewport_width=9) is True
    assert true({"greater": [width, 10]}, viewport_width=9) is False
    assert true({"greater": [width, 10]}) is None
    assert true({"in": ["a", "b"], "of": absent}) is None
    assert true({"in": ["a", "b"], "of": absent}, referer="b") is True
    assert true({"equal": [{"path": "$.a"}, 1]}, **json('{"a": 1}')) is True
    assert true({"equal": [{"path": "$.a"}, 1]}, **json('{"a": true}')) is False
    assert true({"less": [{"path": "$.a"}, 1]}, **json('{"a": "x"}')) is None


def test_what_a_mapping_needs_is_known():
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string", "default": ""}]}
    steps = [{"set": "a", "to": {"first_of": [{"cookie": "c"}, {"header": "X-Y", "take": 0}, {"place": "isp"}]}}]
    compiled = compile_mapping(Mapping(name="m", schema=schema, steps=steps, sources=["s"], sinks=["k"]))
    assert compiled.headers == {"cookie", "x-y"}
    assert compiled.places
    assert (compiled.sources, compiled.sinks) == ({"s"}, ("k",))


def test_trying_shows_the_path_that_was_taken(event):
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": ["null", "int"], "default": None}]}
    steps = [
        {"set": "a", "to": {"path": "$.a"}},
        {"set": "a", "to": {"path": "$.b"}},
        {"when": {"value": "duplicate"}, "then": ["stop"], "otherwise": [{"drop": "why"}]},
    ]
    record, why, passed = try_mapping(Mapping(name="m", schema=schema, steps=steps), event(**json('{"a": "x"}')))
    assert record is None
    assert why == "drop: why"
    assert [(step.place, step.what) for step in passed] == [
        ("steps[0]", "set a"),
        ("steps[1]", "set a: absent"),
        ("steps[2]", "when: false"),
        ("steps[2].otherwise[0]", "drop: why"),
    ]
    assert "does not fit" in passed[0].problem
    found, why, _ = try_mapping(
        Mapping(name="m", schema=schema, steps=steps), event(duplicate=True, **json('{"a": 3}'))
    )
    assert (found, why) == ({"a": 3}, "")


def test_json_events_have_no_page(event):
    compiled = compile_mapping(Mapping(name="m"))
    record = compiled.record(event(kind=RawKind.JSON, location=None))
    assert record is not None
    assert record["location"] is None
