"""The archive of events: asked by command, exactly once through the end of the machine, stopped by who leaves."""

import subprocess
import time

import httpx
import pytest

from acceptance.installation import ADMIN_KEY, COMMAND, SingleMachine
from servers.process import PATIENCE, wait_until


@pytest.fixture
def machine():
    installation = SingleMachine(WATCHBELL_EXPLORE__EVERY="1")
    try:
        yield installation
    finally:
        installation.stop()


def send(machine: SingleMachine, first: int, last: int) -> None:
    for start in range(first, last, 500):
        events = [
            {"event_type": "order", "party_id": f"0:p:{n % 7}", "event_id": f"e{n}", "parameters": {"n": n}}
            for n in range(start, min(start + 500, last))
        ]
        httpx.post(f"{machine.collector_url}/events", json=events).raise_for_status()


def counted(machine: SingleMachine, **question: object) -> dict:
    return machine.call("POST", "/api/events/queries", {"ask": "counts", "last": 3600, **question})["answer"]


def command(machine: SingleMachine, *arguments: str) -> subprocess.CompletedProcess[str]:
    words = [*COMMAND, "events", "query", *arguments, "--url", machine.url, "--key", ADMIN_KEY]
    return subprocess.run(words, capture_output=True, text=True, timeout=60 * PATIENCE, check=False)


def test_events_are_asked_about_by_command(machine):
    send(machine, 0, 70)
    wait_until(lambda: counted(machine)["total"] == 70, 30, "all events in the archive")
    found = command(machine, "top", "party_id", "parameters.n<14", "--last", "1h")
    assert found.returncode == 0, found.stderr
    assert [line.split("\t") for line in found.stdout.splitlines()] == [[f"0:p:{n}", "2", "1"] for n in range(7)]
    found = command(machine, "counts", "event_type=order", "--by", "event_type", "--every", "1h")
    assert "70" in found.stdout.split()
    assert "70 events" in found.stderr
    assert command(machine, "sessions", "0:p:3").stdout.count("order") == 10
    assert command(machine, "funnel", "parameters.n<7", "parameters.n>=63").stdout.splitlines()[1].split("\t")[1] == "7"
    wrong = command(machine, "top", "no_such_field")
    assert wrong.returncode == 1
    assert "is not a field of an event" in wrong.stderr
    assert command(machine, "top", "event_type", "--last", "soon").returncode == 2


@pytest.mark.slow
def test_each_event_is_in_the_archive_once_though_all_is_killed(machine):
    for round_ in range(3):
        send(machine, round_ * 1000, round_ * 1000 + 1000)
        time.sleep(0.7 * round_)
        machine.process.kill()
        machine.restart(machine.process)
        machine._wait()
    wait_until(lambda: counted(machine)["total"] >= 3000, 60, "all events in the archive")
    time.sleep(3)
    # No key of an event comes twice, unless it was accepted twice: then it is flagged.
    assert counted(machine, where=["duplicate=false"])["total"] == 3000
    assert counted(machine)["total"] == 3000


def test_the_answer_streams_and_who_leaves_stops_it(machine):
    send(machine, 0, 10)
    wait_until(lambda: counted(machine)["total"] == 10, 30, "all events in the archive")
    asked = {"ask": "counts", "last": 3600}
    headers = {"Accept": "text/event-stream"}
    with machine.client.stream("POST", f"{machine.url}/api/events/queries", json=asked, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        said = answer.read().decode()
    assert "event: progress" in said
    assert '"total":10' in said.partition("event: answer")[2]
    wrong = machine.call("POST", "/api/events/queries", {"ask": "top", "field": "x"}, 400)
    assert wrong["errors"][0]["field"] == "field"
    machine.client.headers["X-API-Key"] = "none"
    machine.call("POST", "/api/events/queries", asked, 401)
    machine.call("GET", "/api/events/archive", expect=401)


def test_without_an_archive_it_says_so_and_why():
    installation = SingleMachine(WATCHBELL_EXPLORE__KEEP="0")
    try:
        assert "explore.keep" in installation.call("GET", "/api/events/archive")["missing"]
        refused = installation.call("POST", "/api/events/queries", {"ask": "counts"}, 404)
        assert "explore.keep" in refused["message"]
    finally:
        installation.stop()
