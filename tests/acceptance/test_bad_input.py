"""Bad input: an answer that says what is wrong, nothing changed, nothing executed, the process as well as before."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from acceptance.installation import SingleMachine
from acceptance.telling import Watched, add_mail_channel
from servers.process import wait_until
from servers.smtp import SmtpServer

pytestmark = pytest.mark.slow

SCRIPT = "<script>alert('1')</script>"
DEEP = 100_000
JSON = {"Content-Type": "application/json"}
ALERT = {"resource": "web", "event": "Down", "environment": "Production", "severity": "major", "service": ["Web"]}


@pytest.fixture(scope="module")
def own_mail() -> Iterator[SmtpServer]:
    """Where this module's mails go."""
    with SmtpServer() as server:
        yield server


@pytest.fixture(scope="module")
def quiet(own_mail: SmtpServer) -> Iterator[SingleMachine]:
    """An installation in which nothing happens by itself: no checks, no events."""
    installation = SingleMachine()
    try:
        add_mail_channel(installation, own_mail)
        yield installation
    finally:
        installation.stop()


@pytest.fixture
def refused(quiet: SingleMachine) -> Iterator[Callable[..., dict[str, Any]]]:
    """Send something that must be refused; after the test nothing may have changed, and all must be well."""
    wait_until(lambda: not messages_under_way(quiet), 60, "the end of what other tests began")
    before = (quiet.latest_change(), quiet.call("GET", "/api/export"))
    said = len(quiet.process.log())

    def send(method: str, path: str, *codes: int, **more: Any) -> dict[str, Any]:
        answer = quiet.client.request(method, quiet.url + path, **more)
        assert answer.status_code in codes, f"{method} {path[:200]}: {answer.status_code} {answer.text[:500]}"
        return check_error(answer)

    yield send
    assert (quiet.latest_change(), quiet.call("GET", "/api/export")) == before
    assert quiet.client.get(f"{quiet.url}/healthz").status_code == 200
    assert quiet.process.running
    assert "Traceback" not in quiet.process.log()[said:]


def messages_under_way(installation: SingleMachine) -> int:
    """How many rows the outbox holds."""
    outbox = installation.call("GET", "/api/status")["outbox"]
    return sum(kind["count"] for kind in outbox.values())


def check_error(answer: httpx.Response) -> dict[str, Any]:
    """The one shape of every error."""
    body = answer.json()
    assert set(body) == {"status", "message", "code", "errors", "requestId"}
    assert (body["status"], body["code"]) == ("error", answer.status_code)
    assert body["requestId"] == answer.headers["x-request-id"]
    assert body["message"]
    assert "Traceback" not in answer.text
    return body


def fields(body: dict[str, Any]) -> set[str]:
    """The fields that an error names."""
    return {error["field"] for error in body["errors"] or []}


MALFORMED = {
    "nothing": b"",
    "cut": b'{"resource": "web", "ev',
    "text": b"hello",
    "a number": b"1",
    "null": b"null",
    "a text": b'"web"',
    "not UTF-8": b'{"resource": "\xff\xfe", "event": "x"}',
    "a lone surrogate": b'{"resource": "\\ud800", "event": "x", "environment": "Production"}',
    "NaN": b'{"resource": "web", "event": "x", "timeout": NaN}',
    "infinite": b'{"resource": "web", "event": "x", "timeout": 1e999}',
    "a huge number": b'{"resource": "web", "event": "x", "environment": "Production", "timeout": 1' + b"0" * 400 + b"}",
    "deep lists": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "deep inside": b'{"resource": "web", "event": "x", "attributes": {"a": ' + b"[" * DEEP + b"]" * DEEP + b"}}",
    "two values": b"{}{}",
    "a comma too many": b'{"resource": "web",}',
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize(
    "path", ["/api/alert", "/api/alerts", "/api/objects/host", "/api/plan", "/api/webhooks/prometheus"]
)
def test_malformed_bodies(refused, path, name):
    refused("POST", path, 400, content=MALFORMED[name], headers=JSON)


@pytest.mark.parametrize(
    "path",
    [
        "/api/alert",
        "/api/alerts",
        "/api/objects/check",
        "/api/apply",
        "/api/session",
        "/api/user",
        "/api/key",
        "/nothing",
    ],
)
def test_ten_megabytes(refused, path):
    body = b'{"text": "' + b"x" * 10_000_000 + b'"}'
    # A page that nobody serves may say so before it looks at the body.
    refused("POST", path, *((413, 404, 405) if path == "/nothing" else (413,)), content=body, headers=JSON)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resource", 1),
        ("resource", ""),
        ("resource", ["web"]),
        ("event", None),
        ("event", {"a": 1}),
        ("environment", "Moon"),
        ("environment", 1),
        ("severity", "unheard of"),
        ("severity", 1),
        ("service", "web"),
        ("service", [1]),
        ("tags", {"a": "b"}),
        ("tags", [None]),
        ("correlate", "x"),
        ("attributes", []),
        ("attributes", {"a.b": 1}),
        ("attributes", {"$where": 1}),
        ("timeout", -1),
        ("timeout", "ten"),
        ("timeout", 2**31),
        ("timeout", 1.5),
        ("createTime", "yesterday"),
        ("createTime", 0),
        ("createTime", "9999-99-99T00:00:00.000Z"),
        ("text", 1),
        ("group", 1),
        ("origin", []),
        ("type", {}),
        ("customer", ""),
        ("id", 1),
    ],
)
def test_an_alert_with_a_wrong_field(refused, field, value):
    body = refused("POST", "/api/alert", 400, 403, json={**ALERT, field: value})
    said = body["message"].lower()
    words = {"createTime": "iso 8601", "attributes": "attribute"}
    assert words.get(field, field) in said or field in fields(body)


