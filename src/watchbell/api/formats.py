"""`/api/formats`: every webhook with its address, trying a format of one's own, and what came for one lately."""

import inspect
import sys
from typing import Any, cast
from urllib.parse import quote

import msgspec
import yaml
from litestar import Request, get, post
from litestar.params import FromPath

from watchbell.api.auth import requires
from watchbell.api.contract import Parameter, said, told
from watchbell.api.needs import Needed
from watchbell.api.times import moment
from watchbell.api.tries import Tries
from watchbell.api.webhooks import Hooks, content_of
from watchbell.api.wire import Body, body_of, ok
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.severity import Severities
from watchbell.domain.errors import Fault, Faulty, Invalid
from watchbell.domain.webhooks.model import Format
from watchbell.ports.clock import Clock
from watchbell.ports.webhook import Call
from watchbell.toolkit.objects import ObjectShapes
from watchbell.toolkit.placed_yaml import Placed, read_placed
from watchbell.usecases.managing import Managing
from watchbell.usecases.shaping import attempt as attempted

KIND = "webhook"
MAY_READ = [requires("read:objects")]
MAY_LOOK = [requires("write:objects")]


class FormatQuestion(Body, frozen=True):
    """A format as it might be, and a message."""

    text: str
    """The format as YAML or JSON."""
    message: str | None = None
    """The body as it came; null: only look for problems."""
    content_type: str = ""
    query: dict[str, str] = {}


@get("/api/formats", guards=MAY_READ, opt=told(answer=said(formats=list[dict[str, Any]], total=int)))
async def every(request: Request[Any, Any, Any], hooks: Needed[Hooks], managing: Needed[Managing]) -> dict[str, Any]:
    """Every webhook: built-in ones and one's own, each with its address and whether it must be signed."""
    base = str(request.base_url).rstrip("/") + "/api/webhooks/"
    built_in = [
        {"name": name, "title": getattr(hook, "title", name), "doc": _about(hook), "own": False}
        for name, hook in sorted(hooks.table.items())
    ]
    own = [
        {"name": row.name, "title": row.name, "doc": str(row.body.get("description", "")), "own": True}
        for row in await managing.all(KIND)
    ]
    found = [
        {**each, "url": base + quote(str(each["name"]), safe=""), "signed": bool(hooks.secrets.get(str(each["name"])))}
        for each in [*own, *built_in]
    ]
    return ok(formats=found, total=len(found))


@get("/api/formats/{name:str}/text", guards=MAY_READ, opt=told(answer=said(text=str, version=int, name=str, id=str)))
async def text(name: FromPath[str], managing: Needed[Managing]) -> dict[str, Any]:
    """A stored format as YAML, without what has its default, and its version."""
    found, _ = await managing.get(KIND, name)
    usual: dict[str, Any] = msgspec.to_builtins(Format(name="", alert={}))
    order = [field for field in usual if field not in {"id", "name"}]
    given = {field: found.body[field] for field in order if found.body.get(field, usual[field]) != usual[field]}
    written = yaml.safe_dump(
        {"name": found.name, **given}, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )
    return ok(text=written, version=found.version, name=found.name, id=found.id)


@get(
    "/api/formats/received",
    guards=MAY_LOOK,
    opt=told(
        answer=said(names=list[str], calls=list[dict[str, Any]], total=int),
        query=(Parameter(name="name", about="The webhook that messages came for."),),
    ),
)
async def received(request: Request[Any, Any, Any], hooks: Needed[Hooks]) -> dict[str, Any]:
    """What came lately for the webhook `?name=`, newest first; without a name, which webhooks something came for."""
    name = request.query_params.get("name", "")
    if not name:
        return ok(names=await hooks.shaping.names(), calls=[], total=0)
    calls = [
        {
            "id": call.id,
            "at": moment(call.at),
            "contentType": call.content_type,
            "query": call.query,
            "body": call.body,
            "problem": call.problem,
        }
        for call in await hooks.shaping.received(name)
    ]
    return ok(names=[name], calls=calls, total=len(calls))


@post(
    "/api/formats/try",
    guards=MAY_READ,
    status_code=200,
    opt=told(
        body=FormatQuestion,
        answer=said(format=dict[str, Any] | None, problems=list[dict[str, Any]], alerts=list[dict[str, Any]] | None),
    ),
)
async def attempt(
    request: Request[Any, Any, Any],
    shapes: Needed[ObjectShapes],
    clock: Needed[Clock],
    model: Needed[AlarmModel],
    tries: Needed[Tries],
) -> dict[str, Any]:
    """What a format would make of a message: the alerts, and every problem with its line. Stores nothing."""
    question = await body_of(request, FormatQuestion)
    return ok(**await tries.run(KIND, lambda: _attempt(question, shapes, clock, model.severities)))


def _attempt(question: FormatQuestion, shapes: ObjectShapes, clock: Clock, severities: Severities) -> dict[str, Any]:
    placed = Placed({}, {})
    answer: dict[str, Any] = {"format": None, "problems": [], "alerts": None}
    try:
        placed = read_placed(question.text)
        body = _body(placed.data)
        answer["format"] = body
        given = shapes.read(KIND, body)
        assert isinstance(given, Format)  # noqa: S101 - it was read as one
        if question.message is not None:
            data = _data(question, clock)
            answer["alerts"] = attempted(given, data, question.query, clock.now(), severities).alerts
    except Faulty as error:
        answer["problems"] = [_shown(fault, placed) for fault in error.faults]
    return answer


def _data(question: FormatQuestion, clock: Clock) -> Any:
    headers = {"content-type": question.content_type}
    try:
        return content_of(Call(body=(question.message or "").encode(), received=clock.now(), headers=headers))
    except Invalid as error:
        raise Faulty([Fault(field="message", reason=error.reason)]) from None


def _body(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Faulty([Fault(field="line 1", reason="must be an object with name and alert")])
    given = {str(name): value for name, value in cast("dict[Any, Any]", data).items()}
    if given.pop("kind", KIND) != KIND:
        raise Faulty([Fault(field="kind", reason=f"must be {KIND}")])
    return given


def _shown(fault: Fault, placed: Placed) -> dict[str, Any]:
    place, line = fault.field, 0
    if place.startswith("line "):
        place, line = "", int(place.removeprefix("line "))
    elif place.partition(".")[0] != "message":
        line = placed.line_of(place)
    return {"field": place, "reason": fault.reason, "fix": fault.fix, "line": line}


def _about(hook: object) -> str:
    module = sys.modules.get(type(hook).__module__)
    return inspect.cleandoc((module.__doc__ if module else "") or "")


routes = [every, text, received, attempt]
