import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tag_event import tag_event
from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.compiled import compile_mapping
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.mapping.reading import Lookups
from watchbell.importers.divolte import Divolte
from watchbell.importers.divolte.fitting import fitted
from watchbell.importers.divolte.script import convert_script
from watchbell.ports.importer import Imported


@pytest.fixture(scope="session")
def vectors() -> dict[str, Any]:
    """Divolte's test vectors."""
    return json.loads((Path(__file__).parents[3] / "data" / "divolte_vectors.json").read_text())


@pytest.fixture
def event() -> Callable[..., Event]:
    """Makes an event as the test suite of Divolte's mappings has it."""
    return tag_event


@pytest.fixture
def run(vectors, event) -> Callable[..., dict[str, Any]]:
    """The record that a script makes of an event; nothing of the script may be left out.

    The schema is the one of Divolte's own tests; its mandatory fields are set besides.
    """

    def make(script: str, schema: Any = None, lookups: Lookups | None = None, **given: Any) -> dict[str, Any]:
        schema = schema or vectors["test_avro_schemas"]["TestRecord"]
        mandatory = "map firstInSession() onto 'sessionStart'; map timestamp() onto 'ts'; map '' onto 'remoteHost'\n"
        before = mandatory if schema == vectors["test_avro_schemas"]["TestRecord"] else ""
        mapping, omissions = fitted(
            Mapping(name="m", schema=schema), convert_script(f"mapping {{ {before}{script}\n}}")
        )
        assert omissions == []
        record = compile_mapping(mapping, lookups).record(event(**given))
        assert record is not None
        return record

    return make


@pytest.fixture
def value(run) -> Callable[..., Any]:
    """The value of a Groovy expression on an event, in a field of an Avro type; `u` is the location as a URI."""

    def make(expression: str, avro: Any = "string", **given: Any) -> Any:
        schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": ["null", avro], "default": None}]}
        return run(f"def u = parse location() to uri\nmap {expression} onto 'f'", schema, **given)["f"]

    return make


@pytest.fixture
def read(tmp_path) -> Callable[..., Imported]:
    """Reads a configuration; further files stand beside it."""

    def make(text: str, environment: dict[str, str] | None = None, **files: str) -> Imported:
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_text(content)
        file = tmp_path / "divolte-collector.conf"
        file.write_text(text)
        return Divolte().read(file, environment or {})

    return make
