"""The Alertmanager API: what is taken, and what is told."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import START, World, key
from watchbell.api.compat.alertmanager import matcher_of
from watchbell.domain.errors import Invalid

Client = TestClient[Litestar]
PREFIX = "/alertmanager/api/v2"
FIRING: dict[str, Any] = {
    "labels": {"alertname": "Down", "instance": "web01", "severity": "critical", "service": "shop", "zone": "a"},
    "annotations": {"summary": "{instance} is down"},
    "startsAt": "2026-01-01T11:59:00Z",
    "endsAt": "2026-01-01T12:04:00Z",
    "generatorURL": "http://prometheus/graph",
}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        yield client


def test_an_alert_stands_until_it_is_over(client: Client):
    assert client.post(f"{PREFIX}/alerts", json=[FIRING]).status_code == 200
    (alert,) = client.get("/api/alerts").json()["alerts"]
    assert (alert["event"], alert["resource"], alert["severity"], alert["status"]) == (
        "Down",
        "web01",
        "critical",
        "open",
    )
    assert alert["timeout"] == 240, "without another word it is over then"
    assert client.post(f"{PREFIX}/alerts", json=[FIRING | {"endsAt": START.isoformat()}]).status_code == 200
    (alert,) = client.get("/api/alerts").json()["alerts"]
    assert (alert["severity"], alert["status"]) == ("normal", "closed")
    assert client.get(f"{PREFIX}/alerts").json() == []


@pytest.mark.parametrize("field", ["startsAt", "endsAt"])
@pytest.mark.parametrize("said", ["0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", "2026-01-01T12:04:00"])
def test_a_time_may_be_any(client: Client, field: str, said: str):
    sent = client.post(f"{PREFIX}/alerts", json=[{**FIRING, field: said}])
    assert sent.status_code == 200, sent.text
    (found,) = client.get(f"{PREFIX}/alerts").json()
    assert found["startsAt"].startswith("2026-01-01T1")
    (listed,) = client.get("/api/alerts").json()["alerts"]
    assert listed["createTime"].startswith("2026-01-01T1")


def test_an_alert_is_told_with_its_labels(client: Client):
    client.post(f"{PREFIX}/alerts", json=[FIRING])
    (alert,) = client.get(f"{PREFIX}/alerts").json()
    assert alert["labels"] == {
        "alertname": "Down",
        "instance": "web01",
        "severity": "critical",
        "environment": "Production",
        "service": "shop",
        "group": "Prometheus",
        "zone": "a",
    }
    assert alert["status"] == {"inhibitedBy": [], "silencedBy": [], "state": "active"}
    assert alert["generatorURL"] == "http://prometheus/graph"
    assert alert["receivers"] == [{"name": "shop"}]
    assert len(alert["fingerprint"]) == 16
    (group,) = client.get(f"{PREFIX}/alerts/groups").json()
    assert (group["labels"], len(group["alerts"])) == ({"service": "shop"}, 1)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"filter": ["alertname=Down", 'zone="a"']}, 1),
        ({"filter": 'alertname!="Down"'}, 0),
        ({"filter": "instance=~web.+"}, 1),
        ({"filter": "instance=~web"}, 0),
        ({"filter": "instance!~db.*"}, 1),
        ({"filter": "missing="}, 1),
        ({"active": "false"}, 0),
        ({"receiver": "sh.*"}, 1),
        ({"receiver": "other"}, 0),
    ],
)
def test_what_is_asked_for(client: Client, query: dict[str, Any], found: int):
    client.post(f"{PREFIX}/alerts", json=[FIRING])
    assert len(client.get(f"{PREFIX}/alerts", params=query).json()) == found


@pytest.mark.parametrize("text", ["", "Down", "=x", "a=~(", 'a="\\x"'])
def test_a_matcher_that_is_none_is_refused(text: str):
    with pytest.raises(Invalid):
        matcher_of(text)


def test_a_matcher_may_have_blanks_around_its_parts():
    assert matcher_of('\n a \t=~  "b c" ').name == "a"
    assert matcher_of(" a = b c ").value == "b c"
    assert matcher_of("a=").value == ""


@pytest.mark.parametrize("path", ["alerts", "silences"])
def test_matchers_take_time_that_grows_with_their_length_only(client: Client, path: str):
    hostile = ["a=x" + " " * 4000 + "y", " " * 4000 + "%", "a" * 4000, "a" + " " * 4000 + "%"]
    assert [matcher_of(text).name for text in hostile[:1] * 2000] == ["a"] * 2000
    for text in hostile[1:]:
        with pytest.raises(Invalid, match="no matcher"):
            matcher_of(text)
    refused = client.get(f"{PREFIX}/{path}", params={"filter": "a=x" + " " * 5000 + "y"})
    assert (refused.status_code, "longer than 4096" in refused.text) == (400, True)
    refused = client.get(f"{PREFIX}/{path}", params={"filter": ["a=x"] * 101})
    assert (refused.status_code, "more than 100" in refused.text) == (400, True)


@pytest.mark.parametrize("body", ["[{}]", "{}", "nonsense", '[{"labels": {"timeout": 5}}]'])
def test_a_wrong_body_changes_nothing(client: Client, body: str):
    assert client.post(f"{PREFIX}/alerts", content=body).status_code == 400
    assert client.get("/api/alerts").json()["total"] == 0


def test_status_and_receivers(client: Client):
    status = client.get(f"{PREFIX}/status").json()
    assert status["cluster"]["status"] == "disabled"
    assert status["versionInfo"]["version"].startswith("watchbell ")
    assert client.get(f"{PREFIX}/receivers").json() == []
