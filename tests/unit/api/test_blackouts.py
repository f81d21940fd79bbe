"""Blackouts as Alerta's clients know them, as managed objects and as Alertmanager's silences."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import START, World, key
from watchbell.api.compat.silences import SilenceMatcher, fields_of
from watchbell.domain.errors import Invalid

Client = TestClient[Litestar]
SILENCES = "/alertmanager/api/v2/silences"
SILENCE = "/alertmanager/api/v2/silence"


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    await world.add_key("alerts-only", "read:alerts", "write:alerts", user="bob")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        yield client


def make(client: Client, **body: Any) -> dict[str, Any]:
    answer = client.post("/api/blackout", json={"environment": "Production", **body})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"].endswith(f"/api/blackout/{made['id']}")
    return made["blackout"]


def test_a_blackout_begins_now_and_lasts_an_hour(client: Client):
    made = make(client, resource="web01", event=None, service=["shop"], text="patching")
    assert made | {"href": "", "id": ""} == {
        "accept": [],
        "createTime": "2026-01-01T12:00:00.000Z",
        "customer": None,
        "duration": 3600,
        "endTime": "2026-01-01T13:00:00.000Z",
        "environment": "Production",
        "event": None,
        "group": None,
        "href": "",
        "id": "",
        "name": "Production web01 2026-01-01 12:00",
        "nextTime": None,
        "origin": None,
        "priority": 3,
        "query": None,
        "recurrence": None,
        "remaining": 3600,
        "resource": "web01",
        "service": ["shop"],
        "startTime": "2026-01-01T12:00:00.000Z",
        "status": "active",
        "tags": [],
        "text": "patching",
        "user": "ann",
    }
    assert client.get(f"/api/blackout/{made['id']}").json()["blackout"] == made


def test_two_of_the_same_get_different_names(client: Client):
    assert make(client, resource="web")["name"] != make(client, resource="web")["name"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "environment"),
        ({"environment": "Production", "resource": ""}, "resource can not be an empty string"),
        ({"environment": "Production", "tags": "a"}, "tags must be a list"),
        ({"environment": "Production", "tags": [1]}, "tags must be a list of texts"),
        ({"environment": "Production", "service": ["shop", None]}, "service must be a list of texts"),
        ({"environment": "Production", "duration": "x"}, "duration: must be a positive number of seconds"),
        ({"environment": "Production", "duration": 0.0 - 1}, "duration: must be a positive number of seconds"),
        ({"environment": "Production", "duration": 1e300}, "duration: ends after the year 8999"),
        ({"environment": "Production", "startTime": "9999-12-31T23:59:59.999Z"}, "duration: ends after the year 8999"),
        ({"environment": "Production", "duration": 7000 * 366 * 86400}, "years 2000 to 8999"),
        ({"environment": "*"}, "environment"),
        ({"environment": "Nowhere"}, "Nowhere"),
        (
            {
                "environment": "Production",
                "startTime": "2026-01-01T12:00:00.000Z",
                "endTime": "2026-01-01T11:00:00.000Z",
            },
            "end",
        ),
    ],
)
def test_what_is_wrong_is_said(client: Client, body: dict[str, Any], message: str):
    answer = client.post("/api/blackout", json=body)
    assert (answer.status_code, answer.json()["status"]) == (400, "error")
    assert message in answer.text


def test_status_and_remaining_follow_the_clock(world: World, client: Client):
    made = make(client, startTime="2026-01-01T13:00:00.000Z", duration=60)
    assert (made["status"], made["remaining"], made["endTime"]) == ("pending", 60, "2026-01-01T13:01:00.000Z")
    world.clock.time = START + timedelta(seconds=3630)
    shown = client.get("/api/blackouts?status=active").json()["blackouts"]
    assert [(row["status"], row["remaining"]) for row in shown] == [("active", 30)]
    world.clock.time = START + timedelta(days=1)
    body = client.get("/api/blackouts").json()
    assert [(row["status"], row["remaining"]) for row in body["blackouts"]] == [("expired", 0)]
    assert client.get("/api/blackouts?environment=Development").json()["total"] == 0


def test_a_copy_and_an_edit_keep_their_times(client: Client):
    """Alerta leaves the end where it was when the duration is changed."""
    made = make(client, resource="web")
    edited = client.put(f"/api/blackout/{made['id']}", json={"duration": 7200}).json()["blackout"]
    assert (edited["endTime"], edited["duration"]) == ("2026-01-01T14:00:00.000Z", 7200)
    edited = client.put(f"/api/blackout/{made['id']}", json={"text": "longer", "resource": None}).json()["blackout"]
    assert (edited["endTime"], edited["text"], edited["resource"]) == ("2026-01-01T14:00:00.000Z", "longer", None)
    whole = client.put(f"/api/blackout/{made['id']}", json=edited)
    assert whole.json()["blackout"] == edited


ALERTAS_KEYS = {
    "customer": None,
    "environment": None,
    "service": None,
    "resource": None,
    "event": None,
    "group": None,
    "tags": None,
    "startTime": None,
    "endTime": None,
    "duration": None,
    "text": None,
}
"""All that Alerta's client sends with a change, null where nothing is said."""


