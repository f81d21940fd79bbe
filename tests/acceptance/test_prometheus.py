"""Prometheus and amtool from Debian use us as their Alertmanager."""

import json
import secrets
import subprocess
from pathlib import Path

import pytest

from acceptance.installation import ADMIN_KEY, Installation
from servers.process import PATIENCE
from servers.prometheus import PrometheusServer
from servers.target import HttpTarget

pytestmark = pytest.mark.slow


@pytest.fixture
def amtool(installation: Installation, tmp_path: Path, find_server_program):
    """Runs `amtool` against the installation; what it printed, from JSON."""
    settings = tmp_path / "amtool.yml"
    settings.write_text(
        json.dumps(
            {
                "authorization": {"type": "Key", "credentials": ADMIN_KEY},
                "tls_config": {"insecure_skip_verify": True},
            }
        )
    )
    program = find_server_program("amtool", "prometheus-alertmanager", "/usr/bin")
    common = [
        program,
        f"--alertmanager.url={installation.url}/alertmanager",
        f"--http.config.file={settings}",
        "--no-version-check",
        "--output=json",
    ]

    def run(*arguments: str):
        done = subprocess.run([*common, *arguments], capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        printed = done.stdout.strip()
        if arguments[:2] == ("silence", "add"):
            return printed  # an id, whatever the output is to be
        return json.loads(printed) if printed else None

    return run


def test_prometheus_tells_of_a_target_and_of_its_return(
    installation: Installation, http_target: HttpTarget, find_server_program
):
    program = find_server_program("prometheus", "prometheus", "/usr/bin")
    target = http_target.url.removeprefix("http://")
    http_target.answer(200, "")
    http_target.answer_path("/metrics", 500)
    with PrometheusServer(program, target, f"{installation.url}/alertmanager", ADMIN_KEY):
        alert = installation.wait_alert(event="TargetDown", resource=target)
        assert (alert["severity"], alert["service"], alert["environment"]) == ("critical", ["shop"], "Production")
        assert alert["text"] == f"{target} is down"
        assert alert["origin"] == "prometheus"
        assert alert["timeout"] < 3600, "it must not outlive a Prometheus that is gone"
        http_target.answer_path("/metrics", 200, "")
        installation.wait_alert(status="closed", event="TargetDown", resource=target, timeout=60)


def test_amtool_lists_and_adds(installation: Installation, amtool):
    name = f"Added{secrets.token_hex(4)}"
    amtool("alert", "add", name, "instance=db1", "severity=major", "service=shop")
    installation.wait_alert(event=name)
    (found,) = amtool("alert", "query", f"alertname={name}", "severity=~maj.*")
    assert (found["labels"]["instance"], found["status"]["state"]) == ("db1", "active")
    assert amtool("alert", "query", f"alertname={name}", "instance!=db1") in (None, [])
    installation.call("PUT", f"/api/alert/{installation.alert(event=name)['id']}/action", {"action": "shelve"})
    assert amtool("alert", "query", f"alertname={name}") in (None, [])
    (silenced,) = amtool("alert", "query", "--silenced", f"alertname={name}")
    assert silenced["status"]["state"] == "suppressed"


def test_amtool_adds_lists_and_expires_silences(amtool):
    event = f"Noise{secrets.token_hex(4)}"
    silence_id = amtool(
        "silence", "add", f"alertname={event}", "instance=~web.*", "--duration=1h", "--comment=patching"
    )
    (found,) = amtool("silence", "query", f"alertname={event}")
    assert (found["id"], found["status"]["state"], found["comment"]) == (silence_id, "active", "patching")
    amtool("silence", "expire", silence_id)
    assert amtool("silence", "query", f"alertname={event}") in (None, [])
    (gone,) = amtool("silence", "query", "--expired", f"alertname={event}")
    assert gone["status"]["state"] == "expired"
    with pytest.raises(AssertionError, match="plain characters"):
        amtool("silence", "add", f"alertname=~{event}|other", "--duration=1h", "--comment=too wide")
