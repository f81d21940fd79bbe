from typing import Any

import pytest

from watchbell.domain.events.mapping.evolution import obstacles


def schema(*fields: dict[str, Any], name: str = "R") -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields)}


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


A = field("a", "int")
TREE = {
    "type": "record",
    "name": "T",
    "fields": [field("next", ["null", "T"], default=None), field("value", "int")],
}


@pytest.mark.parametrize(
    ("old", "new", "fine"),
    [
        (schema(A), schema(A), True),
        (schema(A), schema(A, field("b", "int", default=0)), True),
        (schema(A), schema(A, field("b", "int")), False),
        (schema(A, field("b", "int")), schema(A), True),
        (schema(A), schema(field("a", "long")), True),
        (schema(field("a", "long")), schema(A), False),
        (schema(A), schema(field("a", ["null", "int"])), True),
        (schema(field("a", ["null", "int"])), schema(A), False),
        (schema(field("a", "string")), schema(field("a", "bytes")), True),
        (schema(A), schema(A, name="S"), False),
        (schema(A), {**schema(A), "namespace": "n"}, True),
        (
            schema(field("a", {"type": "enum", "name": "E", "symbols": ["X", "Y"]})),
            schema(field("a", {"type": "enum", "name": "E", "symbols": ["X"]})),
            False,
        ),
        (
            schema(field("a", {"type": "enum", "name": "E", "symbols": ["X", "Y"]})),
            schema(field("a", {"type": "enum", "name": "E", "symbols": ["X"], "default": "X"})),
            True,
        ),
        (
            schema(field("a", {"type": "array", "items": "int"})),
            schema(field("a", {"type": "array", "items": "string"})),
            False,
        ),
        (
            schema(field("a", {"type": "long", "logicalType": "timestamp-millis"})),
            schema(field("a", {"type": "long", "logicalType": "timestamp-micros"})),
            False,
        ),
        (
            schema(field("a", {"type": "fixed", "name": "F", "size": 4})),
            schema(field("a", {"type": "fixed", "name": "F", "size": 5})),
            False,
        ),
        (TREE, TREE | {"doc": "of itself"}, True),
    ],
)
def test_backward(old, new, fine):
    assert (obstacles(old, new, "backward") == []) is fine
    assert (obstacles(new, old, "forward") == []) is fine
    assert obstacles(old, new, "none") == []


def test_full_is_both():
    grown = schema(field("a", "long"))
    (reason,) = obstacles(schema(A), grown, "full")
    assert reason == "a was long and is int, so readers of the old schema could not go on"


def test_the_reason_names_the_field():
    old = schema(field("in", {"type": "record", "name": "I", "fields": [field("x", "string")]}))
    new = schema(field("in", {"type": "record", "name": "I", "fields": [field("x", "int"), field("y", "int")]}))
    assert obstacles(old, new, "backward") == [
        "in.x was string and is int, so what was written could no more be read",
        "in.y is new and has no default, so what was written could no more be read",
    ]
