"""The API described: `/api/openapi.json`, and `/api/docs`, a page made from it that loads nothing from anywhere."""

import asyncio
from typing import Any

import msgspec
from jinja2 import Environment
from litestar import MediaType, Request, Response, get

from watchbell.api.contract import told
from watchbell.api.document import document_of, routes_of

OPEN = {"open": True}
_MADE = "openapi"
_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Watchbell API</title></head><body>
<h1>Watchbell API</h1>
<p>For machines: <a href="openapi.json">openapi.json</a>. Programs send <code>Authorization: Key …</code>.</p>
{% for path, operations in paths %}<section><h2><code>{{ path }}</code></h2><dl>
{% for method, operation in operations %}<dt><code>{{ method }}</code> {{ operation.summary }}</dt>
<dd>{{ operation.description or "" }}{% if operation.parameters %}<ul>{% for p in operation.parameters %}
<li><code>{{ p.name }}</code> ({{ p["in"] }}{% if p.required %}, required{% endif %}) {{ p.description or "" }}</li>
{% endfor %}</ul>{% endif %}</dd>
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
    verbs = ("get", "post", "put", "patch", "delete")
    paths = [
        (path, [(verb.upper(), operations[verb]) for verb in verbs if verb in operations])
        for path, operations in sorted((await describe(request))["paths"].items())
    ]
    return _PAGE.render(paths=paths)


routes = [openapi, docs]
