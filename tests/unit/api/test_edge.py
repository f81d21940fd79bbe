import msgspec
import pytest
from litestar import Request, get
from litestar.params import FromPath
from litestar.testing import TestClient

from watchbell.api.app import at_the_edge, create_app
from watchbell.api.edge import networks
from watchbell.domain.errors import Conflict, Forbidden, Invalid, Missing, Overloaded, Permanent, Refused, Retryable
from watchbell.ports.telemetry import NullTelemetry
from watchbell.toolkit.settings import InvalidSettings, Problem

ERRORS = {
    "invalid": Invalid("is wrong", "name"),
    "settings": InvalidSettings([Problem(field="a.b", reason="r", fix="f")]),
    "refused": Refused("no"),
    "forbidden": Forbidden("no"),
    "missing": Missing("not found"),
    "conflict": Conflict("taken"),
    "overloaded": Overloaded("full", retry_after=7),
    "retryable": Retryable("away"),
    "permanent": Permanent("never"),
    "unexpected": KeyError("secret detail"),
}


@get("/fail/{what:str}")
async def fail(what: FromPath[str]) -> None:
    raise ERRORS[what]


@get("/who")
async def who(request: Request) -> dict[str, str]:
    return {"address": request.client.host if request.client else "", "scheme": request.scope["scheme"]}


@pytest.fixture
def client():
    app = at_the_edge(create_app([fail, who], {}), NullTelemetry(), networks(["127.0.0.0/8", "10.0.0.0/8"]))
    with TestClient(app, raise_server_exceptions=False) as running:
        yield running


@pytest.fixture
def behind_proxy():
    app = at_the_edge(create_app([who], {}), NullTelemetry(), networks(["127.0.0.0/8", "10.0.0.0/8"]))

    async def from_proxy(scope, receive, send):
        await app(scope | {"client": ("127.0.0.1", 1)}, receive, send)

    with TestClient(from_proxy) as running:
        yield running


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("invalid", 400),
        ("settings", 400),
        ("refused", 403),
        ("forbidden", 403),
        ("missing", 404),
        ("conflict", 409),
        ("overloaded", 503),
        ("retryable", 503),
        ("permanent", 502),
        ("unexpected", 500),
    ],
)
def test_every_error_has_one_shape(client, what, code):
    answer = client.get(f"/fail/{what}")
    body = msgspec.json.decode(answer.content)
    assert answer.status_code == code
    assert body.keys() == {"status", "message", "code", "errors", "requestId"}
    assert (body["status"], body["code"], body["requestId"]) == ("error", code, answer.headers["x-request-id"])


def test_fields_are_named(client):
    assert client.get("/fail/invalid").json()["errors"] == [{"field": "name", "reason": "is wrong", "fix": ""}]
    assert client.get("/fail/settings").json()["errors"] == [{"field": "a.b", "reason": "r", "fix": "f"}]


def test_an_overload_says_when_to_come_back(client):
    assert client.get("/fail/overloaded").headers["retry-after"] == "7"


def test_an_unexpected_error_tells_nothing_but_the_request(client):
    assert "secret detail" not in client.get("/fail/unexpected").text


def test_every_answer_carries_the_security_headers(client):
    for path in ("/who", "/fail/missing", "/nowhere"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_a_request_id_is_kept_unless_it_is_hostile(client):
    assert client.get("/who", headers={"X-Request-ID": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert client.get("/who", headers={"X-Amzn-Trace-Id": "Root=1-2"}).headers["x-request-id"] == "Root=1-2"
    assert client.get("/who", headers={"X-Request-ID": "<script>"}).headers["x-request-id"] != "<script>"


def test_the_callers_address_is_the_last_one_that_is_no_trusted_proxy(behind_proxy):
    headers = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.1.1", "X-Forwarded-Proto": "https"}
    assert behind_proxy.get("/who", headers=headers).json() == {"address": "203.0.113.9", "scheme": "https"}


def test_nonsense_in_the_chain_is_not_believed(behind_proxy):
    answer = behind_proxy.get("/who", headers={"X-Forwarded-For": "evil.example", "X-Forwarded-Proto": "gopher"})
    assert answer.json() == {"address": "127.0.0.1", "scheme": "http"}


def test_a_stranger_is_no_proxy(client):
    assert client.get("/who", headers={"X-Forwarded-For": "1.2.3.4"}).json()["address"] == "testclient"
