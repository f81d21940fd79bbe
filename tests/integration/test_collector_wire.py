"""What goes over the wire: the collector's own server on a socket, its journal in memory."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector_site import JSON_EVENT, QUERY
from servers.process import free_port
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.collector.metrics import CollectorMetrics
from watchbell.collector.server import MAX_HEAD, serve
from watchbell.collector.settings import CollectorSettings
from watchbell.collector.sources import default_tables, read_sources
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, decode_batch

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "divolte_vectors.json").read_text())
NAMES = {
    "partyId": "party_id",
    "sessionId": "session_id",
    "pageViewId": "page_view_id",
    "eventId": "event_id",
    "newPartyId": "new_party",
    "firstInSession": "first_in_session",
    "clientTimestamp": "client_ms",
    "eventType": "event_type",
    "viewportPixelWidth": "viewport_width",
    "viewportPixelHeight": "viewport_height",
    "screenPixelWidth": "screen_width",
    "screenPixelHeight": "screen_height",
    "devicePixelRatio": "pixel_ratio",
}


PATIENT = httpx.Timeout(60)
"""A hundred connections under TLS at a time, both ends in one thread, take a busy machine longer than httpx waits."""


class Wire:
    """A collector on a port, and one request after the other on connections of their own."""

    def __init__(self, settings: CollectorSettings) -> None:
        self.settings = settings
        self.port = settings.port
        self.journal = MemoryJournal()

    async def send(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """What is answered: status, headers, body to the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.closing(writer):
            writer.write(request)
            async with asyncio.timeout(60):
                head = await reader.readuntil(b"\r\n\r\n")
                status, *lines = head.decode().rstrip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
        return int(status.split()[1]), headers, body

    async def ask(
        self,
        method: str,
        target: str,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        *,
        chunked: bool = False,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request in HTTP/1.1, spelled as given."""
        fields = {"Host": "localhost", **(headers or {})}
        if chunked:
            fields["Transfer-Encoding"] = "chunked"
            pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])
        elif method == "POST":
            fields.setdefault("Content-Length", str(len(body)))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return await self.send(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)

    def raws(self) -> list[RawEvent]:
        return [raw for batch in self.journal.read({}, 1 << 30) for raw in decode_batch(batch.payload)]


@contextlib.asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncGenerator[Wire]:
    sources = read_sources(settings.pop("sources", default_tables()))
    wire = Wire(CollectorSettings(port=free_port(), sources=sources, **settings))
    stop, metrics = asyncio.Event(), CollectorMetrics(folder, "test")
    serving = asyncio.create_task(serve(wire.settings, wire.journal.writer("a"), metrics, stop))
    while not serving.done():  # it has ended if somebody else has the port by now: then waiting for it says so
        with contextlib.suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", wire.port))[1].close()
            break
        await asyncio.sleep(0.01)
    try:
        yield wire
    finally:
        stop.set()
        await serving


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    async with running(tmp_path) as made:
        yield made


async def test_every_browser_request_of_the_vectors(wire):
    for case in VECTORS["browser_requests"]:
        before = len(wire.raws())
        status, _, body = await wire.ask(case["method"], case["path_and_query"], case.get("headers"))
        assert status == case["status"], case["name"]
        kept = wire.raws()[before:]
        if status == 304:
            assert (kept, body) == ([], b""), case["name"]
            continue
        event = decode(kept[0])
        assert isinstance(event, Event) == (not case.get("event_dropped", False)), case["name"]
        if isinstance(event, Event):
            check(event, case)


def check(event: Event, case: dict[str, Any]) -> None:
    expected = case.get("expected", {})
    for name, ours in NAMES.items():
        if name in expected:
            assert getattr(event, ours) == expected[name], (case["name"], name)
    if "corrupt" in expected:
        assert event.corrupt == expected["corrupt"], case["name"]
    for name in ("location", "referer"):
        if name in expected:
            assert getattr(event, name) == expected[name], (case["name"], name)
    if expected.get("eventParameters") is not None:
        assert event.parameters() == expected["eventParameters"], case["name"]


async def test_every_url_that_the_original_tag_made(wire):
    urls = [url for run in VECTORS["tag_runs"] for url in urls_of(run)]
    assert len(urls) == 9
    for url in urls:
        target = "/csc-event?" + url.partition("?")[2]
        assert (await wire.ask("GET", target))[0] == 200
    events = [decode(raw) for raw in wire.raws()]
    assert [event for event in events if not isinstance(event, Event) or event.corrupt] == []
    assert len(events) == len(urls)


def urls_of(value: Any) -> list[str]:
    """Every URL of an event anywhere in a run."""
    if isinstance(value, str):
        return [value] if "csc-event?" in value or "/e?" in value else []
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [url for each in values for url in urls_of(each)]


@pytest.mark.parametrize("case", VECTORS["json_source"]["cases"], ids=lambda case: case["name"][:50])
async def test_every_json_request_of_the_vectors(tmp_path, case):
    larger = "12288" in case["name"]
    source = {"type": "json", "event_path": "/json-event", **({"maximum_body_size": 12288} if larger else {})}
    body = case.get("body", "x" * (8192 if larger else 4097))
    data = json.dumps(body).encode() if isinstance(body, dict) else body.encode()
    async with running(tmp_path, sources={"test-json-source": source}) as wire:
        answer = await wire.ask(case["method"], case["path"], case["headers"], data, chunked=case.get("chunked", False))
        raws = wire.raws()
    if "smaller" in case["name"]:
        # Divolte refuses it. HTTP says (RFC 9112, 6.3) that a length beside `chunked` does not count.
        assert (answer[0], len(raws)) == (204, 1)
        return
    assert answer[0] == case["status"]
    assert len(raws) == (case["status"] == 204)
    if "expected" in case or "expected_clientTimestamp_per_docs" in case:
        event = decode(raws[0])
        assert isinstance(event, Event)
        check(event, case)
        if "expected" not in case:
            assert event.client_ms == case["expected_clientTimestamp_per_docs"]


async def test_the_surface_of_the_vectors(wire):
    for request, expected in VECTORS["http_surface"].items():
        if request.startswith(("GET /csc-event", "GET /ping")) and "shutting" not in request:
            status, headers, body = await wire.ask("GET", request.split()[1])
            assert status == expected["status"]
            assert {name.lower(): value for name, value in expected["headers"].items()}.items() <= headers.items()
            assert body == bytes.fromhex(expected["body_hex"]) if "body_hex" in expected else expected["body"].encode()
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        expected = VECTORS["http_surface"]["POST|HEAD|PUT /csc-event"]
        status, headers, body = await wire.ask(method, f"/csc-event?{QUERY}")
        assert (status, headers["allow"]) == (405, "GET")
        assert headers["content-type"] == expected["headers"]["Content-Type"]
        assert body.decode() == expected["body"].replace("<METHOD>", method)
    for path in ("/", "/unknown"):
        assert (await wire.ask("GET", path))[0] == VECTORS["http_surface"]["unknown path"]


async def test_head_is_answered_with_405_and_no_body(wire):
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    with contextlib.closing(writer):
        writer.write(
            b"HEAD /csc-event HTTP/1.1\r\nHost: x\r\n\r\nGET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        data = await reader.read()
    assert data.startswith(b"HTTP/1.1 405")
    assert b"not allowed" not in data
    assert data.endswith(b"pong")


async def test_every_forwarded_address_of_the_vectors(tmp_path):
    async with running(tmp_path, trusted_proxies=("127.0.0.1",)) as wire:
        for case in VECTORS["x_forwarded_for"]["cases"]:
            lines = "".join(f"X-Forwarded-For: {value}\r\n" for value in case["headers"])
            await wire.send(f"GET /csc-event?{QUERY} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
            event = decode(wire.raws()[-1])
            assert isinstance(event, Event)
            assert event.remote == case["remoteHost"]


@pytest.mark.parametrize(
    ("headers", "remote"),
    [
        (["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 203.0.113.9"], "203.0.113.9:0"),
        (["X-Forwarded-For: 203.0.113.9, 10.1.2.3", "X-Forwarded-For: 10.0.0.1"], "203.0.113.9:0"),
        (["X-Forwarded-For: evil, 10.1.2.3"], "10.1.2.3:0"),
        (["X-Forwarded-For: www.example.org"], "127.0.0.1:0"),
        (['Forwarded: for=198.51.100.1;proto=https, for="[2001:db8::1]:80"'], "[2001:db8::1]:0"),
        (["Forwarded: for=198.51.100.1", "Forwarded: for=203.0.113.9, for=10.9.9.9"], "203.0.113.9:0"),
        ([], "127.0.0.1:0"),
    ],
)
async def test_the_right_most_address_that_is_no_trusted_proxy(tmp_path, headers, remote):
    name = "forwarded" if any(header.startswith("Forwarded") for header in headers) else "x-forwarded-for"
    lines = "".join(f"{header}\r\n" for header in headers)
    async with running(tmp_path, trusted_proxies=("127.0.0.0/8", "10.0.0.0/8"), proxy_header=name) as wire:
        await wire.send(f"GET /csc-event?{QUERY} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode())
        assert wire.raws()[0].remote == remote


async def test_who_is_not_trusted_is_not_believed(wire):
    await wire.ask("GET", f"/csc-event?{QUERY}", {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"})
    assert wire.raws()[0].remote.startswith("127.0.0.1:")


async def test_expect_100_continue(wire):
    """The body is asked for only when it will be read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    with contextlib.closing(writer):
        head = f"POST /json-event?p=0:1:p HTTP/1.1\r\nHost: x\r\nContent-Length: {len(JSON_EVENT)}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(JSON_EVENT)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")
    expecting = {"Content-Type": "application/json", "Expect": "100-continue", "Content-Length": "5000"}
    assert (await wire.ask("POST", "/json-event?p=0:1:p", expecting))[0] == 413
    assert (await wire.ask("POST", "/json-event?p=0:1:p", expecting | {"Content-Type": "text/html"}))[0] == 415


