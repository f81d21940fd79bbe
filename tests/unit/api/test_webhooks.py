"""Webhooks over HTTP: addresses, answers, errors, what they do to stored alerts, and signatures."""

import base64
import gzip
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import START, World, key, log_in
from watchbell.api.webhooks import LARGEST
from watchbell.toolkit.settings import Secret
from watchbell.toolkit.verifying import WINDOW

Client = TestClient[Litestar]
RIEMANN = {"host": "db1", "service": "load", "state": "critical"}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("ann")
    await world.add_key("hook", "write:webhooks", "read:alerts", "read:blackouts", user="robot")
    await world.add_key("reader", "read", user="bob")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("hook"))
        yield client


def stored(client: Client, **changes: Any) -> str:
    answer = client.post("/api/webhooks/riemann", json={**RIEMANN, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def alert(client: Client, alert_id: str) -> dict[str, Any]:
    return client.get(f"/api/alert/{alert_id}").json()["alert"]


@pytest.mark.parametrize("path", ["/api/webhooks/riemann", "/webhooks/riemann", "/webhooks/riemann/a/b"])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-odd", ""])
def test_one_alert_is_answered_with_itself(client: Client, path: str, kind: str):
    answer = client.post(path, content=msgspec.json.encode(RIEMANN), headers={"content-type": kind})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["status"] == "ok"
    assert body["alert"]["id"] == body["id"]
    assert body["alert"]["resource"] == "db1-load"


def test_several_are_answered_with_their_ids(client: Client):
    alerts = [{"status": "firing", "labels": {"alertname": name}} for name in "ab"]
    answer = client.post("/api/webhooks/prometheus", json={"alerts": alerts})
    assert (answer.status_code, answer.json()["status"], len(answer.json()["ids"])) == (201, "ok", 2)


def test_get_is_accepted_with_a_key(client: Client):
    answer = client.get("/api/webhooks/query?resource=r&event=e&api-key=hook&severity=minor")
    assert answer.status_code == 201, answer.text
    assert answer.json()["alert"]["severity"] == "minor"
    assert "hook" not in answer.text


def test_no_page_can_make_a_browser_call_by_get(world: World):
    with world.client() as client:
        log_in(client, "ann")
        answer = client.get("/api/webhooks/query?resource=r")
        assert (answer.status_code, answer.json()["message"]) == (403, "A webhook is called by GET with a key only.")
    with world.client() as client:
        headers = {**key("hook"), "sec-fetch-site": "cross-site"}
        assert client.get("/api/webhooks/query?resource=r", headers=headers).status_code == 403


def test_an_unknown_webhook_has_alertas_words(client: Client):
    answer = client.post("/api/webhooks/nope", json={})
    assert (answer.status_code, answer.json()["message"]) == (404, "Custom webhook 'nope' not found.")


def test_what_a_vendor_never_sends_is_400_with_the_field(client: Client):
    answer = client.post("/api/webhooks/riemann", json={"host": "a"})
    assert answer.status_code == 400
    assert "service" in answer.json()["message"]


def test_an_unexpected_error_of_a_plug_in_is_400_with_its_text(world: World):
    class Broken:
        def read(self, call: Any) -> list[Any]:
            raise KeyError("field")

    needs = world.needs()
    world.needs = lambda: {**needs, "hooks": needs["hooks"]._replace(table={"broken": Broken()})}
    with world.client() as client:
        answer = client.post("/api/webhooks/broken", json={}, headers=key("hook"))
    assert (answer.status_code, answer.json()["message"]) == (400, "'field'")


def test_the_scope_is_asked_for(client: Client):
    for path in ("/api/webhooks/riemann", "/webhooks/riemann", "/v1/logs"):
        assert client.post(path, json=RIEMANN, headers=key("reader")).status_code == 403
        assert client.post(path, json=RIEMANN, headers=key("nobody")).status_code == 401


def test_a_packed_body_is_unpacked_within_bounds(client: Client):
    body = gzip.compress(msgspec.json.encode(RIEMANN))
    packed = {"content-encoding": "gzip"}
    assert client.post("/api/webhooks/riemann", content=body, headers=packed).status_code == 201
    for wrong, why in (
        (b"nonsense", "cannot be unpacked"),
        (body[:-9], "is cut off"),
        (gzip.compress(b" " * (LARGEST + 1)), "or more than"),
    ):
        answer = client.post("/api/webhooks/riemann", content=wrong, headers=packed)
        assert answer.status_code == 400
        assert why in answer.json()["message"]


def test_logs_come_on_the_standard_path(client: Client):
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": 17, "body": {"stringValue": "x"}}]}]}]}
    answer = client.post("/v1/logs", json=logs)
    assert (answer.status_code, answer.json()) == (200, {"partialSuccess": {}})
    (found,) = client.get("/api/alerts").json()["alerts"]
    assert (found["severity"], found["text"], found["type"]) == ("major", "x", "logRecord")
    empty = client.post("/v1/logs", content=b"", headers={"content-type": "application/x-protobuf"})
    assert (empty.status_code, empty.content) == (200, b"")
    assert empty.headers["content-type"] == "application/x-protobuf"


def duty(kind: str, alert_id: str) -> dict[str, Any]:
    return {"event": f"incident.{kind}", "incident": {"incident_key": alert_id}}


def test_pagerduty_acts_on_all_or_nothing(client: Client):
    one, other = stored(client), stored(client, service="disk")
    answer = client.post(
        "/api/webhooks/pagerduty", json={"messages": [duty("acknowledge", one), duty("resolve", other)]}
    )
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert (alert(client, one)["status"], alert(client, other)["status"]) == ("ack", "closed")
    assert alert(client, one)["history"][-1]["user"] == "robot"
    again = {"messages": [duty("trigger", one), duty("resolve", one), duty("trigger", "nobody")]}
    answer = client.post("/api/webhooks/pagerduty", json=again)
    assert (answer.status_code, answer.json()["message"]) == (404, "not found")
    assert alert(client, one)["status"] == "ack"
    client.post("/api/webhooks/pagerduty", json={"messages": [duty("trigger", one), duty("resolve", one)]})
    assert alert(client, one)["status"] == "closed"


def slack(word: str, alert_id: str) -> bytes:
    payload = {"callback_id": alert_id, "user": {"name": "bob"}, "actions": [{"value": word}]}
    return urlencode({"payload": msgspec.json.encode(payload).decode()}).encode()


def test_a_button_of_slack_acts(client: Client):
    one, form = stored(client), {"content-type": "application/x-www-form-urlencoded"}
    answer = client.post("/api/webhooks/slack", content=slack("ack", one), headers=form)
    assert answer.status_code == 201
    assert answer.json()["attachments"][0]["title"] == f"The status of alert {one[:8]} is Ack now!"
    client.post("/api/webhooks/slack", content=slack("watch", one), headers=form)
    assert alert(client, one)["tags"] == ["watch:bob"]
    client.post("/api/webhooks/slack", content=slack("unwatch", one), headers=form)
    assert (alert(client, one)["tags"], alert(client, one)["status"]) == ([], "ack")
    assert client.post("/api/webhooks/slack", content=slack("ack", one), headers=form).status_code == 409


def test_a_blackout_from_telegram_is_a_managed_object(client: Client):
    one = stored(client)
    query = {"from": {"first_name": "Ann"}, "data": f"/blackout {one}"}
    assert client.post("/api/webhooks/telegram", json={"callback_query": query}).json() == {"status": "ok"}
    (made,) = client.get("/api/blackouts").json()["blackouts"]
    assert (made["environment"], made["resource"], made["event"]) == ("Production", "db1-load", "load")
    assert (made["duration"], made["user"], made["text"]) == (3600, "robot", "set in Telegram by Ann")
    gone = client.post("/api/webhooks/telegram", json={"callback_query": {"data": "/blackout nobody"}})
    assert gone.status_code == 404


def test_teams_have_answers_of_their_own(client: Client):
    one = stored(client)
    done = client.post("/api/webhooks/msteams", json={"action": "close", "alert_id": one})
    assert (done.json()["message"], done.headers["card-action-status"]) == ("status changed", "Alert closed")
    missing = client.post("/api/webhooks/msteams", json={"action": "ack", "alert_id": "nobody"})
    assert (missing.status_code, missing.json()["message"]) == (400, "Missing/invalid alert_id")
    blackout = {"action": "blackout", "environment": "Production", "resource": "r", "event": "e"}
    assert client.post("/api/webhooks/msteams", json=blackout).status_code == 201
    assert len(client.get("/api/blackouts").json()["blackouts"]) == 1
    forever = client.post("/api/webhooks/msteams", json={**blackout, "duration": 1e12})
    assert (forever.status_code, forever.json()["errors"][0]["field"]) == (400, "duration")


def test_a_rule_of_grafana_that_is_well_ends_all_that_it_raised(client: Client):
    rule = {"state": "alerting", "ruleId": 7, "ruleName": "Memory", "evalMatches": [
        {"metric": "web01", "value": 1}, {"metric": "web02", "value": 2}]}  # fmt: skip
    ids = client.post("/api/webhooks/grafana", json=rule).json()["ids"]
    other = client.post("/api/webhooks/grafana", json={**rule, "ruleId": 8, "ruleName": "Disk"}).json()["ids"][0]
    assert alert(client, ids[1])["value"] == "2"
    over = client.post("/api/webhooks/grafana", json={"state": "ok", "ruleId": 7, "ruleName": "Memory"})
    assert (over.status_code, sorted(over.json()["ids"])) == (201, sorted(ids))
    assert {alert(client, each)["status"] for each in ids} == {"closed"}
    assert alert(client, ids[0])["severity"] == "normal"
    assert alert(client, other)["status"] == "open"
    assert client.post("/api/webhooks/grafana", json={"state": "ok", "ruleId": 7}).json()["ids"] == []
    assert client.post("/api/webhooks/grafana", json={}).status_code == 400


SECRET = "a secret that is shared"
NOW = str(int(START.timestamp()))


def digest(signed: bytes, secret: bytes = SECRET.encode()) -> str:
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()


def standard(body: bytes, secret: bytes = SECRET.encode(), time: str = NOW) -> dict[str, str]:
    mac = hmac.new(secret, f"m1.{time}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": "m1",
        "webhook-timestamp": time,
        "webhook-signature": f"v1a,odd v1,{base64.b64encode(mac).decode()}",
    }


def sent(world: World, name: str, body: bytes, headers: dict[str, str], secret: str = SECRET) -> int:
    world.webhook_secrets = {name: Secret(secret)}
    with world.client() as client:
        answer = client.post(f"/api/webhooks/{name}", content=body, headers={**key("hook"), **headers})
    assert secret not in answer.text
    return answer.status_code


BODY = msgspec.json.encode(RIEMANN)


def test_what_was_signed_as_standard_webhooks_says_is_taken(world: World):
    assert sent(world, "riemann", BODY, standard(BODY)) == 201
    coded = "whsec_" + base64.b64encode(b"0123456789").decode()
    assert sent(world, "riemann", BODY, standard(BODY, b"0123456789"), coded) == 201
    assert sent(world, "riemann", BODY, standard(BODY, b"whsec_!"), "whsec_!") == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**standard(BODY), "webhook-id": "m2"},
        {**standard(BODY), "webhook-id": ""},
        standard(BODY, b"another secret"),
        standard(b"another body"),
        standard(BODY, time=str(int(NOW) - WINDOW - 1)),
        standard(BODY, time=str(int(NOW) + WINDOW + 1)),
        standard(BODY, time="yesterday"),
        {**standard(BODY), "webhook-signature": "v1,x"},
    ],
)
def test_what_was_not_is_refused(world: World, headers: dict[str, str]):
    assert sent(world, "riemann", BODY, headers) == 401


