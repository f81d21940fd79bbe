"""kill -9 at random moments, under load: what was accepted is there, what was due comes."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from acceptance.installation import Installation, SingleMachine, kill
from acceptance.load import Load, check_alerts_stored, check_events_stored
from acceptance.telling import Watched, add_mail_channel

pytestmark = pytest.mark.slow

ROUNDS = 6
SEED = 20261121


@pytest.fixture
def machine(mail) -> Iterator[SingleMachine]:
    """An installation of the test's own."""
    installation = SingleMachine()
    try:
        add_mail_channel(installation, mail)
        yield installation
    finally:
        installation.stop()


def children(pid: int) -> list[int]:
    """The ids of all processes below one."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(folder.name))
    found = list(parents.get(pid, []))
    for child in found:
        found += parents.get(child, [])
    return found


def kill_all(machine: SingleMachine) -> None:
    """End the process and all that it started by SIGKILL, as when the machine's memory runs out."""
    below = children(machine.process.pid)
    kill(machine.process)
    for pid in below:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def ambiguous_attempts(installation: Installation, service: str) -> int:
    """How many attempts to tell someone of the service's incident had no known end."""
    incident = installation.incident(service, "open")
    assert incident is not None
    told = installation.call("GET", f"/api/incident/{incident['id']}")["notifications"]
    return sum(attempt["outcome"] == "ambiguous" for message in told for attempt in message["attempts"])


def test_one_machine_killed_again_and_again(machine, mail):
    """Odd rounds kill the main process and leave the collector to notice, even ones kill everything at once."""
    chance = random.Random(SEED)
    watched = [Watched(machine, mail, f"round-{number}") for number in range(ROUNDS)]
    with Load(machine, "killed", posters=2, browsers=2) as load:
        for number, service in enumerate(watched):
            load.wait_accepted(len(load.alerts) + 10, len(load.events) + 10)
            service.push("critical")
            time.sleep(chance.uniform(0, 0.3))
            (kill_all if number % 2 else lambda it: kill(it.process))(machine)
            machine.restart(machine.process)
        load.wait_accepted(len(load.alerts) + 10, len(load.events) + 10)
    for service in watched:
        mails = service.wait_mails(1, 60)
        assert len(mails) <= 1 + ambiguous_attempts(machine, service.service)
        assert len({message.message["Message-ID"] for message in mails}) == 1, "the same message, if it came twice"
    check_alerts_stored(machine, load.alerts | {f"host of {service.service}" for service in watched})
    machine.process.signal(signal.SIGTERM)
    assert machine.process.wait(60) == 0, machine.logs()
    machine.process.stop()
    check_events_stored(machine, load.events)


@pytest.mark.parametrize("role", ["notifier", "worker", "api", "collector"])
def test_a_process_of_a_cluster_is_killed(breakable, role):
    """The other one does its work; with a single collector, the events wait for it in the journal."""
    service = Watched(breakable, breakable.mail, f"killed-{role}")
    process = breakable.processes[f"{role}1"]
    with Load(breakable, f"killed-{role}", posters=1, browsers=0) as load:
        load.wait_accepted(20, 0)
        kill(process)
        service.push("critical")
        load.wait_accepted(len(load.alerts) + 50, 0)
        assert len(service.wait_mails(1, 60)) == 1
        breakable.restart(process)
    check_alerts_stored(breakable, load.alerts)