async def test_limits_of_the_request(wire):
    assert (await wire.ask("GET", "/csc-event?" + "x" * 65_000))[0] == 200
    assert (await wire.ask("GET", "/csc-event?" + "x" * 66_000))[0] == 414
    assert (await wire.ask("GET", f"/csc-event?{QUERY}", {"X": "x" * MAX_HEAD}))[0] == 431
    assert (await wire.ask("GET", f"/csc-event?{QUERY}", {f"X-{n}": "x" for n in range(500)}))[0] == 431
    assert (await wire.ask("POST", "/csc-events", None, b"x" * 300_000))[0] == 413
    assert len(wire.raws()) == 1


async def test_a_body_that_does_not_come_is_given_up(tmp_path):
    async with running(tmp_path, body_timeout_s=0.2) as wire:
        status, headers, _ = await wire.ask("POST", "/events", {"Content-Length": "10"}, b"[")
        assert (status, headers["connection"]) == (408, "close")
        assert wire.raws() == []


async def test_a_body_that_is_nested_too_deeply_is_refused(wire):
    status, _, body = await wire.ask(
        "POST", "/events", {"Content-Type": "text/plain"}, b'[{"parameters":' + b"[" * 500_000
    )
    assert (status, wire.raws()) == (400, []), body


async def test_an_emoji_is_not_corrupt(wire):
    """Divolte's hash is wrong beyond the basic plane; ours is the true one, and so is the tag's."""
    await wire.ask("GET", "/csc-event?p=0:1:p&s=0:1:s&v=v&e=e&c=1&n=t&f=f&l=%F0%9F%98%80&x=-uss5m4")
    event = decode(wire.raws()[0])
    assert isinstance(event, Event)
    assert (event.location, event.corrupt) == ("\U0001f600", False)


