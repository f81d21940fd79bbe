"""A mapping's schema may only change as its compatibility allows."""

from datetime import UTC, datetime
from typing import Any

import pytest

from watchbell.domain.errors import Faulty
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.managed import Stored
from watchbell.usecases.proposing import body_of, step_for


def schema(kind: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": "a", "type": kind, "default": 0}]}


def unsealed(_kind: str, body: dict[str, Any], _before: dict[str, Any] | None) -> dict[str, Any]:
    return body


def stored(mapping: Mapping) -> Stored:
    return Stored(
        kind="mapping",
        id="1",
        name=mapping.name,
        body=body_of(mapping),
        version=1,
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        updated_by="",
    )


def test_a_change_that_readers_cannot_follow_is_refused_with_the_field():
    before = stored(Mapping(name="m", schema=schema("long")))
    with pytest.raises(Faulty) as caught:
        step_for("mapping", Mapping(name="m", schema=schema("int")), before, unsealed)
    (fault,) = caught.value.faults
    assert fault.field == "schema"
    assert fault.reason == "a was long and is int, so what was written could no more be read"


def test_it_is_allowed_when_the_mapping_says_so():
    before = stored(Mapping(name="m", schema=schema("long")))
    after = Mapping(name="m", schema=schema("int"), compatibility="none")
    assert step_for("mapping", after, before, unsealed) is not None


def test_a_compatible_change_is_no_problem():
    before = stored(Mapping(name="m", schema=schema("int")))
    assert step_for("mapping", Mapping(name="m", schema=schema("long")), before, unsealed) is not None


def test_from_the_default_record_only_to_one_of_its_name():
    with pytest.raises(Faulty):
        step_for("mapping", Mapping(name="m", schema=schema("int")), stored(Mapping(name="m")), unsealed)
