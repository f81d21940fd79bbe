"""The HTTP check against real servers on loopback, broken and hostile ones among them."""

import asyncio
import gzip
import ssl
import time

import pytest
from aiohttp import web

from servers.process import PATIENCE
from watchbell.checks.http import Http, HttpConfig
from watchbell.domain.checks.result import Status
from watchbell.ports.check import Target
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.probe import ProbeTools
from watchbell.toolkit.settings import read


@pytest.fixture
async def client(test_authority):
    made = HttpClient(EgressPolicy(Egress(allow_loopback=True)), ca_file=str(test_authority.ca_file))
    yield made
    await made.close()


@pytest.fixture
def look(client):
    async def look(url: str, timeout: float = 30.0, **settings):
        tools = ProbeTools(http=client)
        return await Http(read(HttpConfig, {"url": url, **settings}), tools).run(Target(timeout=timeout))

    return look


@pytest.fixture
async def site():
    """A web application; yields (application, address)."""
    application = web.Application()
    runner = web.AppRunner(application, access_log=None)

    async def start(routes, ssl_context=None, host="127.0.0.1") -> str:
        application.add_routes(routes)
        await runner.setup()
        listener = web.TCPSite(runner, host, 0, ssl_context=ssl_context)
        await listener.start()
        port = runner.addresses[0][1]
        return f"{'https' if ssl_context else 'http'}://{host}:{port}"

    yield start
    await runner.cleanup()


@pytest.fixture
async def raw():
    """A server that says exactly these bytes after a request came, then closes, or waits when `hold`."""
    servers = []

    async def start(answer: bytes, *, hold: bool = False) -> str:
        async def serve(reader, writer):
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
                if hold:
                    await reader.read()
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    yield start
    for server in servers:
        server.close()


async def test_a_server_that_is_well(look, http_target):
    http_target.answer(200, "all is well")
    found = await look(http_target.url, text="well")
    assert found.status is Status.OK
    assert found.summary.startswith("HTTP 200 OK, 11 bytes in ")
    readings = {r.name: r.value for r in found.readings}
    assert 0 < readings["connect"] <= readings["time"] < 30
    assert (readings["size"], readings["status"]) == (11, 200)


async def test_what_is_sent(look, http_target):
    await look(
        f"{http_target.url}/a?b=c#d",
        method="POST",
        headers={"X-Mark": "1", "user-agent": "me"},
        body="héllo",
        username="ann",
        password="s3cret",
    )
    (request,) = http_target.requests
    assert (request.method, request.path, request.body) == ("POST", "/a?b=c", "héllo".encode())
    assert request.headers["x-mark"] == "1"
    assert request.headers["user-agent"] == "me"
    assert request.headers["authorization"] == "Basic YW5uOnMzY3JldA=="
    assert request.headers["connection"] == "close"


async def test_each_probe_makes_a_connection_of_its_own(look, site):
    peers = set()

    async def note(request):
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response()

    url = await site([web.get("/", note)])
    for _ in range(3):
        await look(url)
    assert len(peers) == 3


async def test_a_server_that_is_down_and_comes_back(look, http_target):
    http_target.down()
    found = await look(http_target.url)
    assert (found.status, found.summary) == (
        Status.CRITICAL,
        f"Cannot connect to 127.0.0.1:{http_target.port}: Connection refused",
    )
    http_target.up()
    assert (await look(http_target.url)).status is Status.OK


async def test_a_name_that_does_not_resolve(look):
    found = await look("http://no-such-name.invalid/")
    assert found.status is Status.CRITICAL
    assert found.summary.startswith("Cannot resolve no-such-name.invalid")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"])
async def test_a_server_that_hangs(look, raw, answer):
    began = time.monotonic()
    found = await look(await raw(answer, hold=True), timeout=0.3)
    assert 0.25 < time.monotonic() - began < 3 * PATIENCE
    assert (found.status, found.summary) == (Status.CRITICAL, "No answer within 0.3 s")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\ngarbage\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nnotgzip", ""),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000 + b"\r\n\r\n", ""),
        (b"\x00\xff" * 5000, ""),
    ],
)
async def test_answers_that_are_not_answers(look, raw, answer, words):
    found = await look(await raw(answer))
    assert found.status is Status.CRITICAL
    assert words in found.summary
    assert len(found.summary) < 500


async def test_a_hundred_megabytes_are_not_read(look, site):
    sent = 0

    async def flood(request):
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1600):
            await response.write(b"x" * 65536)
            sent += 65536
        return response

    found = await look(await site([web.get("/", flood)]))
    assert found.status is Status.OK
    assert "more than 1048576 bytes" in found.summary
    assert sent < 50_000_000


async def test_a_compressed_bomb_is_not_unpacked(look, site):
    bomb = gzip.compress(b"\0" * 200_000_000, 1)

    async def serve(request):
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    found = await look(await site([web.get("/", serve)]))
    assert {r.name: r.value for r in found.readings}["size"] <= 1 << 20


