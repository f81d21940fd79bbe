"""Flaws of Alerta's that stay mended, by what they looked like from outside."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from api_client import World, key

ADMIN = key("admin")


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("admin", "admin", "read", "write", "delete:alerts")
    return world


@pytest.fixture
def client(world: World) -> Iterator[TestClient[Any]]:
    with world.client() as running:
        yield running


def sent(client: TestClient[Any], resource: str = "web1", **more: Any) -> str:
    body = {"resource": resource, "event": "Down", "environment": "Production", "service": ["Shop"], **more}
    answer = client.post("/api/alert", json=body, headers=ADMIN)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def listed(client: TestClient[Any], query: str) -> list[Any]:
    answer = client.get(f"/api/alerts?{query}", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return answer.json()["alerts"]


def test_filter_by_type(client: TestClient[Any]):
    sent(client, "web1", type="probe")
    sent(client, "web2")
    assert [alert["resource"] for alert in listed(client, "type=probe")] == ["web1"]
    assert [alert["resource"] for alert in listed(client, "type!=probe")] == ["web2"]


def test_sort_by_type(client: TestClient[Any]):
    for number, kind in enumerate(("b", "c", "a")):
        sent(client, f"web{number}", type=kind)
    assert [alert["type"] for alert in listed(client, "sort-by=type")] == ["a", "b", "c"]
    assert [alert["type"] for alert in listed(client, "sort-by=-type")] == ["c", "b", "a"]


def test_untagging_the_last_tag_leaves_an_empty_list(client: TestClient[Any]):
    identifier = sent(client, tags=["only"])
    answer = client.put(f"/api/alert/{identifier}/untag", json={"tags": ["only"]}, headers=ADMIN)
    assert answer.status_code == 200
    assert client.get(f"/api/alert/{identifier}", headers=ADMIN).json()["alert"]["tags"] == []
    assert client.put(f"/api/alert/{identifier}/tag", json={"tags": ["new"]}, headers=ADMIN).status_code == 200
    assert [alert["tags"] for alert in listed(client, "tag=new")] == [["new"]]


def test_removing_all_attributes_is_no_error(client: TestClient[Any]):
    identifier = sent(client, attributes={"region": "north"})
    body = {
        "attributes": dict.fromkeys(client.get(f"/api/alert/{identifier}", headers=ADMIN).json()["alert"]["attributes"])
    }
    assert client.put(f"/api/alert/{identifier}/attributes", json=body, headers=ADMIN).status_code == 200
    assert client.get(f"/api/alert/{identifier}", headers=ADMIN).json()["alert"]["attributes"] == {}


@pytest.mark.parametrize("path", ["tag", "untag"])
@pytest.mark.parametrize("body", [{}, {"tags": None}, {"tags": []}, {"tags": "one"}, {"tags": [1]}])
def test_missing_tags_are_the_callers_fault(client: TestClient[Any], path: str, body: dict[str, Any]):
    identifier = sent(client)
    answer = client.put(f"/api/alert/{identifier}/{path}", json=body, headers=ADMIN)
    assert (answer.status_code, answer.json()["message"]) == (400, "must supply 'tags' as json list")


@pytest.mark.parametrize("given", [".*", "^.", "%2E%2A", "[0-9a-f]", "(a|b)", "%25", "_", "%5C"])
def test_regex_metacharacters_in_an_id_find_nothing(client: TestClient[Any], given: str):
    sent(client)
    assert client.get(f"/api/alert/{given}", headers=ADMIN).status_code == 404
    assert client.delete(f"/api/alert/{given}", headers=ADMIN).status_code == 404
    assert len(listed(client, "")) == 1


def test_a_short_id_in_either_case_is_enough(client: TestClient[Any]):
    identifier = sent(client)
    for given in (identifier[:8], identifier[:8].upper(), identifier.upper(), identifier[:5]):
        assert client.get(f"/api/alert/{given}", headers=ADMIN).json()["alert"]["id"] == identifier
        assert client.put(f"/api/alert/{given}/tag", json={"tags": ["t"]}, headers=ADMIN).status_code == 200
        assert [alert["id"] for alert in listed(client, f"id={given}")] == [identifier]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("DELETE", "", None),
        ("PUT", "/status", {"status": "closed"}),
        ("PUT", "/action", {"action": "ack"}),
        ("PUT", "/tag", {"tags": ["t"]}),
        ("PUT", "/untag", {"tags": ["t"]}),
        ("PUT", "/attributes", {"attributes": {"a": "b"}}),
        ("PUT", "/note", {"text": "n"}),
        ("GET", "/notes", None),
    ],
)
def test_an_ambiguous_id_touches_nothing(client: TestClient[Any], method: str, path: str, body: Any):
    sent(client, "web1", id="aaaa-1")
    sent(client, "web2", id="aaaa-2")
    before = listed(client, "sort-by=resource")
    answer = client.request(method, f"/api/alert/AAAA{path}", json=body, headers=ADMIN)
    assert answer.status_code == 400
    assert "ambiguous id" in answer.json()["message"]
    assert listed(client, "sort-by=resource") == before


def test_an_unknown_route_has_a_list_of_errors(client: TestClient[Any]):
    answer = client.get("/api/nonsense", headers=ADMIN)
    assert (answer.status_code, answer.json()["code"]) == (404, 404)
    (error,) = answer.json()["errors"]
    assert error.startswith("404 Not Found: ")
    refused = client.delete("/api/alerts/count", headers=ADMIN)
    assert refused.status_code == 405
    assert refused.json()["errors"][0].startswith("405 Method Not Allowed: ")


def test_an_alert_that_is_not_there_has_no_list_of_errors(client: TestClient[Any]):
    answer = client.get("/api/alert/nothing", headers=ADMIN)
    assert (answer.status_code, answer.json()["message"], answer.json()["errors"]) == (404, "not found", None)


def test_the_shortest_route_answers(client: TestClient[Any]):
    answer = client.get("/api/_")
    assert (answer.status_code, answer.text) == (200, "OK")


def test_a_top_list_has_as_many_rows_as_any_page(client: TestClient[Any]):
    for number in range(12):
        sent(client, event=f"Down{number}")
    for path, rows in (("top10", 12), ("topn", 12), ("topn", 3)):
        size = f"?page-size={rows}" if rows == 3 else ""
        assert len(client.get(f"/api/alerts/{path}/count{size}", headers=ADMIN).json()["top10"]) == rows


def test_a_standing_alert_that_never_changed_its_severity_is_in_the_top_list(client: TestClient[Any]):
    sent(client, "web1", severity="major")
    top = client.get("/api/alerts/top10/standing", headers=ADMIN).json()["top10"]
    assert [row["event"] for row in top] == ["Down"]


def test_what_a_callback_would_be_called_changes_no_answer(client: TestClient[Any]):
    sent(client)
    plain = client.get("/api/alerts/count", headers=ADMIN)
    named = client.get("/api/alerts/count?callback=alert", headers=ADMIN)
    assert (named.headers["content-type"], named.json()) == (plain.headers["content-type"], plain.json())


async def test_a_password_with_colons_opens_the_api(client: TestClient[Any], world: World):
    await world.add_user("ann", password="a:b:c is long enough")
    given = base64.b64encode(b"ann:a:b:c is long enough").decode()
    assert client.get("/api/alerts", headers={"Authorization": f"Basic {given}"}).status_code == 200
