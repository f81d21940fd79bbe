"""Divolte's vectors of what mappings do, in our language."""

import json
from typing import Any

import msgspec
import pytest

from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.mapping.avro import any_type
from watchbell.domain.events.mapping.compiled import compile_mapping
from watchbell.domain.events.mapping.from_json import JsonReader, Misfit, readable
from watchbell.domain.events.mapping.headers import header_values
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.mapping.scalars import Written
from watchbell.domain.events.place import Place
from watchbell.domain.events.raw import RawKind
from watchbell.domain.events.record import DefaultMapping

STRINGS = {"type": "array", "items": "string"}
NOT_DIVOLTES = {
    "Test enum mapping missing value to null",
    "Test illegal array mapping from single value",
    "Test illegal mapping single-element array as value",
    "Test record mapping with unknown field",
}
"""Fixtures for settings of the JSON library that Divolte's mappings never use."""


def test_headers_are_normalised(vectors):
    for case in vectors["header_value_normalisation"]["cases"]:
        assert header_values([case["header"]]) == case["values"], case["header"]
    several = vectors["header_value_normalisation"]["multi_header_case"]
    assert header_values(several["headers"]) == several["values"]


def test_values_of_headers(vectors, evaluate):
    case = vectors["header_value_normalisation"]["accessors"]
    headers = tuple(("x-custom", line) for line in case["headers"])
    asked = {"header": "X-Custom"}
    assert evaluate(asked, STRINGS, headers=headers) == case["headers"]
    assert evaluate({**asked, "take": "first"}, headers=headers) == case["first"]
    assert evaluate({**asked, "take": "last"}, headers=headers) == case["last"]
    assert evaluate({**asked, "take": "comma_separated"}, headers=headers) == case["commaSeparated"]
    for index, expected in case["get"].items():
        assert evaluate({**asked, "take": int(index)}, headers=headers) == expected
    assert evaluate(asked, STRINGS) is None


def test_uris_strictly(vectors, evaluate):
    for case in vectors["java_uri_semantics"]["cases"]:
        of = {"of": {"value": "location"}, "strict": True}
        given = {"location": case["uri"]}
        assert (evaluate({"uri": "text", **of}, **given) is not None) == case["parses"]
        names = {"scheme": "scheme", "host": "host", "path": "path", "rawPath": "raw_path"}
        for name, part in names.items():
            if name in case:
                assert evaluate({"uri": part, **of}, **given) == case[name]
        if "port" in case:
            assert evaluate({"uri": "port", **of}, "int", **given) == case["port"]


@pytest.mark.parametrize("strict", [True, False])
def test_parts_of_uris(vectors, evaluate, strict):
    parts = {
        "scheme": "scheme",
        "path": "path",
        "host": "host",
        "decodedQueryString": "query",
        "rawPath": "raw_path",
        "rawQueryString": "raw_query",
        "rawFragment": "raw_fragment",
    }
    for case in vectors["uri_mapping"]["cases"]:
        more = {"of": {"value": "location"}, "strict": strict}
        given = {"location": case["uri"]}
        for name, expected in case.items():
            if name in parts:
                assert evaluate({"uri": parts[name], **more}, **given) == expected
            elif name == "port":
                assert evaluate({"uri": "port", **more}, "int", **given) == expected
            elif name.startswith("query.value("):
                key = name.removeprefix("query.value(").removesuffix(")")
                assert evaluate({"query": key, **more}, **given) == expected
            elif name.startswith("query.valueList("):
                key = name.removeprefix("query.valueList(").removesuffix(")")
                assert evaluate({"query": key, "take": "all", **more}, STRINGS, **given) == expected
            elif name == "query":
                whole = {"query_map": {"value": "location"}, "strict": strict}
                assert evaluate(whole, {"type": "map", "values": STRINGS}, **given) == expected
            else:
                assert name in {"uri", "note"}


def test_an_empty_name_in_a_query_is_a_name(vectors, evaluate):
    uri = vectors["uri_mapping"]["cases"][2]["uri"]
    found = evaluate({"query_map": {"value": "location"}}, {"type": "map", "values": STRINGS}, location=uri)
    assert found[""] == ["42", "bla"]


def test_regular_expressions(vectors, evaluate):
    case = vectors["regex_mapping"]
    match = {"match": case["regex"], "of": {"value": "location"}}
    given = {"location": case["input"]}
    assert evaluate(match, "boolean", **given) is case["matches"]
    assert evaluate({**match, "group": 1}, **given) == case["group(1)"]
    assert evaluate({**match, "group": "page"}, **given) == case["group(page)"]
    assert evaluate({**match, "group": 1}, location=f"{case['input']}x") is None
    assert evaluate(match, "boolean", location=None) is None