def test_null_leaves_the_environment_and_the_times_as_they_are(client: Client):
    made = make(client, resource="web", duration=86400)
    sent = {**ALERTAS_KEYS, "resource": "db", "text": "x"}
    answer = client.put(f"/api/blackout/{made['id']}", json=sent)
    assert answer.status_code == 200, answer.text
    after = answer.json()["blackout"]
    assert (after["environment"], after["resource"], after["text"]) == ("Production", "db", "x")
    assert (after["startTime"], after["endTime"]) == (made["startTime"], made["endTime"])
    later = {**sent, "startTime": "2026-01-01T18:00:00.000Z"}
    after = client.put(f"/api/blackout/{made['id']}", json=later).json()["blackout"]
    assert (after["startTime"], after["endTime"]) == ("2026-01-01T18:00:00.000Z", made["endTime"])


@pytest.mark.parametrize(
    ("lasts", "end"), [({"duration": 86400}, "2026-01-02T12:00:00.000Z"), ({}, "2999-12-31T23:59:59.000Z")]
)
def test_another_start_leaves_the_end_where_it_was(client: Client, lasts: dict[str, Any], end: str):
    body = {"name": "works", "environment": "Production", "start": "2026-01-01T12:00:00Z", **lasts}
    assert client.post("/api/objects/blackout", json=body).is_success
    (shown,) = client.get("/api/blackouts").json()["blackouts"]
    later = client.put(f"/api/blackout/{shown['id']}", json={"startTime": "2026-01-01T18:00:00.000Z"})
    assert later.json()["blackout"]["endTime"] == end


def test_one_may_last_for_years_and_is_copied(client: Client):
    made = make(client, resource="web", endTime="2036-01-01T12:00:00.000Z")
    copied = make(client, **{name: value for name, value in made.items() if name not in {"id", "environment"}})
    assert (copied["endTime"], copied["duration"]) == (made["endTime"], made["duration"])
    edited = client.put(f"/api/blackout/{made['id']}", json={**made, "text": "old"})
    assert (edited.status_code, edited.json()["blackout"]["endTime"]) == (200, made["endTime"])
    assert make(client, resource="db", duration=2 * 366 * 86400)["endTime"] == "2028-01-03T12:00:00.000Z"


def test_one_in_force_is_ended_now_and_only_once(world: World, client: Client):
    made = make(client, resource="web")
    at_once = client.put(f"/api/blackout/{make(client, resource='db')['id']}/end")
    assert at_once.json()["blackout"]["endTime"] == "2026-01-01T12:00:00.001Z", "it may not end where it began"
    world.clock.time = START + timedelta(seconds=90)
    ended = client.put(f"/api/blackout/{made['id']}/end").json()["blackout"]
    assert (ended["status"], ended["endTime"], ended["remaining"]) == ("expired", "2026-01-01T12:01:30.000Z", 0)
    again = client.put(f"/api/blackout/{made['id']}/end")
    assert (again.status_code, again.json()["message"]) == (409, "It is not in force now.")
    assert client.put("/api/blackout/none/end").status_code == 404


def test_one_that_has_not_begun_is_not_ended(client: Client):
    made = make(client, startTime="2026-01-01T13:00:00.000Z")
    assert made["nextTime"] == "2026-01-01T13:00:00.000Z"
    assert client.put(f"/api/blackout/{made['id']}/end").status_code == 409
    assert client.get(f"/api/blackout/{made['id']}").json()["blackout"] == made


def test_one_that_recurs_comes_again_after_it_was_ended(world: World, client: Client):
    body = {"name": "noon", "environment": "Production", "start": "2025-06-01T11:30:00Z", "duration": 3600}
    client.post("/api/objects/blackout", json={**body, "recurrence": "FREQ=DAILY"})
    (made,) = client.get("/api/blackouts").json()["blackouts"]
    assert (made["status"], made["nextTime"]) == ("active", "2026-01-02T11:30:00.000Z")
    ended = client.put(f"/api/blackout/{made['id']}/end").json()["blackout"]
    assert (ended["status"], ended["startTime"]) == ("pending", "2026-01-02T11:30:00.000Z")
    world.clock.time = START + timedelta(days=1)
    assert client.get(f"/api/blackout/{made['id']}").json()["blackout"]["status"] == "active"


