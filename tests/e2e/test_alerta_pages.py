"""What Alerta's own web UI asks for, from its own origin in a browser: the requests of its stores, with its headers.

The UI is a bundle that no package index has. What it sends and reads is written down here from its behaviour: a bearer
token with each request, every answer read by the names below, errors shown by their `message`.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from acceptance.installation import SingleMachine
from e2e.sample import LOGIN, PASSWORD, person
from servers.target import HttpTarget

pytestmark = pytest.mark.slow

_PAGE = "<!doctype html><meta charset=utf-8><title>Alerta</title>"

# As axios sends: no content type without a body, and the token that vue-authenticate keeps.
_ASK = """async ([endpoint, method, path, data]) => {
    const headers = {Accept: 'application/json, text/plain, */*'}
    const token = localStorage.getItem('auth.token')
    if (token) headers.Authorization = `Bearer ${token}`
    if (data !== null) headers['Content-Type'] = 'application/json;charset=utf-8'
    const body = data === null ? undefined : JSON.stringify(data)
    const answer = await fetch(endpoint + path, {method, headers, body})
    return [answer.status, await answer.json()]
}"""

_KEEP = """(token) => {
    localStorage.setItem('auth.token', token)
    const part = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')
    return JSON.parse(decodeURIComponent(escape(window.atob(part))))
}"""


@pytest.fixture(scope="module")
def site() -> Iterator[HttpTarget]:
    with HttpTarget() as target:
        target.answer_path("/", body=_PAGE, headers={"Content-Type": "text/html; charset=utf-8"})
        yield target


@pytest.fixture(scope="module")
def machine(site: HttpTarget) -> Iterator[SingleMachine]:
    installation = SingleMachine(WATCHBELL_SERVER__CORS_ORIGINS=f'["{site.url}"]')
    try:
        person(installation)
        yield installation
    finally:
        installation.stop()


class AlertaPages:
    """The UI's stores: each method is one of their requests."""

    def __init__(self, page: Page, site: str, endpoint: str) -> None:
        self._page, self._endpoint = page, endpoint
        page.goto(site + "/")

    def answer(self, method: str, path: str, data: Any = None) -> tuple[int, Any]:
        """Status and decoded body, as the browser lets a page of that origin read them."""
        status, body = self._page.evaluate(_ASK, [self._endpoint, method, path, data])
        return status, body

    def ask(self, method: str, path: str, data: Any = None) -> Any:
        """The body of a success."""
        status, body = self.answer(method, path, data)
        assert 200 <= status < 300, f"{method} {path}: {status} {body}"
        return body

    def log_in(self, login: str, password: str) -> Any:
        """Keeps the token; what the UI reads of it."""
        body = self.ask("POST", "/auth/login", {"username": login, "password": password})
        return self._page.evaluate(_KEEP, body["token"])


@pytest.fixture
def ui(machine: SingleMachine, site: HttpTarget, page: Page) -> AlertaPages:
    """Logged in."""
    found = AlertaPages(page, site.url, f"{machine.url}/api")
    found.log_in(LOGIN, PASSWORD)
    return found


def _in_days(days: int) -> str:
    """The time in so many days, as the UI writes it."""
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _alert(machine: SingleMachine, resource: str, **more: Any) -> str:
    body = {"resource": resource, "event": "NodeDown", "environment": "Production", "service": ["Web"]}
    body |= {"severity": "major", "group": "Hosts", "tags": ["dc1"], "text": "does not answer", "value": "down"} | more
    return machine.call("POST", "/api/alert", body)["id"]


def test_starting_and_logging_in(machine: SingleMachine, site: HttpTarget, page: Page) -> None:
    ui = AlertaPages(page, site.url, f"{machine.url}/api")
    config = ui.ask("GET", "/config")
    assert config["auth_required"] is True
    assert config["provider"] == "basic"
    assert {"severity", "colors", "status", "defaults"} <= set(config["alarm_model"])
    wanted = "audio blackouts clipboard_template columns customer_views dates environments filter font indicators"
    assert set(wanted.split()) <= set(config)
    assert {"actions", "refresh_interval", "signup_enabled", "site_logo_url", "sort_by", "timeouts"} <= set(config)

    status, body = ui.answer("POST", "/auth/login", {"username": LOGIN, "password": "wrong"})
    assert (status, body["status"], body["message"]) == (401, "error", "Invalid username or password")
    assert ui.answer("GET", "/alerts")[0] == 401

    payload = ui.log_in(LOGIN, PASSWORD)
    assert payload["preferred_username"] == LOGIN
    assert payload["name"] == "Ada Lovelace"
    assert "admin" in payload["scope"].split(" ")
    assert payload["exp"] > payload["iat"]
    assert ui.ask("GET", "/userinfo")["preferred_username"] == LOGIN

    assert ui.ask("POST", "/auth/logout", {})["status"] == "ok"
    assert ui.answer("GET", "/alerts")[0] == 401


