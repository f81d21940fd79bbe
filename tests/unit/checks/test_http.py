"""What the HTTP check makes of settings and answers, without a server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from multidict import CIMultiDict, CIMultiDictProxy

from watchbell.checks.http import Http, HttpConfig, expected
from watchbell.domain.checks.result import Status
from watchbell.domain.errors import Invalid
from watchbell.ports.check import Target
from watchbell.toolkit.http import HttpFailure, HttpReply
from watchbell.toolkit.probe import ProbeTools
from watchbell.toolkit.settings import InvalidSettings, Secret, read, secret_fields


class Answering:
    """An HTTP client that answers what it is told to."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []

    async def exchange(self, request):
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def reply(**changes):
    headers = changes.pop("headers", {"Content-Type": "text/plain"})
    values: dict[str, Any] = {
        "status": 200,
        "reason": "OK",
        "headers": CIMultiDictProxy(CIMultiDict(headers)),
        "body": b"all is well",
        "complete": True,
        "url": "http://shop.example/",
        "redirects": 0,
        "connect_seconds": 0.01,
        "seconds": 0.5,
        "address": "192.0.2.1",
        "certificate": None,
        **changes,
    }
    return HttpReply(**values)


async def outcome(answer, target=None, **settings):
    config = read(HttpConfig, {"url": "http://shop.example/", **settings})
    client = Answering(answer)
    result = await Http(config, ProbeTools(http=client)).run(target or Target())
    return result, client.requests[0]


def certificate(days: float) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.DER)


async def test_a_good_answer():
    found, _ = await outcome(reply())
    assert found.status is Status.OK
    assert found.summary == "HTTP 200 OK, 11 bytes in 0.500 s"
    assert {r.name: (r.value, r.unit) for r in found.readings} == {
        "time": (0.5, "s"),
        "connect": (0.01, "s"),
        "size": (11, "B"),
        "status": (200, ""),
    }


@pytest.mark.parametrize(
    ("settings", "changes", "status", "words"),
    [
        ({}, {"status": 503, "reason": "Busy"}, Status.CRITICAL, "Got 503, expected 200-299"),
        ({"expected_codes": "4xx"}, {"status": 404}, Status.OK, "HTTP 404"),
        ({"text": "well"}, {}, Status.OK, ""),
        ({"text": "ill"}, {"body": b"no"}, Status.CRITICAL, "does not contain 'ill'"),
        ({"text": "well", "text_absent": True}, {}, Status.CRITICAL, "The answer contains 'well'"),
        ({"text": "ill ", "text_absent": True}, {}, Status.OK, ""),
        ({"text": "w.ll$", "text_mode": "regex"}, {}, Status.OK, ""),
        ({"text": "^w", "text_mode": "regex"}, {}, Status.CRITICAL, "does not contain /^w/"),
        ({"warning_seconds": 0.4, "critical_seconds": 1}, {}, Status.WARNING, "Took 0.500 s, more than 0.4 s"),
        ({"warning_seconds": 0.1, "critical_seconds": 0.4}, {}, Status.CRITICAL, "more than 0.4 s"),
        (
            {"text": "größe"},
            {"body": "größe".encode("latin-1"), "headers": {"Content-Type": "a/b; charset=latin-1"}},
            Status.OK,
            "",
        ),
        ({"text": "x"}, {"headers": {"Content-Type": "a/b; charset=nonsense"}}, Status.CRITICAL, "does not contain"),
        ({"text": "x"}, {"headers": {"Content-Type": "a/b; charset=unicode_escape"}}, Status.CRITICAL, "does not"),
        ({"text": "x"}, {"complete": False}, Status.CRITICAL, "in its first 1048576 bytes"),
    ],
)
async def test_verdicts(settings, changes, status, words):
    found, _ = await outcome(reply(**changes), **settings)
    assert found.status is status
    assert words in found.summary


async def test_the_worst_fault_counts_and_all_are_told():
    found, _ = await outcome(reply(status=500, body=b"stack trace"), warning_seconds=0.1)
    assert found.status is Status.CRITICAL
    assert "Got 500" in found.summary
    assert "Took 0.500 s" in found.summary
    assert "stack trace" in found.details


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [(90, Status.OK, ""), (10, Status.WARNING, "runs out in 10 days"), (-3, Status.CRITICAL, "ran out 3 days ago")],
)
async def test_certificates(days, status, words):
    found, _ = await outcome(reply(certificate=certificate(days)), certificate_days=30)
    assert found.status is status
    assert words in found.summary
    assert [r.name for r in found.readings][-1] == "certificate_days"


async def test_a_certificate_is_only_judged_when_asked_for():
    found, _ = await outcome(reply(certificate=certificate(-3)))
    assert found.status is Status.OK


@pytest.mark.parametrize(
    ("stage", "status"),
    [("egress", Status.UNKNOWN), ("request", Status.UNKNOWN), ("connect", Status.CRITICAL), ("tls", Status.CRITICAL)],
)
async def test_failures(stage, status):
    found, _ = await outcome(HttpFailure("cannot do it", stage))
    assert (found.status, found.summary) == (status, "Cannot do it")


@pytest.mark.parametrize(("address", "host"), [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "[2001:db8::7]")])
async def test_the_hosts_address_is_put_in(address, host):
    _, request = await outcome(reply(), Target(address=address), url="https://$HOSTADDRESS$:8443/x")
    assert request.url == f"https://{host}:8443/x"


async def test_credentials_become_headers_and_do_not_show():
    _, request = await outcome(reply(), username="ann", password="s3cret")
    assert request.headers["Authorization"] == "Basic YW5uOnMzY3JldA=="
    _, request = await outcome(reply(), bearer="t0ken")
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert "t0ken" not in repr(HttpConfig(url="http://x/", bearer=Secret("t0ken"), headers={"X": Secret("t0ken")}))
    _, request = await outcome(reply(), headers={"X-Api-Key": "t0ken"})
    assert request.headers["X-Api-Key"] == "t0ken"
    assert "headers" in secret_fields(HttpConfig)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"url": "ftp://x/"}, "url"),
        ({"url": "shop"}, "url"),
        ({"url": "http://"}, "url"),
        ({"url": "http://[::1/"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"expected_codes": "200,abc"}, "expected_codes"),
        ({"expected_codes": ""}, "expected_codes"),
        ({"expected_codes": "300-200"}, "expected_codes"),
        ({"text": "(", "text_mode": "regex"}, "text"),
        ({"headers": {"a b": "c"}}, "headers"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers"),
        ({"max_redirects": 99}, "max_redirects"),
        ({"warning_seconds": -1}, "warning_seconds"),
        ({"bearer": "a", "username": "b"}, "bearer"),
        ({"colour": "red"}, "colour"),
        ({"method": "STEAL"}, "method"),
    ],
)
def test_settings_that_cannot_work_name_their_field(settings, field):
    with pytest.raises(InvalidSettings) as caught:
        Http(read(HttpConfig, {"url": "http://x/", **settings}), ProbeTools())
    assert [p.field for p in caught.value.problems] == [field]


def test_codes():
    assert expected("200-202, 301,5xx") == {200, 201, 202, 301, *range(500, 600)}
    with pytest.raises(Invalid):
        expected("600")
