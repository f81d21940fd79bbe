"""The OpenAPI document, made of the routes: their paths, docstrings, guards and what they tell (`api.contract`)."""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from litestar import Litestar, MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from watchbell import __version__
from watchbell.api.auth import COOKIE, SAFE, Requires
from watchbell.api.contract import JSON, TOLD, Named, Number, Parameter, Told
from watchbell.api.errors import ErrorBody
from watchbell.api.schemas import Schemas

Routes: TypeAlias = Iterable[tuple[str, HTTPRouteHandler]]
"""Paths as the framework has them, each with a handler."""

ABOUT = """Programs send `Authorization: Key …`. Answers that are no success have one shape, `ErrorBody`.
Times are ISO 8601 in UTC. `x-scope` is what the caller must hold; without it, any known caller may."""
_IN_PATH = re.compile(r"\{(\w+):(\w+)\}")
_SCHEMES: dict[str, Any] = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Key …`; also as `X-API-Key`, as `?api-key=`, or after `Bearer`.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "The token that `/api/auth/login` gave."},
    "password": {"type": "http", "scheme": "basic", "description": "Login and password."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "The cookie of `/api/session`."},
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "What `/api/session` said; with the cookie, for methods that change something.",
    },
}


def routes_of(app: Litestar) -> Routes:
    """The routes of an application."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            yield from ((route.path, handler) for handler in route.route_handlers)


def routes_in(handlers: Iterable[Any]) -> Routes:
    """The routes of handlers that belong to no application yet."""
    yield from ((path, handler) for handler in handlers for path in sorted(handler.paths))


def document_of(routes: Routes) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    tags: dict[str, dict[str, str]] = {}
    shared: dict[str, Any] = {}
    for path, handler in sorted(routes, key=lambda route: route[0]):
        if not handler.resolve_include_in_schema():
            continue
        tag = _tag(handler)
        tags[tag["name"]] = tag
        plain = _IN_PATH.sub(r"{\1}", path)
        for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"}):
            operation = _Operation(path, str(method), handler, schemas, shared).described()
            operations = paths.setdefault(plain, {})
            operations[method.lower()] = operation
    _name_apart(paths)
    error = {"description": "It was refused, or failed.", "content": {JSON: {"schema": schemas.of(ErrorBody)}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Watchbell", "version": __version__, "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": [tags[name] for name in sorted(tags)],
        "paths": paths,
        "components": {
            "securitySchemes": _SCHEMES,
            "responses": {"Error": error},
            "parameters": dict(sorted(shared.items())),
            "schemas": schemas.finished(),
        },
    }


class _Operation:
    """One method of one route."""

    def __init__(
        self, path: str, method: str, handler: HTTPRouteHandler, schemas: Schemas, shared: dict[str, Any]
    ) -> None:
        self._path, self._method, self._handler = path, method, handler
        self._schemas, self._shared = schemas, shared
        self._told: Told = handler.opt.get(TOLD) or Told()

    def described(self) -> dict[str, Any]:
        doc = inspect.getdoc(self._handler.fn) or ""
        first, _, more = doc.partition("\n")
        found: dict[str, Any] = {
            "tags": [_tag(self._handler)["name"]],
            "operationId": f"{_module(self._handler)}.{self._handler.fn.__name__}",
            "summary": first.removesuffix("."),
            "parameters": [*self._in_path(), *self._given()],
            "responses": self._answers(),
            "security": self._security(),
        }
        if more.strip():
            found["description"] = doc
        guards = cast("Iterable[object]", self._handler.guards or ())  # pyright: ignore[reportUnknownMemberType]
        if scope := next((guard.scope for guard in guards if isinstance(guard, Requires)), ""):
            found["x-scope"] = scope
        if self._told.body is not None and self._method not in SAFE:
            schema = self._schemas.of(self._told.body)
            found["requestBody"] = {
                "required": not self._told.optional,
                "content": {self._told.sent: {"schema": schema}},
            }
        return found

    def _in_path(self) -> Iterator[dict[str, Any]]:
        for name, kind in _IN_PATH.findall(self._path):
            schema = {"type": "string", "format": "uuid"} if kind == "uuid" else self._schemas.of(Named)
            yield {"name": name, "in": "path", "required": True, "schema": schema}

    def _given(self) -> Iterator[dict[str, Any]]:
        for parameter in self._told.query:
            if not parameter.group:
                yield self._parameter(parameter)
                continue
            name = f"{parameter.group}.{parameter.name}"
            if name not in self._shared:
                self._shared[name] = self._parameter(parameter)
            yield {"$ref": f"#/components/parameters/{name}"}

    def _parameter(self, parameter: Parameter) -> dict[str, Any]:
        schema = self._schemas.of(parameter.type)
        default = parameter.default
        if isinstance(parameter, Number):
            schema = {"type": "integer", "minimum": parameter.least, "maximum": parameter.most}
            default = default if default >= parameter.least else None  # below it stands for none
        if default is not None:
            schema = {**schema, "default": default}
        return {
            "name": parameter.name,
            "in": parameter.place,
            "required": False,
            "description": parameter.about,
            "schema": {"type": "array", "items": schema} if parameter.many else schema,
        }

    def _answers(self) -> dict[str, Any]:
        media = self._told.media or _media(self._handler)
        good: dict[str, Any] = {"description": "Done."}
        if self._told.answer is not None:
            good["content"] = {media: {"schema": self._schemas.of(self._told.answer)}}
        found = {str(self._handler.status_code): good, "default": {"$ref": "#/components/responses/Error"}}
        for code, wanted in self._told.others.items():
            content = {media: {"schema": self._schemas.of(wanted)}}
            found[str(code)] = {"description": "See the description.", "content": content}
        return found

    def _security(self) -> list[dict[str, list[str]]]:
        if self._handler.opt.get("open"):
            return []
        session: dict[str, list[str]] = {"session": []} if self._method in SAFE else {"session": [], "csrf": []}
        return [{"key": []}, {"token": []}, {"password": []}, session]


def _module(handler: HTTPRouteHandler) -> str:
    return handler.fn.__module__.rpartition(".")[2]


def _tag(handler: HTTPRouteHandler) -> dict[str, str]:
    about = inspect.getdoc(sys.modules[handler.fn.__module__]) or ""
    return {"name": _module(handler).replace("_", " "), "description": about.partition("\n\n")[0].replace("\n", " ")}


def _media(handler: HTTPRouteHandler) -> str:
    media = handler.media_type
    if isinstance(media, MediaType):
        return media.value
    return media or JSON


def _name_apart(paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Give each operation of a handler that serves several paths or methods an id of its own."""
    seen: set[str] = set()
    for operations in paths.values():
        for method, operation in operations.items():
            wanted = operation["operationId"]
            for name in (wanted, f"{wanted}.{method}", *(f"{wanted}.{number}" for number in range(2, 10))):
                if name not in seen:
                    operation["operationId"] = name
                    seen.add(name)
                    break
