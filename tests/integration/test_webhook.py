"""The webhook channel against a real HTTP server: signature, idempotency, refusals, and where it may not go."""

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from watchbell.channels.webhook import Webhook, WebhookConfig
from watchbell.domain.errors import Ambiguous, Invalid, Permanent, Retryable
from watchbell.domain.oncall.message import Message
from watchbell.testing import START
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.sending import SendingTools
from watchbell.toolkit.settings import Secret

KEY = base64.b64encode(b"0123456789abcdef01234567").decode()
MESSAGE = Message(
    id="11111111-0000-4000-8000-000000000001",
    to="",
    purpose="alert",
    title="[CRITICAL] checkout: Down",
    text="checkout is unwell",
    severity="critical",
    incident_id="2222",
    service="checkout",
    created_at=START,
)


@pytest.fixture
async def tools() -> AsyncIterator[SendingTools]:
    policy = EgressPolicy(Egress(allow_loopback=True))
    http = HttpClient(policy)
    yield SendingTools(http=http, egress=policy, timeout=30)
    await http.close()


def webhook(url: str, tools: SendingTools, **changes: Any) -> Webhook:
    return Webhook(WebhookConfig(url=Secret(url), **changes), tools, now=lambda: START)


async def test_the_signature_is_that_of_standard_webhooks(http_target, tools):
    await webhook(http_target.url + "/hook?token=abc", tools, secret=Secret("whsec_" + KEY)).send(MESSAGE)
    (request,) = http_target.requests
    timestamp = str(int(START.timestamp()))
    signed = f"{MESSAGE.id}.{timestamp}.".encode() + request.body
    expected = base64.b64encode(hmac.new(base64.b64decode(KEY), signed, hashlib.sha256).digest()).decode()
    assert request.method == "POST"
    assert request.path == "/hook?token=abc"
    assert request.headers["webhook-id"] == request.headers["idempotency-key"] == MESSAGE.id
    assert request.headers["webhook-timestamp"] == timestamp
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert request.headers["content-type"] == "application/json"
    body = request.json()
    assert body["type"] == "incident.alert"
    assert body["data"]["service"] == "checkout"


async def test_without_a_secret_nothing_is_signed(http_target, tools):
    await webhook(http_target.url, tools, headers={"X-Room": Secret("ops")}).send(MESSAGE)
    (request,) = http_target.requests
    assert "webhook-signature" not in request.headers
    assert request.headers["x-room"] == "ops"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_may_pass(http_target, tools, status):
    http_target.answer(status)
    with pytest.raises(Retryable, match=str(status)):
        await webhook(http_target.url, tools).send(MESSAGE)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 422])
async def test_will_not_pass(http_target, tools, status):
    http_target.answer(status, headers={"Location": "http://169.254.169.254/"})
    with pytest.raises(Permanent, match=str(status)):
        await webhook(http_target.url, tools).send(MESSAGE)
    assert len(http_target.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (format_datetime(START + timedelta(seconds=90), usegmt=True), 90),
        ("999999999", 3600),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
    ],
)
async def test_retry_after(http_target, tools, header, seconds):
    http_target.answer(429, headers={"Retry-After": header})
    with pytest.raises(Retryable) as refused:
        await webhook(http_target.url, tools).send(MESSAGE)
    assert refused.value.retry_after == seconds


async def test_silence_after_the_post_is_ambiguous(http_target, tools):
    http_target.answer(200, hang_up=True)
    with pytest.raises(Ambiguous):
        await webhook(http_target.url, tools).send(MESSAGE)


async def test_a_server_that_takes_for_ever_is_ambiguous(http_target, tools):
    http_target.answer(200, delay=60)
    hasty = msgspec.structs.replace(tools, timeout=2)
    with pytest.raises(Ambiguous, match="no answer within 2 s"):
        await webhook(http_target.url, hasty).send(MESSAGE)


async def test_no_connection_is_not_ambiguous_and_the_address_stays_secret(http_target, tools):
    http_target.down()
    with pytest.raises(Retryable) as away:
        await webhook(http_target.url + "/hook?token=hush", tools).send(MESSAGE)
    assert not isinstance(away.value, Ambiguous)
    assert "hush" not in str(away.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://[::1]:1/", "http://169.254.169.254/latest", "http://[::ffff:169.254.169.254]/"],
)
async def test_where_it_may_not_go(url):
    policy = EgressPolicy()
    http = HttpClient(policy)
    with pytest.raises(Permanent):
        await webhook(url, SendingTools(http=http, egress=policy, timeout=2)).send(MESSAGE)
    await http.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"url": Secret("ftp://example.org/")},
        {"url": Secret("nonsense")},
        {"url": Secret("http://example.org/"), "secret": Secret("whsec_***")},
        {"url": Secret("http://example.org/"), "headers": {"X-A": Secret("a\r\nb: c")}},
        {"url": Secret("http://example.org/"), "headers": {"X A": Secret("a")}},
    ],
)
def test_settings_that_cannot_work(settings):
    policy = EgressPolicy()
    with pytest.raises(Invalid):
        Webhook(WebhookConfig(**settings), SendingTools(http=HttpClient(policy), egress=policy))
