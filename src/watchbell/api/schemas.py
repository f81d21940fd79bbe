"""JSON Schemas of the types that routes tell of: each type is described once, with the docstrings of its fields."""

import inspect
from collections.abc import Mapping
from typing import Any, NotRequired, cast, get_args, get_origin

import msgspec

from watchbell.api.contract import OneOf, Shape
from watchbell.toolkit.settings import docstrings, secret_schema

REF = "#/components/schemas/{name}"


class Schemas:
    """Hands out schemas that are filled in when all types are known."""

    def __init__(self) -> None:
        self._types: list[Any] = []
        self._slots: list[dict[str, Any]] = []

    def of(self, wanted: Any) -> dict[str, Any]:
        """The schema of a type, a `Shape` or a `OneOf`; empty until `finished`."""
        if isinstance(wanted, Shape):
            needed = [name for name, kind in wanted.fields.items() if get_origin(kind) is not NotRequired]
            kinds = {
                name: get_args(kind)[0] if get_origin(kind) is NotRequired else kind
                for name, kind in wanted.fields.items()
            }
            properties = {name: self.of(kind) for name, kind in kinds.items()}
            return {"type": "object", "properties": properties, "required": needed}
        if isinstance(wanted, OneOf):
            return {"anyOf": [self.of(kind) for kind in wanted.kinds]}
        slot: dict[str, Any] = {}
        self._types.append(wanted)
        self._slots.append(slot)
        return slot

    def finished(self) -> dict[str, Any]:
        """The shared schemas by name. Those that were handed out are complete from now on."""
        schemas, shared = msgspec.json.schema_components(self._types, schema_hook=secret_schema, ref_template=REF)
        for slot, schema in zip(self._slots, schemas, strict=True):
            slot.update(schema)
        classes = _classes_in(msgspec.inspect.multi_type_info(self._types))
        for name, schema in shared.items():
            _explain(schema, classes.get(name))
        return dict(sorted(shared.items()))


def _explain(schema: dict[str, Any], cls: type | None) -> None:
    schema.pop("title", None)
    if "description" in schema:
        schema["description"] = inspect.cleandoc(schema["description"])
    if cls is None or "properties" not in schema:
        return
    docs = docstrings(cls)
    names = _wire_names(cls)
    for name, doc in docs.items():
        if names.get(name, name) in schema["properties"]:
            schema["properties"][names.get(name, name)]["description"] = doc


def _wire_names(cls: type) -> Mapping[str, str]:
    if not issubclass(cls, msgspec.Struct):
        return {}
    return {field.name: field.encode_name for field in msgspec.structs.fields(cls)}


def _classes_in(found: Any) -> dict[str, type]:
    """The classes within msgspec's own description of types, by name."""
    classes: dict[str, type] = {}
    waiting = [found]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list | tuple):
            waiting += cast("list[Any]", one)
            continue
        cls = getattr(one, "cls", None)
        if isinstance(cls, type):
            if cls.__name__ in classes:
                continue
            classes[cls.__name__] = cls
        if isinstance(one, msgspec.Struct):
            waiting += [getattr(one, name) for name in one.__struct_fields__]
    return classes
