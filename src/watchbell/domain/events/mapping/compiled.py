"""A mapping made ready: checked, and quick. Every problem of one that cannot be made ready, at once."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from watchbell.domain.errors import Fault, Faulty
from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping import conditions, derived_values, event_values
from watchbell.domain.events.mapping.avro import Avro, Problem, read_schema
from watchbell.domain.events.mapping.default import DEFAULT_STEPS
from watchbell.domain.events.mapping.errors import Unmappable
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.mapping.parameters_schema import OTHERS, Check, read_schemas
from watchbell.domain.events.mapping.reading import UNSET, Lookups, Operator, Reader
from watchbell.domain.events.mapping.steps import Drop, Passed, Record, Run, StepReader, Watch
from watchbell.domain.events.record import DEFAULT_SCHEMA

OPERATORS: Final[dict[str, Operator]] = {
    **event_values.OPERATORS,
    **derived_values.OPERATORS,
    **conditions.OPERATORS,
}
"""All operators of expressions."""


class CompiledMapping:
    """Makes records of events. `compile_mapping` makes it."""

    def __init__(self, mapping: Mapping, *, schema: Avro, run: Run, reader: Reader, checks: dict[str, Check]) -> None:
        self.name = mapping.name
        self.kept = msgspec.msgpack.encode(mapping)
        """The mapping as data."""
        self.schema: dict[str, Any] = schema_of(mapping)
        """Avro schema of the records."""
        self.sources = frozenset(mapping.sources)
        """Names of sources; none: all."""
        self.sinks = tuple(mapping.sinks)
        """Names of sinks; none: all."""
        self.discard_corrupted = mapping.discard_corrupted
        self.discard_duplicates = mapping.discard_duplicates
        self.headers = frozenset(reader.headers)
        """Request headers that it asks for, in small letters: a collector must keep them."""
        self.places = reader.places
        """It asks for places."""
        self._run = run
        self._checks = checks
        self._blank = [UNSET] * reader.memo_size
        self._defaults: Record = {f.name: UNSET if f.mandatory else f.default for f in schema.fields}
        self._mandatory = [field.name for field in schema.fields if field.mandatory]

    def record(self, event: Event) -> Record | None:
        """The record of one event; None when the mapping drops it on purpose.

        Raises:
            Unmappable: a field without a default is unset, or the custom parameters do not satisfy their schema.
        """
        if self._checks:
            self._check_parameters(event)
        record = self._defaults.copy()
        if isinstance(self._run(event, self._blank.copy(), record), Drop):
            return None
        for name in self._mandatory:
            if record[name] is UNSET:
                raise Unmappable("mandatory_field_unset", f"{name!r} has no value and the schema no default for it")
        return record

    def _check_parameters(self, event: Event) -> None:
        check = self._checks.get(event.event_type or "") or self._checks.get(OTHERS)
        if check is None:
            return
        found = check(event.parameters())
        if found is not None:
            raise Unmappable("parameters_invalid", found)


def schema_of(mapping: Mapping) -> dict[str, Any]:
    """The Avro schema of its records."""
    return mapping.schema or DEFAULT_SCHEMA


def compile_mapping(mapping: Mapping, lookups: Lookups | None = None, watch: Watch | None = None) -> CompiledMapping:
    """The mapping, ready. With `watch` it tells of each step that it takes, which is for trying it.

    Raises:
        Faulty: with every problem; fields are such as `steps[3].then[0].to`.
    """
    schema, problems = read_schema(schema_of(mapping))
    checks, wrong = read_schemas(mapping.parameters_schema, "parameters_schema")
    reader = Reader(OPERATORS, mapping.define, lookups)
    fields = {field.name: field for field in schema.fields} if schema is not None else {}
    # Without a schema there is no telling which fields there are; the steps would be wrong for that alone.
    steps = StepReader(reader, fields, watch)
    run = steps.read(_steps_of(mapping), "steps")
    reader.check_definitions()
    problems += wrong
    problems += reader.problems if schema is not None else [each for each in reader.problems if ".set" not in each[0]]
    if schema is not None:
        problems += _unset(schema, steps)
    if problems or schema is None:
        raise Faulty([Fault(field=place, reason=reason) for place, reason in problems])
    return CompiledMapping(mapping, schema=schema, run=run, reader=reader, checks=checks)


def _steps_of(mapping: Mapping) -> list[Any]:
    return mapping.steps or ([] if mapping.schema else DEFAULT_STEPS)


def _unset(schema: Avro, steps: StepReader) -> Iterator[Problem]:
    for field in schema.fields:
        if field.mandatory and field.name not in steps.set:
            yield "steps", f"nothing sets {field.name!r}, for which the schema has no default"


def problems(mapping: Mapping) -> list[Problem]:
    """Everything wrong with a mapping, but for what it refers to."""
    try:
        compile_mapping(mapping)
    except Faulty as error:
        return [(fault.field, fault.reason) for fault in error.faults]
    return []


def try_mapping(
    mapping: Mapping, event: Event, lookups: Lookups | None = None
) -> tuple[Record | None, str, list[Passed]]:
    """What a mapping makes of one event: the record, or why there is none, and the steps that were taken.

    Raises:
        Faulty: the mapping is wrong.
    """
    passed: list[Passed] = []
    dropped: list[str] = []

    def watch(step: Passed) -> None:
        passed.append(step)
        if step.what.startswith("drop: "):
            dropped.append(step.what)

    compiled = compile_mapping(mapping, lookups, watch)
    if compiled.discard_corrupted and event.corrupt:
        return None, "discarded: corrupt", passed
    if compiled.discard_duplicates and event.duplicate:
        return None, "discarded: duplicate", passed
    try:
        record = compiled.record(event)
    except Unmappable as error:
        return None, error.message, passed
    return record, dropped[-1] if dropped else "", passed
