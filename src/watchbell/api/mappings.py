"""`/api/mappings`: trying a mapping on an event before it is stored, and a stored one as text."""

from typing import Any, TypedDict, cast

import msgspec
import yaml
from litestar import Request, get, post
from litestar.params import FromPath

from watchbell.api.auth import requires
from watchbell.api.contract import said, told
from watchbell.api.needs import Needed
from watchbell.api.tries import Tries
from watchbell.api.wire import Body, body_of, ok
from watchbell.domain.errors import Fault, Faulty
from watchbell.domain.events.mapping.avro import read_schema
from watchbell.domain.events.mapping.compiled import schema_of
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.managed import Managed
from watchbell.toolkit.objects import ObjectShapes
from watchbell.toolkit.placed_yaml import Placed, read_placed
from watchbell.usecases.managing import Managing
from watchbell.usecases.trying import Trying

MAY_READ = [requires("read:objects")]
KIND = "mapping"


class MappingQuestion(Body, frozen=True):
    """A mapping as it might be, and an event."""

    mapping: dict[str, Any] = {}
    """Its fields, as `/api/objects/mapping` takes them."""
    text: str = ""
    """The mapping as YAML or JSON, instead: then problems come with their lines."""
    event: dict[str, Any] | None = None
    """Its values, by the names that a mapping knows them by; null: only look for problems."""


class MappingProblem(TypedDict):
    """Something wrong with a mapping, or with the event."""

    field: str
    reason: str
    fix: str
    line: int
    """The line of the text, from 1; 0: it is in the event, or there is no text."""


class MappingField(TypedDict):
    """A field of the schema."""

    name: str
    type: str
    mandatory: bool


class MappingStep(TypedDict):
    """One step that was taken."""

    place: str
    what: str
    value: Any
    problem: str


@post(
    "/api/mappings/try",
    guards=MAY_READ,
    status_code=200,
    opt=told(
        body=MappingQuestion,
        answer=said(
            mapping=dict[str, Any] | None,
            problems=list[MappingProblem],
            fields=list[MappingField],
            record=dict[str, Any] | None,
            why=str,
            steps=list[MappingStep],
        ),
    ),
)
async def attempt(
    request: Request[Any, Any, Any], shapes: Needed[ObjectShapes], trying: Needed[Trying], tries: Needed[Tries]
) -> dict[str, Any]:
    """What a mapping would make of an event: the record, the steps that were taken, and every problem.

    Stores nothing. `mapping` is the mapping as `/api/objects/mapping` takes it; `record` is null when there is none,
    and then `why` says why. `fields` are those of the schema.
    """
    question = await body_of(request, MappingQuestion)
    # Checking may take a while (a long mapping, a derived key): others are not to wait for it.
    return ok(**await tries.run(KIND, lambda: _attempt(question, shapes, trying)))


@get(
    "/api/mappings/{name:str}/text",
    guards=MAY_READ,
    opt=told(answer=said(text=str, version=int, name=str, id=str)),
)
async def text(name: FromPath[str], managing: Needed[Managing]) -> dict[str, Any]:
    """A stored mapping as YAML, without what has its default, and its version."""
    found, _ = await managing.get(KIND, name)
    return ok(text=_written(found.name, found.body), version=found.version, name=found.name, id=found.id)


def _attempt(question: MappingQuestion, shapes: ObjectShapes, trying: Trying) -> dict[str, Any]:
    placed = Placed(question.mapping, {})
    answer: dict[str, Any] = {"mapping": None, "problems": [], "fields": [], "record": None, "why": "", "steps": []}
    try:
        if question.text:
            placed = read_placed(question.text)
        body = _body(placed.data)
        answer["mapping"] = body
        thing = shapes.read(KIND, body)
        answer["fields"] = _fields(_mapping(thing))
        if question.event is not None:
            answer |= msgspec.to_builtins(trying.attempt(_mapping(thing), question.event))
    except Faulty as error:
        answer["problems"] = [_shown(fault, placed) for fault in error.faults]
    return answer


def _body(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Faulty([Fault(field="line 1", reason="must be an object with name, schema and steps")])
    given = {str(name): value for name, value in cast("dict[Any, Any]", data).items()}
    if given.pop("kind", KIND) != KIND:
        raise Faulty([Fault(field="kind", reason=f"must be {KIND}")])
    return given


def _mapping(thing: Managed) -> Mapping:
    assert isinstance(thing, Mapping)  # noqa: S101 - it was read as one
    return thing


def _fields(mapping: Mapping) -> list[MappingField]:
    schema, _ = read_schema(schema_of(mapping))
    return [
        {"name": field.name, "type": str(field.kind), "mandatory": field.mandatory}
        for field in (schema.fields if schema is not None else [])
    ]


def _shown(fault: Fault, placed: Placed) -> MappingProblem:
    place, line = fault.field, 0
    if place.startswith("line "):
        place, line = "", int(place.removeprefix("line "))
    elif not place.startswith("event"):
        line = placed.line_of(place)
    return {"field": place, "reason": fault.reason, "fix": fault.fix, "line": line}


def _written(name: str, body: dict[str, Any]) -> str:
    usual: dict[str, Any] = msgspec.to_builtins(Mapping(name=""))
    order = [field for field in usual if field not in {"id", "name"}]
    given = {field: body[field] for field in order if field in body and body[field] != usual[field]}
    whole = {"name": name, **given}
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


routes = [attempt, text]
