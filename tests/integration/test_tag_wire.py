"""The tag over HTTP, as a browser asks for it."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.tag_site import TagCollector


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    with TagCollector(tmp_path) as collector, httpx.Client(base_url=collector.url, timeout=60) as made:
        del made.headers["accept-encoding"]
        yield made


def test_the_script_its_compressed_form_and_its_absence(client):
    plain = client.get("/divolte.js")
    names = {"cache-control", "content-length", "content-type", "date", "etag", "server", "vary"}
    assert plain.status_code == 200
    assert set(plain.headers) == names
    assert plain.headers.get_list("server") == ["divolte"]
    with client.stream("GET", "/divolte.js", headers={"accept-encoding": "gzip;q=0.5"}) as small:
        assert gzip.decompress(b"".join(small.iter_raw())) == plain.content
        assert small.headers["content-encoding"] == "gzip"
        etag = small.headers["etag"]
    again = client.get("/divolte.js", headers={"accept-encoding": "gzip", "if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag


def test_head_tells_how_long_the_script_is(client):
    head = client.head("/watchbell.js")
    assert int(head.headers["content-length"]) == len(client.get("/watchbell.js").content)
    refused = client.head("/divolte.js")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
