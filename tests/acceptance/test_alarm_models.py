"""An installation with the alarm model of ANSI/ISA 18.2: alarms, operators, time, blackouts and incidents."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acceptance.installation import Installation, SingleMachine
from acceptance.telling import Watched, add_mail_channel
from servers.process import wait_until

pytestmark = pytest.mark.slow

HISTORY = 4


@pytest.fixture(scope="module")
def plant(mail) -> Iterator[SingleMachine]:
    machine = SingleMachine(
        WATCHBELL_ALERTS__MODEL="ISA_18_2",
        WATCHBELL_ALERTS__HISTORY_LIMIT=str(HISTORY),
        WATCHBELL_ALERTS__ACTIONS='["createIssue"]',
        WATCHBELL_ALERTS__ACTION_TIMEOUTS='{"createIssue": 90}',
    )
    try:
        add_mail_channel(machine, mail)
        yield machine
    finally:
        machine.stop()


@pytest.fixture
def boiler(plant, mail) -> Watched:
    return Watched(plant, mail, "boiler")


def act(plant: Installation, alert: dict[str, Any], action: str, **more: Any) -> str:
    plant.call("PUT", f"/api/alert/{alert['id']}/action", {"action": action, **more})
    return str(one(plant, alert)["status"])


def one(plant: Installation, alert: dict[str, Any]) -> Any:
    return plant.call("GET", f"/api/alert/{alert['id']}")["alert"]


def wait_for(plant: Installation, alert: dict[str, Any], status: str, timeout: float = 60) -> None:
    wait_until(lambda: one(plant, alert)["status"] == status, timeout, f"the alert is {status}")


def test_an_alarm_that_nobody_took_waits_for_an_acknowledgement_and_its_incident_is_over(plant, boiler):
    alarm = boiler.push("High")
    assert alarm["status"] == "UNACK"
    boiler.wait_incident("open")
    boiler.wait_mails(1)
    assert boiler.push("OK")["status"] == "RTNUN"
    boiler.wait_incident("resolved")
    assert act(plant, alarm, "ack") == "NORM"
    assert boiler.push("Critical")["status"] == "UNACK"
    boiler.wait_incident("open")


def test_an_acknowledged_alarm_is_normal_when_it_clears(plant, boiler):
    alarm = boiler.push("Low")
    boiler.wait_incident("open")
    assert act(plant, alarm, "ack") == "ACKED"
    boiler.wait_incident("acknowledged")
    assert boiler.push("Critical")["status"] == "UNACK", "it became worse"
    boiler.wait_incident("open")
    act(plant, alarm, "ack")
    assert boiler.push("ok")["status"] == "NORM"
    boiler.wait_incident("resolved")


def test_whoever_resolves_an_incident_has_dealt_with_its_alarms(plant, boiler):
    alarm = boiler.push("High")
    incident = boiler.wait_incident("open")
    plant.call("PUT", f"/api/incident/{incident['id']}/resolve", {"text": "valve replaced"})
    wait_for(plant, alarm, "NORM")
    time.sleep(2)
    assert boiler.is_well
    assert boiler.push("High")["status"] == "UNACK"
    boiler.wait_incident("open")


def test_acknowledgements_shelvings_and_alarms_run_out(plant, boiler):
    alarm = boiler.push("High")
    for action, status in (("ack", "ACKED"), ("shelve", "SHLVD")):
        act(plant, alarm, action, timeout=2)  # it may be over before anybody looks
        wait_for(plant, alarm, "UNACK")
        done, over = one(plant, alarm)["history"][-2:]
        assert (done["type"], done["status"], over["status"]) == (action, status, "UNACK")
    boiler.wait_incident("open")
    boiler.push("High", timeout=2)
    wait_for(plant, alarm, "NORM")
    boiler.wait_incident("resolved")


def test_a_blackout_gives_the_state_back(plant, boiler):
    taken = boiler.push("High", event="Pressure")
    act(plant, taken, "ack")
    waiting = boiler.push("High", event="Heat")
    end = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"environment": "Production", "service": [boiler.service], "endTime": end}
    blackout = plant.call("POST", "/api/blackout", body, 201)["id"]
    wait_for(plant, waiting, "OOSRV")
    assert boiler.push("High", event="Pressure")["status"] == "OOSRV"
    assert boiler.push("Low", event="New")["status"] == "OOSRV"
    assert boiler.push("OK", event="Heat")["status"] == "OOSRV"
    plant.call("DELETE", f"/api/blackout/{blackout}")
    wait_for(plant, taken, "ACKED")
    wait_for(plant, waiting, "NORM")
    plant.wait_alert(status="UNACK", service=boiler.service, event="New")


def test_unknown_severities_are_refused_and_clients_are_told_the_model(plant, boiler):
    body = {"environment": "Production", "resource": "r", "event": "e", "service": ["x"], "severity": "dreadful"}
    refused = plant.call("POST", "/api/alert", body, 400)
    assert refused["message"].endswith("is not one of Critical, High, Medium, Low, Advisory, OK")
    config = plant.call("GET", "/api/config")
    assert config["alarm_model"]["name"] == "ANSI/ISA 18.2"
    assert config["severity"]["Critical"] == 5
    assert config["actions"] == ["createIssue"]


def test_actions_of_ones_own_are_told_and_old_history_goes(plant, boiler):
    alarm = boiler.push("High")
    for number in range(HISTORY + 3):
        assert act(plant, alarm, "createIssue", text=f"as OPS-{number}") == "UNACK"
    entries = one(plant, alarm)["history"]
    assert [entry["text"] for entry in entries] == [f"as OPS-{number}" for number in range(3, HISTORY + 3)]
    assert {(entry["type"], entry["timeout"]) for entry in entries} == {("action", 90)}
    events = {"resource": alarm["resource"], "page-size": "100"}

    def rows() -> int:
        return len(plant.call("GET", "/api/alerts/history", params=events)["history"])

    wait_until(lambda: rows() == HISTORY, 150, "a keeper deleted what is too much")
    assert json.dumps(one(plant, alarm)["history"]) == json.dumps(entries)
