"""The archive, from the outside: what is over leaves the console by itself, and is reported from then on."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from acceptance.installation import SingleMachine
from servers.process import wait_until

pytestmark = pytest.mark.slow

MINUTE = 60
"""Seconds between two looks of a keeper at what may go."""


@pytest.fixture
def machine() -> Iterator[SingleMachine]:
    """One that keeps closed alerts for a second."""
    installation = SingleMachine(WATCHBELL_RETENTION__CLOSED_ALERTS="1")
    yield installation
    installation.stop()


def test_an_alert_that_closed_is_archived_and_reported(machine: SingleMachine):
    resource = f"host {secrets.token_hex(4)}"
    sent: dict[str, Any] = {"resource": resource, "event": "Down", "environment": "Production", "service": ["Shop"]}
    name = machine.call("POST", "/api/alert", sent | {"severity": "major", "text": "no answer", "value": "7"})["id"]
    machine.call("PUT", f"/api/alert/{name}/action", {"action": "ack", "text": "I look"})
    machine.call("POST", "/api/alert", sent | {"severity": "normal", "text": "it answers"})

    def archived() -> list[dict[str, Any]]:
        return machine.call("GET", "/api/archive", params={"resource": resource})["alerts"]

    wait_until(lambda: bool(archived()), 2 * MINUTE, "the archive")
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
    machine.call("DELETE", f"/api/archive/{past['id']}")
    assert archived() == []
    assert machine.call("GET", "/api/reports/alerts")["total"] == 0
