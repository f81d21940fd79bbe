"""Checks and webhooks of someone who means harm: ended, capped, kept on the outside, and shown as text."""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.installation import SingleMachine
from servers.process import PATIENCE, wait_until
from servers.target import HttpTarget

pytestmark = pytest.mark.slow

NOWHERE = 3600  # seconds between runs: only the one that a test asks for takes place


@pytest.fixture(scope="module")
def careful() -> Iterator[SingleMachine]:
    """An installation that lets nothing reach the machine itself, as is the default."""
    installation = SingleMachine(WATCHBELL_EGRESS__ALLOW_LOOPBACK="false")
    yield installation
    installation.stop()


@pytest.fixture
def run_check(careful: SingleMachine) -> Iterator[Callable[..., dict[str, Any]]]:
    """Define a check, run it once, and return the result; the process must be as well as before."""
    made: list[str] = []

    def run(kind: str, timeout: float = 10 * PATIENCE, **config: Any) -> dict[str, Any]:
        name = f"hostile {time.time_ns()}"
        check = careful.define("check", name=name, type=kind, config=config, interval=NOWHERE, timeout=timeout)
        made.append(check)

        def results() -> list[dict[str, Any]]:
            # A keeper takes notice of a new check within seconds; until then it has nothing to run.
            careful.call("POST", f"/api/check/{check}/run", expect=202)
            time.sleep(0.5)
            return careful.call("GET", f"/api/check/{check}")["results"]

        wait_until(results, 60, "a result")
        return results()[-1]

    yield run
    for check in made:
        careful.call("DELETE", f"/api/objects/check/{check}")
    assert careful.client.get(f"{careful.url}/healthz").status_code == 200
    assert careful.process.running


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Write a plug-in; returns its path. `$HERE` in it is its folder."""

    def write(text: str) -> str:
        path = tmp_path / "check_hostile"
        path.write_text(f"#!/bin/sh\nHERE={tmp_path}\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return write


def gone(pids: Path) -> bool:
    """Whether none of the processes that wrote their ids lives any more (a zombie does not)."""
    for pid in pids.read_text().split():
        with contextlib.suppress(OSError):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state != "Z":
                return False
    return True


def test_a_plugin_that_prints_for_ever(run_check, script, tmp_path):
    result = run_check(
        "command", command=[script('echo $$ >> "$HERE/pids"; while :; do echo "OK - flood"; done')], timeout=20
    )
    assert result["status"] == "unknown"
    assert "printing" in result["summary"]
    assert len(result["details"]) < 100_000
    wait_until(lambda: gone(tmp_path / "pids"), 20, "the end of the plug-in")


def test_a_plugin_that_ignores_the_polite_signal(run_check, script, tmp_path):
    result = run_check(
        "command",
        command=[script('trap "" TERM INT HUP; echo $$ >> "$HERE/pids"; while :; do sleep 1; done')],
        timeout=3,
    )
    assert result["status"] == "critical"
    assert "3 s" in result["summary"]
    wait_until(lambda: gone(tmp_path / "pids"), 20, "the end of the plug-in")


def test_a_plugin_that_leaves_children_behind(run_check, script, tmp_path):
    """In its own process group and out of it."""
    leave = 'sleep 999 & echo $! >> "$HERE/pids"; setsid sh -c \'echo $$ >> "$0/pids"; exec sleep 999\' "$HERE" &'
    result = run_check("command", command=[script(f'{leave}\nsleep 0.3\necho "OK - I left"')], timeout=3)
    assert result["status"] in {"ok", "critical"}, "it ended, or its children kept its output open until the deadline"
    wait_until(lambda: gone(tmp_path / "pids"), 20, "the end of its children")


def test_what_a_plugin_prints_is_text(run_check, script):
    result = run_check(
        "command", command=[script(r"printf '<script>alert(1)</script>\000\377\033[31m|a=1;;;;\nmore'; exit 2")]
    )
    assert result["status"] == "critical"
    assert "<script>alert(1)</script>" in result["summary"]
    assert "\x00" not in result["summary"]
    assert "\x1b" not in result["summary"]


def test_a_command_is_no_shell_line(run_check, tmp_path):
    harm = tmp_path / "harm"
    result = run_check(
        "command", command=f"/bin/echo OK $(touch {harm}) `touch {harm}` ; touch {harm} | touch {harm} && touch {harm}"
    )
    assert result["status"] == "ok"
    assert not harm.exists()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0", "[::1]"]
)
def test_a_check_does_not_reach_the_machine_itself(run_check, http_target, host):
    result = run_check("http", url=f"http://{host}:{http_target.port}/secret")
    assert result["status"] in {"unknown", "critical"}
    assert http_target.requests == []


@pytest.mark.parametrize("host", ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "2852039166"])
def test_a_check_does_not_reach_a_metadata_service(run_check, host):
    result = run_check("http", url=f"http://{host}/latest/meta-data/")
    assert result["status"] == "unknown"
    assert any(why in result["summary"] for why in ("metadata", "link-local", "not a usable URL"))


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254"])
def test_a_webhook_is_held_to_the_same(careful, http_target: HttpTarget, host):
    name = f"webhook {time.time_ns()}"
    careful.define("channel", name=name, type="webhook", config={"url": f"http://{host}:{http_target.port}/hook"})
    careful.define("policy", name=name, steps=[{"after": 0, "targets": [{"channel": name}]}])
    careful.define("service", name=name, policy=name)
    alert = {"resource": name, "event": "x", "environment": "Production", "severity": "major", "service": [name]}
    careful.call("POST", "/api/alert", alert, 201)
    incident = careful.wait_incident(name, "open")

    def failed() -> bool:
        told = careful.call("GET", f"/api/incident/{incident['id']}")["notifications"]
        return bool(told) and told[0]["status"] == "failed"

    wait_until(failed, 30, "the refusal")
    assert http_target.requests == []
