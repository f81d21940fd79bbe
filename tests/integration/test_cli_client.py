from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import typer

from watchbell.cli.client import Api, api, segment
from watchbell.domain.errors import Faulty, Permanent, Retryable


class Answering(BaseHTTPRequestHandler):
    answer: ClassVar[tuple[int, dict[str, str], bytes]] = (200, {}, b"{}")
    heard: ClassVar[list[tuple[str, str, dict[str, str], bytes]]] = []

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.heard.append((self.command, self.path, dict(self.headers.items()), self.rfile.read(length)))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the server looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Answering.heard.clear()
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_request_carries_key_and_body(server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Answering, "answer", (200, {}, b'{"status":"ok"}'))
    assert Api(server + "/base/", "k1").call("POST", "/api/alert", {"a": 1}) == {"status": "ok"}
    method, path, headers, body = Answering.heard[0]
    assert (method, path, body) == ("POST", "/base/api/alert", b'{"a":1}')
    assert headers["Authorization"] == "Key k1"


def test_redirects_are_not_followed_with_the_key(server: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Answering, "answer", (302, {"Location": "http://elsewhere.example/"}, b""))
    with pytest.raises(Permanent, match="302"):
        Api(server, "k1").get("/api/alerts")
    assert len(Answering.heard) == 1


@pytest.mark.parametrize(
    ("status", "body", "error", "says"),
    [
        (401, b'{"message":"no"}', Permanent, "--key or \\$WATCHBELL_KEY"),
        (403, b'{"message":"Missing required scope: write:alerts"}', Permanent, "key create --scope"),
        (
            400,
            b'{"message":"x","errors":[{"field":"name","reason":"is required","fix":""}]}',
            Faulty,
            "name: is required",
        ),
        (400, b'{"message":"plain","errors":null}', Permanent, "plain"),
        (404, b"<html>", Permanent, "404"),
        (503, b'{"message":"busy"}', Retryable, "busy"),
    ],
)
def test_errors_say_what_to_do(
    server: str, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, error: type[Exception], says: str
):
    monkeypatch.setattr(Answering, "answer", (status, {}, body))
    with pytest.raises(error, match=says):
        Api(server).get("/api/alerts")


def test_a_server_that_is_away_is_named():
    with pytest.raises(Retryable, match=r"cannot reach http://127.0.0.1:1: Connection refused"):
        Api("http://127.0.0.1:1").get("/")


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://x", "https://", "file:///etc/passwd"])
def test_other_addresses_are_wrong_usage(url: str):
    with pytest.raises(typer.BadParameter):
        Api(url)


def headers_sent(server: str, key: str | None, environment: dict[str, str]) -> dict[str, str]:
    api(None, key, environment).get("/")
    return Answering.heard[-1][2]


def test_option_before_environment_before_file(server: str, tmp_path: Path):
    (tmp_path / "watchbell").mkdir()
    file = tmp_path / "watchbell" / "cli.toml"
    file.write_text(f'url = "{server}"\nkey = "from-file"\n')
    place = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert headers_sent(server, None, place)["Authorization"] == "Key from-file"
    assert headers_sent(server, None, place | {"WATCHBELL_KEY": "from-env"})["Authorization"] == "Key from-env"
    assert headers_sent(server, "option", place | {"WATCHBELL_KEY": "from-env"})["Authorization"] == "Key option"


def test_the_key_of_the_file_goes_to_the_address_of_the_file_only(server: str, tmp_path: Path):
    (tmp_path / "watchbell").mkdir()
    (tmp_path / "watchbell" / "cli.toml").write_text('url = "https://prod.example"\nkey = "secret"\n')
    sent = headers_sent(server, None, {"XDG_CONFIG_HOME": str(tmp_path), "WATCHBELL_URL": server})
    assert "Authorization" not in sent


@pytest.mark.parametrize("text", ["url = ", "token = 'x'", "url = 5"])
def test_a_broken_file_is_named(tmp_path: Path, text: str):
    (tmp_path / "watchbell").mkdir()
    (tmp_path / "watchbell" / "cli.toml").write_text(text)
    with pytest.raises(Permanent, match=r"cli\.toml"):
        api(None, None, {"XDG_CONFIG_HOME": str(tmp_path)})


def test_a_name_stays_one_part_of_the_path():
    assert segment("../a b/c?d") == "..%2Fa%20b%2Fc%3Fd"
