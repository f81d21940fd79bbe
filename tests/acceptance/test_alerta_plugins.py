"""Plug-ins, webhooks and rules that were written for Alerta, in a server of Watchbell: as its clients see them."""

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from alerta_plugins_installed import install

from acceptance.installation import SingleMachine
from servers.process import wait_until

pytestmark = pytest.mark.slow


class Alertmanager(ThreadingHTTPServer):
    """Takes silences, and remembers what was asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server: Any = self.server
        server.calls.append((self.command, self.path, json.loads(body) if body else None))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"silenceID":"s-1"}')

    do_POST = do_DELETE = _answer  # noqa: N815 - its names

    def log_message(self, *args: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Say nothing."""


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[Alertmanager]:
    server = Alertmanager()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def syslog() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox:
        inbox.bind(("127.0.0.1", 0))
        inbox.settimeout(30)
        yield inbox


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("guard")


@pytest.fixture(scope="module")
def server(tmp_path_factory, alertmanager, syslog, folder) -> Iterator[SingleMachine]:
    site = tmp_path_factory.mktemp("site")
    install(site)
    settings = {
        "RUNBOOK_URL": "https://runbooks.example",
        "ENHANCE_TEAM": "the file's",
        "ALERTMANAGER_API_URL": f"http://127.0.0.1:{alertmanager.server_address[1]}",
        "SYSLOG_SERVER": f"127.0.0.1:{syslog.getsockname()[1]}",
        "GUARD_FOLDER": str(folder),
        "SLACK_URL": "https://hooks.example/secret-token",
    }
    installation = SingleMachine(
        PYTHONPATH=os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]),
        WATCHBELL_PLUGINS__ALERTS="normalise,enhance,syslog,silence,guard",
        WATCHBELL_PLUGINS__ROUTING="rules",
        WATCHBELL_PLUGINS__SETTINGS=json.dumps(settings),
        WATCHBELL_PLUGINS__TIMEOUT="20",
        WATCHBELL_PLUGINS__CONCURRENCY="2",
        ENHANCE_TEAM="the environment's",
    )
    try:
        yield installation
    finally:
        installation.stop()


def sent(server: SingleMachine, event: str, expect: int = 201, **fields: Any) -> Any:
    """Send an alert; the answer."""
    usual = {"resource": "web01", "environment": "Production", "service": ["Shop"], "severity": "major"}
    body = {**usual, "event": event, **fields}
    return server.call("POST", "/api/alert", body, expect)


def stored(server: SingleMachine, alert_id: str) -> Any:
    """The alert as it stands."""
    return server.call("GET", f"/api/alert/{alert_id}")["alert"]


def until_tagged(server: SingleMachine, alert_id: str, *tags: str) -> Any:
    """The alert, when plug-ins have been told of it."""
    wait_until(lambda: set(tags) <= set(stored(server, alert_id)["tags"]), 30, f"{tags} on {alert_id}")
    return stored(server, alert_id)


def test_an_alert_is_normalised_and_enhanced_before_it_is_received(server):
    alert = sent(server, "Disk full", environment="", service=[], severity="MAJOR")["alert"]
    assert (alert["environment"], alert["service"], alert["severity"]) == ("Production", ["Unassigned"], "major")
    assert alert["text"] == "web01: Disk full"
    assert alert["attributes"] == {
        "region": "EU",
        "runBookUrl": "https://runbooks.example/Disk-full",
        "team": "the environment's",
    }


def test_an_alert_is_told_to_syslog_once_it_is_stored(server, syslog):
    alert = sent(server, "Told", severity="minor")["alert"]
    wanted = f"{alert['id'][:8]} Production web01 Told minor"
    lines: list[str] = []
    wait_until(lambda: lines.append(syslog.recv(1000).decode()) or wanted in lines[-1], 30, wanted)


def test_what_a_plug_in_returns_afterwards_is_stored(server):
    for severity in ("major", "minor", "major", "minor"):
        alert = sent(server, "Flutters", severity=severity)["alert"]
    after = until_tagged(server, alert["id"], "flapping", "steady")
    assert after["attributes"]["changes"] in {1, 2, 3}
    wait_until(lambda: stored(server, alert["id"])["attributes"]["changes"] == 3, 30, "the last of them")


def test_a_plug_in_finds_another_alert(server):
    parent = sent(server, "Parent")["alert"]
    child = sent(server, "Child", attributes={"parent": parent["id"][:8]})["alert"]
    assert child["attributes"]["parentStatus"] == "open"
    assert sent(server, "Orphan", attributes={"parent": "nowhere"})["alert"]["attributes"]["parentStatus"] == "unknown"


@pytest.mark.parametrize(
    ("event", "code", "said"),
    [
        ("Spam", 403, "[POLICY] no spam"),
        ("Flood", 429, "Too many alerts"),
        ("Teapot", 400, "short and stout"),
        ("Crash", 502, "The plug-in 'guard' failed in pre_receive: KeyError. The log says more."),
        ("Nothing", 502, "The plug-in 'guard' failed in pre_receive: TypeError. The log says more."),
    ],
)
def test_what_a_plug_in_refuses_or_fails_at_is_told_and_not_stored(server, event, code, said):
    answer = sent(server, event, code)
    assert (answer["status"], answer["code"], answer["message"]) == ("error", code, said)
    assert server.alert(event=event) is None