def test_one_that_is_deleted_is_gone(client: Client):
    made = make(client)
    assert client.delete(f"/api/blackout/{made['id']}").json() == {"status": "ok"}
    assert client.get(f"/api/blackout/{made['id']}").status_code == 404
    assert client.delete(f"/api/blackout/{made['id']}").status_code == 404


def test_scopes(client: Client):
    assert client.get("/api/blackouts", headers=key("alerts-only")).status_code == 403
    assert client.post("/api/blackout", json={}, headers=key("alerts-only")).status_code == 403
    made = make(client)
    assert client.put(f"/api/blackout/{made['id']}/end", headers=key("alerts-only")).status_code == 403


def test_an_alert_under_a_blackout_is_taken_and_says_so(client: Client):
    made = make(client, resource="web*")
    sent = {"environment": "Production", "resource": "web01", "event": "Down", "severity": "major", "service": ["shop"]}
    answer = client.post("/api/alert", json=sent)
    assert (answer.status_code, answer.json()["alert"]["status"]) == (201, "blackout")
    found = client.get(f"/api/alert/{answer.json()['id']}").json()["alert"]
    assert found["status"] == "blackout"
    assert made["name"] == "Production web* 2026-01-01 12:00"


def test_a_preview_tells_what_is_open_and_what_is_silent(client: Client):
    make(client, resource="web03")
    ids: dict[str, str] = {}
    for resource in ("web01", "web02", "db", "web03"):
        sent = {"environment": "Production", "resource": resource, "event": "Down", "severity": "major"}
        ids[resource] = client.post("/api/alert", json=sent | {"service": ["shop"]}).json()["id"]
    answer = client.post("/api/blackouts/preview", json={"environment": "Production", "resource": "web*"}).json()
    assert (answer["total"], answer["silent"]) == (2, 1)
    assert answer["ids"][0] == ids["web03"]
    assert set(answer["ids"][1:]) == {ids["web01"], ids["web02"]}
    assert client.post("/api/blackouts/preview", json={"resource": "web*"}).status_code == 400


def test_one_that_recurs_is_managed_and_keeps_its_rule_when_a_client_of_alerta_edits_it(client: Client):
    body = {
        "name": "nightly",
        "environment": "Production",
        "start": "2025-06-01T02:00:00+02:00",
        "duration": 3600,
        "recurrence": "FREQ=DAILY",
        "timezone": "Europe/Berlin",
    }
    made = client.post("/api/objects/blackout", json=body)
    assert made.is_success, made.text
    (shown,) = client.get("/api/blackouts").json()["blackouts"]
    assert (shown["status"], shown["startTime"]) == ("pending", "2026-01-02T01:00:00.000Z")
    client.put(f"/api/blackout/{shown['id']}", json={**shown, "text": "backups"})
    after = client.get("/api/objects/blackout/nightly").json()["object"]["body"]
    assert (after["start"], after["recurrence"], after["text"]) == (body["start"], "FREQ=DAILY", "backups")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"recurrence": "FREQ=HOURLY"}, "recurrence"),
        ({"recurrence": "FREQ=DAILY;FREQ=DAILY"}, "recurrence"),
        ({"recurrence": "FREQ=DAILY;BYDAY=XX"}, "recurrence"),
        ({"recurrence": "FREQ=DAILY", "start": ""}, "start"),
        ({"recurrence": "FREQ=DAILY", "duration": 0}, "duration"),
        ({"timezone": "Nowhere/Town"}, "timezone"),
        ({"start": "2026-01-01T00:00:00"}, "start"),
        ({"end": "tomorrow"}, "end"),
        ({"accept": ["loud"]}, "accept[0]"),
        ({"tags": [""]}, "tags"),
    ],
)
def test_faults_of_the_managed_object(client: Client, fields: dict[str, Any], field: str):
    body = {"name": "x", "environment": "Production", "start": "2026-01-01T00:00:00Z", "duration": 60, **fields}
    answer = client.post("/api/objects/blackout", json=body)
    assert answer.status_code == 400
    assert f'"{field}"' in answer.text


def silence(*matchers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "matchers": list(matchers),
        "startsAt": "2026-01-01T12:00:00Z",
        "endsAt": "2026-01-01T13:00:00Z",
        "createdBy": "ann",
        "comment": "patching",
        **more,
    }