ITEMS = {
    "type": "record",
    "name": "P",
    "fields": [
        {"name": "foo", "type": "string"},
        {"name": "bar", "type": "string"},
        {
            "name": "items",
            "type": {
                "type": "array",
                "items": {
                    "type": "record",
                    "name": "I",
                    "fields": [{"name": "count", "type": "int"}, {"name": "price", "type": "double"}],
                },
            },
        },
    ],
}


def test_event_parameters(vectors, evaluate):
    for case in vectors["event_parameter_mapping"]["cases"]:
        given = {"raw_parameters": json.dumps(case["parameters"]).encode()}
        mapping, kind = case["mapping"], case.get("avro_type", "boolean")
        expression: Any = {"value": "parameters"}
        if ".path(" in mapping:
            expression = {"path": mapping.partition("'")[2].partition("'")[0]}
        if mapping.endswith(".isPresent()"):
            expression = {"present": expression}
        expected = None if str(case["result"]).startswith("(runtime mismatch") else case["result"]
        kind = ITEMS if str(kind).startswith("record{") else kind
        assert evaluate(expression, kind, **given) == expected, mapping


def test_json_becomes_avro(vectors):
    used = 0
    for fixture in vectors["json_to_avro"]["fixtures"]:
        if fixture["title"] in NOT_DIVOLTES:
            continue
        used += 1
        kind = any_type(fixture["schema"])
        data = fixture["json"]
        if "json_literal" in fixture:
            data = msgspec.json.Decoder(float_hook=Written).decode(fixture["json_literal"])
        if fixture.get("unsupported"):
            assert not readable(kind), fixture["title"]
        elif "exception" in fixture:
            with pytest.raises(Misfit):
                JsonReader().converter(kind)(data)
        else:
            expected = fixture["result"]
            if kind.kind == "bytes":
                expected = expected.encode()
            elif kind.kind == "fixed":
                expected = bytes(each % 256 for each in expected)
            assert JsonReader().converter(kind)(data) == expected, fixture["title"]
    assert used == len(vectors["json_to_avro"]["fixtures"]) - len(NOT_DIVOLTES)


def test_digests(vectors, evaluate):
    nothing = {"digest": "sha-256", "pieces": []}
    for case in vectors["digest"]["cases"]:
        expression: Any = {"digest": "sha-256", "pieces": [{"value": "event_id"}]}
        if "of nothing" in case["expr"]:
            expression = {"digest": "sha-256", "pieces": [nothing]}
        elif "aLiteralString" in case["expr"]:
            expression["pieces"].append("aLiteralString")
        elif case["origin"].startswith("derived"):
            algorithm = case["expr"].split("'")[1]
            expression = {"digest": algorithm, "pieces": ["abc"], "seed": "bar", "key": "divolte"}
        given = {"event_id": case.get("eventId", "e")}
        if "base64" in case:
            assert evaluate({"encode": "base64", "of": expression}, **given) == case["base64"]
            continue
        assert evaluate({"encode": "hex", "of": expression}, **given) == case["hex"]
        assert evaluate({"encode": "hex_upper", "of": expression}, **given) == case["hex"].upper()
        assert evaluate(expression, "bytes", **given) == bytes.fromhex(case["hex"])


def test_absent_pieces_of_a_digest_are_skipped(evaluate):
    of = [{"value": "event_type"}, "abc"]
    one, other = ({"encode": "hex", "of": {"digest": "md5", "pieces": each}} for each in (of, ["abc"]))
    assert evaluate(one) == evaluate(other) == "900150983cd24fb0d6963f7d28e17f72"


def test_a_full_key_is_as_long_as_the_digest(evaluate):
    seeded = {"digest": "sha-256", "pieces": ["abc"], "seed": "bar"}
    full, weak = (evaluate({"encode": "hex", "of": {**seeded, "key": key}}) for key in ("full", "divolte"))
    assert full != weak
    assert evaluate({"encode": "hex", "of": seeded}) == full


def test_places(vectors, evaluate):
    record, expected = vectors["geo_mapping"]["maxmind_city_record"], vectors["geo_mapping"]["expected_fields"]
    names = {f"geo{name.title().replace('_', '')}": name for name in Place.__struct_fields__}
    assert set(names) == set(expected)
    known = {name: expected[field] for field, name in names.items()}
    fields: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in known.items()}
    place = Place(**fields)
    kinds = {int: "int", str: "string", float: "double", bool: "boolean"}
    for name, value in known.items():
        first = value[0] if isinstance(value, list) else value
        kind: Any = kinds[type(first)]
        if isinstance(value, list):
            kind = {"type": "array", "items": kind}
        assert evaluate({"place": name}, kind, place=place) == value, name
    assert record["city"]["geoname_id"] == known["city_id"]


