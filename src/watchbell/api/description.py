"""The API described: `/api/openapi.json`, and `/api/docs`, a page made from it that loads nothing from anywhere."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from jinja2 import Environment
from litestar import MediaType, Request, Response, get

from watchbell.api.contract import JSON, told
from watchbell.api.document import document_of, routes_of

OPEN = {"open": True}
_VERBS = ("get", "post", "put", "patch", "delete")
_MADE = "openapi"
_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>Watchbell API</title></head><body>
<h1>Watchbell API</h1>
<p>For machines: <a href="openapi.json">openapi.json</a>. Programs send <code>Authorization: Key …</code>.</p>
{% for path, operations in paths %}<section><h2><code>{{ path }}</code></h2><dl>
{% for one in operations %}<dt><code>{{ one.method }}</code> {{ one.summary }}</dt>
<dd>{% if one.scope %}<p>Needs <code>{{ one.scope }}</code>.</p>{% endif %}
{% for part in one.more %}<p>{{ part }}</p>{% endfor %}
{% for title, lines in one.lists if lines %}<details{% if lines|length < 8 %} open{% endif %}>
<summary>{{ title }} ({{ lines|length }})</summary><ul>
{% for line in lines %}<li><code>{{ line.name }}</code>{% if line.kind %} ({{ line.kind }}){% endif %}
{{ line.about }}</li>
{% endfor %}</ul></details>{% endfor %}</dd>
{% endfor %}</dl></section>
{% endfor %}</body></html>
""")


async def describe(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The OpenAPI document of the application that serves the request, made once."""
    state = request.app.state
    if _MADE not in state:
        # It reads the sources for the docstrings of fields: others are not to wait for it.
        state[_MADE] = await asyncio.to_thread(document_of, tuple(routes_of(request.app)))
    return state[_MADE]


@get("/api/openapi.json", opt=OPEN | told(answer=dict[str, Any]))
async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document."""
    return Response(msgspec.json.encode(await describe(request)), media_type="application/json")


@get("/api/docs", opt=OPEN | told(answer=str), media_type=MediaType.HTML)
async def docs(request: Request[Any, Any, Any]) -> str:
    """Every route, for people."""
    document = await describe(request)
    paths = [
        (path, [_shown(verb, operations[verb], document) for verb in _VERBS if verb in operations])
        for path, operations in sorted(document["paths"].items())
    ]
    return _PAGE.render(paths=paths)


def _shown(verb: str, operation: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says of one operation."""
    body = operation.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
    parameters = [_resolved(each, document) for each in operation["parameters"]]
    more = operation.get("description", "").partition("\n\n")[2]
    return {
        "method": verb.upper(),
        "summary": operation["summary"],
        "scope": operation.get("x-scope", ""),
        "more": [part for part in more.split("\n\n") if part],
        "lists": [("Parameters", [_of_parameter(each) for each in parameters]), ("Body", _fields(body, document))],
    }


def _of_parameter(parameter: Mapping[str, Any]) -> dict[str, str]:
    kind = parameter["in"] + (", required" if parameter.get("required") else "")
    return {"name": parameter["name"], "kind": kind, "about": parameter.get("description", "")}


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[dict[str, str]]:
    """The fields of a body; none when it is no object of named fields."""
    found = _resolved(schema, document)
    required = found.get("required", ())
    return [
        {
            "name": name,
            "kind": "required" if name in required else "",
            "about": field.get("description") or _resolved(field, document).get("description", ""),
        }
        for name, field in found.get("properties", {}).items()
    ]


def _resolved(part: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a part of the document refers to, or the part itself."""
    while "$ref" in part:
        _, *names = part["$ref"].split("/")
        part = document
        for name in names:
            part = part[name]
    return part


routes = [openapi, docs]
