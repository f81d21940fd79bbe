"""What wraps every answer: HEAD, OPTIONS, other origins, compression."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from litestar import Response, get
from litestar.response import Stream
from litestar.testing import TestClient

from api_client import PASSWORD, World, key, log_in
from watchbell.api.app import at_the_edge, create_app
from watchbell.api.compression import accepts_gzip
from watchbell.ports.telemetry import NullTelemetry
from watchbell.toolkit.origins import Origins

UI = "https://ui.example.org"
LONG = "word " * 1000


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("reader", "read:alerts")
    await world.add_key("all", "admin", "read")
    await world.add_user("ann", "user")
    return world


@pytest.fixture
def client(world: World) -> Iterator[TestClient[Any]]:
    origins = Origins([UI, "http://localhost:*"])
    with TestClient(at_the_edge(world.app(), NullTelemetry(), (), origins), raise_server_exceptions=False) as running:
        yield running


@pytest.mark.parametrize(
    "path", ["/api/alerts", "/api/alerts/count", "/api/config", "/", "/api/alert/nothing", "/api/docs", "/api/users"]
)
def test_head_answers_as_get_without_a_body(client: TestClient[Any], path: str):
    plain = key("reader") | {"Accept-Encoding": "identity"}
    got, headed = client.get(path, headers=plain), client.head(path, headers=plain)
    assert headed.status_code == got.status_code
    assert headed.content == b""
    assert headed.headers["content-type"] == got.headers["content-type"]
    assert headed.headers["content-length"] == str(len(got.content)) or "requestId" in got.text


def test_head_of_what_only_takes_a_post_is_refused(client: TestClient[Any]):
    assert client.head("/api/alert", headers=key("reader")).status_code in {404, 405}


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api/alerts", "GET, HEAD, OPTIONS, POST"),
        ("/api/alert", "OPTIONS, POST"),
        ("/api/alert/x", "DELETE, GET, HEAD, OPTIONS"),
        ("/api/blackout/x", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/api/user/me", "GET, HEAD, OPTIONS, PUT"),
        ("/api/user/x", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_names_all_methods_of_a_path(client: TestClient[Any], path: str, methods: str):
    answer = client.options(path)
    assert (answer.status_code, answer.headers.get_list("allow")) == (204, [methods])


@pytest.mark.parametrize(
    ("path", "media"),
    [
        ("/metrics", "text/plain"),
        ("/api/management/metrics", "text/plain"),
        ("/api/alerts/export?format=csv", "text/csv"),
        ("/api/archive/export?format=csv", "text/csv"),
        ("/api/audit?format=csv", "text/csv"),
        ("/api/embed.js", "text/javascript"),
        ("/", "text/html"),
    ],
)
def test_texts_name_their_charset_once(client: TestClient[Any], path: str, media: str):
    answer = client.get(path, headers=key("all"))
    kind, *parameters = [part.strip() for part in answer.headers["content-type"].split(";")]
    assert (answer.status_code, kind) == (200, media), answer.text
    assert [each for each in parameters if each.startswith("charset")] == ["charset=utf-8"]


def asked(client: TestClient[Any], origin: str, path: str = "/api/alerts") -> Any:
    return client.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization",
        },
    )


def test_a_named_origin_may_ask_with_a_key(client: TestClient[Any]):
    answer = asked(client, UI)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == UI
    allowed = {name.strip() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert allowed == {"Content-Type", "Authorization", "X-API-Key", "X-Request-ID"}
    assert "PUT" in answer.headers["access-control-allow-methods"]
    got = client.get("/api/alerts", headers=key("reader") | {"Origin": UI})
    assert (got.status_code, got.headers["access-control-allow-origin"]) == (200, UI)
    assert "Origin" in got.headers["vary"]


def test_an_error_can_be_read_from_a_named_origin(client: TestClient[Any]):
    got = client.get("/api/alerts", headers={"Origin": UI})
    assert (got.status_code, got.headers["access-control-allow-origin"]) == (401, UI)


def test_any_port_of_a_named_host(client: TestClient[Any]):
    answer = asked(client, "http://localhost:8000")
    assert answer.headers["access-control-allow-origin"] == "http://localhost:8000"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://ui.example.org",
        "https://ui.example.org.evil.example",
        "https://ui.example.org:444",
        "http://localhost.evil.example:8000",
        "http://localhost:80@evil.example",
        "https://localhost:8000",
        "null",
        "*",
    ],
)
def test_no_other_origin_is_let_in(client: TestClient[Any], origin: str):
    assert "access-control-allow-origin" not in asked(client, origin).headers
    got = client.get("/api/alerts", headers=key("reader") | {"Origin": origin})
    assert "access-control-allow-origin" not in got.headers


def test_without_the_setting_nobody_is_let_in(world: World):
    with TestClient(at_the_edge(world.app(), NullTelemetry(), ())) as plain:
        assert "access-control-allow-origin" not in asked(plain, UI).headers


def test_log_in_and_poll_from_another_origin(client: TestClient[Any]):
    answer = client.post("/api/auth/login", json={"username": "ann", "password": PASSWORD}, headers={"Origin": UI})
    assert answer.status_code == 200, answer.text
    assert "set-cookie" not in answer.headers
    bearer = {"Authorization": f"Bearer {answer.json()['token']}", "Origin": UI}
    assert client.get("/api/alerts", headers=bearer).status_code == 200
    sent = {"resource": "r", "event": "e", "environment": "Production", "service": ["s"]}
    answer = client.post("/api/alert", json=sent, headers=bearer)
    assert answer.status_code == 201, answer.text


def test_a_cookie_never_counts_from_another_origin(client: TestClient[Any]):
    csrf = log_in(client, "ann")
    assert client.get("/api/session").status_code == 200
    assert client.get("/api/session", headers={"Origin": UI}).status_code == 401
    sent = {"resource": "r", "event": "e", "environment": "Production", "service": ["s"]}
    for origin in (UI, "https://evil.example"):
        assert client.post("/api/alert", json=sent, headers=csrf | {"Origin": origin}).status_code in {401, 403}
    credentials = {"login": "ann", "password": PASSWORD}
    assert client.post("/api/session", json=credentials, headers={"Origin": UI}).status_code == 403


def test_without_required_auth_a_named_origin_reads_and_does_not_write():
    sent = {"resource": "r", "event": "e", "environment": "Production", "service": ["s"]}
    app = at_the_edge(World(required=False).app(), NullTelemetry(), (), Origins([UI]))
    with TestClient(app, raise_server_exceptions=False) as open_to_all:
        assert open_to_all.get("/api/alerts", headers={"Origin": UI, "Sec-Fetch-Site": "cross-site"}).status_code == 200
        assert open_to_all.post("/api/alert", json=sent, headers={"Origin": UI}).status_code == 403
        assert open_to_all.post("/api/alert", json=sent).status_code == 201


@pytest.mark.parametrize("wrong", ["*", "https://*", "ui.example.org", "https://ui.example.org/", "ftp://a", ""])
def test_what_is_no_origin_is_refused(wrong: str):
    with pytest.raises(ValueError, match="is no origin"):
        Origins([wrong])


@get("/long", media_type="application/json")
async def long() -> Response[bytes]:
    return Response(LONG.encode(), media_type="application/json")


@get("/huge", media_type="text/plain")
async def huge() -> Response[bytes]:
    return Response(LONG.encode() * 20, media_type="text/plain")


@get("/short")
async def short() -> Response[bytes]:
    return Response(b"{}", media_type="application/json")


@get("/picture")
async def picture() -> Response[bytes]:
    return Response(LONG.encode(), media_type="image/png")


@get("/secret")
async def secret() -> Response[bytes]:
    return Response(LONG.encode(), media_type="application/json", headers={"Cache-Control": "no-store"})


@get("/packed")
async def packed() -> Response[bytes]:
    headers = {"Content-Encoding": "gzip"}
    return Response(gzip.compress(LONG.encode() * 50), media_type="text/css", headers=headers)


async def _endless() -> AsyncIterator[bytes]:
    yield b"event: hello\n\n"
    await asyncio.Event().wait()


@get("/endless", media_type="text/event-stream")
async def endless() -> Stream:
    return Stream(_endless(), media_type="text/event-stream")


@pytest.fixture
def made() -> Iterator[TestClient[Any]]:
    app = create_app([long, huge, short, picture, secret, packed, endless], {})
    with TestClient(at_the_edge(app, NullTelemetry(), ())) as running:
        yield running


@pytest.mark.parametrize(("path", "text"), [("/long", LONG), ("/huge", LONG * 20)])
def test_a_long_text_is_compressed_when_asked_for(made: TestClient[Any], path: str, text: str):
    answer = made.get(path, headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(text) / 10
    assert answer.text == text
    assert "Accept-Encoding" in answer.headers["vary"]


def test_nothing_is_compressed_unless_asked_for(made: TestClient[Any]):
    answer = made.get("/long", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.text == LONG
    assert "Accept-Encoding" in answer.headers["vary"]


@pytest.mark.parametrize("path", ["/short", "/picture", "/secret"])
def test_short_answers_pictures_and_secrets_are_left_alone(made: TestClient[Any], path: str):
    assert "content-encoding" not in made.get(path, headers={"Accept-Encoding": "gzip"}).headers


def test_what_is_compressed_already_is_not_compressed_again(made: TestClient[Any]):
    assert made.get("/packed", headers={"Accept-Encoding": "gzip"}).text == LONG * 50


def test_an_answer_with_the_csrf_token_is_never_compressed(client: TestClient[Any], world: World):
    csrf = log_in(client, "ann")["X-CSRF-Token"]
    answer = client.get("/api/session", headers={"Accept-Encoding": "gzip"})
    assert csrf in answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("identity", False),
        ("", False),
        ("br", False),
    ],
)
def test_what_a_caller_accepts(accepted: str, wanted: bool):
    assert accepts_gzip(accepted) is wanted


def test_head_of_a_stream_ends(made: TestClient[Any]):
    headed = made.head("/endless", headers={"Accept-Encoding": "gzip"})
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in headed.headers
