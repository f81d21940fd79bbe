"""Another installation over real HTTP: how it is asked, and what becomes of each of its answers."""

import json
from datetime import UTC, datetime

import pytest

from watchbell.adapters.federation import AlertaRemote
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.forwarding import Forward
from watchbell.domain.hawk import Target, check, check_body, parse
from watchbell.domain.ids import AlertId
from watchbell.ports.remote import Unwell
from watchbell.testing import HandClock
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.forwarding import ForwardTo, read_destinations
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.settings import InvalidSettings, Secret

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = "the-secret-of-the-other-installation"
ALERT = Alert(
    id=AlertId("first"),
    last_receive_id="last",
    environment="Production",
    resource="web",
    event="Down",
    severity="major",
    status="open",
    text="ünïcode <b>",
    value=0,
    customer="Acme",
    create_time=NOW,
    receive_time=NOW,
    last_receive_time=NOW,
    update_time=NOW,
)
SENT = Forward(verb="alert", alert=ALERT, via=("http://a/api", "http://b/api"))
ACTED = Forward(verb="action", alert=ALERT, action="ack", text="mine", timeout=5, via=("http://b/api",))
DELETED = Forward(verb="delete", alert=ALERT, via=("http://b/api",))


@pytest.fixture
async def to(http_target):
    client = HttpClient(EgressPolicy(Egress(allow_loopback=True)))

    def make(path="/api/", **given):
        return AlertaRemote(ForwardTo(url=f"{http_target.url}{path}", **given), client, HandClock(NOW))

    yield make
    await client.close()


async def test_an_alert_is_posted_as_it_stood_under_the_id_of_its_last_message(to, http_target):
    http_target.answer(201, b"{}")
    await to(key=Secret(SECRET)).send(SENT)
    (request,) = http_target.requests
    body = request.json()
    assert (request.method, request.path) == ("POST", "/api/alert")
    assert request.headers["x-alerta-loop"] == "http://a/api,http://b/api"
    assert request.headers["authorization"] == f"Key {SECRET}"
    assert (body["id"], body["createTime"], body["customer"]) == ("last", "2026-01-01T00:00:00.000Z", "Acme")
    assert (body["text"], body["value"]) == ("ünïcode <b>", 0)


async def test_an_action_finds_the_alert_by_its_first_message_or_its_last(to, http_target):
    http_target.answer(200, b"{}")
    http_target.answer_path("/api/alert/first/action", 404, b'{"message":"not found"}')
    await to().send(ACTED)
    assert [request.path for request in http_target.requests] == ["/api/alert/first/action", "/api/alert/last/action"]
    assert http_target.requests[1].json() == {"action": "ack", "text": "mine", "timeout": 5}
    http_target.answer(404, b"{}")
    with pytest.raises(Permanent):
        await to().send(ACTED)
    await to().send(DELETED)
    assert http_target.requests[-1].method == "DELETE", "what has gone already needs no deleting"


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (202, "Alert forwarded by a already processed by b", None),
        (400, "no", Permanent),
        (403, "[POLICY] Alert must define a service", Permanent),
        (403, "Missing required scope: write:alerts", Retryable),
        (401, "API key parameter is invalid", Retryable),
        (404, "no such place", Retryable),
        (405, "Method Not Allowed", Retryable),
        (301, "", Retryable),
        (429, "slowly", Retryable),
        (500, "Severity (x) is not one of", Unwell),
        (503, "away", Retryable),
    ],
)
async def test_what_the_other_answers_decides(to, http_target, status, message, error):
    headers = {"Location": "http://169.254.169.254/", "Retry-After": "7"}
    http_target.answer(status, json.dumps({"message": message}), headers=headers)
    if error is None:
        await to().send(SENT)
        return
    with pytest.raises((Permanent, Retryable)) as caught:
        await to(token=Secret(SECRET)).send(SENT)
    assert type(caught.value) is error
    assert str(status) in caught.value.message
    assert message in caught.value.message
    assert SECRET not in caught.value.message
    assert len(http_target.requests) == 1, "a redirect is not followed"
    if status == 429:
        assert isinstance(caught.value, Retryable)
        assert caught.value.retry_after == 7


async def test_what_does_not_answer_is_tried_again(to, http_target):
    http_target.answer(200, delay=2)
    with pytest.raises(Retryable, match=r"no answer within 0\.1 s"):
        await to(timeout=0.1).send(SENT)
    http_target.down()
    with pytest.raises(Retryable, match="cannot connect"):
        await to().send(SENT)


async def test_egress_is_obeyed(http_target):
    client = HttpClient(EgressPolicy(Egress()))
    try:
        with pytest.raises(Retryable, match="loopback"):
            await AlertaRemote(ForwardTo(url=http_target.url), client, HandClock(NOW)).send(SENT)
    finally:
        await client.close()
    assert http_target.requests == []


async def test_each_way_to_say_who_one_is(to, http_target):
    http_target.answer(200, b"{}")
    await to(username="ann", password=Secret("p:w")).send(SENT)
    await to(token=Secret("t")).send(SENT)
    await to().send(SENT)
    await to(key=Secret("us"), secret=Secret(SECRET)).send(SENT)
    await to(key=Secret("us"), secret=Secret(SECRET)).send(DELETED)
    basic, bearer, nobody, signed, bare = http_target.requests
    assert basic.headers["authorization"] == "Basic YW5uOnA6dw=="
    assert bearer.headers["authorization"] == "Bearer t"
    assert "authorization" not in nobody.headers
    for request in (signed, bare):
        header = parse(request.headers["authorization"].removeprefix("Hawk "))
        target = Target(method=request.method, path=request.path, host=http_target.host, port=http_target.port)
        check(header, target, SECRET, "sha256", NOW)
        check_body(header, request.headers.get("content-type", ""), request.body, "sha256")


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ({"url": "ftp://x"}, "url"),
        ({"url": "http://ann:secret@x/api"}, "url"),
        ({"url": "http://x/api?api-key=1"}, "url"),
        ({"url": "http://x", "name": "a b"}, "name"),
        ({"url": "http://x", "secret": "s"}, "secret"),
        ({"url": "http://x", "username": "ann"}, "password"),
        ({"url": "http://x", "key": "k", "token": "t"}, "token"),
        ({"url": "http://x", "key": "k\nX-Evil: 1"}, "forward[0]"),
        ({"url": "http://x", "actions": []}, "actions"),
        ({"url": "http://x", "timeout": 0}, "timeout"),
        ({"url": "http://x", "ssl_verify": False}, "ssl_verify"),
    ],
)
def test_a_destination_that_makes_no_sense_is_named(table, field):
    with pytest.raises(InvalidSettings) as caught:
        read_destinations([table])
    assert caught.value.problems[0].field.endswith(field)


def test_two_of_one_name_are_refused():
    with pytest.raises(InvalidSettings, match="there are two called 'x:81'"):
        read_destinations([{"url": "http://x:81/a"}, {"url": "http://x:81/b"}])
