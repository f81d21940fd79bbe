"""The encoder agrees with fastavro, byte for byte."""

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.toolkit.avro import DOES_NOT_FIT, encode_long, record_encoder

TYPES: dict[str, Any] = {
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
    "string": st.text(),
    "bytes": st.binary(),
}
SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "R",
    "fields": [
        field
        for kind in TYPES
        for field in (
            {"name": f"{kind}_", "type": kind},
            {"name": f"{kind}_or_null", "type": ["null", kind], "default": None},
        )
    ],
}
RECORDS = st.fixed_dictionaries(
    {
        name: values
        for kind, each in TYPES.items()
        for name, values in ((f"{kind}_", each), (f"{kind}_or_null", st.none() | each))
    }
)
ENCODE = record_encoder(SCHEMA)


def by_fastavro(schema: dict[str, Any], record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
    return out.getvalue()


@given(RECORDS)
def test_flat_records(record):
    assert ENCODE(record) == by_fastavro(SCHEMA, record)


@given(st.integers(-(2**63), 2**63 - 1))
def test_longs(number):
    assert encode_long(number) == by_fastavro({"type": "long"}, number)


def test_a_table_that_is_full_begins_again():
    encode = record_encoder(SCHEMA)
    record = {
        "boolean_": True,
        "int_": 1,
        "long_": 2,
        "double_": 1.5,
        "string_": "",
        "bytes_": b"",
        **{f"{kind}_or_null": None for kind in TYPES},
    }
    for number in range(10_000):
        changed = {**record, "long_": number, "string_": str(number)}
        assert encode(changed) == by_fastavro(SCHEMA, changed)


@pytest.mark.parametrize(
    "changes",
    [
        {"int_": 2**31},
        {"int_": 1.5},
        {"int_": "1"},
        {"int_": None},
        {"long_": 2**63},
        {"boolean_": "yes"},
        {"string_": b"x"},
        {"string_": "\ud800"},
        {"bytes_": "x"},
        {"double_": "x"},
        {"string_or_null": ["x"]},
    ],
)
def test_what_does_not_fit_raises(changes):
    record = {"boolean_": True, "int_": 5, "long_": 2, "double_": 1.5, "string_": "", "bytes_": b""}
    record |= {f"{kind}_or_null": None for kind in TYPES}
    with pytest.raises(DOES_NOT_FIT):
        record_encoder(SCHEMA)({**record, **changes})


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(("field", "value", "same"), [("int_", True, 1), ("int_", 1.0, 1), ("boolean_", 1, True)])
def test_equal_values_are_one_whatever_came_before(warm, field, value, same):
    record = {"boolean_": False, "int_": 5, "long_": 2, "double_": 1.5, "string_": "", "bytes_": b""}
    record |= {f"{kind}_or_null": None for kind in TYPES}
    encode = record_encoder(SCHEMA)
    if warm:
        encode({**record, field: same})
    assert encode({**record, field: value}) == record_encoder(SCHEMA)({**record, field: same})


def test_a_missing_field_raises():
    with pytest.raises(DOES_NOT_FIT):
        ENCODE({})


def test_other_schemas_are_left_to_fastavro():
    schema = {"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "array", "items": "int"}}]}
    assert record_encoder(schema)({"a": [1, 2]}) == by_fastavro(schema, {"a": [1, 2]})
