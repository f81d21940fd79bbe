"""JSON Schemas for custom parameters, one for each event type. References to other documents are not followed."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from watchbell.domain.events.mapping.avro import Problem

_schemas: Any = importlib.import_module("jsonschema_rs")
OTHERS: Final = "*"
_REASON_MAX: Final = 300

Check = Callable[[Any], str | None]
"""Why a value does not satisfy a schema; None when it does."""


def read_schemas(given: Mapping[str, Any], place: str) -> tuple[dict[str, Check], list[Problem]]:
    """Event type → check, and what is wrong with the schemas."""
    checks: dict[str, Check] = {}
    problems: list[Problem] = []
    for event_type, schema in given.items():
        try:
            checks[event_type] = _check(
                _schemas.validator_for(schema, retriever=_refuse, pattern_options=_schemas.RegexOptions())
            )
        except (_schemas.ValidationError, _schemas.ReferencingError, ValueError, TypeError) as error:
            reason = getattr(error, "message", "") or str(error)
            problems.append((f"{place}.{event_type}", f"is not a JSON Schema: {reason}"[:_REASON_MAX]))
    return checks, problems


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is another document")


def _check(validator: Any) -> Check:
    def check(value: Any) -> str | None:
        if validator.is_valid(value):
            return None
        error = next(iter(validator.iter_errors(value)))
        where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
        return f"parameters{where}: {error.message}"[:_REASON_MAX]

    return check
