"""Signatures of webhooks: what is taken, and what is refused."""

import base64
import hashlib
import hmac
from urllib.parse import urlencode

import msgspec
import pytest

from api_client import START, World, key
from unit.api.test_webhooks import RIEMANN, slack
from watchbell.toolkit.settings import Secret
from watchbell.toolkit.verifying import WINDOW

SECRET = "a secret that is shared"
NOW = str(int(START.timestamp()))


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("hook", "write:webhooks", user="robot")
    return world


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