@pytest.mark.parametrize(
    ("event", "said", "identifier"),
    [
        ("Beat", "Alert converted to Heartbeat", "heartbeat-1"),
        ("Loop", "been here", None),
        ("Night", "Suppressed alert during blackout period", "the alert's"),
    ],
)
def test_what_a_plug_in_takes_care_of_is_accepted(server, event, said, identifier):
    answer = sent(server, event, 202)
    assert (answer["status"], answer["message"]) == ("ok", said)
    if identifier == "the alert's":
        assert len(answer["id"]) == 36
    else:
        assert answer.get("id") == identifier
    assert server.alert(event=event) is None


def test_a_list_is_received_whole_or_not_at_all(server):
    def body(event: str) -> dict[str, Any]:
        return {"resource": "web02", "event": event, "environment": "Production", "service": ["Shop"]}

    server.call("POST", "/api/alerts", [body("One of two"), body("Spam")], 403)
    assert server.alert(event="One of two") is None
    answer = server.call("POST", "/api/alerts", [body("One of two"), body("Beat")], 201)
    assert len(answer["ids"]) == 1
    assert stored(server, answer["ids"][0])["attributes"]["region"] == "EU"


def test_an_acknowledgement_silences_in_alertmanager_and_its_end_speaks_again(server, alertmanager):
    alert = sent(server, "HighLoad", type="prometheusAlert")["alert"]
    server.call("PUT", f"/api/alert/{alert['id']}/action", {"action": "ack", "text": "mine", "timeout": 60})
    acked = stored(server, alert["id"])
    assert (acked["status"], acked["attributes"]["silenceId"]) == ("ack", "s-1")
    assert acked["history"][-1]["text"] == "mine-silence"
    method, path, silence = alertmanager.calls[-1]
    assert (method, path) == ("POST", "/api/v2/silences")
    assert silence["matchers"] == [{"name": "alertname", "value": "HighLoad", "isRegex": False}]
    server.call("PUT", f"/api/alert/{alert['id']}/action", {"action": "unack"})
    assert alertmanager.calls[-1] == ("DELETE", "/api/v2/silence/s-1", None)
    assert "silenceId" not in stored(server, alert["id"])["attributes"]


def test_actions_are_a_plug_ins_to_refuse_and_to_invent(server):
    alert = sent(server, "Acted on")["alert"]
    path = f"/api/alert/{alert['id']}/action"
    assert server.call("PUT", path, {"action": "impossible"}, 409)["message"] == "not possible"
    assert server.call("PUT", path, {"action": "forbidden"}, 400)["message"] == "not allowed"
    server.call("PUT", path, {"action": "ticket", "text": "please", "timeout": 7}, 200)
    after = until_tagged(server, alert["id"], "ticketed")
    assert after["attributes"]["ticket"] == 7
    wait_until(lambda: "afterwards" in stored(server, alert["id"])["attributes"], 30, "what follows an action")
    assert stored(server, alert["id"])["attributes"]["afterwards"] == "ticket please open"


def test_a_status_is_a_plug_ins_to_change(server):
    alert = sent(server, "Kept", tags=["keep"])["alert"]
    server.call("PUT", f"/api/alert/{alert['id']}/action", {"action": "close", "text": "over"})
    kept = stored(server, alert["id"])
    assert (kept["status"], kept["history"][-1]["text"]) == ("shelved", "over, but kept")
    other = sent(server, "Kept by signal", tags=["keep"])["alert"]
    assert sent(server, "Kept by signal", severity="normal")["alert"]["status"] == "shelved"
    server.call("PUT", f"/api/alert/{other['id']}/status", {"status": "closed"})
    assert stored(server, other["id"])["status"] == "shelved"


def test_a_note_is_a_plug_ins_to_change_and_to_refuse(server):
    alert = sent(server, "Noted")["alert"]
    note = server.call("PUT", f"/api/alert/{alert['id']}/note", {"text": "  hello there "}, 201)["note"]
    assert note["text"] == "Hello there"
    assert stored(server, alert["id"])["attributes"]["lastNote"] == "  hello there "
    refused = server.call("PUT", f"/api/alert/{alert['id']}/note", {"text": "swear"}, 400)
    assert refused["message"] == "mind your language"
    assert server.call("GET", f"/api/alert/{alert['id']}/notes")["total"] == 1


def test_a_deletion_is_a_plug_ins_to_refuse(server):
    alert = sent(server, "Held", tags=["keep"])["alert"]
    assert "'guard'" in server.call("DELETE", f"/api/alert/{alert['id']}", expect=403)["message"]
    server.call("PUT", f"/api/alert/{alert['id']}/untag", {"tags": ["keep"]})
    server.call("DELETE", f"/api/alert/{alert['id']}")
    server.call("GET", f"/api/alert/{alert['id']}", expect=404)


