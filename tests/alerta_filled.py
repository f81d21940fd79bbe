"""An Alerta with everything in it, filled through its API."""

from datetime import UTC, datetime, timedelta
from typing import Any

from servers.alertad import AlertaServer

PASSWORD = "old password of the boss"
PATS = "Pat's \\ old pässword, which is longer than the seventy-two bytes at which bcrypt stops to look"
SHORT_KEY = "demo-key"
READER = "reader-key-0123456789-abcdef"
MANY = 47
WEIRD = 'quote " backslash \\ comma, {brace} (paren) ü 漢 NULL \\N'


def fill(server: AlertaServer) -> None:
    """Everything of every kind, with such as cannot come along."""
    server.sign_up(PASSWORD)
    _fill_people(server)
    _fill_alerts(server)
    _fill_rest(server)


def _ahead(**by: float) -> str:
    at = datetime.now(UTC) + timedelta(**by)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _fill_people(server: AlertaServer) -> None:
    pat = {"name": "Pat", "login": "pat", "email": "pat@example.org", "password": PATS, "roles": ["user", "ops"]}
    members = [server.call("POST", "/user", pat | {"text": "on call", "attributes": {"prefs": {"isDark": True}}})["id"]]
    for name in ("gone", "odd\\name"):
        login = {"name": name, "login": name, "email": f"{name[:3]}@example.org", "password": PASSWORD}
        members.append(server.call("POST", "/user", login | {"roles": ["user"]})["id"])
    server.call("PUT", f"/user/{members[1]}", {"status": "inactive"})
    group = server.call("POST", "/group", {"name": "Operators", "text": "the night shift"})["id"]
    for member in members:
        server.call("PUT", f"/group/{group}/user/{member}", {})
    server.call("POST", "/perm", {"match": "ops", "scopes": ["write:alerts", "admin:blackouts"]})
    server.call("POST", "/customer", {"match": "example.org", "customer": "ACME"})
    keys: list[dict[str, Any]] = [
        {"user": "pat", "key": READER, "text": "dashboard", "scopes": ["read"], "customer": "ACME"},
        {"user": "pat", "key": "writer-key-0123456789-abcdef", "scopes": ["write:alerts"]},
        {"user": "pat", "key": SHORT_KEY, "scopes": ["read"]},
        {"user": "gone", "key": "key-of-one-who-is-gone-0123", "scopes": ["read"]},
    ]
    for key in keys:
        server.call("POST", "/key", {"expireTime": _ahead(days=30), **key})


def _fill_alerts(server: AlertaServer) -> None:
    def send(resource: str, event: str = "Down", **more: Any) -> str:
        body = {"resource": resource, "event": event, "environment": "Production", "severity": "major"}
        return server.call("POST", "/alert", {**body, "service": ["Shop"], "origin": "probe/1", **more})["id"]

    def act(alert: str, action: str, **more: Any) -> None:
        server.call("PUT", f"/alert/{alert}/action", {"action": action, **more})

    for number in range(MANY):
        send(f"web{number:02}", timeout=0 if number % 2 else 86400)
    whole: dict[str, Any] = {
        "tags": ["dc=1", "", "NULL", WEIRD],
        "attributes": {"region": WEIRD, "deep": {"n": [1, None, 2.5]}},
    }
    weird = send(WEIRD, value=WEIRD, text=f"{WEIRD}\nand\ta line", rawData=WEIRD, customer="ACME", **whole)
    for _ in range(2):
        send(WEIRD, value=WEIRD, text=f"{WEIRD}\nand\ta line", rawData=WEIRD, customer="ACME", correlate=["Up"])
    server.call("PUT", f"/alert/{weird}/note", {"text": f"seen: {WEIRD}"})
    acked = send("acked", value="1")
    act(acked, "ack", text=f"mine, (really) {WEIRD}", timeout=3600)
    send("acked", value="2")
    server.call("PUT", f"/alert/{acked}/note", {"text": "first"})
    server.call("PUT", f"/alert/{acked}/note", {"text": "second"})
    shelved = send("shelved", severity="minor")
    act(shelved, "ack", timeout=7200)
    act(shelved, "shelve", timeout=1800)
    send("worse", severity="minor")
    send("worse", severity="critical")
    act(send("closed"), "close", text="done")
    server.call("PUT", f"/alert/{send('set')}/status", {"status": "assign"})
    send("elsewhere", environment="Staging")


def _fill_rest(server: AlertaServer) -> None:
    beat = {"origin": "cron/nightly", "tags": ["a"], "attributes": {"severity": "minor"}, "timeout": 7200}
    server.call("POST", "/heartbeat", beat)
    server.call("POST", "/heartbeat", {"origin": "cron/slow", "createTime": _ahead(minutes=-5)})
    server.call("POST", "/heartbeat", {"origin": "cron/silent", "timeout": 60, "customer": "ACME"})
    server.query("UPDATE heartbeats SET receive_time = receive_time - interval '1 day' WHERE origin = 'cron/silent'")
    for more in (
        {"resource": "db1", "tags": ["x"], "text": WEIRD, "duration": 3600},
        {"event": "Later", "service": ["Shop"], "startTime": _ahead(hours=5), "endTime": _ahead(hours=7)},
        {"resource": "db9", "startTime": _ahead(hours=-9), "endTime": _ahead(hours=-7)},
        {"resource": "db*"},
    ):
        server.call("POST", "/blackout", {"environment": "Production", **more})