def test_a_silence_is_a_blackout_and_mutes(world: World, client: Client):
    sent = silence(
        {"name": "alertname", "value": "Down", "isRegex": False},
        {"name": "instance", "value": r"web\.*.*", "isRegex": True},
    )
    assert client.post(SILENCES, json=sent).status_code == 400, r"`\.*` is not only `.*`"
    sent["matchers"][1]["value"] = r"web.*\.example"
    silence_id = client.post(SILENCES, json=sent).json()["silenceID"]
    made = client.get(f"/api/blackout/{silence_id}").json()["blackout"]
    assert (made["event"], made["resource"], made["environment"]) == ("Down", "web*.example", "*")
    alert = {"environment": "Development", "resource": "web1.example", "event": "Down", "severity": "major"}
    assert client.post("/api/alert", json=alert | {"service": ["s"]}).json()["alert"]["status"] == "blackout"
    (shown,) = client.get(SILENCES, params={"filter": 'alertname="Down"'}).json()
    assert shown == client.get(f"{SILENCE}/{silence_id}").json()
    assert shown["matchers"] == [
        {"isEqual": True, "isRegex": False, "name": "alertname", "value": "Down"},
        {"isEqual": True, "isRegex": True, "name": "instance", "value": r"web.*\.example"},
    ]
    assert shown["status"] == {"state": "active"}
    assert client.get(SILENCES, params={"filter": 'alertname="Up"'}).json() == []
    world.clock.time = START + timedelta(seconds=60)
    assert client.delete(f"{SILENCE}/{silence_id}").status_code == 200
    assert client.get(f"{SILENCE}/{silence_id}").json()["status"] == {"state": "expired"}


def test_a_silence_is_changed_by_its_id(client: Client):
    sent = silence({"name": "zone", "value": "a"})
    silence_id = client.post(SILENCES, json=sent).json()["silenceID"]
    again = sent | {"id": silence_id, "endsAt": "2026-01-01T15:00:00Z"}
    assert client.post(SILENCES, json=again).json() == {"silenceID": silence_id}
    (shown,) = client.get(SILENCES).json()
    assert (shown["endsAt"], shown["matchers"][0]["name"]) == ("2026-01-01T15:00:00.000Z", "zone")


@pytest.mark.parametrize(
    "times",
    [
        {"startsAt": "0001-01-01T00:00:00+10:00"},
        {"startsAt": "0001-01-01T00:00:00Z"},
        {"endsAt": "9999-12-31T23:59:59-10:00"},
        {"endsAt": "9999-12-31T23:59:59Z"},
    ],
)
def test_a_silence_at_a_time_that_no_clock_shows_is_refused(client: Client, times: dict[str, str]):
    answer = client.post(SILENCES, json=silence({"name": "zone", "value": "a"}, **times))
    assert (answer.status_code, "year" in answer.json()) == (400, True), answer.text
    assert client.get(SILENCES).json() == []


@pytest.mark.parametrize(
    "matcher",
    [
        {"name": "alertname", "value": "a|b", "is_regex": True},
        {"name": "alertname", "value": r"\d.*", "is_regex": True},
        {"name": "zone", "value": "a.*", "is_regex": True},
        {"name": "alertname", "value": "a*"},
        {"name": "alertname", "value": "a", "is_equal": False},
        {"name": "alertname", "value": ""},
        {"name": "severity", "value": "major"},
    ],
)
def test_a_matcher_that_no_blackout_can_have_is_refused_with_its_name(matcher: dict[str, Any]):
    with pytest.raises(Invalid, match=matcher["name"]):
        fields_of([SilenceMatcher(**matcher)])


def test_a_blackout_by_a_search_is_made_shown_previewed_and_kept_by_other_clients(client: Client):
    for region in ("EU", "US"):
        sent = {"environment": "Production", "resource": region, "event": "Down", "severity": "major"}
        client.post(
            "/api/alert", json={**sent, "service": ["shop"], "attributes": {"region": region}}, headers=key("user")
        )
    query = "attributes.region:EU AND NOT tags:live"
    seen = client.post("/api/blackouts/preview", json={"environment": "Production", "query": query}).json()
    assert (seen["total"], len(seen["ids"])) == (1, 1)
    made = make(client, query=query)
    assert made["query"] == query
    changed = client.put(f"/api/blackout/{made['id']}", json={"text": "as Alerta's client says it", "resource": None})
    assert changed.json()["blackout"]["query"] == query
    silence = client.get(f"{SILENCE}/{made['id']}").json()
    assert {"isEqual": True, "isRegex": False, "name": "__query__", "value": query} in silence["matchers"]
    assert client.post(SILENCES, json=silence).status_code == 200
    assert client.get(f"/api/blackout/{made['id']}").json()["blackout"]["query"] == query


def test_a_search_that_cannot_be_read_makes_no_blackout(client: Client):
    answer = client.post("/api/blackout", json={"environment": "Production", "query": "(("})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("query: ")
