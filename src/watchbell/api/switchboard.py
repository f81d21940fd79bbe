"""`/api/management/switchboard`: what administrators turn off and on, as Alerta has it.

A form or JSON, `{"auto-refresh-allow": "OFF"}`; other fields of a form are passed over. What is answered is a page, or
JSON for whoever accepts that.
"""

from collections.abc import Mapping
from html import escape
from typing import Annotated, Any, Literal, TypedDict, cast
from urllib.parse import parse_qsl

import msgspec
from litestar import MediaType, Request, Response, get, post

from watchbell.api.alerts import answer
from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Parameter, told
from watchbell.api.needs import Needed
from watchbell.api.wire import mapping_of, raw_of
from watchbell.domain.errors import Invalid, Missing
from watchbell.usecases.switching import SWITCHES, Switching

ADMIN = [requires("admin:management")]
_FORM = "application/x-www-form-urlencoded"
_WORDS = {"ON": True, "OFF": False}
_ONE = (Parameter(name="switch", about="Show this one only.", type=str),)


class SwitchState(TypedDict):
    """A switch, as Alerta tells of it."""

    description: str
    group: str
    name: str
    title: str
    type: str
    value: Literal["ON", "OFF"]


class Switchboard(TypedDict):
    """The switches."""

    status: str
    switches: list[SwitchState]


Turned = Annotated[dict[str, Literal["ON", "OFF"]], msgspec.Meta(min_length=1)]
"""Which switches are turned, and to what."""


@get("/api/management/switchboard", guards=ADMIN, opt=told(query=_ONE, answer=Switchboard))
async def show(request: Request[Any, Any, Any], switching: Needed[Switching]) -> Response[Any]:
    """The switches, and whether they are on."""
    wanted = request.query_params.get("switch")
    if wanted and wanted not in SWITCHES:
        raise Missing("not found")
    shown = states(await switching.all())
    return _answer(request, [state for state in shown if wanted in {None, "", state["name"]}])


@post("/api/management/switchboard", guards=ADMIN, status_code=200, opt=told(body=Turned, answer=Switchboard))
async def turn(request: Request[Any, Any, Any], switching: Needed[Switching]) -> Response[Any]:
    """Turn switches on or off, for all nodes; they have it within two seconds."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    given = await _form_of(request) if media_type == _FORM else await mapping_of(request)
    if not given:
        raise Invalid(f"name a switch, and ON or OFF; there are {', '.join(SWITCHES)}")
    for name, value in given.items():
        if not isinstance(value, str) or value not in _WORDS:
            raise Invalid("must be ON or OFF", name[:100])
    on = await switching.turn({name: _WORDS[value] for name, value in given.items()}, principal_of(request))
    return _answer(request, states(on))


async def _form_of(request: Request[Any, Any, Any]) -> dict[str, Any]:
    try:
        pairs = parse_qsl((await raw_of(request)).decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise Invalid("is not a form", "body") from None
    return {name: value for name, value in pairs if name in SWITCHES}


def states(on: Mapping[str, bool]) -> list[SwitchState]:
    """Every switch as Alerta tells of it, given which are on."""
    return [
        {
            "description": about.about,
            "group": "switch",
            "name": name,
            "title": about.title,
            "type": "text",
            "value": "ON" if on[name] else "OFF",
        }
        for name, about in SWITCHES.items()
    ]


def _answer(request: Request[Any, Any, Any], states: list[SwitchState]) -> Response[Any]:
    if "text/html" not in request.headers.get("accept", ""):
        return answer(cast("Switchboard", {"status": "ok", "switches": states}))
    rows = "".join(
        f"<tr><th scope=row>{escape(state['title'])}<td><code>{escape(state['name'])}</code>"
        f"<td>{escape(state['description'])}<td>{state['value']}"
        for state in states
    )
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>Switchboard</title><h1>Switchboard</h1>"
    page = f"{head}<table>{rows}</table>"
    return Response(page, media_type=MediaType.HTML)


routes = [show, turn]