async def test_redirects_are_followed_up_to_the_limit(look, site):
    async def hop(request):
        left = int(request.match_info["left"])
        raise web.HTTPFound(f"/{left - 1}") if left else web.HTTPOk(text="there")

    url = await site([web.get("/{left}", hop)])
    assert (await look(f"{url}/5", text="there")).status is Status.OK
    found = await look(f"{url}/6")
    assert found.status is Status.CRITICAL
    assert "More than 5 redirects" in found.summary
    assert (await look(f"{url}/6", max_redirects=0, expected_codes="302")).status is Status.OK


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://0xa9.0xfe.0xa9.0xfe/",
        "//169.254.169.254/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
    ],
)
async def test_a_redirect_to_where_checks_may_not_go(look, site, location):
    async def lure(request):
        return web.Response(status=302, headers={"Location": location})

    found = await look(await site([web.get("/", lure)]))
    assert found.status in {Status.UNKNOWN, Status.CRITICAL}
    assert "HTTP 2" not in found.summary


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "0"]
)
async def test_loopback_is_refused_unless_it_is_allowed(http_target, host):
    client = HttpClient(EgressPolicy())
    try:
        config = HttpConfig(url=f"http://{host}:{http_target.port}/")
        found = await Http(config, ProbeTools(http=client)).run(Target(timeout=5))
    finally:
        await client.close()
    assert found.status is Status.UNKNOWN
    assert http_target.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nothing_that_was_configured_crosses_to_another_server(look, http_target, site, status):
    async def away(request):
        assert (request.headers["x-api-key"], await request.text()) == ("s3cret", "token=s3cret")
        return web.Response(status=status, headers={"Location": http_target.url})

    url = await site([web.post("/", away)])
    headers = {"Cookie": "a=b", "X-Api-Key": "s3cret", "Content-Type": "text/x", "User-Agent": "s3cret"}
    await look(url, method="POST", body="token=s3cret", bearer="s3cret", headers=headers)
    (request,) = http_target.requests
    assert request.body == b""
    assert not {"authorization", "cookie", "x-api-key"} & request.headers.keys()
    assert "s3cret" not in repr(dict(request.headers))


async def test_what_was_configured_follows_a_redirect_on_the_same_server(look, site):
    seen = []

    async def see(request):
        seen.append((request.headers.get("x-api-key"), await request.text()))
        return web.Response(status=307 if request.path == "/" else 200, headers={"Location": "/end"})

    url = await site([web.post("/{name:.*}", see)])
    await look(url, method="POST", body="x", headers={"X-Api-Key": "s3cret"})
    assert seen == [("s3cret", "x")] * 2


async def test_a_redirected_post_becomes_a_get(look, site):
    seen = []

    async def see(request):
        seen.append((request.method, request.path, await request.text()))
        return web.Response(status={"/a": 302, "/b": 307}.get(request.path, 200), headers={"Location": "/end"})

    url = await site([web.route("*", "/{name}", see)])
    await look(f"{url}/a", method="POST", body="x")
    await look(f"{url}/b", method="POST", body="x")
    assert [s[::2] for s in seen if s[1] == "/end"] == [("GET", ""), ("POST", "x")]


async def test_tls_and_the_days_a_certificate_has_left(look, https_target):
    found = await look(https_target.url, certificate_days=1)
    assert found.status is Status.OK
    assert {r.name: r.value for r in found.readings}["certificate_days"] > 1
    assert (await look(https_target.url, certificate_days=1_000_000)).status is Status.WARNING


async def test_a_certificate_that_nobody_trusts(https_target):
    client = HttpClient(EgressPolicy(Egress(allow_loopback=True)))
    try:
        tools = ProbeTools(http=client)
        strict = await Http(HttpConfig(url=https_target.url), tools).run(Target())
        lenient = await Http(HttpConfig(url=https_target.url, verify_tls=False, certificate_days=1), tools).run(
            Target()
        )
    finally:
        await client.close()
    assert strict.status is Status.CRITICAL
    assert strict.summary.startswith("The certificate is not valid: ")
    assert lenient.status is Status.OK
    assert lenient.readings[-1].name == "certificate_days"


async def well(request):
    return web.Response(text="well")


async def test_a_certificate_for_another_name(look, site, test_authority):
    found = await look(await site([web.get("/", well)], test_authority.server_context(), host="127.0.0.2"))
    assert found.status is Status.CRITICAL
    assert found.summary.startswith("The certificate is not valid: ")
    assert "127.0.0.2" in found.summary


async def test_tls_with_a_server_that_does_not_speak_it(look, http_target):
    found = await look(http_target.url.replace("http:", "https:"))
    assert found.status is Status.CRITICAL
    assert "TLS" in found.summary


async def test_an_old_protocol_version(look, site, test_authority):
    context = test_authority.server_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM")
    url = await site([web.get("/", well)], context)
    assert (await look(url)).status is Status.OK


async def test_many_at_once(look, http_target):
    outcomes = await asyncio.gather(*(look(http_target.url, timeout=30) for _ in range(100)))
    assert {found.status for found in outcomes} == {Status.OK}
