"""`watchbell archive`: what it asks a server for, and what it makes of the answers."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from typer.testing import CliRunner, Result

from watchbell.cli import app

HOSTILE = "\x1b[31mred\n\u202e"


def past(number: int) -> dict[str, Any]:
    times = {"openTime": "2026-01-01T12:00:00.000Z", "resolveTime": None}
    plain = {
        "environment": "Production",
        "service": ["Shop", "Mail"],
        "resource": "web",
        "event": "Down",
        "text": HOSTILE,
    }
    return {"id": f"p{number}", "highestSeverity": "major", **times, **plain}


class Archive(BaseHTTPRequestHandler):
    """Five past alerts, three to a page; a file that may break off."""

    asked: ClassVar[list[tuple[str, list[tuple[str, str]]]]] = []
    breaks_off: ClassVar[bool] = False

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        query = parse_qsl(place.query)
        self.asked.append((place.path, query))
        if place.path.endswith("/export"):
            self.answer(b"id,resource\r\np0,web\r\n", cut=self.breaks_off)
        elif place.path == "/api/archive":
            given = dict(query)
            first, limit = int(given.get("cursor", "0")), min(int(given["limit"]), 3)
            rows = [past(number) for number in range(5)][first : first + limit]
            more = first + limit < 5
            body = {"alerts": rows, "more": more, "cursor": str(first + limit) if more else None}
            self.answer(msgspec.json.encode(body))
        else:
            line = {"updateTime": "2026-01-01T12:00:00.000Z", "type": "new", "severity": "major", "status": "open"}
            history = [line | {"user": None, "text": HOSTILE}]
            self.answer(msgspec.json.encode({"alert": past(1) | {"history": history}}))

    def answer(self, body: bytes, *, cut: bool = False) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) + (100 if cut else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the base class
        """Say nothing."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    Archive.asked.clear()
    monkeypatch.setattr(Archive, "breaks_off", False)
    with HTTPServer(("127.0.0.1", 0), Archive) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["archive", *arguments, "--url", url, "--key", "k"])


def test_every_option_is_asked_for_and_pages_follow_each_other(url: str):
    some = ("-E", "Lab", "-E", "Production", "-S", "Shop", "-r", "web", "-e", "Down", "-s", "major")
    span = ("--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z")
    result = run(url, "list", *some, *span)
    assert result.exit_code == 0, result.stderr
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[0] for row in rows] == ["p0", "p1", "p2", "p3", "p4"]
    assert rows[0][1:] == [
        *("major", "2026-01-01T12:00:00.000Z", "", "Production", "Shop, Mail", "web", "Down"),
        "\ufffd[31mred \ufffd",
    ]
    (_, first), (_, second) = Archive.asked
    assert first == [
        *(("from", "2026-01-01T00:00:00Z"), ("to", "2026-02-01T00:00:00Z")),
        *(("environment", "Lab"), ("environment", "Production"), ("service", "Shop"), ("resource", "web")),
        *(("event", "Down"), ("severity", "major"), ("limit", "50")),
    ]
    assert second == [*first[:-1], ("limit", "47"), ("cursor", "3")]


def test_no_more_than_asked_for_and_it_says_so(url: str):
    result = run(url, "search", "disk", "full", "--limit", "2")
    assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["p0", "p1"]
    assert "the newest 2; say --limit for more" in result.stderr
    assert Archive.asked == [("/api/archive", [("search", "disk full"), ("limit", "2")])]
    found = msgspec.json.decode(run(url, "search", "x", "--json").stdout)
    assert [row["text"] for row in found] == [HOSTILE] * 5


def test_one_is_shown_with_its_history(url: str):
    result = run(url, "show", "a/b")
    assert Archive.asked == [("/api/archive/a%2Fb", [])]
    assert "resource: web\n" in result.stdout
    assert "resolveTime" not in result.stdout, "nothing is said of what is not known"
    assert result.stdout.splitlines()[-1] == "2026-01-01T12:00:00.000Z\tnew\tmajor\topen\t\t\ufffd[31mred \ufffd"


def test_a_file_is_written_when_it_is_whole(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "past.csv"
    result = run(url, "export", "-S", "Shop", "-q", "disk full", "-o", str(file))
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert file.read_bytes() == b"id,resource\r\np0,web\r\n"
    wanted = [("search", "disk full"), ("service", "Shop"), ("format", "csv")]
    assert Archive.asked == [("/api/archive/export", wanted)]
    file.write_text("what was there")
    monkeypatch.setattr(Archive, "breaks_off", True)
    result = run(url, "export", "--format", "json", "-o", str(file))
    assert result.exit_code == 1
    assert "cannot reach" in result.stderr
    assert (file.read_text(), [each.name for each in tmp_path.iterdir()]) == ("what was there", ["past.csv"])


def test_a_file_is_printed_and_one_that_cannot_be_written_is_said(url: str, tmp_path: Path):
    assert run(url, "export").stdout_bytes == b"id,resource\r\np0,web\r\n"
    result = run(url, "export", "-o", str(tmp_path / "none" / "past.csv"))
    assert result.exit_code == 1
    assert "cannot write" in result.stderr
    assert run(url, "export", "--format", "xml").exit_code == 2
