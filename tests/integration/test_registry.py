"""Schema registries, against servers that answer as the published APIs say."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from watchbell.domain.errors import Invalid, Permanent, Retryable
from watchbell.toolkit.registry import ApicurioId, RegistryConfig, RegistryType, open_registry
from watchbell.toolkit.settings import Secret

SCHEMA: dict[str, Any] = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}]}
OTHER: dict[str, Any] = {"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}

Reply = tuple[int, Any]


class FakeRegistry:
    """What the servers share: requests as they came, and a reply to force."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.forced: Reply | None = None
        self.subjects: dict[str, list[str]] = {}
        self.ids: list[str] = []

    def answer(self, path: str, body: Any) -> Reply:
        raise NotImplementedError

    def id_of(self, text: str) -> int:
        if text not in self.ids:
            self.ids.append(text)
        return self.ids.index(text) + 1


class FakeConfluent(FakeRegistry):
    """`/subjects/…` as the API reference of Schema Registry has it; the second version of a subject is incompatible."""

    def answer(self, path: str, body: Any) -> Reply:
        _, _, subject, *rest = path.split("/")
        text = body["schema"]
        known = self.subjects.get(subject)
        if rest == ["versions"]:
            if known and text not in known:
                return 409, {"error_code": 409, "message": "Schema being registered is incompatible"}
            self.subjects.setdefault(subject, []).append(text)
            return 200, {"id": self.id_of(text)}
        if known is None:
            return 404, {"error_code": 40401, "message": "Subject not found."}
        if text not in known:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, {"subject": subject, "id": self.id_of(text), "version": 1, "schema": text}


