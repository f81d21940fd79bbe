"""The API over SQLite, against what it says of itself: requests made of its own description, right and wrong ones.

None is answered with a server error, and each answer has the shape that the description gives it. The examples are the
same at every run.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import msgspec
import pytest
import schemathesis
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from watchbell.bootstrap.core import core
from watchbell.bootstrap.parts import Parts
from watchbell.bootstrap.web import build_app
from watchbell.config import Auth, Configuration
from watchbell.plugins import BUILT_IN
from watchbell.toolkit.settings import Secret

KEY = "fuzz-admin-key-0123456789"
EXAMPLES = 8
"""For each operation, and as many of requests that are wrong."""
VENDORS = sorted(BUILT_IN["webhook"])
ENDLESS = {"/api/stream"}
"""Answers that end only with the connection; `tests/unit` and `tests/e2e` follow them."""
CHECKS: list[Any] = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
QUIET = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much],
    phases=(hypothesis.Phase.generate,),
)
SEEDS: dict[str, tuple[str, dict[str, Any]]] = {
    "alert": (
        "/api/alert",
        {"resource": "web01", "event": "Down", "environment": "Production", "service": ["Shop"], "severity": "major"},
    ),
    "check": ("/api/objects/check", {"name": "Front page", "type": "http", "config": {"url": "http://127.0.0.1:1/"}}),
    "service": ("/api/objects/service", {"name": "Shop"}),
    "rule": ("/api/objects/rule", {"name": "Too few", "window_s": 60, "at_least": 1}),
    "mapping": ("/api/objects/mapping", {"name": "Clicks"}),
    "blackout": ("/api/blackout", {"environment": "Production", "resource": "web01"}),
    "group": ("/api/group", {"name": "Night shift"}),
    "customer": ("/api/customer", {"match": "example.com", "customer": "Example"}),
    "key": ("/api/key", {"text": "for a job"}),
    "user": (
        "/api/user",
        {"login": "ann", "name": "Ann", "password": "correct horse battery", "email": "ann@a.example"},
    ),
    "heartbeat": ("/api/heartbeat", {"origin": "cron", "tags": ["a"]}),
}
"""One of each, so that not every path leads to nothing: by the segment of the path, where and as what it is made."""


class Served:
    """The application in an event loop of its own, and what is stored there."""

    def __init__(self, portal: BlockingPortal, client: httpx.AsyncClient) -> None:
        self._portal, self._client = portal, client
        self.ids: dict[str, str] = {}

    def ask(self, method: str, url: str, **rest: Any) -> httpx.Response:
        """One request."""

        async def asked() -> httpx.Response:
            return await self._client.request(method, url, **rest)

        return self._portal.call(asked)


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[httpx.AsyncClient]:
    settings = Configuration(data_dir=str(folder), auth=Auth(admin_key=Secret(KEY)))
    async with Parts(settings) as parts:
        app: Any = build_app(parts, await core(parts))

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "state": {}}, receive, send)

        transport = httpx.ASGITransport(with_state, raise_app_exceptions=False)
        headers = {"Authorization": f"Key {KEY}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://watchbell.example", headers=headers
        ) as client:
            yield client


@pytest.fixture
def served(sqlite_url: str) -> Iterator[Served]:
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(running(folder)) as client:
        served = Served(portal, client)
        for name, (path, body) in SEEDS.items():
            answer = served.ask("POST", path, json=body)
            assert answer.status_code in {200, 201}, (name, answer.text)
            said = answer.json()
            served.ids[name] = said.get("id") or said["data"]["id"]
        yield served


def known(served: Served, path: str) -> dict[str, str]:
    """Values for the parameters of a path that lead to something that is stored."""
    resource = path.removeprefix("/api/").partition("/")[0].rstrip("s")
    found = {"kind": "check", "measure": "count"}
    for name in ("name", "incident_id"):
        found[name] = served.ids.get("check" if resource == "object" else resource, "")
    return (
        found
        | {f"{name}_id": identifier for name, identifier in served.ids.items()}
        | {
            "lookup_id": served.ids["customer"],
            "silence_id": served.ids["blackout"],
        }
    )


def cases(operation: Any) -> st.SearchStrategy[Any]:
    """Requests that the description allows, and ones that it does not."""
    right = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if operation.body or operation.query or operation.path_parameters:
        return st.one_of(right, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))
    return right


def try_out(served: Served, operation: Any) -> None:
    """Send what the description lets one think of, half of it to what is stored."""
    ids = known(served, operation.path)

    @QUIET
    @hypothesis.given(case=cases(operation), stored=st.booleans(), vendor=st.sampled_from(VENDORS))
    def one(case: Any, stored: bool, vendor: str) -> None:
        if stored:
            given, there = case.path_parameters or {}, {**ids, "vendor": vendor}
            case.path_parameters = given | {name: there[name] for name in given if there.get(name)}
        sent = case.as_transport_kwargs(base_url="http://watchbell.example")
        body = {name: sent[name] for name in ("json", "files") if sent.get(name) is not None}
        if sent.get("data") is not None:
            data = sent["data"]
            body["content"] = data if isinstance(data, str | bytes) else msgspec.json.encode(data)
        headers = {**dict(sent["headers"]), "Authorization": f"Key {KEY}"}
        try:
            answer = served.ask(sent["method"], sent["url"], params=sent.get("params"), headers=headers, **body)
        except (httpx.InvalidURL, UnicodeEncodeError):
            return  # what no client can send
        told = str(answer.status_code) in operation.definition.raw["responses"]  # probes say 503 and mean it
        assert answer.status_code < 500 or told, f"{sent['method']} {answer.url}: {answer.status_code} {answer.text}"
        case.validate_response(answer, checks=CHECKS)

    one()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_no_request_that_the_description_suggests_breaks_anything(served: Served, method: str):
    description = served.ask("GET", "/api/openapi.json").json()
    schema = schemathesis.openapi.from_dict(description)
    wrong: list[str] = []
    tried = 0
    found: Any
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.method.upper() != method or operation.path in ENDLESS:
            continue
        tried += 1
        try:
            try_out(served, operation)
        except (AssertionError, BaseExceptionGroup) as error:
            wrong.append(f"{method} {operation.path}: {error}")
    assert not wrong, "\n\n".join(wrong)
    assert tried > 10
