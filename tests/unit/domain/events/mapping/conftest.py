from collections.abc import Callable
from typing import Any

import pytest

from tag_event import tag_event
from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.compiled import compile_mapping
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.mapping.reading import Lookups


@pytest.fixture
def event() -> Callable[..., Event]:
    """Makes an event of the tag; what is not given is as small as can be."""
    return tag_event


@pytest.fixture
def evaluate(event: Callable[..., Event]) -> Callable[..., Any]:
    """The value of an expression on an event, put into a field of an Avro type; None: absent."""

    def value(expression: Any, kind: Any = "string", lookups: Lookups | None = None, **given: Any) -> Any:
        mapping = Mapping(
            name="m",
            schema={
                "type": "record",
                "name": "R",
                "fields": [{"name": "f", "type": ["null", kind], "default": None}],
            },
            steps=[{"set": "f", "to": expression}],
        )
        record = compile_mapping(mapping, lookups).record(event(**given))
        assert record is not None
        return record["f"]

    return value