def test_preferences_are_kept_merged_and_reset(ui: AlertaPages) -> None:
    assert "attributes" in ui.ask("GET", "/user/me/attributes")
    ui.ask("PUT", "/user/me/attributes", {"attributes": {"prefs": {"isDark": True, "rowsPerPage": 50}}})
    ui.ask("PUT", "/user/me/attributes", {"attributes": {"prefs": {"isMute": False}}})
    prefs = ui.ask("GET", "/user/me/attributes")["attributes"]["prefs"]
    assert prefs["isMute"] is False
    ui.ask("PUT", "/user/me/attributes", {"attributes": {"prefs": None}})
    assert not ui.ask("GET", "/user/me/attributes")["attributes"].get("prefs")


def test_the_list_of_alerts_and_what_is_around_it(machine: SingleMachine, ui: AlertaPages) -> None:
    for number in range(3):
        _alert(machine, f"list-{number}")
    open_ones = "status=open&status=ack"
    query = f"{open_ones}&sort-by=severity&sort-by=lastReceiveTime&show-history=true&page=1&page-size=2"
    page = ui.ask("GET", f"/alerts?q=resource:list-*&environment=Production&{query}&from-date=2026-01-01T00:00:00.000Z")
    assert (len(page["alerts"]), page["total"], page["pageSize"], page["page"]) == (2, 3, 2, 1)
    shown = page["alerts"][0]
    assert {"id", "severity", "status", "lastReceiveTime", "timeout", "duplicateCount", "customer"} <= set(shown)
    assert {"environment", "service", "resource", "event", "value", "text", "tags", "attributes"} <= set(shown)
    assert {"history", "origin", "rawData", "repeat", "trendIndication", "previousSeverity"} <= set(shown)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", shown["lastReceiveTime"])

    environments = ui.ask("GET", f"/environments?{open_ones}")["environments"]
    assert {"environment": "Production", "count": 3}.items() <= environments[0].items()
    assert ui.ask("GET", "/services")["services"][0]["service"] == "Web"
    assert ui.ask("GET", "/alerts/groups")["groups"][0]["group"] == "Hosts"
    assert ui.ask("GET", "/alerts/tags")["tags"][0]["tag"] == "dc1"
    counts = ui.ask("GET", "/alerts/count?environment=Production&status=open")
    assert (counts["total"], counts["severityCounts"]["major"], counts["statusCounts"]["open"]) == (3, 3, 3)
    for what in ("count", "flapping", "standing"):
        assert "top10" in ui.ask("GET", f"/alerts/top10/{what}?{open_ones}&page=1&page-size=10"), what


def test_triage_of_one_alert(machine: SingleMachine, ui: AlertaPages) -> None:
    name = _alert(machine, "triage-1")
    assert ui.ask("GET", f"/alert/{name}")["alert"]["resource"] == "triage-1"
    ui.ask("PUT", f"/alert/{name}/action", {"action": "ack", "text": "status change via console", "timeout": 7200})
    ui.ask("PUT", f"/alert/{name}/tag", {"tags": [f"watch:{LOGIN}"]})
    ui.ask("PUT", f"/alert/{name}/attributes", {"attributes": {"ticket": "42"}})
    alert = ui.ask("GET", f"/alert/{name}")["alert"]
    assert (alert["status"], alert["attributes"]["ticket"]) == ("ack", "42")
    assert f"watch:{LOGIN}" in alert["tags"]
    ui.ask("PUT", f"/alert/{name}/untag", {"tags": [f"watch:{LOGIN}"]})

    note = ui.ask("PUT", f"/alert/{name}/note", {"text": "called them"})["id"]
    ui.ask("PUT", f"/alert/{name}/note/{note}", {"note": "called them twice"})
    notes = ui.ask("GET", f"/alert/{name}/notes")["notes"]
    assert [(each["id"], each["text"], each["user"]) for each in notes] == [(note, "called them twice", LOGIN)]
    ui.ask("DELETE", f"/alert/{name}/note/{note}")

    ui.ask("PUT", f"/alert/{name}/status", {"status": "closed", "text": "by hand"})
    status, body = ui.answer("PUT", f"/alert/{name}/action", {"action": "close", "text": "", "timeout": None})
    assert (status, body["status"]) == (409, "error")
    assert "already" in body["message"]
    history = ui.ask("GET", "/alerts/history?resource=triage-1&page=1&page-size=20")["history"]
    assert {"ack", "note", "new"} <= {each["type"] for each in history}
    ui.ask("DELETE", f"/alert/{name}")
    assert ui.answer("GET", f"/alert/{name}")[0] == 404


