"""The archive, from the outside: what is over leaves the console by itself, and is reported from then on."""

import csv
import json
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.installation import ADMIN_KEY, COMMAND, SingleMachine
from servers.process import PATIENCE, wait_until

pytestmark = pytest.mark.slow


def command(machine: SingleMachine, *arguments: str) -> str:
    words = [*COMMAND, "archive", *arguments, "--url", machine.url, "--key", ADMIN_KEY]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def machine() -> Iterator[SingleMachine]:
    """One that keeps closed alerts for a second."""
    installation = SingleMachine(WATCHBELL_RETENTION__CLOSED_ALERTS="1")
    yield installation
    installation.stop()


def test_an_alert_that_closed_is_archived_and_reported(machine: SingleMachine, tmp_path: Path):
    resource = f"host {secrets.token_hex(4)}"
    sent: dict[str, Any] = {"resource": resource, "event": "Down", "environment": "Production", "service": ["Shop"]}
    name = machine.call("POST", "/api/alert", sent | {"severity": "major", "text": "no answer", "value": "7"})["id"]
    machine.call("PUT", f"/api/alert/{name}/action", {"action": "ack", "text": "I look"})
    machine.call("POST", "/api/alert", sent | {"severity": "normal", "text": "it answers"})

    def archived() -> list[dict[str, Any]]:
        return machine.call("GET", "/api/archive", params={"resource": resource})["alerts"]

    time.sleep(1.5)  # longer than closed alerts are kept
    # A keeper looks once a minute, and when it begins.
    machine.process.stop()
    machine.restart(machine.process)
    wait_until(lambda: bool(archived()), 120, "the archive")
    assert machine.alert(resource=resource) is None
    (past,) = archived()
    assert (past["alertId"], past["highestSeverity"], past["status"]) == (name, "major", "closed")
    assert 0 <= past["secondsToAck"] <= past["secondsToResolve"] == past["secondsStanding"]
    found = machine.call("GET", f"/api/archive/{name}")["alert"]
    assert [line["type"] for line in found["history"]] == ["new", "ack", "severity"]
    assert found["ackedBy"] == found["history"][1]["user"]
    report = machine.call("GET", "/api/reports/alerts", params={"resource": resource})
    assert (report["total"], report["acknowledging"]["count"], report["resolving"]["count"]) == (1, 1, 1)
    assert [(row["severity"], sum(row["counts"])) for row in report["volume"]] == [("major", 1)]
    assert [row["archiveId"] for row in report["longest"]] == [past["id"]]
    assert machine.call("GET", "/api/archive/export", params={"search": resource}).count(resource) == 1
    _asked_by_command(machine, past["id"], resource, tmp_path)
    machine.call("DELETE", f"/api/archive/{past['id']}")
    assert archived() == []
    assert machine.call("GET", "/api/reports/alerts")["total"] == 0


def _asked_by_command(machine: SingleMachine, past: str, resource: str, folder: Path) -> None:
    assert past in command(machine, "list", "--service", "Shop", "--resource", resource)
    assert past in command(machine, "search", "HOST", "IT", "ANSWERS")
    assert command(machine, "search", "no", "such", "words") == ""
    (found,) = json.loads(command(machine, "list", "--severity", "major", "--json"))
    assert found["id"] == past
    shown = command(machine, "show", past)
    assert f"resource: {resource}" in shown
    assert "\tack\t" in shown
    file = folder / "past.csv"
    assert command(machine, "export", "-E", "Production", "-q", "answers", "-o", str(file)) == ""
    (row,) = csv.DictReader(file.read_text().splitlines())
    assert (row["id"], row["resource"]) == (past, resource)
    assert json.loads(command(machine, "export", "--format", "json"))["alerts"][0]["id"] == past