@pytest.mark.parametrize(("sent", "ratio"), [("1.i", 1.5), ("2.mi", 2.625), ("2", 2.0), ("x!", None)])
async def test_a_fractional_pixel_ratio_is_kept(wire, sent, ratio):
    await wire.ask("GET", f"/csc-event?{QUERY}&k={sent}")
    event = decode(wire.raws()[0])
    assert isinstance(event, Event)
    assert event.pixel_ratio == pytest.approx(ratio, abs=0.001) if ratio else event.pixel_ratio is None


@pytest.fixture
async def secure(tmp_path: Path, test_authority: Any) -> AsyncIterator[Wire]:
    names = {"tls_cert": str(test_authority.cert_file), "tls_key": str(test_authority.key_file)}
    async with running(tmp_path, **names) as made:
        yield made


@pytest.mark.parametrize(("http2", "version"), [(True, "HTTP/2"), (False, "HTTP/1.1")])
async def test_tls_and_http2(secure, test_authority, http2, version):
    context = test_authority.client_context()
    address = f"https://localhost:{secure.port}"
    async with httpx.AsyncClient(http2=http2, verify=context, base_url=address, timeout=PATIENT) as client:
        pixel = await client.get(f"/csc-event?{QUERY}")
        assert (pixel.http_version, pixel.status_code, len(pixel.content)) == (version, 200, 37)
        assert pixel.headers["etag"] == '"6b3edc43-20ec-4078-bc47-e965dd76b88a"'
        batch = await client.post("/csc-events", content=f"{QUERY}\n{QUERY}".encode())
        assert batch.status_code == 204
        many = await asyncio.gather(*(client.get(f"/csc-event?{QUERY}") for _ in range(150)))
        assert {answer.status_code for answer in many} == {200}
        long = await client.get("/ping", headers={"x": "x" * (2 * MAX_HEAD)}) if not http2 else None
        assert long is None or long.status_code == 431
    assert len(secure.raws()) == 153
    assert secure.raws()[0].remote.startswith("127.0.0.1:")


async def test_plain_http_is_not_spoken_where_tls_is(secure):
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await secure.ask("GET", "/ping")


async def test_old_tls_is_refused(secure, test_authority):
    context = test_authority.client_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    reader, writer = await asyncio.open_connection("localhost", secure.port, ssl=context)
    writer.write(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"pong")
    writer.close()
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.warns(DeprecationWarning, match="deprecated"):
            context.minimum_version = version
        with pytest.warns(DeprecationWarning, match="deprecated"):
            context.maximum_version = version
        with pytest.raises((ssl.SSLError, OSError)):
            await asyncio.open_connection("localhost", secure.port, ssl=context)


async def test_http2_can_be_left_out(tmp_path, test_authority):
    names = {"tls_cert": str(test_authority.cert_file), "tls_key": str(test_authority.key_file)}
    async with running(tmp_path, http2=False, **names) as wire:
        context = test_authority.client_context()
        async with httpx.AsyncClient(http2=True, verify=context, timeout=PATIENT) as client:
            answer = await client.get(f"https://localhost:{wire.port}/ping")
    assert (answer.http_version, answer.text) == ("HTTP/1.1", "pong")


async def test_http2_without_tls_as_a_proxy_speaks_it(wire):
    async with httpx.AsyncClient(http1=False, http2=True, timeout=PATIENT) as client:
        answer = await client.get(f"http://localhost:{wire.port}/csc-event?{QUERY}")
    assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)