def test_blackouts_and_heartbeats(machine: SingleMachine, ui: AlertaPages) -> None:
    times = {"startTime": _in_days(100), "endTime": _in_days(101)}
    wanted = {"environment": "Production", "service": [], "resource": "db9", "event": None, "group": None, "tags": []}
    made = ui.ask("POST", "/blackout", wanted | times | {"customer": None, "text": "patching"})
    assert made["blackout"]["status"] == "pending"
    ui.ask("PUT", f"/blackout/{made['id']}", {"text": "patching again", "resource": "db10"})
    listed = ui.ask("GET", "/blackouts")["blackouts"]
    assert [(each["resource"], each["text"]) for each in listed] == [("db10", "patching again")]
    assert {"id", "priority", "remaining", "duration", "user", "createTime"} <= set(listed[0])
    ui.ask("DELETE", f"/blackout/{made['id']}")

    machine.call("POST", "/api/heartbeat", {"origin": "cron/host1", "tags": ["nightly"], "timeout": 300})
    beats = ui.ask("GET", "/heartbeats")["heartbeats"]
    assert {"origin", "tags", "latency", "since", "status", "timeout", "receiveTime", "maxLatency"} <= set(beats[0])
    ui.ask("DELETE", f"/heartbeat/{beats[0]['id']}")


def test_people_and_what_they_may(ui: AlertaPages) -> None:
    wanted = {"name": "Grace", "email": "grace@example.org", "password": "quite a long one", "roles": [], "text": ""}
    grace = ui.ask("POST", "/user", wanted | {"status": "active", "email_verified": True})["id"]
    ui.ask("PUT", f"/user/{grace}", {"status": "inactive"})
    ui.ask("PUT", f"/user/{grace}", {"email_verified": False})
    user = next(each for each in ui.ask("GET", "/users")["users"] if each["id"] == grace)
    assert (user["status"], user["email_verified"]) == ("inactive", False)

    group = ui.ask("POST", "/group", {"name": "night", "text": "the night shift"})["id"]
    ui.ask("PUT", f"/group/{group}", {"text": "who is awake"})
    ui.ask("PUT", f"/group/{group}/user/{grace}", {})
    assert [each["id"] for each in ui.ask("GET", f"/group/{group}/users")["users"]] == [grace]
    assert [each["name"] for each in ui.ask("GET", f"/user/{grace}/groups")["groups"]] == ["night"]
    ui.ask("DELETE", f"/group/{group}/user/{grace}")
    assert ui.ask("GET", "/groups")["groups"][0]["text"] == "who is awake"
    ui.ask("DELETE", f"/group/{group}")

    scopes = ui.ask("GET", "/scopes")["scopes"]
    assert {"admin", "read:alerts", "write:blackouts"} <= set(scopes)
    perm = ui.ask("POST", "/perm", {"match": "night", "scopes": ["read:alerts"]})["id"]
    ui.ask("PUT", f"/perm/{perm}", {"match": "night", "scopes": ["read"]})
    assert {"night", "admin", "user"} <= {each["match"] for each in ui.ask("GET", "/perms")["permissions"]}
    ui.ask("DELETE", f"/perm/{perm}")

    customer = ui.ask("POST", "/customer", {"match": "example.org", "customer": "Example"})["id"]
    ui.ask("PUT", f"/customer/{customer}", {"customer": "Example Ltd"})
    assert ui.ask("GET", "/customers")["customers"][0]["customer"] == "Example Ltd"
    ui.ask("DELETE", f"/customer/{customer}")
    ui.ask("DELETE", f"/user/{grace}")


def test_keys_and_the_page_about(ui: AlertaPages) -> None:
    expires = _in_days(200)
    wanted = {"user": LOGIN, "scopes": ["read"], "text": "wall", "expireTime": expires, "customer": None}
    key = ui.ask("POST", "/key", wanted)["key"]
    ui.ask("PUT", f"/key/{key}", {"user": LOGIN, "scopes": ["read:alerts"], "text": "wall 2", "expireTime": expires})
    shown = next(each for each in ui.ask("GET", "/keys")["keys"] if each["text"] == "wall 2")
    assert (shown["scopes"], shown["status"], shown["type"]) == (["read:alerts"], "active", "read-only")
    assert {"id", "key", "user", "count", "lastUsedTime", "expireTime", "customer"} <= set(shown)
    ui.ask("DELETE", f"/key/{key}")

    assert "release" in ui.ask("GET", "/management/manifest")
    status = ui.ask("GET", "/management/status")
    assert {"application", "version", "uptime", "metrics"} <= set(status)
    assert {"name", "type", "title", "description"} <= set(status["metrics"][0])
