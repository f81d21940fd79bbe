"""`GET /api/alert/<id>/why`."""

from api_client import World, key

SENT = {"resource": "web1", "event": "Down", "environment": "Production", "service": ["Shop"], "severity": "major"}


async def test_why_says_who_sent_it_by_which_way_and_why_nobody_was_told():
    world = World()
    await world.add_key("admin", "admin", "read", "write")
    with world.client() as client:
        made = client.post("/api/alert", json=SENT, headers=key("admin")).json()["id"]
        answer = client.get(f"/api/alert/{made[:8]}/why", headers=key("admin"))
        missing = client.get("/api/alert/nothing/why", headers=key("admin"))
    assert (answer.status_code, missing.status_code) == (200, 404)
    body = answer.json()
    assert body["id"] == made
    assert [(step["stage"], step["text"], step["by"]) for step in body["path"]] == [
        ("received", "Down major, from the API", "robot"),
        ("matched", "a new alert: nothing of the same identity was there", ""),
    ]
    assert body["nobody"] == ["There is no service 'Shop': only services open incidents and tell people."]


async def test_a_webhook_is_named_with_whose_key_it_was():
    world = World()
    await world.add_key("robot", "write:webhooks")
    await world.add_key("admin", "admin", "read", "write")
    alert = {
        "labels": {"alertname": "Down", "instance": "db1", "severity": "major"},
        "startsAt": "2026-01-01T00:00:00Z",
    }
    call = {"alerts": [{**alert, "annotations": {}, "status": "firing"}], "externalURL": "", "version": "4"}
    with world.client() as client:
        sent = client.post("/api/webhooks/prometheus", json=call, headers=key("robot"))
        assert sent.status_code == 201, sent.text
        path = client.get(f"/api/alert/{sent.json()['id']}/why", headers=key("admin")).json()["path"]
    assert path[0]["text"].endswith(", from the webhook 'prometheus'")
    assert path[0]["by"] == "robot"


async def test_who_may_not_read_incidents_may_not_ask():
    world = World()
    await world.add_key("admin", "admin", "read", "write")
    await world.add_key("guest", "read:alerts")
    with world.client() as client:
        made = client.post("/api/alert", json=SENT, headers=key("admin")).json()["id"]
        assert client.get(f"/api/alert/{made}/why", headers=key("guest")).status_code == 403
