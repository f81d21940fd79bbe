"""Rules and mappings, asked of the API by a collector that stands elsewhere."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from watchbell.adapters.rules_api import ApiMappings, ApiRules
from watchbell.domain.errors import Retryable

STORED: dict[str, Any] = {
    "mapping": [
        {"id": "1", "name": "m", "body": {"sources": ["browser"], "steps": ["exit"]}},
        {"id": "2", "name": "of a newer release", "body": {"compatibility": "sideways"}},
    ],
    "rule": [{"id": "3", "name": "r", "body": {"window_s": 60}}],
}


@pytest.fixture
def url() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = 200 if self.headers["Authorization"] == "Key k" else 401
            body = json.dumps({"objects": STORED[self.path.rpartition("/")[2]]}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as in the class above
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


async def test_what_is_asked_is_kept_for_when_the_api_is_away(url: str, tmp_path: Path):
    kept = tmp_path / "mappings.json"
    (mapping,) = await ApiMappings(url, "k", kept).current()
    assert (mapping.id, mapping.name, mapping.sources, mapping.steps) == ("1", "m", ["browser"], ["exit"])
    assert await ApiMappings(url, "wrong", kept).current() == [mapping]
    (rule,) = await ApiRules(url, "k", tmp_path / "rules.json").current()
    assert rule.name == "r"


async def test_mappings_that_were_never_known_are_waited_for(url: str, tmp_path: Path):
    with pytest.raises(Retryable, match="does not answer"):
        await ApiMappings(url, "wrong", tmp_path / "mappings.json").current()
    assert list(await ApiRules(url, "wrong", tmp_path / "rules.json").current()) == []