def test_the_user_agent(vectors, evaluate):
    expected = vectors["user_agent"]["expected"]
    names = {"deviceCategory": "device_category", "osFamily": "os_family"}
    names |= {"osVersion": "os_version", "osVendor": "os_vendor"}
    fields: dict[str, Any] = {names.get(name) or name: value for name, value in expected.items()}
    agent = UserAgent(**fields)
    for name, value in expected.items():
        assert evaluate({"agent": names.get(name, name)}, agent=agent) == value
    assert evaluate({"agent": "bot"}, "boolean", agent=agent) is False
    assert evaluate({"agent": "bot"}, "boolean") is None


def test_the_default_mapping(vectors, event):
    """Written in the language it makes what the built-in one makes, and the fields are Divolte's."""
    compiled = compile_mapping(Mapping(name="default"))
    given = event(
        user_agent="x",
        agent=UserAgent(name="n", os_vendor="o"),
        page_view_id="v",
        event_type="t",
        viewport_width=3,
        referer="http://r/",
    )
    assert compiled.record(given) == DefaultMapping().record(given)
    assert compiled.record(event()) == DefaultMapping().record(event())
    assert list(compiled.record(event()) or {}) == list(vectors["default_mapping"])


def nullable(*names: str) -> dict[str, Any]:
    fields = [{"name": name, "type": ["null", "string"], "default": None} for name in names]
    return {"type": "record", "name": "R", "fields": fields}


def run(event: Any, steps: list[Any], *names: str) -> dict[str, Any]:
    found = compile_mapping(Mapping(name="m", schema=nullable(*names), steps=steps)).record(event)
    assert found is not None
    return found


def test_flow_of_the_scripts(vectors, event):
    cases = {case["name"]: case.get("expected") for case in vectors["mapping_scripts"]["cases"]}
    here = {"equal": [{"value": "location"}, "http://www.example.com"]}
    client, session = {"set": "client", "to": "happened"}, {"set": "session", "to": "happened"}
    assert run(event(), [client, "stop", session], "client", "session") == cases["stop at top level"]
    nested = [client, {"when": here, "then": [{"when": here, "then": ["stop"]}]}, session]
    assert run(event(), nested, "client", "session") == cases["nested conditional stop"]
    section = [
        {"section": [client, {"when": here, "then": [{"when": here, "then": ["exit"]}, session]}, session]},
        *({"set": name, "to": "happened"} for name in ("pageview", "event", "customCookie")),
    ]
    name = "exit inside when inside section leaves the section only; following statements run"
    assert run(event(), section, *cases[name]) == cases[name]


def test_values_of_the_scripts(vectors, event, evaluate):
    cases = {case["name"]: case for case in vectors["mapping_scripts"]["cases"]}
    schema = nullable()
    schema["fields"] = [{"name": "queryparam", "type": "string", "default": "not set"}]
    chained = {"query": "x", "of": {"uri": "text", "of": {"value": "referer"}}}
    compiled = compile_mapping(Mapping(name="m", schema=schema, steps=[{"set": "queryparam", "to": chained}]))
    assert compiled.record(event()) == cases["chained absent values leave schema default"]["expected"]
    absent = {"or": [{"match": ".*", "of": {"value": "referer"}}, True]}
    assert evaluate(absent, "boolean") is None
    literals = cases["literals of exact type"]["expected"]
    assert evaluate("string value") == literals["string"]
    assert evaluate(True, "boolean") is literals["boolean"]
    assert evaluate(42, "long") == literals["long 42L"]
    assert evaluate(42, "int") == literals["int 42I"]
    assert evaluate(42.0, "double") == literals["double 42.0D"]
    cookie = cases["cookie"]
    found = evaluate({"cookie": "custom_cookie"}, headers=(("cookie", cookie["cookie_header"]),))
    assert found == cookie["cookie(custom_cookie)"]


def test_divoltes_own_schemas_are_read(vectors, event):
    names = {"sessionStart": "first_in_session", "ts": "timestamp", "remoteHost": "remote_host"}
    for schema in vectors["test_avro_schemas"].values():
        mandatory = {field["name"] for field in schema["fields"] if "default" not in field}
        steps = [{"set": name, "to": {"value": value}} for name, value in names.items() if name in mandatory]
        assert compile_mapping(Mapping(name="m", schema=schema, steps=steps)).record(event(kind=RawKind.JSON))
