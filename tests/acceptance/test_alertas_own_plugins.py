"""What Alerta's own plug-ins do, switched on by an `alertad.conf` that names them."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from acceptance.installation import SingleMachine

pytestmark = pytest.mark.slow

CONF = """
AUTH_REQUIRED = True
PLUGINS = ['remote_ip', 'reject', 'heartbeat', 'blackout', 'normalise', 'acked_by', 'escalate', 'timeout']
HEARTBEAT_EVENTS = ['Alive']
ACTIONS = ['escalate']
ACK_TIMEOUT = 600
SHELVE_TIMEOUT = 900
"""


def start(folder: Any, **settings: str) -> SingleMachine:
    """`watchbell up` with that file."""
    conf = folder / "alertad.conf"
    conf.write_text(CONF)
    return SingleMachine(ALERTA_SVR_CONF_FILE=str(conf), **settings)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SingleMachine]:
    installation = start(tmp_path_factory.mktemp("conf"))
    try:
        yield installation
    finally:
        installation.stop()


def send(server: SingleMachine, event: str, expect: int = 201, **fields: Any) -> Any:
    """Send an alert; the answer."""
    headers = fields.pop("headers", None)
    usual = {"resource": "web", "environment": "Production", "service": ["Shop"], "severity": "major"}
    return server.call("POST", "/api/alert", {**usual, "event": event, **fields}, expect, headers=headers)


def act(server: SingleMachine, alert: Any, action: str, expect: int = 200, **more: Any) -> Any:
    """Act on an alert; the alert as it is then."""
    answer = server.call("PUT", f"/api/alert/{alert['id']}/action", {"action": action, **more}, expect)
    return answer if expect != 200 else server.call("GET", f"/api/alert/{alert['id']}")["alert"]


def test_nothing_of_the_file_is_lost(server):
    assert "PLUGINS" not in re.findall(r"alerta_setting.*", server.process.log())


def test_alerta_believes_whoever_names_an_address_and_here_only_proxies_are_believed(server, tmp_path):
    forged = {"X-Forwarded-For": "203.0.113.9"}
    assert send(server, "Forged", headers=forged)["alert"]["attributes"]["ip"] == "127.0.0.1"
    behind = start(tmp_path, WATCHBELL_SERVER__TRUSTED_PROXIES="127.0.0.0/8")
    try:
        chain = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
        assert send(behind, "Proxied", headers=chain)["alert"]["attributes"]["ip"] == "203.0.113.9"
    finally:
        behind.stop()


def test_an_alert_is_normalised(server):
    alert = send(server, "Plain", text="disk full")["alert"]
    assert (alert["text"], alert["group"], alert["value"]) == ("MAJOR: disk full", "Unknown", "--")


def test_whoever_acknowledges_is_named_until_it_is_open_again(server):
    alert = send(server, "Taken")["alert"]
    taken = act(server, alert, "ack", timeout=5)
    who = taken["attributes"]["acked-by"]
    assert f"watch:{who}" in taken["tags"]
    assert (taken["history"][-1]["timeout"], taken["history"][-1]["text"]) == (
        600,
        "ack operator action (using server timeout value)",
    )
    assert "acked-by" not in act(server, alert, "unack")["attributes"]
    act(server, alert, "ack")
    assert send(server, "Taken", severity="critical")["alert"]["status"] == "open"
    assert "acked-by" not in server.call("GET", f"/api/alert/{alert['id']}")["alert"]["attributes"]


def test_an_alert_is_escalated_to_the_top_and_no_further(server):
    alert = send(server, "Rising", severity="major")["alert"]
    for severity in ("critical", "security"):
        assert act(server, alert, "escalate")["severity"] == severity
    answer = act(server, alert, "escalate", 409)
    assert answer["message"] == 'Can not escalate alert severity beyond "security".'


def test_a_heartbeat_that_was_sent_as_an_alert_is_one(server):
    answer = send(server, "Alive", 202, origin="cron/db", timeout=120)
    assert (answer["status"], answer["message"]) == ("ok", "Alert converted to Heartbeat")
    beat = server.call("GET", f"/api/heartbeat/{answer['id']}")["heartbeat"]
    assert (beat["origin"], beat["timeout"], beat["attributes"]["service"]) == ("cron/db", 120, ["Shop"])
    both = [
        {"event": event, "resource": "r", "environment": "Production", "service": ["s"]} for event in ("Alive", "B")
    ]
    assert len(server.call("POST", "/api/alerts", both, 201)["ids"]) == 1
    assert send(server, "Alive", 403, environment="Nowhere")["status"] == "error"
