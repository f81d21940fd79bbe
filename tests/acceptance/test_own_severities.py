"""An installation with severities of its own: checks, senders and pages' data live by them, over a restart."""

import json
import stat

import pytest

from acceptance.installation import SingleMachine

pytestmark = pytest.mark.slow

RANKS = {"P1": 1, "P2": 2, "P3": 3, "OK": 9}


def test_checks_and_senders_go_on_when_severities_are_ours(tmp_path):
    plugin = tmp_path / "plugin"
    plugin.write_text('#!/bin/sh\necho broken\nexit $(cat "${0}.code")\n')
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    code = tmp_path / "plugin.code"
    code.write_text("2")
    machine = SingleMachine(WATCHBELL_ALERTS__SEVERITIES=json.dumps(RANKS), WATCHBELL_ALERTS__NORMAL_SEVERITY="OK")
    try:
        config = {"command": str(plugin)}
        machine.define("check", name="disk", type="command", interval=1, retry_interval=1, config=config)
        assert machine.wait_alert(60, resource="disk")["severity"] == "P1"
        code.write_text("1")
        machine.wait_alert(60, resource="disk", severity="P3")
        sent = {"environment": "Production", "resource": "web01", "event": "Slow", "service": ["Shop"]}
        made = machine.call("POST", "/api/alert", {**sent, "severity": "major"}, 201)["alert"]
        assert made["severity"] == "P1"
        machine.process.kill()
        machine.restart(machine.process)
        code.write_text("0")
        machine.wait_alert(60, status="closed", resource="disk", severity="OK")
        counts = machine.call("GET", "/api/alerts/count", params={"resource": "web01"})
        assert counts["severityCounts"] == {"P1": 1}
    finally:
        machine.stop()
