"""What the API says of itself: every route, whole, and no body that is read without being told."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Request, post
from litestar.testing import TestClient

import watchbell.api
from api_answers import document
from api_client import World
from watchbell.api.app import create_app
from watchbell.api.auth import Requires
from watchbell.api.contract import TOLD, Told, said, told
from watchbell.api.wire import Body, body_of, mapping_of
from watchbell.bootstrap.routes import ROUTES

SOURCES = sorted(Path(watchbell.api.__file__).parent.rglob("*.py"))
VENDORS_ANSWER = {"webhooks.receive"}
"""A vendor may want an answer of its own, with a code of its own."""

WITHOUT_A_BODY = {
    "alerta_auth.log_out.post",  # the token says it all
    "blackouts.end",  # the path says which
    "checks.run",  # the same
    "groups.add",  # the path says who, and where to
    "own_mails.confirm",  # it is the caller's own address
    "management.housekeeping.post",  # the query says it, as Alerta has it
    "passkeys.ask",  # there is nothing to choose
    "signing_up.confirm",  # the path has the secret
    "two_step.begin",  # the same
}
WITHOUT_AN_ANSWER = {
    "alertmanager.receive",  # Alertmanager answers with nothing
    "silences.expire",  # the same
}
SENDS_ON = {"log_in.callback", "saml.open_beside"}
"""Answers with another address in every case."""
HIDDEN = {"pages.page"}
"""The pages themselves are no part of the API."""


class Wanted(Body, frozen=True):
    """A body."""

    name: str


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_operation_is_described_whole():
    for path, method, operation in operations():
        name = operation["operationId"]
        assert operation["summary"], name
        assert operation["tags"], name
        assert {p["name"] for p in operation["parameters"] if p.get("in") == "path"} == {
            piece.strip("{}") for piece in path.split("/") if piece.startswith("{")
        }, name
        assert ("requestBody" in operation) == (method in {"post", "put", "patch"} and name not in WITHOUT_A_BODY), (
            f"{name}: which body does it read?"
        )
        good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        good = [answer for answer in good if "DivertedBody" not in str(answer)]  # a plug-in took care of it
        refuses = name in SENDS_ON
        replies = any(
            name == handler or name.startswith(f"{handler}.") for handler in VENDORS_ANSWER
        )  # each path has an id
        assert refuses or len(good) == 1 or (replies and len(good) > 1), name
        assert refuses or ("content" in good[0]) == (name not in WITHOUT_AN_ANSWER), f"{name}: what does it answer?"
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}, name


def test_every_route_is_described_or_hidden_for_a_reason():
    described = {operation["operationId"] for _, _, operation in operations()}
    for handler in ROUTES:
        name = f"{handler.fn.__module__.rpartition('.')[2]}.{handler.fn.__name__}"
        assert (name in described) != (name in HIDDEN), name
        assert name in HIDDEN or isinstance(handler.opt.get(TOLD), Told), f"{name} tells nothing of itself"


def test_what_the_caller_must_hold_is_said():
    said_of = {operation["operationId"]: operation for _, _, operation in operations()}
    for handler in ROUTES:
        operation = said_of.get(f"{handler.fn.__module__.rpartition('.')[2]}.{handler.fn.__name__}")
        if operation is None:
            continue
        scopes = [guard.scope for guard in handler.guards or () if isinstance(guard, Requires)]
        assert operation.get("x-scope", "") == (scopes[0] if scopes else "")
        assert bool(operation["security"]) == bool(scopes)


def test_references_lead_somewhere_and_names_are_plain():
    described = document()
    for name in described["components"]["schemas"]:
        assert name.isalnum(), f"two types are called {name.rpartition('.')[2]}"
    text = msgspec.json.encode(described).decode()
    for piece in text.split('"$ref":"#/components/')[1:]:
        kind, _, name = piece.partition('"')[0].partition("/")
        assert name in described["components"][kind]


def test_fields_have_their_docs():
    properties = document()["components"]["schemas"]["NewKey"]["properties"]
    never = "When it ends; without it, never. A time in the year 9999 is never, too."
    assert properties["expireTime"]["description"] == never


def test_bodies_are_read_in_one_place():
    """So that none is read that is not told: `raw_of` refuses that."""
    readers = {"body", "json", "form", "msgpack", "stream"}
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in readers:
                of_a_request = isinstance(node.func.value, ast.Name) and node.func.value.id == "request"
                assert not of_a_request or source.name == "wire.py", f"{source.name}:{node.lineno}"


def test_parameters_that_are_read_are_told():
    shared = document()["components"]["parameters"]
    told_of = [one for _, _, operation in operations() for one in operation["parameters"]]
    known = {shared[one["$ref"].rpartition("/")[2]]["name"] if "$ref" in one else one["name"] for one in told_of}
    known |= {"api-key", "limit"}  # how the caller says who they are; Alerta's older word for `page-size`
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
                continue
            if "query_params" not in ast.unparse(node.func) and ast.unparse(node.func) not in {"wants", "_hours"}:
                continue
            for argument in node.args[:2]:
                if isinstance(argument, ast.Constant) and argument.value:
                    assert argument.value in known, f"{source.name}:{node.lineno} reads {argument.value!r}"


@post("/right", opt={"open": True} | told(body=Wanted, answer=said(name=str)))
async def right(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return {"name": (await body_of(request, Wanted)).name, "status": "ok"}


@post("/other", opt={"open": True} | told(body=dict[str, Any]))
async def other(request: Request[Any, Any, Any]) -> str:
    return (await body_of(request, Wanted)).name


@post("/untold", opt={"open": True})
async def untold(request: Request[Any, Any, Any]) -> str:
    return str(await mapping_of(request))


@pytest.mark.parametrize(("path", "status"), [("/right", 201), ("/other", 500), ("/untold", 500)])
def test_no_body_is_read_that_is_not_told(path: str, status: int):
    with TestClient(create_app([right, other, untold], {}), raise_server_exceptions=False) as client:
        assert client.post(path, json={"name": "x"}).status_code == status


def test_the_description_is_served_for_machines_and_for_people():
    with World().client() as client:
        assert client.get("/api/openapi.json").json()["paths"].keys() == document()["paths"].keys()
        page = client.get("/api/docs").text
    assert "/api/alert/{name}/action" in page
    assert "Act on an alert" in page


def test_the_page_names_every_parameter_and_field_what_it_needs_and_says_nothing_twice():
    with World().client() as client:
        page = client.get("/api/docs").text
    assert "<code></code>" not in page
    bulk = page.partition("<code>/api/_bulk/alerts/action</code>")[2].partition("</section>")[0]
    assert "<code>resource</code> (query)" in bulk
    assert "Needs <code>write:alerts</code>" in bulk
    assert "<code>action</code> (required)\nack, unack" in bulk
    assert page.count("Undo a closing: each alert has") == 1