def test_many_are_acted_on_but_for_those_that_a_plug_in_refuses(server):
    ids = [sent(server, f"Swept {number}", resource="swept")["alert"]["id"] for number in range(3)]
    answer = server.call("PUT", "/api/_bulk/alerts/action?resource=swept", {"action": "impossible"}, 202)
    assert answer["updated"] == []
    assert set(answer["refused"].values()) == {"not possible"}
    answer = server.call("PUT", "/api/_bulk/alerts/action?resource=swept", {"action": "ticket"}, 202)
    assert sorted(answer["updated"]) == sorted(ids)
    assert all("ticketed" in stored(server, one)["tags"] for one in ids)


def test_rules_choose_plug_ins_and_settings(server):
    alert = sent(server, "In development", environment="Development")["alert"]
    assert "runBookUrl" not in alert["attributes"]
    assert alert["attributes"]["region"] == "EU"
    assert "runBookUrl" in sent(server, "Broken rules")["alert"]["attributes"], "all are asked when rules fail"
    assert "plugin_rules_failed" in server.process.log()


def test_a_webhook_reads_alerts_that_then_go_through_plug_ins(server):
    problem = {"host": "db01", "what": "Replication", "rack": 7, "value": 3}
    answer = server.call("POST", "/api/webhooks/nightwatch", {"problems": [problem]}, 201)
    alert = answer["alert"]
    assert (alert["type"], alert["tags"], alert["value"]) == ("nightwatchAlert", ["rack=7"], "3")
    assert alert["attributes"]["region"] == "EU"
    two = [{"host": "db01", "what": "A"}, {"host": "db02", "what": "B"}]
    assert len(server.call("POST", "/webhooks/nightwatch?environment=Development", {"problems": two}, 201)["ids"]) == 2
    spam = server.call("POST", "/api/webhooks/nightwatch", {"problems": [{"host": "x", "what": "Spam"}]}, 403)
    assert spam["message"] == "[POLICY] no spam"
    beat = server.call("POST", "/api/webhooks/nightwatch", {"problems": [{"host": "x", "what": "Beat"}]}, 202)
    assert beat["id"] == "heartbeat-1"


def test_a_webhook_answers_by_itself_and_looks_alerts_up(server):
    alert = sent(server, "Looked up")["alert"]
    assert server.call("GET", "/api/webhooks/nightwatch/ping", expect=203)["message"] == "pong"
    found = server.call("GET", f"/api/webhooks/nightwatch/status?id={alert['id']}", expect=200)
    assert found == {"status": "open", "text": "web01: Looked up"}
    assert server.call("POST", "/api/webhooks/nightwatch", {}, 400)["message"] == "no problems"
    assert server.call("POST", "/api/webhooks/nightwatch", {"problems": [{}]}, 400)["status"] == "error"


def test_an_older_webhook_is_called_as_it_was_written(server):
    body = {
        "resource": "r",
        "event": "Old",
        "environment": "Production",
        "service": ["x"],
        "createTime": "2026-01-01T00:00:00.000Z",
    }
    alert = server.call("POST", "/api/webhooks/oldwatch?origin=tower", body, 201)["alert"]
    assert (alert["origin"], alert["createTime"]) == ("tower", "2026-01-01T00:00:00.000Z")


def test_a_built_in_webhook_is_never_replaced(server):
    lines = [line for line in server.process.log().splitlines() if "plugin_refused" in line]
    assert any("grafana" in line and "contributed" in line for line in lines)


def test_settings_of_plug_ins_are_shown_nowhere(server):
    shown = server.call("GET", "/api/management/properties")
    assert "SLACK_URL" in shown
    assert "secret-token" not in shown
    assert "https://hooks.example" not in server.process.log()


def test_one_alert_that_a_plug_in_is_slow_about_delays_no_other(server, folder):
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(sent, server, "Slow")
        for number in range(5):
            assert sent(server, f"Quick {number}")["status"] == "ok"
        assert server.call("GET", "/healthz") is not None
        assert not slow.done()
        (folder / "slow").touch()
        assert slow.result()["status"] == "ok"


def test_what_plug_ins_are_to_be_told_outlives_the_process(server, folder):
    alert = sent(server, "Doomed")["alert"]
    assert sent(server, "Doomed")["alert"]["duplicateCount"] == 1
    first = server.process.pid
    server.process.signal(signal.SIGKILL)
    server.process.wait()
    server.process.kill()
    assert not (folder / "told").exists()
    (folder / "doomed").touch()
    server.restart(server.process)
    wait_until(lambda: len(_told(folder)) == 2, 60, "both to be told")
    assert [line.split()[1:] for line in _told(folder)] == [[alert["id"], "0"], [alert["id"], "1"]]
    assert {int(line.split()[0]) for line in _told(folder)} != {first}


def _told(folder: Path) -> list[str]:
    file = folder / "told"
    return file.read_text().splitlines() if file.exists() else []