def test_a_signature_is_good_until_the_window_closes(world: World):
    for time in (int(NOW) - WINDOW, int(NOW) + WINDOW):
        assert sent(world, "riemann", BODY, standard(BODY, time=str(time))) == 201


GITHUB = b'{"zen": "Keep it logically awesome."}'
GRAFANA = b'{"alerts": []}'
SENTRY = b'{"action": "resolved", "data": {"issue": {"shortId": "S-1"}}}'
DUTY = b'{"messages": [1]}'
UPDATE = b'{"update_id": 1}'
FORM = {"content-type": "application/x-www-form-urlencoded"}
PRESS = slack("ack", "nobody")
MAIL = urlencode({"sender": "a@b.c", "subject": "s", "timestamp": NOW, "token": "t",
                  "signature": digest(f"{NOW}t".encode())}).encode()  # fmt: skip
CAKE = urlencode({"Name": "n", "Status": "UP", "Token": hashlib.md5(SECRET.encode()).hexdigest()}).encode()


@pytest.mark.parametrize(
    ("name", "body", "headers", "status"),
    [
        ("github", GITHUB, {"x-hub-signature-256": f"sha256={digest(GITHUB)}"}, 201),
        ("grafana", GRAFANA, {"x-grafana-alerting-signature": digest(GRAFANA)}, 201),
        ("grafana", GRAFANA, {"x-grafana-alerting-signature": digest(f"{NOW}:".encode() + GRAFANA),
                              "x-grafana-alerting-timestamp": NOW}, 201),
        ("sentry", SENTRY, {"sentry-hook-signature": digest(SENTRY)}, 201),
        ("telegram", UPDATE, {"x-telegram-bot-api-secret-token": SECRET}, 200),
        ("slack", PRESS, {**FORM, "x-slack-request-timestamp": NOW,
                          "x-slack-signature": "v0=" + digest(f"v0:{NOW}:".encode() + PRESS)}, 404),
        ("pagerduty", DUTY, {"x-pagerduty-signature": f"v1=0,v1={digest(DUTY)}"}, 400),
        ("mailgun", MAIL, FORM, 201),
        ("statuscake", CAKE, FORM, 201),
    ],
)  # fmt: skip
def test_vendors_sign_in_their_own_way(world: World, name: str, body: bytes, headers: dict[str, str], status: int):
    assert sent(world, name, body, headers) == status
    assert sent(world, name, body, headers, "another secret altogether") == 401
    if name not in {"mailgun", "statuscake"}:
        assert sent(world, name, body, FORM) == 401


@pytest.mark.parametrize("name", ["slack", "grafana", "mailgun"])
def test_an_old_signature_of_a_vendor_is_refused(world: World, name: str):
    old = str(int(NOW) - WINDOW - 1)
    mail = {"sender": "a", "subject": "s", "timestamp": old, "token": "t", "signature": digest(f"{old}t".encode())}
    body, headers = {
        "slack": (PRESS, {"x-slack-request-timestamp": old,
                          "x-slack-signature": "v0=" + digest(f"v0:{old}:".encode() + PRESS)}),
        "grafana": (GRAFANA, {"x-grafana-alerting-timestamp": old,
                              "x-grafana-alerting-signature": digest(f"{old}:".encode() + GRAFANA)}),
        "mailgun": (urlencode(mail).encode(), {}),
    }[name]  # fmt: skip
    assert sent(world, name, body, {**FORM, **headers}) == 401