@pytest.mark.parametrize("field", ["resource", "event", "group", "text", "origin", "value", "type"])
@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x07"])
def test_an_alert_with_control_characters(quiet, field, character):
    """Taken as other systems send it, without what a terminal or a mail would obey; or refused."""
    sent = {**ALERT, "resource": f"control-{field}-{ord(character)}", field: f"a{character}b"}
    answer = quiet.client.post(f"{quiet.url}/api/alert", json=sent)
    if answer.status_code == 201:
        assert character not in json.dumps(answer.json()["alert"], ensure_ascii=False)
        quiet.call("DELETE", f"/api/alert/{answer.json()['id']}")
    else:
        assert answer.status_code == 400
        assert field in check_error(answer)["message"]


def test_an_alert_with_unknown_fields_is_taken_without_them(quiet):
    """Alerta's forwarder sends whole alerts, with fields that only a server sets."""
    more = {"nobodyKnows": 1, "duplicateCount": 99, "history": ["forged"], "href": "javascript:alert(1)"}
    alert = quiet.call("POST", "/api/alert", {**ALERT, "resource": "unknown fields", **more}, 201)["alert"]
    assert "nobodyKnows" not in alert
    assert alert["duplicateCount"] == 0
    assert alert["history"] == [] or alert["history"][0] != "forged"
    assert alert["href"].startswith("http")
    quiet.call("DELETE", f"/api/alert/{alert['id']}")


def test_script_in_every_text_of_an_alert_stays_text(quiet, own_mail):
    service = Watched(quiet, own_mail, "xss")
    alert = service.push(
        "critical",
        event=SCRIPT,
        resource=SCRIPT,
        text=SCRIPT,
        group=SCRIPT,
        value=SCRIPT,
        origin=SCRIPT,
        tags=[SCRIPT],
        correlate=[SCRIPT],
        attributes={"note": SCRIPT, "link": "javascript:alert(1)"},
        rawData=SCRIPT,
    )
    found = quiet.client.get(f"{quiet.url}/api/alert/{alert['id']}")
    assert found.headers["content-type"].startswith("application/json")
    assert found.headers["x-content-type-options"] == "nosniff"
    stored = found.json()["alert"]
    for field in ("event", "resource", "text", "group", "value", "origin", "rawData"):
        assert stored[field] == SCRIPT
    assert stored["tags"] == stored["correlate"] == [SCRIPT]
    assert stored["attributes"]["note"] == SCRIPT
    (message,) = service.wait_mails(1)
    assert "<script" not in message.html.lower()
    assert "&lt;script&gt;" in message.html
    quiet.call("DELETE", f"/api/alert/{alert['id']}")


