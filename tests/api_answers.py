"""Compares what the API answers in tests with what it says of itself, so that the two cannot differ.

Objects are closed here: a field that the description does not name is wrong, too.
"""

import copy
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from watchbell.api.contract import JSON
from watchbell.api.document import document_of, routes_in
from watchbell.bootstrap.routes import ROUTES

OPEN = {"WorstGroup"}
"""Has the field that makes the groups, under its own name."""


@cache
def document() -> dict[str, Any]:
    """The description of the whole API."""
    return document_of(routes_in(ROUTES))


@cache
def _validators() -> dict[tuple[str, str], jsonschema_rs.Validator]:
    """By operation (the first of a handler speaks for all of its paths) and status."""
    described = copy.deepcopy(document())
    schemas = described["components"]["schemas"]
    for name, schema in schemas.items():
        if "properties" in schema and name not in OPEN:
            schema.setdefault("additionalProperties", False)
    found: dict[tuple[str, str], jsonschema_rs.Validator] = {}
    for operations in described["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                schema = answer.get("content", {}).get(JSON, {}).get("schema")
                if schema is None:
                    continue
                if "properties" in schema:
                    schema["additionalProperties"] = False
                whole = {**schema, "components": {"schemas": schemas}}
                found[operation["operationId"], status] = jsonschema_rs.validator_for(whole)
    return found


class Compared:
    """Middleware that turns a good answer into a failure when the description does not have it so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began: list[Message] = []

        async def compare(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_json(message) and message["status"] < 300:
                began.append(message)
            elif began and message["type"] == "http.response.body":
                start: Any = began.pop()
                # What comes in pieces cannot be taken back once it is whole.
                pieces = message.get("more_body", False)
                fault = "" if pieces else _fault(scope["route_handler"], start["status"], message["body"])
                if fault:
                    body = f"the description does not have this answer: {fault}".encode()
                    start = {**start, "status": 599, "headers": []}
                    message = {"type": "http.response.body", "body": body, "more_body": False}
                await send(start)
                await send(message)
            else:
                await send(message)

        await self._app(scope, receive, compare)


def _is_json(message: Any) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"application/json") for name, value in message["headers"]
    )


def _fault(handler: Any, status: int, body: bytes) -> str:
    operation = f"{handler.fn.__module__.rpartition('.')[2]}.{handler.fn.__name__}"
    if not body:
        return ""
    validator = _validators().get((operation, str(status)))
    if validator is None:
        return f"{operation} has no {status}"
    error = next(validator.iter_errors(msgspec.json.decode(body)), None)
    return f"{operation}: {error}" if error else ""