class FakeApicurio(FakeRegistry):
    """`/apis/registry/v3` as the core API has it."""

    def answer(self, path: str, body: Any) -> Reply:
        parts = urlsplit(path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/apis/registry/v3/search/versions":
            text = json.dumps(body, separators=(",", ":"))
            there = text in self.subjects.get(f"{asked['groupId']}/{asked['artifactId']}", [])
            return 200, {"count": int(there), "versions": [self.version(text)] if there else []}
        assert asked == {"ifExists": "FIND_OR_CREATE_VERSION"}
        group = parts.path.split("/")[5]
        content = body["firstVersion"]["content"]
        assert (body["artifactType"], content["contentType"]) == ("AVRO", "application/json")
        known = self.subjects.setdefault(f"{group}/{body['artifactId']}", [])
        if known and content["content"] not in known:
            return 409, {"status": 409, "title": "Rule violation", "detail": "Incompatible artifact"}
        known.append(content["content"])
        return 200, {"artifact": {"artifactId": body["artifactId"]}, "version": self.version(content["content"])}

    def version(self, text: str) -> dict[str, Any]:
        return {"version": "1", "contentId": self.id_of(text), "globalId": 100 + self.id_of(text)}


@pytest.fixture
def serve() -> Iterator[Callable[[FakeRegistry], str]]:
    """Serves a registry on loopback; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(registry: FakeRegistry) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                registry.asked.append((self.path, dict(self.headers), body))
                status, data = registry.forced or registry.answer(self.path, body)
                payload = data if isinstance(data, bytes) else json.dumps(data).encode()
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the class above
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


KINDS = [(RegistryType.CONFLUENT, FakeConfluent), (RegistryType.APICURIO, FakeApicurio)]


@pytest.mark.parametrize(("kind", "fake"), KINDS)
def test_a_schema_is_registered_once_and_remembered(serve, kind, fake):
    registry = fake()
    client = open_registry(RegistryConfig(url=serve(registry), type=kind))
    assert client.id_of("events-value", SCHEMA) == 1
    asked = len(registry.asked)
    assert client.id_of("events-value", SCHEMA) == 1
    assert len(registry.asked) == asked


@pytest.mark.parametrize(("kind", "fake"), KINDS)
def test_a_schema_that_is_there_keeps_its_id(serve, kind, fake):
    registry = fake()
    url = serve(registry)
    open_registry(RegistryConfig(url=url, type=kind)).id_of("a", OTHER)
    open_registry(RegistryConfig(url=url, type=kind)).id_of("b", SCHEMA)
    assert open_registry(RegistryConfig(url=url, type=kind)).id_of("b", SCHEMA) == 2
    assert open_registry(RegistryConfig(url=url, type=kind, register=False)).id_of("b", SCHEMA) == 2


@pytest.mark.parametrize(("kind", "fake"), KINDS)
def test_an_incompatible_schema_is_refused_for_good(serve, kind, fake):
    client = open_registry(RegistryConfig(url=serve(fake()), type=kind))
    client.id_of("events-value", SCHEMA)
    with pytest.raises(Permanent, match=r"refuses the schema of 'events-value': 409 .*ncompatible"):
        client.id_of("events-value", OTHER)


@pytest.mark.parametrize(("kind", "fake"), KINDS)
def test_nothing_is_registered_unasked(serve, kind, fake):
    registry = fake()
    client = open_registry(RegistryConfig(url=serve(registry), type=kind, register=False))
    with pytest.raises(Permanent):
        client.id_of("events-value", SCHEMA)
    assert registry.subjects == {}


@pytest.mark.parametrize(("kind", "fake"), KINDS)
@pytest.mark.parametrize("forced", [(500, {}), (503, b"<html>"), (429, {}), (200, b"<html>"), (200, []), (200, {})])
def test_what_may_pass_may_be_tried_again(serve, kind, fake, forced):
    registry = fake()
    client = open_registry(RegistryConfig(url=serve(registry), type=kind))
    registry.forced = forced
    with pytest.raises(Retryable):
        client.id_of("events-value", SCHEMA)
    registry.forced = None
    assert client.id_of("events-value", SCHEMA) == 1


@pytest.mark.parametrize(("kind", "fake"), KINDS)
@pytest.mark.parametrize("status", [302, 400, 401, 403, 422])
def test_a_refusal_is_for_good(serve, kind, fake, status):
    registry = fake()
    registry.forced = status, {"error_code": 42201, "message": "no", "title": "no"}
    with pytest.raises(Permanent, match=str(status)):
        open_registry(RegistryConfig(url=serve(registry), type=kind)).id_of("s", SCHEMA)
    assert all("elsewhere" not in path for path, _, _ in registry.asked)


def test_a_registry_that_is_away(unused_tcp_port: int):
    client = open_registry(RegistryConfig(url=f"http://127.0.0.1:{unused_tcp_port}"))
    with pytest.raises(Retryable, match="does not answer"):
        client.id_of("s", SCHEMA)


def test_who_asks(serve):
    registry = FakeConfluent()
    url = serve(registry)
    open_registry(RegistryConfig(url=url, user="u", password=Secret("p"))).id_of("a/b", SCHEMA)
    open_registry(RegistryConfig(url=url, token=Secret("t"))).id_of("a/b", SCHEMA)
    (path, basic, body), *_, (_, bearer, _) = registry.asked
    assert path == "/subjects/a%2Fb"
    assert basic["Authorization"] == f"Basic {base64.b64encode(b'u:p').decode()}"
    assert basic["Content-Type"] == "application/vnd.schemaregistry.v1+json"
    assert json.loads(body["schema"]) == SCHEMA
    assert bearer["Authorization"] == "Bearer t"


def test_apicurios_ids(serve):
    url = serve(FakeApicurio())
    config = RegistryConfig(url=url, type=RegistryType.APICURIO, group="g", id=ApicurioId.GLOBAL)
    assert open_registry(config).id_of("s", SCHEMA) == 101


@pytest.mark.parametrize("url", ["registry", "ftp://x", "http://", "http://u:p@x/"])
def test_an_address_that_is_none(url):
    with pytest.raises(Invalid):
        open_registry(RegistryConfig(url=url))


def test_a_file_of_authorities_that_is_none():
    with pytest.raises(Invalid):
        open_registry(RegistryConfig(url="https://x", tls_ca="/nowhere.pem"))
