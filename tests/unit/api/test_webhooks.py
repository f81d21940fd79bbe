"""Webhooks over HTTP: addresses, answers, errors, and what they do to stored alerts."""

import gzip
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import START, World, key, log_in
from watchbell.api.webhooks import LARGEST, LONG, SMALL
from watchbell.domain.errors import Throttled
from watchbell.domain.managed import Stored

Client = TestClient[Litestar]
RIEMANN = {"host": "db1", "service": "load", "state": "critical"}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("ann")
    await world.add_key("hook", "write:webhooks", "read:alerts", "read:blackouts", user="robot")
    await world.add_key("reader", "read", user="bob")
    await world.add_key("admin", "read", "write", user="ann")
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


@pytest.mark.parametrize(
    "said",
    [
        "0001-01-01T00:00:00+10:00",
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-10:00",
    ],
)
def test_a_time_that_no_clock_shows_is_that_of_receipt(client: Client, said: str):
    sent = {"status": "firing", "labels": {"alertname": "Down", "instance": "web1"}, "startsAt": said}
    answer = client.post("/api/webhooks/prometheus", json={"alerts": [sent]})
    assert answer.status_code == 201, answer.text
    (listed,) = client.get("/api/alerts").json()["alerts"]
    assert listed["createTime"] == "2026-01-01T12:00:00.000Z"


@pytest.mark.parametrize("said", ["2025-12-31T22:00:00+10:00", "2025-12-31T12:00:00"])
def test_a_time_is_told_in_utc_and_is_in_utc_without_an_offset(client: Client, said: str):
    sent = {"status": "firing", "labels": {"alertname": "Down", "instance": "web1"}, "startsAt": said}
    answer = client.post("/api/webhooks/prometheus", json={"alerts": [sent]})
    assert answer.status_code == 201, answer.text
    (listed,) = client.get("/api/alerts").json()["alerts"]
    assert listed["createTime"] == "2025-12-31T12:00:00.000Z"


def test_get_is_accepted_with_a_key(client: Client):
    answer = client.get("/api/webhooks/query?resource=r&event=e&api-key=hook&severity=minor")
    assert answer.status_code == 201, answer.text
    assert answer.json()["alert"]["severity"] == "minor"
    assert "hook" not in answer.text


def test_a_parameter_may_come_more_than_once(client: Client):
    body = {"state": "alerting", "ruleId": 1, "ruleName": "r", "evalMatches": [{"metric": "m", "value": 5}]}
    answer = client.post("/api/webhooks/grafana?service=a&service=b&api-key=hook&api-key=hook", json=body)
    assert answer.json()["alert"]["service"] == ["a", "b"]
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


class Lanes:
    """Threads that do their work at once and remember for whom."""

    def __init__(self) -> None:
        self.used: list[str] = []

    async def run(self, lane: str, work: Callable[[], Any], timeout: float) -> Any:
        assert timeout == 5.0
        self.used.append(lane)
        return work()


def test_what_is_long_or_may_take_long_is_read_off_the_event_loop(world: World):
    lanes = Lanes()
    needs = world.needs()
    world.needs = lambda: {**needs, "hooks": needs["hooks"]._replace(threads=lanes)}
    shape = {"name": "own", "for_each": "$.alerts[*]", "alert": {"resource": "r", "event": "e"}}
    body = {"alerts": [{"status": "firing", "labels": {"alertname": "a"}}]}
    with world.client() as client:
        assert client.post("/api/objects/webhook", json=shape, headers=key("admin")).status_code == 201
        for padding in ("", "x" * LONG):
            for name in ("prometheus", "own"):
                answer = client.post(f"/api/webhooks/{name}", json=body | {"more": padding}, headers=key("hook"))
                assert answer.status_code == 201, answer.text
        assert lanes.used == ["The webhook 'prometheus'", "The webhook 'own'"]
        mail = client.post("/api/webhooks/email", content=b"From: a@b.c\nSubject: x\n\n", headers=key("hook"))
        assert (mail.status_code, lanes.used[2:]) == (201, ["The webhook 'email'"])


def test_a_rate_limit_of_a_plug_in_names_the_alert(world: World):
    class Slow:
        def read(self, call: Any) -> list[Any]:
            raise Throttled("slow down", identifier="a-1" if call.query else "")

    needs = world.needs()
    world.needs = lambda: {**needs, "hooks": needs["hooks"]._replace(table={"slow": Slow()})}
    with world.client() as client:
        named, nameless = (client.post(f"/api/webhooks/slow{query}", headers=key("hook")) for query in ("?x=1", ""))
    assert (named.status_code, named.json()["message"], named.json()["id"]) == (429, "slow down", "a-1")
    assert (nameless.status_code, "id" in nameless.json()) == (429, False)


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
        (gzip.compress(b" " * (SMALL + 1)), f"more than {SMALL} bytes"),
    ):
        answer = client.post("/api/webhooks/riemann", content=wrong, headers=packed)
        assert answer.status_code == 400
        assert why in answer.json()["message"]


def test_what_is_packed_as_tightly_as_batches_of_logs_are_is_unpacked(client: Client):
    log = {"severityNumber": 9, "body": {"stringValue": "GET /index.html took long"}, "traceId": "0" * 32}
    logs = [log | {"timeUnixNano": str(1767225600_000_000_000 + number * 1_000_003)} for number in range(30_000)]
    body = msgspec.json.encode({"resourceLogs": [{"scopeLogs": [{"logRecords": logs}]}]})
    packed = gzip.compress(body)
    assert len(body) > 3 * SMALL
    assert len(packed) * 20 < len(body)
    answer = client.post(
        "/v1/logs", content=packed, headers={"content-encoding": "gzip", "content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()) == (200, {"partialSuccess": {"rejectedLogRecords": "10000"}})


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


@pytest.mark.parametrize("worst", [True, False])
async def test_a_rule_of_grafana_that_is_well_ends_its_part_of_an_alert_of_many(
    world: World, client: Client, worst: bool
):
    body = {"key": "attributes.rack", "worst": worst}
    row = Stored(kind="correlation", id="c", name="racks", body=body, version=0, updated_at=START, updated_by="ann")
    async with world.store.transaction() as tx:
        await tx.catalogue.put([row])
    metrics = [{"metric": f"web0{number}", "value": number, "tags": {"rack": "r1"}} for number in (1, 2)]
    rule = {"state": "alerting", "ruleId": 7, "ruleName": "Memory", "evalMatches": metrics}
    other = {**rule, "ruleId": 8, "ruleName": "Disk", "evalMatches": metrics[:1]}
    for sent in (other, rule):
        ids = set(client.post("/api/webhooks/grafana", json=sent).json().get("ids", []))
    client.post("/api/webhooks/grafana", json={"state": "ok", "ruleId": 7, "ruleName": "Memory"})
    (made,) = ids
    found = alert(client, made)
    if worst:
        assert [(each["resource"], each["event"]) for each in found["correlation"]["members"]] == [("web01", "Disk")]
        assert (found["event"], found["status"]) == ("Disk", "open")
        client.post("/api/webhooks/grafana", json={"state": "ok", "ruleId": 7})  # nobody says of which name
    assert alert(client, made)["status"] == "closed"
    assert client.get("/api/alerts").json()["total"] == 1