def test_script_in_objects_stays_text(quiet):
    for kind, body in {
        "host": {"address": "192.0.2.1", "tags": [SCRIPT]},
        "service": {"description": SCRIPT},
        "heartbeat": {"every": 3600, "description": SCRIPT},
        "policy": {"steps": []},
    }.items():
        name = quiet.define(kind, name=SCRIPT, **body)
        found = quiet.client.get(f"{quiet.url}/api/objects/{kind}/{name}")
        assert found.headers["content-type"].startswith("application/json")
        assert found.json()["object"]["name"] == SCRIPT
        quiet.call("DELETE", f"/api/objects/{kind}/{name}")


@pytest.mark.parametrize(
    ("kind", "body", "named"),
    [
        ("host", {"name": "h", "adress": "x"}, {"adress"}),
        ("host", {}, {"name"}),
        ("host", {"name": 1}, {"name"}),
        ("host", {"name": "h", "address": "a b\n"}, {"address"}),
        ("host", {"name": "a\x00b"}, {"name"}),
        ("host", {"name": "x" * 10_000}, {"name"}),
        ("host", {"name": "h", "tags": ["x"] * 100_000}, {"tags"}),
        ("service", {"name": "s\r\nBcc: everyone@example.org"}, {"name"}),
        ("service", {"name": "s", "runbook": "javascript:alert(1)"}, {"runbook"}),
        ("service", {"name": "s", "policy": "no such policy"}, {"policy"}),
        ("policy", {"name": "p", "steps": [{"after": -1, "targets": [{"channel": "mail", "tp": "x"}]}]}, None),
        ("policy", {"name": "p", "steps": "none"}, {"steps"}),
        ("check", {"name": "c", "type": "http"}, {"config.url"}),
        ("check", {"name": "c", "type": "http", "config": {"url": "file:///etc/passwd"}}, {"config.url"}),
        ("check", {"name": "c", "type": "http", "config": {"url": "gopher://x/"}}, {"config.url"}),
        ("check", {"name": "c", "type": "http", "config": {"url": "http://x/", "headers": {"A": "b\r\nC: d"}}}, None),
        ("check", {"name": "c", "type": "http", "config": {"url": "http://x/", "colour": "red"}}, {"config.colour"}),
        ("check", {"name": "c", "type": "no such type", "config": {}}, {"type"}),
        ("check", {"name": "c", "type": "command", "config": {"command": "true"}, "interval": 0.01}, {"interval"}),
        ("check", {"name": "c", "type": "command", "config": {"command": "'open"}}, None),
        ("check", {"name": "c", "type": "command", "config": {"command": ["true", "\x00"]}}, None),
        (
            "check",
            {"name": "c", "type": "command", "config": {"command": "true", "environment": {"LD_PRELOAD": "x"}}},
            None,
        ),
        ("channel", {"name": "c", "type": "email", "config": {"host": "h", "sender": "a@b\r\nBcc: c@d"}}, None),
        ("channel", {"name": "c", "type": "webhook", "config": {"url": "ftp://x/"}}, None),
        ("heartbeat", {"name": "b", "every": 0}, {"every"}),
        ("heartbeat", {"name": "b", "every": 1e300}, {"every"}),
        ("rule", {"name": "r", "window_s": 0}, None),
        ("rule", {"name": "r", "window_s": "a day"}, {"window_s"}),
    ],
)
def test_an_object_with_a_wrong_field(refused, kind, body, named):
    named_in_error = fields(refused("POST", f"/api/objects/{kind}", 400, json=body))
    assert named_in_error, "no field is named"
    assert named is None or named <= named_in_error


def test_all_that_is_wrong_with_an_object_is_said_at_once(refused):
    body = {"name": "c", "type": "http", "config": {"method": "BREW"}, "interval": -1, "severity": "awful", "colour": 1}
    error = refused("POST", "/api/objects/check", 400, json=body)
    assert {"config.url", "config.method", "interval", "severity", "colour"} <= fields(error)


