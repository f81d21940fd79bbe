"""Whatever strangers send, a mapping makes a record or says why not; whatever users write, it is read or refused."""

import json
from typing import Any

import fastavro
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchbell.domain.errors import Faulty, Invalid
from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.compiled import OPERATORS, compile_mapping
from watchbell.domain.events.mapping.jsonpath import JsonPath
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.mapping.uri import parse, parse_strict, query_map
from watchbell.domain.events.raw import RawKind
from watchbell.toolkit.avro import record_encoder

RECORD = {
    "type": "record",
    "name": "Inner",
    "fields": [
        {"name": "a", "type": "int"},
        {"name": "next", "type": ["null", "Inner"], "default": None},
    ],
}
KINDS: dict[str, Any] = {
    "boolean": "boolean",
    "int": "int",
    "long": "long",
    "float": "float",
    "double": "double",
    "text": "string",
    "bytes": "bytes",
    "list": {"type": "array", "items": "long"},
    "map": {"type": "map", "values": "double"},
    "enum": {"type": "enum", "name": "E", "symbols": ["a", "b"]},
    "fixed": {"type": "fixed", "name": "F", "size": 3},
    "record": RECORD,
    "moment": {"type": "long", "logicalType": "timestamp-micros"},
    "day": {"type": "int", "logicalType": "date"},
    "money": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
    "uuid": {"type": "string", "logicalType": "uuid"},
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "Everything",
    "fields": [{"name": name, "type": ["null", kind], "default": None} for name, kind in KINDS.items()]
    + [
        {"name": "path", "type": ["null", "string"], "default": None},
        {"name": "port", "type": ["null", "int"], "default": None},
        {"name": "first", "type": ["null", "string"], "default": None},
        {"name": "part", "type": ["null", "string"], "default": None},
        {"name": "number", "type": ["null", "double"], "default": None},
    ],
}
LOCATION = {"of": {"value": "location"}}
STEPS = [
    *({"set": name, "to": {"path": f"$.{name}"}} for name in KINDS),
    {"set": "path", "to": {"uri": "path", **LOCATION}},
    {"set": "port", "to": {"uri": "port", "strict": True, **LOCATION}},
    {"set": "first", "to": {"query": "a", **LOCATION}},
    {"set": "part", "to": {"match": "(.*)/(.*)", "group": 2, **LOCATION}},
    {"set": "number", "to": {"parse": "fp64", **LOCATION}},
]
COMPILED = compile_mapping(Mapping(name="everything", schema=SCHEMA, steps=STEPS))
ENCODE = record_encoder(SCHEMA)
FLAT = record_encoder(
    {**SCHEMA, "fields": [each for each in SCHEMA["fields"] if each["name"] in {"float", "double", "text"}]}
)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
near = st.sampled_from(
    ["a", "true", "1", "1.5", "1e400", "2026-01-01", "2026-01-01T00:00:00Z", "YWJj", 0, 2**31, 2**63, 1e300]
)
values = st.recursive(
    scalars | near, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)
parameters = st.dictionaries(
    st.sampled_from(sorted(KINDS)), values | st.fixed_dictionaries({"a": values, "next": values})
)


def event(location: str, given: Any) -> Event:
    return Event(
        source="s",
        kind=RawKind.BROWSER,
        party_id="p",
        session_id="s",
        event_id="e",
        received_ms=0,
        client_ms=0,
        new_party=False,
        first_in_session=False,
        location=location,
        raw_parameters=json.dumps(given).encode(),
        remote="192.0.2.1",
    )


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | st.from_regex(r"https?://[a-z\[:@]*[^\n]{0,20}", fullmatch=True), parameters)
def test_a_record_always_fits_its_schema(location: str, given: Any):
    record = COMPILED.record(event(location, given))
    assert record is not None
    assert ENCODE(record)
    assert fastavro.validate(record, fastavro.parse_schema(SCHEMA))
    assert FLAT({name: record[name] for name in ("float", "double", "text")})


@settings(max_examples=200, deadline=None)
@given(st.text() | st.text(alphabet="htp:/[]@.?#%&=1a"))
def test_any_text_is_taken_apart(text: str):
    parse(text)
    found = parse_strict(text)
    if found is not None:
        query_map(found.query)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="$.[]*'\"a0-:,?(@<>=!&|) "), values)
def test_any_path_is_read_or_refused(text: str, data: Any):
    try:
        path = JsonPath("$" + text)
    except Invalid:
        return
    path.find(data)


keys = st.sampled_from([*OPERATORS, "of", "take", "strict", "group", "pieces", "seed", "to", "set", "when", "then"])
written = st.recursive(
    scalars | st.sampled_from(["location", "parameters", "exit", "first", 0, -1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(written, written, st.dictionaries(st.text(max_size=3), written, max_size=2))
def test_any_mapping_is_read_or_refused(step: Any, expression: Any, define: dict[str, Any]):
    steps = [step, {"set": "text", "to": expression}, {"when": expression, "then": [step]}]
    try:
        compiled = compile_mapping(Mapping(name="m", schema=SCHEMA, steps=steps, define=define))
    except Faulty:
        return
    compiled.record(event("http://h/p?a=b", {"text": "x"}))