def test_nothing_is_applied_when_one_of_many_is_wrong(refused):
    objects = [{"kind": "host", "name": "good"}, {"kind": "host", "name": "bad", "colour": 1}, {"kind": "ghost"}, 7]
    refused("POST", "/api/apply", 400, json={"objects": objects})
    refused("POST", "/api/apply", 400, json={"objects": objects[:1], "prune": "perhaps"})
    refused("POST", "/api/apply", 400, json={"objects": "all", "colour": 1})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/alerts?page=many"),
        ("GET", "/api/alerts?page-size=99999999999999999999"),
        ("GET", "/api/alerts?from-date=yesterday"),
        ("GET", "/api/incidents?page=0"),
        ("GET", "/api/incidents?page-size=%00"),
        ("GET", "/api/incidents?status=unheard"),
        ("GET", "/api/events/tail?limit=-5"),
        ("GET", "/api/events/tail?limit=1e9"),
        ("GET", "/api/events/minutes?minutes=1000000000"),
        ("GET", "/api/alert/no-such-alert"),
        ("GET", "/api/alert/%00"),
        ("GET", "/api/alert/%ff%fe"),
        ("GET", "/api/alert/" + "a" * 4000),
        ("GET", "/api/alert/'%20OR%201=1--"),
        ("GET", "/api/objects/ghost"),
        ("GET", "/api/objects/host/%00"),
        ("GET", "/api/objects/host/..%2f..%2fetc%2fpasswd"),
        ("GET", "/api/incident/%00"),
        ("GET", "/api/check/%00"),
        ("GET", "/api/nothing"),
        ("DELETE", "/api/alert/%00"),
        ("DELETE", "/api/objects/host/%27"),
        ("PATCH", "/api/alerts"),
        ("GET", "/ping/not-a-uuid"),
        ("GET", "/ping/00000000-0000-0000-0000-000000000000"),
        ("GET", "/ping/00000000-0000-0000-0000-000000000000/999"),
        ("GET", "/assets/..%2f..%2f..%2fetc%2fpasswd"),
    ],
)
def test_bad_addresses(refused, method, path):
    refused(method, path, 400, 404, 405, 416)


@pytest.mark.parametrize("header", ["Last-Event-ID", "Authorization", "X-API-Key", "Cookie"])
def test_bad_headers(refused, quiet, header):
    refused("GET", "/api/stream", 400, 401, headers={"X-API-Key": "wrong", header: b"\x80 no such thing"})
    answer = quiet.client.get(f"{quiet.url}/api/alerts", headers={"X-Request-ID": "<script>" + "x" * 500})
    assert answer.is_success
    assert "<" not in answer.headers["x-request-id"]


@pytest.mark.parametrize("action", ["status", "action", "tag", "untag", "attributes", "note"])
def test_bad_actions(quiet, action):
    """On an alert that is there: wrong bodies change nothing of it."""
    alert = quiet.call("POST", "/api/alert", {**ALERT, "resource": f"bad {action}"}, 201)["alert"]
    path = f"/api/alert/{alert['id']}"
    before = quiet.call("GET", path)
    for body in (b"", b"[]", b"{}", b'{"status": 1, "action": [], "tags": "x", "attributes": 7, "note": {}}', b"\xff"):
        answer = quiet.client.put(f"{quiet.url}{path}/{action}", content=body, headers=JSON)
        assert answer.status_code == 400, f"{body!r}: {answer.text}"
        check_error(answer)
    assert quiet.call("GET", path) == before
    quiet.call("DELETE", path)


def test_a_line_break_in_a_title_adds_no_header_to_the_mail(quiet, own_mail):
    """Alert texts are hostile, too: their line breaks end in the subject as spaces."""
    service = Watched(quiet, own_mail, "header")
    event = "Down\r\nBcc: everyone@example.org\r\n\r\nforged"
    answer = quiet.client.post(
        f"{quiet.url}/api/alert", json={**ALERT, "event": event, "text": event, "service": [service.service]}
    )
    if answer.status_code == 400:
        check_error(answer)
        return
    (message,) = service.wait_mails(1)
    assert message.recipients == [service.address]
    assert message.message["Bcc"] is None
    assert "\n" not in message.subject
    quiet.call("DELETE", f"/api/alert/{answer.json()['id']}")


def test_the_collector_refuses_what_is_no_event(quiet):
    url = quiet.collector_url
    for path, body, status in (
        ("/events", b"[" * DEEP, 400),
        ("/events", b"x" * 10_000_000, 413),
        ("/events", b'[{"event_type": 1}]', 400),
        ("/events", b'[{"event_type": "\\ud800"}]', 400),
        ("/events", b"[]", 400),
    ):
        with httpx.Client() as client:
            answer = client.post(url + path, content=body, headers=JSON)
        assert answer.status_code == status, f"{body[:50]!r}: {answer.status_code} {answer.text[:200]}"
    assert quiet.client.get(f"{url}/ping").status_code == 200
